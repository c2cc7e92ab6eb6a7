// SPDX-License-Identifier: Apache-2.0
// Sealed uploads together with all that an upload may be: whole, compressed, a patch, an encrypted image; with cables that
// are cut and a power that goes; and with a man in the middle who changes sealed bytes.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { cli, EXIT, PASSWORD, protectedBy, wire } from './cli_tools.js';
import { Client, Device, freshPath, makeImage, root, until, withDevice } from './harness.js';
import { ManInTheMiddle } from './man_in_the_middle.js';
import { patchOf, pack, baseOf } from './patches.js';

const first = makeImage({ version: '1.0.0', size: '300K' });
const second = makeImage({ version: '2.0.0', size: '310K' });
const evil = makeImage({ version: '2.0.0', size: '310K', seed: 666 });
const privateKey = path.join(root, 'test/vectors/rsa_private.pem');
const publicKey = path.join(root, 'test/vectors/rsa_public.pem');

/** The second image, for a device that takes encrypted ones only. */
const encrypted = { path: freshPath('_secure.bin') };
assert.equal((await cli(['encrypt', second.path, publicKey, '--output', encrypted.path])).code, EXIT.ok);
encrypted.bytes = fs.readFileSync(encrypted.path);

/** Kinds of upload: the options of ota-ws, the line that it prints, how often the cable is cut, and after how many bytes. */
const kinds = {
  'as it is': { options: ['--no-delta', '--compress', 'never'], cuts: 2, cutAt: 100_000, said: /^sealed: /m, goesOn: true },
  compressed: { options: ['--no-delta', '--compress', 'always'], cuts: 2, cutAt: 50_000, said: /^sent compressed/m, goesOn: true },
  'as a patch': { options: ['--delta', '--base', first.path], cuts: 1, cutAt: 1_000, said: /^sent as a patch/m },
  encrypted: { options: ['--compress', 'never'], cuts: 2, cutAt: 100_000, said: /^sealed: /m, goesOn: false, image: encrypted, device: { encryptedKey: privateKey } },
};

const withKind = ({ device }, body) => withDevice({ image: first.path, options: { ...protectedBy, ...device } }, body);
const holds = (device) => device.partition('ota_1').subarray(0, second.bytes.length).equals(second.bytes);
const push = (kind, host, ...more) => cli(['push', '--no-restart', '--no-cache', ...kind.options, ...more, (kind.image ?? second).path, host]);

for (const [name, kind] of Object.entries(kinds)) {
  test(`sealed, ${name}: it arrives, also over a cable that is cut`, () =>
    withKind(kind, async (device) => {
      let bytes = 0, cuts = 0, begins = 0;
      const line = await wire(device, {
        sent: (data) => {
          bytes += data.length;
          if (cuts < kind.cuts && begins > cuts && bytes > kind.cutAt) {
            cuts++;
            line.cut(); // before these bytes reach the device: it lacks them, however fast it is
          }
        },
        pass: (socket, data) => {
          if (data.includes('"type":"ready"')) {
            begins++;
            bytes = 0;
          }
          socket.write(data);
        },
      });
      const result = await push(kind, line.host);
      line.close();
      assert.equal(result.code, EXIT.ok, result.stdout + result.stderr);
      assert.match(result.stderr, /^sealed: /m);
      assert.match(result.stderr, kind.said);
      assert.deepEqual([cuts, begins], [kind.cuts, kind.cuts + 1]);
      if (kind.goesOn !== undefined) assert.equal(/^going on after/m.test(result.stderr), kind.goesOn, result.stderr);
      assert.ok(holds(device));
    }));
}

test('sealed, as it is: it goes on after the power was cut', async () => {
  const options = { ...protectedBy, timing: 'w25q32jv' };
  const device = await Device.start({ image: first.path, options });
  const pushing = push(kinds['as it is'], device.url.host, '--retry', '0');
  await until(() => device.partition('ota_1').subarray(100_000, 101_000).equals(second.bytes.subarray(100_000, 101_000)), 'a part of the image');
  await device.kill();
  assert.equal((await pushing).code, EXIT.unreachable);
  const again = await Device.start({ flash: device.flashPath, options });
  const result = await push(kinds['as it is'], again.url.host);
  assert.equal(result.code, EXIT.ok, result.stdout + result.stderr);
  assert.match(result.stderr, /^going on after/m);
  assert.doesNotMatch(result.stderr, /from its start/); // what was kept and what was added fit together
  assert.ok(holds(again));
  await again.stop();
});

