// SPDX-License-Identifier: Apache-2.0
// One update, from `begin` to the last byte: a file in, data frames out, as many as the device's credit allows. It can
// be started again in another session and goes on where the device says. Knows no page.

/** @import { Failure, Message, Ready, Session } from './types.js' */

const MAX_WAITING = 1 << 20; // bytes in the browser's own buffer, whatever credit the device gives
const WAIT_MS = 20;

/** @param {Blob} file @param {string} sha256 @param {boolean} allowDowngrade */
export function makeUpdate(file, sha256, allowDowngrade) {
  const { size } = file;
  /** @type {Session} */ let session;
  /** @type {Ready | undefined} */ let ready;
  let sent = 0;
  let received = 0;
  let isPumping = false;

  const update = {
    isResumed: false,
    /** Why we have cancelled by ourselves. @type {Failure | undefined} */ failure: undefined,

    /** Begins, or begins again. @param {Session} next */
    start(next) {
      update.isResumed = !!session;
      update.stop();
      session = next;
      session.send({ type: 'begin', size, sha256, ...(allowDowngrade && { allow_downgrade: true }) });
    },

    /** Sends no more. */
    stop() {
      ready = undefined;
    },

    /** @param {Message} message */
    take(message) {
      if (message.type === 'ready') {
        ready = message;
        sent = received = ready.offset;
      } else if (message.type === 'progress') received = message.received;
      pump();
    },
  };
  return update;

  /** Length of the next frame; 0 when none may be sent. */
  function room() {
    const length = ready ? Math.min(ready.chunk, size - sent) : 0;
    return ready && sent + length - received <= ready.credit ? length : 0;
  }

  async function pump() {
    if (isPumping) return;
    isPumping = true;
    try {
      while (room()) await sendFrame();
    } catch {
      update.stop();
      update.failure = { name: 'unreadable' };
      session.send({ type: 'cancel' });
    }
    isPumping = false;
  }

  async function sendFrame() {
    const before = ready;
    const bytes = await file.slice(sent, sent + room()).arrayBuffer();
    while (session.waiting() > MAX_WAITING) await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
    if (ready !== before) return; // stopped, or started again, meanwhile
    session.sendData(sent, bytes);
    sent += bytes.byteLength;
  }
}
