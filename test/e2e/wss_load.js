// SPDX-License-Identifier: Apache-2.0
// An upload over wss that puts as many frames into one TLS record as a record holds, and clients without the password
// who do the same. Both once kept the server's thread in an endless loop. Used by a test and by test/stall_grid.js.
import assert from 'node:assert/strict';
import zlib from 'node:zlib';
import { until } from './harness.js';
import { Wire, dataFrame } from './wire.js';

const RECORD = 16384; // the payload of a TLS record at most

/**
 * As Client.update(), with frames of `length` bytes and as many of them in one write as `most` bytes hold: a record's, or
 * more, and then frames go over the ends of records.
 */
export async function updateInRecords(client, bytes, length, { deflate = false, most = RECORD } = {}) {
  const sent = deflate ? zlib.deflateRawSync(bytes) : bytes;
  client.received = 0;
  client.say(client.beginMessage(bytes, deflate ? { deflate: true } : {}));
  const ready = await client.next('ready');
  const stopped = () => client.closed || client.messages.some(({ type }) => type !== 'state');
  const socket = client.socket._socket;
  for (let at = 0; at < sent.length && !stopped(); ) {
    const frames = [];
    const credit = ready.credit - (at - client.received);
    let from = at;
    for (let size = 0; from < sent.length && size + length + 12 <= most; from += length) {
      const part = sent.subarray(from, from + length);
      if (from - at + part.length > credit) {
        break;
      }
      frames.push(dataFrame(from, part));
      size += part.length + 12;
    }
    socket.write(Buffer.concat(frames));
    at = Math.min(from, sent.length);
    await until(() => stopped() || ready.credit - (at - client.received) >= Math.min(length, sent.length - at), 'credit');
  }
  if (deflate) {
    client.say({ type: 'end' });
  }
  return client.next('done', 'failed', 'error');
}

/** A client without the password sends a record full of data frames, and leaves when it is refused. */
export async function disturb(device, length = 1000, options = {}) {
  const wire = await Wire.upgrade(device, options);
  const one = dataFrame(0, Buffer.alloc(length));
  wire.send(Buffer.concat(Array(Math.max(1, Math.floor(RECORD / one.length))).fill(one)));
  await wire.has('unexpected_data');
  wire.end();
}

/** The device still answers: its thread serves a request. */
export async function assertAnswers(device, giveUpMs) {
  const wire = await Wire.open(device);
  wire.send(`GET / HTTP/1.1\r\nHost: ${device.url.host}\r\n\r\n`);
  await wire.has('</html>', giveUpMs);
  assert.ok(wire.text.includes('</html>'), 'the server answers nothing');
  wire.end();
}
