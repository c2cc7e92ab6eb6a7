// SPDX-License-Identifier: Apache-2.0
// Compressed uploads from end to end: ota-ws or the page packs, the device inflates, and what is no honest stream ends in a named
// failure, after which the same session goes on.
import assert from 'node:assert/strict';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import zlib from 'node:zlib';
import { chromium } from 'playwright-core';
import { Client, makeImage, root, run, tools, until, withDevice } from './harness.js';

const first = makeImage({ version: '1.0.0' });
const second = makeImage({ version: '2.0.0', seed: 2, size: '200K' });
const other = makeImage({ version: '2.0.1', seed: 3, size: '200K' });
const packed = zlib.deflateRawSync(second.bytes);
const unprotected = { image: first.path, options: { unprotected: true } };

const push = (host, ...options) => run(tools.cli, ['push', second.path, host, ...options]);
const slotOf = (device) => device.partition('ota_1').subarray(0, second.bytes.length);

/** Sends a stream for `bytes` and says `end`; the last word of it. */
async function updatePacked(client, bytes, stream) {
  client.received = 0;
  client.begin(bytes, { deflate: true });
  const ready = await client.next('ready');
  await client.send(stream, ready, 0);
  client.say({ type: 'end' });
  return client.next('done', 'failed');
}

for (const when of ['always', 'never']) {
  test(`push --compress ${when}: the image arrives byte for byte and runs`, () =>
    withDevice(unprotected, async (device) => {
      const result = await push(device.url.host, '--compress', when);
      assert.equal(result.code, 0, result.stderr);
      assert.equal(/^sent compressed: \d+ bytes/m.test(result.stderr), when === 'always', result.stderr);
      assert.ok(slotOf(device).equals(second.bytes));
      assert.equal(device.boots, 2);
    }));
}

/** A wire on which each way takes so long. It counts the bytes that go to the device, and can be cut for a moment. */
async function delayingWire(port, delayMs) {
  const ends = new Set();
  const server = net.createServer((near) => {
    const far = net.connect(port, '127.0.0.1');
    ends.add(near).add(far);
    near.on('data', ({ length }) => (server.up += length));
    for (const [from, to] of [[near, far], [far, near]]) {
      from.on('data', (bytes) => setTimeout(() => to.writable && to.write(bytes), delayMs));
      from.on('end', () => setTimeout(() => to.end(), delayMs));
      from.on('error', () => to.destroy());
    }
  });
  server.up = 0;
  server.cut = () => ends.forEach((end) => end.destroy());
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

test('push chooses by the round trip, and says what it chose', () =>
  withDevice(unprotected, async (device) => {
    const wire = await delayingWire(device.url.port, 40);
    const slow = await push(`127.0.0.1:${wire.address().port}`, '--no-restart');
    wire.close();
    assert.equal(slow.code, 0, slow.stderr);
    assert.match(slow.stderr, /^sent compressed: \d+ bytes instead of \d+ /m);
    assert.equal((await run(tools.cli, ['cancel', device.url.host])).code, 0);
    const result = await push(device.url.host, '--no-restart');
    assert.equal(result.code, 0, result.stderr);
    assert.ok(slotOf(device).equals(second.bytes));
  }));

const large = makeImage({ version: '3.0.0', seed: 4, size: '900K' });
const flags = ['--headless', '--no-sandbox', '--disable-gpu'];

for (const isCut of [false, true]) {
  test(`the page compresses where the round trip is long${isCut ? ', and goes on after a lost connection' : ''}`, async () => {
    const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags });
    const settings = { ...unprotected, options: { ...unprotected.options, timing: 'w25q32jv' } };
    await withDevice(settings, async (device) => {
      const wire = await delayingWire(device.url.port, 20);
      const page = await browser.newPage();
      await page.goto(`http://127.0.0.1:${wire.address().port}/ota`);
      await page.waitForSelector('#choice', { state: 'visible' });
      await page.setInputFiles('#picker', large.path);
      await page.click('#upload');
      await page.waitForFunction(() => document.querySelector('#done').value >= 0.15);
      if (isCut) wire.cut();
      await page.waitForSelector('#ready', { state: 'visible' });
      assert.ok(device.partition('ota_1').subarray(0, large.bytes.length).equals(large.bytes));
      const whole = zlib.deflateRawSync(large.bytes).length;
      assert.ok(whole < large.bytes.length * 0.9, `${whole}`);
      assert.ok(wire.up < (isCut ? large.bytes.length : whole * 1.05 + 10_000), `${wire.up} bytes sent, packed are ${whole}`);
      console.log(`# ${large.bytes.length} bytes, ${whole} packed, ${wire.up} sent by the page`);
      wire.cut();
      wire.close();
    }).finally(() => browser.close());
  });
}

