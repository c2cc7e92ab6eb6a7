// SPDX-License-Identifier: Apache-2.0
// One update, from `begin` to the last byte: a file in, data frames out, as many as the device's credit allows. The
// browser reads the file from disk as it sends. It can be started again in another session and goes on where the device
// says. Knows no page.

/** @import { Failure, Message, Ready, Session } from './types.js' */

const MAX_FRAME = 32768; // browsers split long messages into fragments, which a device refuses
const MAX_WAITING = 1 << 20; // bytes in the browser's own buffer, whatever credit the device gives

/** @param {Blob} file @param {string} sha256 @param {boolean} allowDowngrade */
export function makeUpdate(file, sha256, allowDowngrade) {
  const { size } = file;
  /** @type {Session} */ let session;
  /** @type {Ready | undefined} */ let ready;
  let sent = 0;

  const update = {
    isResumed: false,
    /** Why we have given up by ourselves. @type {Failure | undefined} */ failure: undefined,

    /** Begins, or begins again. @param {Session} next */
    async start(next) {
      update.isResumed = !!session;
      update.stop();
      session = next;
      try {
        await file.slice(-1).arrayBuffer(); // of a file that has changed since nothing can be read
        session.send({ type: 'begin', size, sha256, ...(allowDowngrade && { allow_downgrade: true }) });
      } catch {
        update.failure = { name: 'unreadable' };
        session.send({ type: 'cancel' });
      }
    },

    /** Sends no more. */
    stop() {
      ready = undefined;
    },

    /** @param {Message} message */
    take(message) {
      if (message.type === 'ready') {
        ready = message;
        sent = ready.offset;
        pump(sent);
      } else if (message.type === 'progress') pump(message.received);
    },
  };
  return update;

  /** @param {number} received */
  function pump(received) {
    while (ready && sent < size && session.waiting() < MAX_WAITING) {
      const end = Math.min(sent + Math.min(ready.chunk, MAX_FRAME), size);
      if (end - received > ready.credit) return;
      session.sendData(sent, file.slice(sent, end));
      sent = end;
    }
  }
}
