// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4), HMAC (RFC 2104) and PBKDF2 (RFC 8018) as the login needs them, and the texts in which bytes
// travel. A page loaded by http has no crypto.subtle, and the smallest library would take 1.6 KB of a page that may
// have 10 (these: 0.7 KB). Names are the standards'; test/web/sha256.test.js compares with their examples and OpenSSL.

const BLOCK_SIZE = 64;

/** The first 32 bits of the fraction. @param {number} root */
const fraction = (root) => (root % 1) * 2 ** 32;

const primes = [2];
for (let n = 3; primes.length < 64; n++) if (primes.every((prime) => n % prime)) primes.push(n);
const K = Int32Array.from(primes, (prime) => fraction(Math.cbrt(prime)));
const initial = Int32Array.from(primes.slice(0, 8), (prime) => fraction(Math.sqrt(prime)));
const W = new Int32Array(64);

/** ROTR. @param {number} x @param {number} n */
const rotate = (x, n) => (x >>> n) | (x << -n);

/** @param {Int32Array} state @param {Uint8Array} block */
function compress(state, block) {
  const words = new DataView(block.buffer);
  let [a, b, c, d, e, f, g, h] = state;
  for (let t = 0; t < 64; t++) {
    const x = W[t - 2];
    const y = W[t - 15];
    const sigma0 = rotate(y, 7) ^ rotate(y, 18) ^ (y >>> 3);
    const sigma1 = rotate(x, 17) ^ rotate(x, 19) ^ (x >>> 10);
    W[t] = t < 16 ? words.getInt32(4 * t) : sigma1 + W[t - 7] + sigma0 + W[t - 16];
    const t1 = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + K[t] + W[t];
    const t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => (state[i] += word));
}

/** One running hash, or the continuation of another, which may be continued again. */
export class SHA256 {
  /** @type {Int32Array} */ #state;
  /** @type {number} */ #length;
  #block = new Uint8Array(BLOCK_SIZE);

  /** @param {SHA256} [from] at the end of a block */
  constructor(from) {
    this.#state = (from ? from.#state : initial).slice();
    this.#length = from ? from.#length : 0;
  }

  /** @param {Uint8Array} bytes less than 512 MiB in all */
  update(bytes) {
    while (bytes.length) {
      const filled = this.#length % BLOCK_SIZE;
      const part = bytes.subarray(0, BLOCK_SIZE - filled);
      this.#block.set(part, filled);
      this.#length += part.length;
      if (filled + part.length === BLOCK_SIZE) compress(this.#state, this.#block);
      bytes = bytes.subarray(part.length);
    }
    return this;
  }

  /** Ends it. */
  digest() {
    const bits = this.#length * 8;
    const end = new DataView(new ArrayBuffer(BLOCK_SIZE - ((this.#length + 8) % BLOCK_SIZE) + 8));
    end.setUint8(0, 0x80);
    end.setUint32(end.byteLength - 4, bits);
    this.update(new Uint8Array(end.buffer));
    const digest = new DataView(new ArrayBuffer(32));
    this.#state.forEach((word, i) => digest.setInt32(4 * i, word));
    return new Uint8Array(digest.buffer);
  }
}

/** @param {Uint8Array} bytes */
export const hash = (bytes) => new SHA256().update(bytes).digest();

/** HMAC with one key. @param {Uint8Array} key of a block at most @returns {(message: Uint8Array) => Uint8Array} */
export function hmac(key) {
  const [inner, outer] = [0x36, 0x5c].map((pad) => {
    const block = new Uint8Array(BLOCK_SIZE).fill(pad);
    key.forEach((byte, i) => (block[i] ^= byte));
    const begun = new SHA256().update(block);
    return (/** @type {Uint8Array} */ bytes) => new SHA256(begun).update(bytes).digest();
  });
  return (message) => outer(inner(message));
}

/** 32 bytes. @param {Uint8Array} password @param {Uint8Array} salt @param {number} iterations */
export function pbkdf2(password, salt, iterations) {
  const sign = hmac(password);
  let block = sign(Uint8Array.of(...salt, 0, 0, 0, 1));
  const key = block.slice();
  while (--iterations > 0) {
    block = sign(block);
    block.forEach((byte, i) => (key[i] ^= byte));
  }
  return key;
}

/** @param {string} text */
export const utf8 = (text) => new TextEncoder().encode(text);

/** @param {Iterable<number>} bytes */
export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** @param {Iterable<number>} bytes */
export const base64 = (bytes) => btoa(String.fromCharCode(...bytes));

/** @param {string} text */
export const unbase64 = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
