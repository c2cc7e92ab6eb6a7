// SPDX-License-Identifier: Apache-2.0
// Patches from end to end: ota-ws makes them of what it has sent before, the device makes the image of them. What does
// not fit ends in a named failure, after which the whole image is sent; hostile patches end in a named failure too, and
// the same session goes on.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { wire } from './cli_tools.js';
import { Client, freshPath, makeImage, root, run, tools, withDevice } from './harness.js';
import { baseOf, pack, patchOf, record, updateByPatch } from './patches.js';

const first = makeImage({ version: '1.0.0', size: '300K' });
const second = makeImage({ version: '2.0.0', size: '310K' });
const third = makeImage({ version: '3.0.0', size: '290K', segments: 7 });
const evil = makeImage({ version: '2.0.0', size: '310K', seed: 666 });
const unprotected = { image: first.path, options: { unprotected: true } };
const MADE_MAX = 20_000; // a patch between images of the same seed is shorter
const WHOLE_MIN = 100_000; // a whole image is longer, compressed or not

const slotOf = (device, slot, image) => device.partition(slot).subarray(0, image.bytes.length);

/** ota-ws with a cache of its own. */
function cliWithCache() {
  const folder = freshPath('.cache');
  const push = (image, host, ...options) =>
    run(tools.cli, ['push', image.path, host, ...options], { env: { ...process.env, XDG_CACHE_HOME: folder } });
  const kept = () => (fs.existsSync(path.join(folder, 'ota-ws')) ? fs.readdirSync(path.join(folder, 'ota-ws')) : []);
  return { folder: path.join(folder, 'ota-ws'), push, kept };
}

/** A wire to the device that counts what goes to it. */
async function countingWire(device) {
  const line = await wire(device, { sent: (bytes) => (line.up += bytes.length) });
  line.up = 0;
  return line;
}

function cutOnce(line, length) {
  line.up += length;
  if (line.up > line.cutAt) {
    line.cutAt = Infinity;
    line.cut();
  }
}

// ---- ota-ws

test('push sends a patch against the image that it has sent before', () =>
  withDevice(unprotected, async (device) => {
    const { push, kept, folder } = cliWithCache();
    const line = await countingWire(device);
    let result = await push(second, line.host, '--confirm');
    assert.equal(result.code, 0, result.stderr);
    assert.ok(line.up > WHOLE_MIN, `${line.up}`);
    assert.deepEqual(kept(), [second.bytes.subarray(-32).toString('hex')]);
    assert.equal(fs.statSync(path.join(folder, kept()[0])).mode & 0o777, 0o600);
    assert.equal(fs.statSync(folder).mode & 0o777, 0o700);
    line.up = 0;
    result = await push(third, line.host, '--confirm', '--delta');
    assert.equal(result.code, 0, result.stderr);
    assert.ok(line.up < MADE_MAX, `${line.up}`);
    assert.match(result.stderr, /^sent as a patch against the image that runs: \d+ bytes/m);
    assert.match(result.stderr, /^the patch saved \d+ of 29\d{4} bytes: \d+\.\d % of them were sent$/m);
    assert.ok(slotOf(device, 'ota_0', third).equals(third.bytes));
    assert.equal(kept().length, 2);
    line.close();
  }));

test('the image that runs can be named, and one that does not fit costs nothing', () =>
  withDevice(unprotected, async (device) => {
    const { push } = cliWithCache();
    const line = await countingWire(device);
    let result = await push(third, line.host, '--no-restart', '--base', second.path);
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stderr, /^no patch: the image that the device runs is not that of --base/m);
    assert.ok(line.up > WHOLE_MIN);
    await run(tools.cli, ['cancel', device.url.host]);
    line.up = 0;
    result = await push(second, line.host, '--no-restart', '--base', first.path);
    assert.equal(result.code, 0, result.stderr);
    assert.ok(line.up < MADE_MAX, `${line.up}`);
    assert.ok(slotOf(device, 'ota_1', second).equals(second.bytes));
    line.close();
  }));

