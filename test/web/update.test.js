// SPDX-License-Identifier: Apache-2.0
// The upload against a scripted session: the window, offsets, resuming, and what happens when something goes wrong.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import test from 'node:test';
import { inflateRawSync } from 'node:zlib';

import { makeUpdate } from '../../web/src/update.js';

const settle = () => new Promise((resolve) => setImmediate(resolve));
const bytes = crypto.randomBytes(100_000);
const digest = crypto.createHash('sha256').update(bytes).digest('hex');

/** A session that writes down what it gets. */
function scripted() {
  const session = {
    said: [],
    frames: [],
    buffered: 0,
    send: (message) => session.said.push(JSON.parse(JSON.stringify(message))),
    sendData: (offset, blob) => session.frames.push({ offset, blob }),
    waiting: () => session.buffered,
    get sent() {
      return session.frames.reduce((sum, { blob }) => sum + blob.size, 0);
    },
  };
  return session;
}

async function begun(ready, file = new Blob([bytes]), allowDowngrade = false, early = undefined) {
  const session = scripted();
  const update = makeUpdate(file, digest, allowDowngrade, false, early);
  await update.start(session);
  if (ready) update.take({ type: 'ready', ...ready });
  return { session, update };
}

test('begin promises size and digest, and the downgrade only when it is allowed', async () => {
  const { session } = await begun();
  assert.deepEqual(session.said, [{ type: 'begin', size: 100_000, sha256: digest }]);
  const other = await begun(undefined, new Blob([bytes]), true);
  assert.deepEqual(other.session.said, [{ type: 'begin', size: 100_000, sha256: digest, allow_downgrade: true }]);
});

test('nothing is sent before ready', async () => {
  const { session, update } = await begun();
  update.take({ type: 'progress', received: 0, written: 0, size: 100_000 });
  update.take({ type: 'state', update: 'receiving' });
  assert.equal(session.frames.length, 0);
});

test('never more than the credit is unacknowledged, and every byte comes once and in order', async () => {
  for (const { chunk, credit } of [
    { chunk: 8192, credit: 32768 },
    { chunk: 512, credit: 1024 },
    { chunk: 3000, credit: 10_000 },
    { chunk: 1000, credit: 2999 },
  ]) {
    const { session, update } = await begun({ offset: 0, chunk, credit });
    let received = 0;
    let acknowledged = 0;
    while (received < bytes.length) {
      assert.ok(session.sent - received <= credit, 'beyond the credit');
      assert.ok(session.sent - received + chunk > credit || session.sent === bytes.length, 'the window is not used');
      received += session.frames[acknowledged++].blob.size;
      update.take({ type: 'progress', received, written: 0, size: bytes.length });
    }
    assert.equal(session.sent, bytes.length);
    let offset = 0;
    for (const frame of session.frames) {
      assert.equal(frame.offset, offset);
      assert.ok(frame.blob.size <= chunk);
      assert.deepEqual(Buffer.from(await frame.blob.arrayBuffer()), bytes.subarray(offset, offset + frame.blob.size));
      offset += frame.blob.size;
    }
  }
});

test('no frame is longer than a browser sends in one piece', async () => {
  const { session } = await begun({ offset: 0, chunk: 65536, credit: 1_000_000 });
  assert.ok(session.frames.every(({ blob }) => blob.size <= 32768));
  assert.equal(session.sent, bytes.length);
});

test('it goes on where ready says', async () => {
  const { session, update } = await begun({ offset: 65536, chunk: 8192, credit: 16384 });
  assert.equal(session.frames[0].offset, 65536);
  assert.equal(session.sent, 16384);
  update.take({ type: 'progress', received: 65536 + 8192, written: 65536, size: 100_000 });
  assert.equal(session.sent, 16384 + 8192);
});

test('a whole file that is already there needs no frame', async () => {
  const { session } = await begun({ offset: 100_000, chunk: 8192, credit: 32768 });
  assert.equal(session.frames.length, 0);
});

