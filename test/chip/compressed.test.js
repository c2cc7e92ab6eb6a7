// SPDX-License-Identifier: Apache-2.0
// Compressed uploads, inflated by the ROM of an emulated chip.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import zlib from 'node:zlib';

import { until } from '../e2e/harness.js';
import { newImage, newImagePath, withChip } from './chip.js';

const packed = zlib.deflateRawSync(newImage);
const kib = (bytes) => (bytes / 1024).toFixed(1);

/** Sends a stream for `bytes` and says `end`; the last word of it. */
async function updatePacked(client, bytes, stream) {
  client.received = 0;
  client.begin(bytes, { deflate: true });
  const ready = await client.next('ready', 'failed');
  if (ready.type === 'failed') {
    return ready;
  }
  await client.send(stream, ready, 0);
  client.say({ type: 'end' });
  return client.next('done', 'failed');
}

test('push --compress: the image arrives byte for byte, runs and is confirmed', () =>
  withChip(async (chip) => {
    const push = await chip.cli('push', '--confirm', '--compress', 'always', newImagePath);
    assert.equal(push.code, 0, push.stdout + push.stderr);
    assert.match(push.stderr, /^sent compressed: \d+ bytes/m);
    assert.ok(chip.holds('ota_1', newImage));
    const state = await chip.state();
    assert.deepEqual([state.version, state.image], ['2.0.0', 'valid']);
  }));

const dishonest = {
  'a stream that is cut off': [packed.subarray(0, packed.length - 5), 'bad_compression'],
  'a stream that goes on after its end': [Buffer.concat([packed, Buffer.from('m')]), 'bad_compression'],
  'two streams': [Buffer.concat([packed, packed]), 'bad_compression'],
  'a bomb': [zlib.deflateRawSync(Buffer.concat([newImage, Buffer.alloc(20_000_000)])), 'too_many_bytes'],
  'a stream of less than was promised': [zlib.deflateRawSync(newImage.subarray(0, 150_000)), 'bad_compression'],
  'no stream at all': [Buffer.alloc(20_000, 0xff), 'bad_compression'],
  'an empty stream': [Buffer.alloc(0), 'bad_compression'],
  'a gzip file': [zlib.gzipSync(newImage), 'bad_compression'],
  'the plain file': [newImage, 'bad_compression'],
};

test('what is no honest stream ends in a named failure, and the session goes on', (t) =>
  withChip(async (chip) => {
    const client = await chip.connect();
    assert.equal(client.firstState.deflate, true);
    for (const [what, [stream, name]] of Object.entries(dishonest)) {
      await t.test(what, async () => {
        const answer = await updatePacked(client, newImage, stream);
        assert.deepEqual([answer.type, answer.name], ['failed', name]);
        assert.notEqual(chip.partition('ota_1')[0], 0xe9, 'the slot looks like an image');
      });
    }
    assert.equal((await updatePacked(client, newImage, packed)).type, 'done');
    assert.ok(chip.holds('ota_1', newImage));
  }));

test('after a lost connection the rest comes as a stream of its own', () =>
  withChip(async (chip) => {
    const client = await chip.connect();
    client.begin(newImage, { deflate: true });
    const ready = await client.next('ready');
    await client.send(packed, ready, 0, packed.length / 2);
    await until(() => client.received >= packed.length / 2 - ready.chunk, 'the acknowledgement');
    client.terminate();
    const again = await chip.connect();
    await until(() => again.state.update === 'idle', 'the end of the update');
    again.begin(newImage, { deflate: true });
    const { offset } = await again.next('ready');
    assert.ok(offset > 50_000 && offset < newImage.length, `went on at ${offset}`);
    await again.send(zlib.deflateRawSync(newImage.subarray(offset)), ready, 0);
    again.say({ type: 'end' });
    await again.next('done');
    assert.ok(chip.holds('ota_1', newImage));
  }));

test('without memory for it the chip declines, and the command line sends the file as it is', () =>
  withChip(async (chip) => {
    const client = await chip.connect();
    await chip.get('/take?60000');
    assert.equal((await updatePacked(client, newImage, packed)).name, 'compression_declined');
    client.terminate();
    await until(() => client.closed, 'the close');
    const push = await chip.cli('push', '--no-restart', '--compress', 'always', newImagePath);
    assert.equal(push.code, 0, push.stdout + push.stderr);
    assert.ok(chip.holds('ota_1', newImage));
  }));

test('figures', (t) =>
  withChip(async (chip) => {
    for (const [what, stream] of [['as it is', undefined], ['compressed', packed]]) {
      const client = await chip.connect();
      await chip.get('/erase');
      await chip.get('/ledger?start');
      const answer = await (stream ? updatePacked(client, newImage, stream) : client.update(newImage));
      assert.equal(answer.type, 'done', answer.name);
      const { others, network } = await chip.json('/ledger');
      const { took_us: us, writer_stack_left: stack } = await chip.info();
      t.diagnostic(`${what}: ${stream?.length ?? newImage.length} bytes, ${kib(others)} KiB taken, ${kib(network)} KiB by the network; ` +
        `${(us / newImage.length).toFixed(2)} us for a byte of the image; ${stack} bytes of the writer's stack left`);
      client.say({ type: 'cancel' });
      await client.next('failed');
      client.terminate();
    }
  }));