test('an older version goes as a patch and compressed, sealed', async () => {
  const PASSWORD = 'a word of 16 letters';
  const passwordFile = freshPath('.txt');
  fs.writeFileSync(passwordFile, PASSWORD);
  await withDevice({ image: second.path, options: { passwordFile } }, async (device) => {
    for (const options of [['--delta', '--base', second.path], ['--no-delta', '--compress', 'always']]) {
      const args = ['push', '--no-restart', '--allow-downgrade', '--no-cache', ...options, first.path, device.url.host];
      const result = await run(tools.cli, args, { env: { ...process.env, OTA_WS_PASSWORD: PASSWORD } });
      assert.equal(result.code, 0, result.stdout + result.stderr);
      assert.match(result.stderr, /^sealed: /m);
      assert.match(result.stderr, /^sent (compressed|as a patch)/m);
      assert.ok(slotOf(device, 'ota_1', first).equals(first.bytes));
      await run(tools.cli, ['cancel', device.url.host], { env: { ...process.env, OTA_WS_PASSWORD: PASSWORD } });
    }
  });
});

for (const options of [['--no-cache', '--delta'], ['--no-delta']]) {
  test(`push ${options.join(' ')} sends the whole image`, () =>
    withDevice({ image: second.path, options: { unprotected: true } }, async (device) => {
      const { push, kept } = cliWithCache();
      await push(second, device.url.host); // runs already
      const before = kept().length;
      const line = await countingWire(device);
      const result = await push(third, line.host, '--no-restart', ...options);
      assert.equal(result.code, 0, result.stderr);
      assert.ok(line.up > WHOLE_MIN);
      assert.equal(kept().length - before, options[0] === '--no-cache' ? 0 : 1);
      line.close();
    }));
}

test('a damaged file of the cache is thrown away, and the whole image is sent', () =>
  withDevice(unprotected, async (device) => {
    const { push, kept, folder } = cliWithCache();
    fs.mkdirSync(folder, { recursive: true });
    const name = path.join(folder, first.bytes.subarray(-32).toString('hex'));
    const bytes = Buffer.from(first.bytes);
    bytes[1000] ^= 1;
    fs.writeFileSync(name, bytes);
    const result = await push(second, device.url.host, '--no-restart', '--delta');
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stderr, /^no patch: the image that the device runs is not in the cache/m);
    assert.ok(!kept().includes(path.basename(name)));
  }));

test('the cache has 64 MiB at most: what was not used for longest goes', () =>
  withDevice(unprotected, async (device) => {
    const { push, kept, folder } = cliWithCache();
    fs.mkdirSync(folder, { recursive: true });
    for (let i = 0; i < 5; i++) {
      const name = path.join(folder, String(i).repeat(64));
      fs.closeSync(fs.openSync(name, 'w'));
      fs.truncateSync(name, 13 * 1048576);
      fs.utimesSync(name, 1000 + ((i * 3) % 5), 1000 + ((i * 3) % 5)); // 0 is the oldest, then 2, 4, 1, 3
    }
    const result = await push(second, device.url.host, '--no-restart');
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(kept().map((name) => name[0]).sort(), ['1', '2', '3', '4', second.bytes.subarray(-32).toString('hex')[0]].sort());
  }));

test('after a lost connection a new patch is made for what is missing', () =>
  withDevice({ ...unprotected, options: { unprotected: true, chunk: 512 } }, async (device) => {
    const { push } = cliWithCache();
    const line = await wire(device, { sent: (bytes) => cutOnce(line, bytes.length) });
    const update = () => push(third, line.host, '--no-restart', '--base', first.path);
    Object.assign(line, { up: 0, cutAt: Infinity });
    assert.equal((await update()).code, 0);
    const whole = line.up;
    await run(tools.cli, ['cancel', device.url.host]);
    const others = makeImage({ version: '2.5.0', size: '100K', seed: 3 });
    await push(others, device.url.host, '--no-restart', '--no-delta');
    await run(tools.cli, ['cancel', device.url.host]);
    Object.assign(line, { up: 0, cutAt: whole - 1500 });
    const result = await update();
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stderr, /^going on after \d+ bytes/m);
    assert.ok(line.up < 3 * whole, `${line.up} of ${whole}`);
    assert.ok(slotOf(device, 'ota_1', third).equals(third.bytes));
    line.close();
  }));