const dishonest = {
  'a stream that is cut off': [packed.subarray(0, packed.length - 5), 'bad_compression'],
  'a stream that goes on after its end': [Buffer.concat([packed, Buffer.from('more')]), 'bad_compression'],
  'two streams': [Buffer.concat([packed, packed]), 'bad_compression'],
  'a bomb': [zlib.deflateRawSync(Buffer.concat([second.bytes, Buffer.alloc(50_000_000)])), 'too_many_bytes'],
  'a stream of less than was promised': [zlib.deflateRawSync(second.bytes.subarray(0, 150_000)), 'bad_compression'],
  'no stream at all': [Buffer.alloc(20_000, 0xff), 'bad_compression'],
  'an empty stream': [Buffer.alloc(0), 'bad_compression'],
  'a gzip file': [zlib.gzipSync(second.bytes), 'bad_compression'],
  'the plain file': [second.bytes, 'bad_compression'],
  'another sound image': [zlib.deflateRawSync(other.bytes), 'digest_mismatch'],
};

test('what is no honest stream ends in a named failure, starts nothing, and the session goes on', () =>
  withDevice(unprotected, async (device) => {
    const client = await Client.connect(device);
    assert.equal(client.firstState.deflate, true);
    for (const [what, [stream, name]] of Object.entries(dishonest)) {
      const answer = await updatePacked(client, second.bytes, stream);
      assert.equal(answer.type, 'failed', what);
      assert.equal(answer.name, name, what);
      assert.notEqual(slotOf(device)[0], 0xe9, `${what}: the slot looks like an image`);
    }
    assert.equal((await updatePacked(client, second.bytes, packed)).type, 'done');
    assert.ok(slotOf(device).equals(second.bytes));
    await client.close();
  }));

test('after a lost connection the rest comes as a stream of its own', () =>
  withDevice(unprotected, async (device) => {
    const client = await Client.connect(device);
    client.begin(second.bytes, { deflate: true });
    const ready = await client.next('ready');
    await client.send(packed, ready, 0, packed.length / 2);
    await until(() => client.received >= packed.length / 2 - ready.chunk, 'the acknowledgement');
    client.terminate();
    const again = await Client.connect(device);
    await until(() => again.state.update === 'idle', 'the end of the update');
    again.begin(second.bytes, { deflate: true });
    const { offset } = await again.next('ready');
    assert.ok(offset > 50_000 && offset < second.bytes.length, `went on at ${offset}`);
    const rest = zlib.deflateRawSync(second.bytes.subarray(offset));
    await again.send(rest, ready, 0);
    again.say({ type: 'end' });
    await again.next('done');
    assert.ok(slotOf(device).equals(second.bytes));
    await again.close();
  }));

test('a device for encrypted images offers no compression and declines it', () =>
  withDevice({ image: first.path, options: { unprotected: true, encryptedKey: path.join(root, 'test/vectors/rsa_private.pem') } }, async (device) => {
    const client = await Client.connect(device);
    assert.equal(client.firstState.deflate, undefined);
    client.begin(second.bytes, { deflate: true });
    await client.fails('compression_declined');
    await client.close();
  }));
