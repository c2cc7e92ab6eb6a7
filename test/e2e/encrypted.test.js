// SPDX-License-Identifier: Apache-2.0
// Encrypted images from end to end: made by ota-ws and by Espressif, sent by ota-ws and by the raw client, to devices that
// want them and to devices that do not. ESP_ENC_IMG_GEN names Espressif's esp_enc_img_gen.py, for the round trips.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { Client, defects, Device, freshPath, helloWorldChips, makeImage, realImage, root, run, tools, until, withDevice } from './harness.js';

const vectors = path.join(root, 'test/vectors');
const schemes = ['rsa', 'ecies'].map((name) => ({
  name,
  private: path.join(vectors, `${name}_private.pem`),
  public: path.join(vectors, `${name}_public.pem`),
  other: path.join(vectors, `${name}_other.pem`),
  vector: fs.readFileSync(path.join(vectors, `${name}.bin`)),
}));
const plainVector = fs.readFileSync(path.join(vectors, 'plain.bin'));
const generator = process.env.ESP_ENC_IMG_GEN;

const first = makeImage({ version: '1.0.0' });
const second = makeImage({ version: '2.0.0', size: '200K', seed: 2 });

const cli = (...args) => run(tools.cli, args);
const withKey = (scheme, body, more = {}) =>
  withDevice({ image: first.path, options: { unprotected: true, encryptedKey: scheme.private, ...more } }, body);

/** By ota-ws; the builder's defective images too, which ota-ws refuses, by Node's own AES and RSA. */
async function encrypt(image, scheme) {
  const file = freshPath('_secure.bin');
  const result = await cli('encrypt', image.path, scheme.public, '--output', file);
  assert.equal(result.code, 0, result.stdout);
  return { path: file, bytes: fs.readFileSync(file) };
}

async function encryptAnything(bytes) {
  const { publicEncrypt, createCipheriv, randomBytes, constants } = await import('node:crypto');
  const key = randomBytes(32);
  const iv = randomBytes(16);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  const body = Buffer.concat([cipher.update(bytes), cipher.final()]);
  const header = Buffer.alloc(512);
  header.writeUInt32LE(0x0788b6cf);
  publicEncrypt({ key: fs.readFileSync(schemes[0].public), padding: constants.RSA_PKCS1_PADDING }, key).copy(header, 4);
  iv.copy(header, 388);
  header.writeUInt32LE(body.length, 404);
  cipher.getAuthTag().copy(header, 408);
  return Buffer.concat([header, body]);
}

/** The device ends an update of `bytes` with this name, and the running image stays. */
async function assertRefused(device, bytes, names, { untouched }) {
  const before = device.flash();
  const client = await Client.connect(device);
  const answer = await client.update(bytes);
  assert.equal(answer.type, 'failed', 'it was activated');
  assert.ok([names].flat().includes(answer.name), `${answer.name}: ${answer.text}`);
  const after = device.flash();
  const end = untouched ? after.length : 0x10000 + 0x1f0000; // of the running image and the boot record nothing changes
  assert.ok(after.subarray(0, end).equals(before.subarray(0, end)), 'flash has changed');
  await client.close();
  return answer;
}

/** An update works; afterwards it is taken back. */
async function assertUpdates(device, bytes, plain) {
  const client = await Client.connect(device);
  const answer = await client.update(bytes);
  assert.equal(answer.type, 'done', answer.text);
  assert.ok(device.partition(answer.slot).subarray(0, plain.length).equals(plain));
  client.say({ type: 'cancel' });
  await client.fails('cancelled');
  await client.close();
}

// ---- well