test('a device that was given another image meanwhile gets the whole image', () =>
  withDevice(unprotected, async (device) => {
    const { push } = cliWithCache();
    const lie = (socket, bytes) => { // what the wire says of the base is another image's
      const text = bytes.toString('latin1');
      socket.write(Buffer.from(text.replace(baseOf(first), baseOf(second)), 'latin1'));
    };
    const line = await wire(device, { pass: lie });
    const result = await push(third, line.host, '--no-restart', '--base', second.path);
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stderr, /^the device cannot use the patch \(delta_base\): the whole image is sent$/m);
    assert.ok(slotOf(device, 'ota_1', third).equals(third.bytes));
    line.close();
  }));

// ---- the protocol

const update = (client, patch, base = baseOf(first)) => updateByPatch(client, second.bytes, patch, base);

const honest = patchOf(first.bytes, second.bytes);
const size = second.bytes.length;
const hostile = {
  'a patch for a shorter image': [pack(patchOf(first.bytes, third.bytes)), 'bad_patch'],
  'a patch that gives his own image': [pack(patchOf(first.bytes, evil.bytes)), 'digest_mismatch'],
  'a read before the base': [pack(record(-1, 1, 0, Buffer.alloc(1))), 'bad_patch'],
  'a read behind the base': [pack(record(first.bytes.length, 1, 0, Buffer.alloc(1))), 'bad_patch'],
  'too many bytes': [pack(record(0, 0, size + 1, Buffer.alloc(100))), 'bad_patch'],
  'a record without bytes': [pack(Buffer.concat([record(0, 0, 0, Buffer.alloc(0)), honest])), 'bad_patch'],
  'numbers without an end': [pack(Buffer.alloc(50_000_000, 0x80)), 'bad_patch'],
  'a patch that goes on': [pack(Buffer.concat([honest, Buffer.alloc(1)])), 'bad_patch'],
  'a patch that ends early': [pack(honest.subarray(0, honest.length - 1)), 'bad_patch'],
  'an empty patch': [pack(Buffer.alloc(0)), 'bad_patch'],
  'a stream that is cut off': [pack(honest).subarray(0, -3), 'bad_compression'],
  'a patch that is not packed': [honest, 'bad_compression'],
  'the file itself': [pack(second.bytes), 'bad_patch'],
};

test('a hostile patch ends in a named failure, starts nothing, and the session goes on', () =>
  withDevice(unprotected, async (device) => {
    const client = await Client.connect(device);
    const running = device.partition('ota_0');
    assert.equal(client.firstState.base, baseOf(first));
    for (const [what, [stream, name]] of Object.entries(hostile)) {
      const answer = await update(client, stream);
      assert.equal(answer.type, 'failed', what);
      assert.equal(answer.name, name, what);
      assert.notEqual(slotOf(device, 'ota_1', second)[0], 0xe9, `${what}: the slot looks like an image`);
    }
    for (const base of [baseOf(second), '0000000000000000', null]) {
      assert.equal((await update(client, pack(honest), base)).name, 'delta_base');
    }
    assert.equal((await update(client, pack(honest))).type, 'done');
    assert.ok(slotOf(device, 'ota_1', second).equals(second.bytes));
    assert.ok(device.partition('ota_0').equals(running));
    await client.close();
  }));

test('without a login nobody learns the base or begins a patch', () =>
  withDevice({ image: first.path }, async (device) => {
    const client = await Client.open(device);
    client.sendText({ type: 'begin', size, sha256: '0'.repeat(64), delta: true, base: baseOf(first) });
    assert.equal((await client.next('error')).name, 'unexpected_message');
    assert.equal(client.state, undefined);
    await client.isClosed();
  }));

test('a device for encrypted images takes no patch', () =>
  withDevice({ image: first.path, options: { unprotected: true, encryptedKey: path.join(root, 'test/vectors/rsa_private.pem') } }, async (device) => {
    const client = await Client.connect(device);
    assert.equal(client.firstState.base, undefined);
    assert.equal((await update(client, pack(honest))).name, 'delta_base');
    await client.close();
  }));