test('what waits in the browser is bounded, whatever the credit', async () => {
  const { session, update } = await begun();
  session.buffered = 1 << 20;
  update.take({ type: 'ready', offset: 0, chunk: 8192, credit: 1e9 });
  assert.equal(session.frames.length, 0);
  session.buffered = 0;
  update.take({ type: 'progress', received: 0, written: 0, size: 100_000 });
  assert.equal(session.sent, bytes.length);
});

test('stop sends no more', async () => {
  const { session, update } = await begun({ offset: 0, chunk: 8192, credit: 16384 });
  update.stop();
  update.take({ type: 'progress', received: 16384, written: 0, size: 100_000 });
  assert.equal(session.sent, 16384);
});

test('in another session it begins again and sends nothing until that one is ready', async () => {
  const { session, update } = await begun({ offset: 0, chunk: 8192, credit: 16384 });
  assert.equal(update.isResumed, false);
  const next = scripted();
  await update.start(next);
  assert.equal(update.isResumed, true);
  update.take({ type: 'progress', received: 16384, written: 0, size: 100_000 });
  assert.deepEqual([session.sent, next.sent], [16384, 0]);
  update.take({ type: 'ready', offset: 8192, chunk: 8192, credit: 16384 });
  assert.deepEqual([session.sent, next.frames[0].offset], [16384, 8192]);
});

test('a file that can no longer be read ends the update before it begins', async () => {
  const file = { size: 100_000, slice: () => ({ arrayBuffer: () => Promise.reject(new Error('NotReadableError')) }) };
  const { session, update } = await begun(undefined, file);
  await settle();
  assert.deepEqual(session.said, [{ type: 'cancel' }]);
  assert.deepEqual(update.failure, { name: 'unreadable' });
});

// ---- what follows begin at once

test('the first bytes follow begin where the device takes them, and what comes next follows ready', async () => {
  const { session, update } = await begun(undefined, undefined, false, 8192);
  assert.deepEqual(session.said, [{ type: 'begin', size: 100_000, sha256: digest, early: 8192 }]);
  assert.deepEqual(session.frames.map(({ offset, blob }) => [offset, blob.size]), [[0, 8192]]);
  await update.take({ type: 'ready', offset: 0, chunk: 8192, credit: 16384 });
  assert.deepEqual(session.frames.map(({ offset }) => offset), [0, 8192]);
  await update.take({ type: 'progress', received: 8192, written: 0, size: 100_000 });
  assert.deepEqual(session.frames.map(({ offset }) => offset), [0, 8192, 16384]);
  assert.deepEqual(await sentBytes(session), bytes.subarray(0, 24576));
});

test('where the device goes on in the middle they do not count', async () => {
  const { session } = await begun({ offset: 65536, chunk: 8192, credit: 16384 }, undefined, false, 8192);
  assert.deepEqual(session.frames.map(({ offset }) => offset), [0, 65536, 65536 + 8192]);
});

test('no more than there is, and no more than a browser sends in one piece', async () => {
  const { session } = await begun(undefined, new Blob(['few']), false, 8192);
  assert.equal(session.said[0].early, 3);
  const { session: other } = await begun(undefined, undefined, false, 65536);
  assert.equal(other.said[0].early, 32768);
});

test('who begins again will hardly begin at the start, and waits', async () => {
  const { session, update } = await begun(undefined, undefined, false, 8192);
  await update.start(session);
  const next = scripted();
  await update.start(next);
  assert.deepEqual([session.said[1].early, next.said[0].early], [undefined, undefined]);
  assert.deepEqual([session.frames.length, next.frames.length], [1, 0]);
  await update.take({ type: 'ready', offset: 0, chunk: 8192, credit: 8192 });
  assert.equal(next.frames[0].offset, 0);
});

// ---- packed

const plain = Buffer.from('what can be packed to a tenth of it '.repeat(5000));