// ---- a man in the middle

/** Sends an image sealed, as docs/protocol.md says. @returns the device's last word */
async function sendSealed(client, { image = second, stream = image.bytes, members = {} } = {}) {
  const begun = client.said + 1;
  client.begin(image.bytes, { ...members, sealed: true });
  const ready = await client.next('ready', 'failed');
  if (ready.type === 'failed') return ready;
  const iv = Buffer.from(Uint32Array.of(0, begun, ready.offset, 0).buffer);
  const cipher = crypto.createCipheriv('chacha20', client.scram.dataKey, iv);
  const from = members.deflate || members.delta ? 0 : ready.offset;
  const sealed = Buffer.concat([Buffer.alloc(from), cipher.update(Buffer.concat([Buffer.alloc(from), stream.subarray(from)])).subarray(from)]);
  await client.send(sealed, ready, from);
  if (from === 0 && stream !== image.bytes) client.say({ type: 'end' });
  return client.next('done', 'failed', 'error');
}

const patch = pack(patchOf(first.bytes, second.bytes));
const uploads = {
  'as it is': {},
  'as a patch': { stream: patch, members: { delta: true, base: baseOf(first) } },
  encrypted: { image: encrypted, device: { encryptedKey: privateKey } },
};

/** Where he changes one bit of the sealed stream. Besides he changes all of it into what would give his own image. */
const places = (length) => [0, 1, 12, 23, 24, 32, 80, 288, 1024, 4096, length >> 1, length - 33, length - 1];

for (const [name, upload] of Object.entries(uploads)) {
  test(`a man in the middle changes sealed bytes, ${name}: 0 bootable`, async () => {
    const { image = second, stream = image.bytes, device: options } = upload;
    await withKind({ device: options }, async (device) => {
      const running = device.partition('ota_0');
      const otadata = device.partition('otadata');
      const ends = [];
      let bootable = 0;
      const isLonger = name === 'as it is';
      for (const place of [...places(stream.length), ...(isLonger ? ['his own image'] : [])]) {
        const seeFrame = ({ toDevice, frame, pass }) => {
          if (!toDevice || !frame.binary) return pass();
          const data = Buffer.from(frame.data);
          const at = data.readUInt32LE(0);
          for (let i = 4; i < data.length; i++) {
            const offset = at + i - 4;
            if (offset === place) data[i] ^= 1;
            if (place === 'his own image' && offset < evil.bytes.length) data[i] ^= second.bytes[offset] ^ evil.bytes[offset];
          }
          return pass({ data, binary: true });
        };
        const man = await ManInTheMiddle.start(device, { seeFrame });
        const client = await Client.connect({ ...man.disguise, pairingCode: PASSWORD }, PASSWORD);
        const end = await sendSealed(client, upload);
        assert.equal(end.type, 'failed', `${place}: ${JSON.stringify(end)}`);
        ends.push(end.name);
        client.terminate();
        man.stop();
        const head = device.partition('ota_1').subarray(0, 32);
        bootable += !head.equals(Buffer.alloc(32, 0xff)) || !device.partition('otadata').equals(otadata);
        assert.ok(device.partition('ota_0').equals(running));
        await until(async () => {
          const owner = await Client.connect(device, PASSWORD);
          const { update } = owner.firstState;
          await owner.close();
          return update === 'idle';
        }, 'rest');
      }
      assert.equal(bootable, 0);
      assert.equal(device.boots, 1);
      console.log(`sealed, ${name}: ${ends.length} changes of sealed bytes, ${bootable} bootable (${[...new Set(ends)].join(', ')})`);
      const client = await Client.connect(device, PASSWORD);
      assert.equal((await sendSealed(client, upload)).type, 'done');
      assert.ok(holds(device));
      await client.close();
    });
  });
}
