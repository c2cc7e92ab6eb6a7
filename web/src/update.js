// SPDX-License-Identifier: Apache-2.0
// One update, from `begin` to the last byte: a file in, data frames out, as many as the device's credit allows. The
// browser reads the file from disk as it sends, or packs it where the network is slower than the flash. It can be
// started again in another session and goes on where the device says. Knows no page.

/** @import { Ready } from './protocol.js' */
/** @import { Session, Update } from './types.js' */

import { FULL } from './variant.js';

const MAX_FRAME = 32768; // browsers split long messages into fragments, which a device refuses
const MAX_WAITING = 1 << 20; // bytes in the browser's own buffer, whatever credit the device gives
// Packing must gain so much, where 5760 bytes a round trip (ESP-IDF's window) are fewer than the flash takes (W25Q32JV:
// 260 a ms). As cli/packed.c.
const WORTH = 0.95;
const LONG_ROUND_TRIP_MS = 5760 / 260 / WORTH;

/** @param {Blob} file @param {string} sha256 @param {boolean} allowDowngrade @param {boolean} mayPack
 * @param {number} early bytes that may follow `begin` at once */
export function makeUpdate(file, sha256, allowDowngrade, mayPack, early = 0) {
  const { size } = file;
  /** @type {Session} */ let session;
  /** @type {Ready | undefined} */ let ready;
  /** What travels. */ let data = file;
  let sent = 0;

  /** @type {Update} */
  const update = {
    isResumed: false,
    isPacked: false,
    mayPack,
    offset: 0,

    async start(next) {
      update.isResumed = !!session;
      update.stop();
      session = next;
      try {
        // Chromium and WebKit read nothing of a file that has changed since. Firefox does: then the digest differs.
        await file.slice(-1).arrayBuffer();
        sent = 0;
        if (FULL) {
          data = update.mayPack && session.roundTripMs > LONG_ROUND_TRIP_MS ? await pack(0) : file;
          update.isPacked = data.size < size * WORTH;
          if (!update.isPacked) data = file;
          sent = update.isResumed ? 0 : Math.min(early, data.size, MAX_FRAME);
        }
        session.send({
          type: 'begin',
          size,
          sha256,
          allow_downgrade: allowDowngrade || undefined,
          ...(FULL && { deflate: update.isPacked || undefined, early: sent || undefined }),
        });
        if (FULL && sent) session.sendData(0, data.slice(0, sent));
      } catch {
        update.failure = { name: 'unreadable' };
        session.send({ type: 'cancel' });
      }
    },

    stop() {
      ready = undefined;
    },

    async take(message) {
      if (message.type === 'ready') {
        const { offset } = (ready = message);
        update.offset = offset;
        if (offset) {
          sent = Infinity;
          const rest = FULL && update.isPacked ? await pack(offset) : file;
          if (ready !== message) return;
          data = rest;
          sent = FULL && update.isPacked ? 0 : offset;
        }
        pump(offset && sent);
      } else if (message.type === 'progress') pump(message.received);
    },
  };
  return update;

  /** From there to the end. @param {number} offset */
  function pack(offset) {
    const stream = file.slice(offset).stream().pipeThrough(new CompressionStream('deflate-raw'));
    return new Response(stream).blob();
  }

  /** @param {number} received */
  function pump(received) {
    while (ready && sent < data.size && session.waiting() < MAX_WAITING) {
      const end = Math.min(sent + Math.min(ready.chunk, MAX_FRAME), data.size);
      if (end - received > ready.credit) return;
      session.sendData(sent, data.slice(sent, end));
      sent = end;
    }
    if (FULL && ready && update.isPacked && sent === data.size) {
      session.send({ type: 'end' });
      update.stop();
    }
  }
}