/** An update of `plain` that has begun in a session with this round trip. */
async function begunPacked(roundTripMs, file = plain, mayPack = true, early = undefined) {
  const session = { ...scripted(), roundTripMs };
  const update = makeUpdate(new Blob([file]), digest, false, mayPack, early);
  await update.start(session);
  return { session, update };
}

const sentBytes = async ({ frames }) => Buffer.concat(await Promise.all(frames.map(async ({ blob }) => Buffer.from(await blob.arrayBuffer()))));

test('it is packed where a window in a round trip is less than the flash takes, and where it gains', async () => {
  const isPacked = async (...settings) => (await begunPacked(...settings)).session.said[0].deflate;
  assert.equal(await isPacked(24), true);
  assert.equal(await isPacked(23), undefined);
  assert.equal(await isPacked(100, crypto.randomBytes(50_000)), undefined);
  assert.equal(await isPacked(100, plain, false), undefined);
});

test('what is packed comes from the start of its own, within the credit, and ends with end', async () => {
  const { session, update } = await begunPacked(100);
  await update.take({ type: 'ready', offset: 0, chunk: 100, credit: 200 });
  assert.deepEqual(session.frames.map(({ offset }) => offset), [0, 100]);
  for (let received = 100; session.said.at(-1).type !== 'end'; received += 100) {
    assert.ok(received < plain.length);
    await update.take({ type: 'progress', received, written: 0, size: plain.length });
  }
  const packed = await sentBytes(session);
  assert.ok(packed.length < plain.length / 10);
  assert.deepEqual(inflateRawSync(packed), plain);
  await update.take({ type: 'progress', received: packed.length, written: 0, size: plain.length });
  assert.equal(session.said.filter(({ type }) => type === 'end').length, 1);
});

test('what is packed goes on from where ready says', async () => {
  const { session, update } = await begunPacked(100);
  await update.take({ type: 'ready', offset: 65536, chunk: 8192, credit: 32768 });
  assert.equal(session.frames[0].offset, 0);
  assert.deepEqual(inflateRawSync(await sentBytes(session)), plain.subarray(65536));
});

test('the first packed bytes follow begin too; where the device goes on, a stream of the rest is sent', async () => {
  const { session, update } = await begunPacked(100, plain, true, 100);
  assert.deepEqual([session.said[0].early, session.said[0].deflate], [100, true]);
  await update.take({ type: 'ready', offset: 0, chunk: 8192, credit: 32768 });
  assert.deepEqual(inflateRawSync(await sentBytes(session)), plain);
  const { session: other, update: second } = await begunPacked(100, plain, true, 100);
  await second.take({ type: 'ready', offset: 65536, chunk: 8192, credit: 32768 });
  assert.deepEqual(inflateRawSync((await sentBytes(other)).subarray(100)), plain.subarray(65536));
  const { session: third, update: short } = await begunPacked(100, plain, true, 32768);
  assert.equal(third.said[0].early, third.frames[0].blob.size); // all of it
  await short.take({ type: 'ready', offset: 0, chunk: 8192, credit: 32768 });
  assert.deepEqual(inflateRawSync(await sentBytes(third)), plain);
  assert.equal(third.said.at(-1).type, 'end');
});

test('begun again it is packed again, unless the device has declined that', async () => {
  const { session, update } = await begunPacked(100);
  await update.start(session);
  update.mayPack = false;
  await update.start(session);
  assert.deepEqual(session.said.map(({ deflate }) => deflate), [true, true, undefined]);
});

test('nothing is sent while it is being packed, nor when it was stopped meanwhile', async () => {
  const { session, update } = await begunPacked(100);
  const packing = update.take({ type: 'ready', offset: 65536, chunk: 100, credit: 200 });
  await update.take({ type: 'progress', received: 0, written: 0, size: plain.length });
  assert.equal(session.frames.length, 0);
  update.stop();
  await packing;
  assert.equal(session.frames.length, 0);
});