for (const scheme of schemes) {
  test(`${scheme.name}: an image that Espressif's generator has made arrives byte for byte`, () =>
    withKey(scheme, (device) => assertUpdates(device, scheme.vector, plainVector)));

  test(`${scheme.name}: ota-ws encrypts and pushes, the device runs it`, () =>
    withKey(scheme, async (device) => {
      const image = await encrypt(second, scheme);
      const result = await cli('push', '--confirm', image.path, device.url.host);
      assert.equal(result.stdout.trim(), 'running 2.0.0 from ota_1, confirmed', result.stderr);
      assert.ok(device.partition('ota_1').subarray(0, second.bytes.length).equals(second.bytes));
      assert.equal((await cli('push', (await encrypt(makeImage({ version: '3.0.0' }), scheme)).path, device.url.host)).code, 0);
    }));

  test(`${scheme.name}: each real image is encrypted, pushed to a device of its chip, and refused by another`, async () => {
    for (const chip of helloWorldChips) {
      const plain = realImage(`hello_world-${chip}`, { chip, project: 'hello_world', version: '2.0.0' });
      const image = await encrypt(plain, scheme);
      for (const device of [chip, chip === 'esp32' ? 'esp32c3' : 'esp32']) {
        const old = makeImage({ chip: device, project: 'hello_world', version: '0.0.1' });
        await withDevice({ image: old.path, options: { chip: device, unprotected: true, encryptedKey: scheme.private } }, (it) =>
          device === chip ? assertUpdates(it, image.bytes, plain.bytes) : assertRefused(it, image.bytes, 'wrong_chip', { untouched: true }),
        );
      }
    }
  });
}

test('the device says that it wants encrypted images, and what comes as soon as it has opened the beginning', () =>
  withKey(schemes[0], async (device) => {
    const { bytes } = await encrypt(second, schemes[0]);
    const client = await Client.connect(device);
    const viewer = await Client.connect(device);
    assert.equal(client.firstState.encrypted, true);
    assert.equal(client.firstState.deflate, undefined);
    client.begin(bytes);
    const ready = await client.next('ready');
    await client.send(bytes, ready, 0, ready.chunk);
    await until(() => client.state.new_version === '2.0.0' && viewer.state.new_version === '2.0.0', 'the new version');
    assert.equal(viewer.state.new_project, 'demo');
    await client.send(bytes, ready, ready.chunk);
    assert.equal((await client.next('done')).version, '2.0.0');
    await client.close();
    await viewer.close();
  }));

// ---- refused

test('five failures have five names and sentences; four of them come before the erase', async () => {
  for (const scheme of schemes) {
    const { bytes } = await encrypt(second, scheme);
    const changed = Buffer.from(bytes);
    changed[408] ^= 1;
    const sentences = new Set();
    await withKey(scheme, async (device) => {
      const cases = [
        [second.bytes, 'not_encrypted', true],
        [bytes.subarray(0, bytes.length - 5000), 'truncated', true],
        [Buffer.concat([bytes, Buffer.alloc(1)]), 'trailing_bytes', true],
        [changed, 'bad_tag', false],
      ];
      for (const [file, name, untouched] of cases) {
        sentences.add((await assertRefused(device, file, name, { untouched })).text);
      }
      await assertUpdates(device, bytes, second.bytes);
    });
    await withDevice({ image: first.path, options: { unprotected: true, encryptedKey: scheme.other } }, async (device) => {
      sentences.add((await assertRefused(device, bytes, 'wrong_key', { untouched: true })).text);
    });
    assert.equal(sentences.size, 5);
  }
});

test('no defective image is activated when it is encrypted, and the next update works at once', async (t) => {
  const late = ['bad-checksum', 'bad-digest', 'two-flips', 'truncated', 'end-missing', 'one-byte-more', 'garbage', 'padded', 'secure-boot-v1'];
  const otherNames = { 'wrong-magic': 'wrong_key', text: 'wrong_key', elf: 'wrong_key', gzip: 'wrong_key', 'flash-encrypted': 'wrong_key', zeros: 'wrong_key', encrypted: 'not_an_image', empty: 'too_short' };
  const sound = await encrypt(second, schemes[0]);
  await withKey(schemes[0], async (device) => {
    for (const { name, status } of defects()) {
      await t.test(name, async () => {
        const { bytes } = makeImage({ defect: name, version: '2.0.0', size: name === 'bootloader' ? 20000 : 150000, seed: 9 });
        const names = status === 'bad_image_digest' ? [status, 'not_verified'] : (otherNames[name] ?? status);
        await assertRefused(device, await encryptAnything(bytes), names, { untouched: !late.includes(name) });
        await assertUpdates(device, sound.bytes, second.bytes);
      });
    }
  });
});

test('ota-ws refuses by name before it sends anything', async () => {
  const image = await encrypt(second, schemes[1]);
  await withKey(schemes[1], async (device) => {
    const result = await cli('push', second.path, device.url.host);
    assert.equal(result.code, 3);
    assert.match(result.stdout, /^still 1\.0\.0: This device takes encrypted images only; this file is not one\.\n$/);
    assert.doesNotMatch(device.log, /announced/);
  });
  await withDevice({ image: first.path, options: { unprotected: true } }, async (device) => {
    const result = await cli('push', image.path, device.url.host);
    assert.equal(result.code, 3);
    assert.match(result.stdout, /^still 1\.0\.0: This image is encrypted, but this device expects a plain one\.\n$/);
    assert.doesNotMatch(device.log, /announced/);
    await assertRefused(device, image.bytes, 'encrypted_image', { untouched: true });
  });
});

