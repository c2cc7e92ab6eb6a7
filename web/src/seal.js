// SPDX-License-Identifier: Apache-2.0
// The seal of uploads and answers on plain http: ChaCha20 (RFC 8439). The browser's own ciphers (`crypto.subtle`) do not exist on
// pages that came by http.

import { turn } from './sha256.js';

import { utf8 } from './bytes.js';

const BLOCK = 64;

/**
 * Seals or opens bytes. A key, `begin` and `start` name the stream (docs/protocol.md, section 6).
 * @param {Uint8Array} key @param {number} begin count of the `begin` that the bytes belong to
 * @param {number} start `ready.offset`, or 0 before it @param {number} offset of the first byte in the stream
 * @param {Uint8Array} bytes
 */
export function seal(key, begin, start, offset, bytes) {
  const constant = Uint8Array.of(...utf8('expand 32-byte k'), ...key);
  const words = Uint32Array.of(...new Uint32Array(constant.buffer), 0, begin, start, 0);
  /** @type {Uint8Array | undefined} */ let stream;
  return bytes.map((byte, i) => {
    const at = offset + i;
    if (!stream || at % BLOCK === 0) {
      words[12] = at / BLOCK;
      const state = words.slice();
      /** @param {number} a @param {number} b @param {number} d @param {number} right bits */
      const step = (a, b, d, right) => (state[d] = turn(state[d] ^ (state[a] += state[b]), right));
      for (let quarter = 0; quarter < 80; quarter++) {
        const shift = (quarter >> 2) & 1; // the diagonals in turn with the columns
        const a = quarter & 3;
        const b = 4 + ((a + shift) & 3);
        const c = 8 + ((a + 2 * shift) & 3);
        const d = 12 + ((a + 3 * shift) & 3);
        step(a, b, d, 16);
        step(c, d, b, 20);
        step(a, b, d, 24);
        step(c, d, b, 25);
      }
      words.forEach((word, j) => (state[j] += word));
      stream = new Uint8Array(state.buffer);
    }
    return byte ^ stream[at % BLOCK];
  });
}
