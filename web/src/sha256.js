// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4): bytes in, 32 bytes out. The browser's own (`crypto.subtle`) does not exist on pages that came
// by http. The constants are computed, not written down: a table of them would be larger than all of this.

const BLOCK = 64;
const WORD = 2 ** 32;

/** The first 32 bits of the fractional parts of the square roots of the first 8 primes, and of the cube roots of the
 * first 64. Storing into an Int32Array takes a number modulo 2^32: the integer part goes by itself. */
const start = new Int32Array(8);
const constants = new Int32Array(64);
for (let number = 2, count = 0, composite = []; count < 64; number++) {
  if (composite[number]) continue;
  for (let i = number; i < 312; i += number) composite[i] = 1;
  start[count] = number ** (1 / 2) * WORD; // a ninth one and later ones are dropped
  constants[count++] = number ** (1 / 3) * WORD;
}

const words = new Int32Array(64);

/** @param {number} word @param {number} bits */
export const turn = (word, bits) => (word >>> bits) | (word << (32 - bits));

/** One block into the state. @param {Int32Array} state @param {Uint8Array} block */
function compress(state, block) {
  const view = new DataView(block.buffer);
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i++) {
    const x = words[i - 15];
    const y = words[i - 2];
    words[i] =
      i < 16
        ? view.getInt32(4 * i)
        : words[i - 16] + words[i - 7] + (turn(x, 7) ^ turn(x, 18) ^ (x >>> 3)) + (turn(y, 17) ^ turn(y, 19) ^ (y >>> 10));
    const first = h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + constants[i] + words[i];
    const second = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = (d + first) | 0;
    d = c;
    c = b;
    b = a;
    a = (first + second) | 0;
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => (state[i] += word));
}

/** A hash that grows. */
export class SHA256 {
  _state = start.slice();
  _block = new Uint8Array(BLOCK); // its beginning waits for more
  _count = 0; // bytes

  /** @param {Uint8Array} bytes */
  update(bytes) {
    for (let at = 0; at < bytes.length; ) {
      const filled = this._count % BLOCK;
      const piece = bytes.subarray(at, at + BLOCK - filled);
      this._block.set(piece, filled);
      at += piece.length;
      this._count += piece.length;
      if (this._count % BLOCK === 0) compress(this._state, this._block);
    }
    return this;
  }

  /** Of all bytes so far; more may follow. */
  digest() {
    const copy = new SHA256();
    copy._state.set(this._state);
    copy._block.set(this._block);
    copy._count = this._count;
    const end = new DataView(new ArrayBuffer(BLOCK + 8 - ((this._count + 8) % BLOCK)));
    end.setUint8(0, 0x80);
    end.setUint32(end.byteLength - 8, this._count / 2 ** 29);
    end.setUint32(end.byteLength - 4, this._count * 8);
    copy.update(new Uint8Array(end.buffer));
    const digest = new DataView(new ArrayBuffer(32));
    copy._state.forEach((word, i) => digest.setInt32(4 * i, word));
    return new Uint8Array(digest.buffer);
  }
}