test('a device does not start with a key that opens nothing', async () => {
  const cases = [
    [path.join(vectors, 'absent.pem'), /absent\.pem cannot be opened/],
    [path.join(vectors, 'plain.bin'), /plain\.bin holds no key that can be read/],
    [schemes[0].public, /rsa_public\.pem holds a public key; decrypting needs the private one/],
  ];
  for (const [key, sentence] of cases) {
    const device = await Device.start({ image: first.path, options: { unprotected: true, encryptedKey: key } });
    await device.exited;
    assert.equal(device.code, 7);
    assert.match(device.log, sentence);
  }
});

// ---- interrupted

/** A wire to the device that is cut once, after so many bytes. */
async function wire(device, cutAfter) {
  let left = cutAfter;
  const sockets = new Set();
  const server = net.createServer((near) => {
    const far = net.connect(device.url.port, device.url.hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => [near, far].forEach((one) => one.destroy()));
    }
    near.on('data', (bytes) => {
      left -= bytes.length;
      if (left < 0 && left + bytes.length >= 0) {
        near.destroy();
        return;
      }
      far.write(bytes);
    });
    far.on('data', (bytes) => near.write(bytes));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${server.address().port}`,
    close: () => {
      sockets.forEach((socket) => socket.destroy());
      server.close();
    },
  };
}

test('after a lost connection ota-ws starts from 0 again and says so', () =>
  withKey(schemes[0], async (device) => {
    const image = await encrypt(second, schemes[0]);
    const cut = await wire(device, 100_000);
    const result = await cli('push', image.path, cut.host);
    cut.close();
    assert.equal(result.code, 0, result.stdout + result.stderr);
    assert.match(result.stderr, /from the start again: an encrypted image cannot go on in the middle/);
    assert.ok(device.partition('ota_1').subarray(0, second.bytes.length).equals(second.bytes));
  }));

test('a cut anywhere leaves the next update free, from 0', () =>
  withKey(schemes[1], async (device) => {
    const { bytes } = await encrypt(second, schemes[1]);
    for (const place of [1, 3, 4, 388, 511, 512, 513, 799, 800, 8192, 65536 + 512, bytes.length - 1]) {
      const client = await Client.connect(device);
      client.begin(bytes);
      const ready = await client.next('ready');
      assert.equal(ready.offset, 0);
      await client.send(bytes, ready, 0, place);
      client.terminate();
      await client.isClosed();
    }
    await assertUpdates(device, bytes, second.bytes);
  }));

// ---- Espressif's generator

const python = process.env.PYTHON ?? 'python3';

for (const scheme of ['rsa', 'ecies']) {
  test(`${scheme}: round trips both ways against Espressif's generator`, { skip: generator === undefined && 'ESP_ENC_IMG_GEN is not set' }, async () => {
    const key = freshPath('.pem');
    assert.equal((await cli('keygen', key, ...(scheme === 'ecies' ? ['--ecies'] : []))).code, 0);
    const images = [...helloWorldChips.map((chip) => realImage(`hello_world-${chip}`, { chip })), second, makeImage({ size: 1000, seed: 5 })];
    for (const image of images) {
      const ours = freshPath('.bin');
      const theirs = freshPath('.bin');
      const opened = freshPath('.bin');
      assert.equal((await cli('encrypt', image.path, `${key}.pub`, '--output', ours)).code, 0);
      assert.equal((await run(python, [generator, 'decrypt', ours, key, opened])).code, 0);
      assert.ok(fs.readFileSync(opened).equals(image.bytes), 'what Espressif has decrypted differs');
      assert.equal((await run(python, [generator, 'encrypt', image.path, `${key}.pub`, theirs])).code, 0);
      const inspected = await cli('inspect', theirs, '--key', key);
      assert.equal(inspected.code, 0, inspected.stdout);
      assert.match(inspected.stdout, /, right\nreserved {3}zero\n/);
    }
    console.log(`# ${scheme}: ${images.length} images, each both ways`);
  });
}
