// SPDX-License-Identifier: Apache-2.0
// A device with --signing-key takes what Espressif's espsecure has signed with that key, and nothing else; what is
// refused is not left in the slot as an image that boots.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { logIn } from './man_in_the_middle.js';
import { Client, Device, freshPath, makeImage, root, run, tools, until, withDevice } from './harness.js';

const vectors = path.join(root, 'test/vectors/signed');
const load = (name) => fs.readFileSync(path.join(vectors, name));
const key = (name) => path.join(vectors, name);
const first = makeImage({ version: '1.0.0' });
const digests = { 'rsa-a.pem': 'f805153611c06b96', 'ec-a.pem': '826180bd93bb77d5' };

/** ota-ws with the device's pairing code. */
const onDevice = (device, command, ...rest) =>
  run(tools.cli, [command, ...rest, device.url.host], { env: { ...process.env, OTA_WS_PASSWORD: device.pairingCode } });

async function assertRefused(device, bytes, name) {
  const before = { otadata: device.partition('otadata'), running: device.partition('ota_0') };
  const client = await Client.connect(device);
  const answer = await client.update(bytes);
  assert.equal(answer.type, 'failed');
  assert.equal(answer.name, name, answer.text);
  assert.ok(answer.text.length > 20);
  await client.close();
  assert.ok(device.partition('ota_0').equals(before.running));
  assert.ok(device.partition('otadata').equals(before.otadata), 'it was selected');
  assert.ok(device.partition('ota_1').subarray(0, 32).equals(Buffer.alloc(32, 0xff)), 'it lies in the slot as an image');
}

for (const [pem, good, wrong] of [['rsa-a.pem', ['rsa.bin', 'rsa-three.bin'], ['ecdsa.bin']], ['ec-a.pem', ['ecdsa.bin', 'ecdsa-two.bin'], ['rsa.bin', 'rsa-three.bin']],
  ['rsa-b.pem', ['rsa-three.bin'], ['rsa.bin', 'ecdsa-two.bin']]]) {
  test(`a device with the key ${pem} takes what was signed with it, and nothing else`, async (t) => {
    await withDevice({ image: first.path, options: { signingKey: key(pem) } }, async (device) => {
      assert.match(device.log, /only images signed with this device's key/);
      const signed = load(good[0]);
      await t.test('not signed', () => assertRefused(device, load('unsigned.bin'), 'not_signed'));
      await t.test('a sector that only looks like a signature', () => assertRefused(device, makeImage({ version: '2.0.0', signature: true }).bytes, 'bad_signature'));
      for (const name of wrong) {
        await t.test(`of another key: ${name}`, () => assertRefused(device, load(name), 'bad_signature'));
      }
      for (const [what, at] of Object.entries({ 'in its version': 4096 + 1, 'in the digest': 4096 + 10, 'in the key': 4096 + 100, 'in the signature': 4096 + 900, 'in the CRC': 4096 + 1197 })) {
        const changed = Buffer.from(signed);
        changed[at] ^= 1;
        await t.test(`changed ${what}`, () => assertRefused(device, changed, 'bad_signature'));
      }
      await t.test('the signature of another image', async () => {
        const other = makeImage({ version: '2.0.0', size: '2K', seed: 77 }).bytes;
        const padded = Buffer.concat([other, Buffer.alloc(4096 - other.length, 0xff), signed.subarray(4096)]);
        await assertRefused(device, padded, 'bad_signature');
      });
      for (const name of good) {
        await t.test(`signed with it: ${name}`, async () => {
          const client = await Client.connect(device);
          assert.equal(client.firstState.requires_signed, true);
          assert.equal(client.firstState.signed_by, undefined);
          const answer = await client.update(load(name));
          assert.equal(answer.type, 'done', answer.text);
          client.say({ type: 'cancel' });
          await until(() => client.state.update === 'idle', 'idle');
          await client.close();
        });
      }
    });
  });
}

test('state and inspect say who signed an image', async () => {
  await withDevice({ image: first.path, options: { signingKey: key('ec-a.pem') } }, async (device) => {
    const client = await Client.connect(device);
    assert.equal((await client.update(load('ecdsa.bin'))).type, 'done');
    await client.restart();
    await device.started(2);
    const again = await logIn(device);
    assert.equal(again.firstState.version, '2.0.0');
    assert.equal(again.firstState.signed_by, digests['ec-a.pem']);
    await again.close();
    const info = await onDevice(device, 'info');
    assert.match(info.stdout, /^signed by 826180bd93bb77d5\.\.\. \(SHA-256 of the key\)$/m);
    assert.match(info.stdout, /^takes +images signed with this device's key only$/m);
    const [state] = (await onDevice(device, 'info', '--json')).stdout.split('\n').map((line) => JSON.parse(line || '{}'));
    assert.deepEqual([state.signed_by, state.requires_signed], [digests['ec-a.pem'], true]);
    const refused = await onDevice(device, 'push', path.join(vectors, 'unsigned.bin'), '--allow-downgrade');
    assert.equal(refused.code, 3);
    assert.match(refused.stdout + refused.stderr, /takes signed images only/);
    assert.doesNotMatch(device.log, /announced[^]*announced/, 'it was sent');
  });
  await withDevice({ image: first.path }, async (device) => {
    assert.doesNotMatch((await onDevice(device, 'info')).stdout, /sign/);
    assert.doesNotMatch((await onDevice(device, 'info', '--json')).stdout, /sign/);
  });
  const answer = JSON.parse((await run(tools.cli, ['inspect', '--json', path.join(vectors, 'rsa.bin')])).stdout.split('\n')[0]);
  assert.equal(answer.signature, 'right');
  assert.ok(answer.signed_by.startsWith(digests['rsa-a.pem']));
  const changed = load('rsa.bin');
  changed[4096 + 900] ^= 1;
  const file = freshPath('.bin');
  fs.writeFileSync(file, changed);
  const { stdout } = await run(tools.cli, ['inspect', file]);
  assert.match(stdout, /signature\s+Secure Boot v2, WRONG/);
});

test('a signing key that is none is said at the start', async () => {
  for (const file of [path.join(vectors, 'rsa.bin'), '/nonexistent.pem']) {
    const device = await Device.start({ image: first.path, options: { signingKey: file } });
    await until(() => device.ended, 'the end');
    assert.notEqual(device.code, 0);
    assert.match(device.log, /(holds no key in PEM|cannot be read)/);
  }
});
