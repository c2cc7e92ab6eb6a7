// SPDX-License-Identifier: Apache-2.0
// The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677) without channel binding, the session's keys that follow from
// it, and the mac of a message (docs/protocol.md, section 3). Texts in, texts out; knows no socket.

import { SHA256 } from './sha256.js';

import { base64, hex, sha256, unbase64, utf8 } from './bytes.js';

/** @import { Proof, Secret } from './types.js' */

const MIN_ITERATIONS = 4096; // RFC 7677; fewer would be an invitation to guess
const MAX_ITERATIONS = 1e6;

/** HMAC (RFC 2104) with a key of a block at most. @param {Uint8Array} key @param {Uint8Array} bytes */
export function hmac(key, bytes) {
  const [inner, outer] = [0x36, 0x5c].map((pad) => {
    const block = new Uint8Array(64).fill(pad);
    key.forEach((byte, i) => (block[i] ^= byte));
    return new SHA256().update(block);
  });
  return outer.update(inner.update(bytes).digest()).digest();
}

/** @param {Uint8Array} key @param {string} text */
const sign = (key, text) => hmac(key, utf8(text));

/** PBKDF2 (RFC 8018), 32 bytes. @param {Uint8Array} password @param {Uint8Array} salt @param {number} iterations */
export function pbkdf2(password, salt, iterations) {
  let block = hmac(password, Uint8Array.of(...salt, 0, 0, 0, 1));
  const key = block.slice();
  while (--iterations > 0) {
    block = hmac(password, block);
    block.forEach((byte, i) => (key[i] ^= byte));
  }
  return key;
}

/** Our first message, with a new nonce. */
export const firstMessage = () => `n,,n=ota,r=${base64(crypto.getRandomValues(new Uint8Array(18)))}`;

/**
 * Answers the device's challenge.
 * @param {Secret} secret what its password comes to with this salt is kept in it
 * @param {string} first our first message
 * @param {string} challenge
 * @returns {Proof | undefined} none when the challenge is not in order, or when there is no password, and what is kept
 *   belongs to another salt
 */
export function prove(secret, first, challenge) {
  const [, nonce = '', salt = '', iterations = 0] = /^r=([!-+\--~]+),s=([\w+/=]+),i=(\d+)$/.exec(challenge) ?? [];
  const ours = first.slice(first.indexOf('r=') + 2);
  if (!nonce.startsWith(ours) || nonce === ours) return undefined;
  if (+iterations < MIN_ITERATIONS || +iterations > MAX_ITERATIONS) return undefined;

  const place = `s=${salt},i=${iterations},`;
  if (!secret.kept.startsWith(place)) {
    if (!secret.password) return undefined;
    secret.kept = place + base64(pbkdf2(utf8(secret.password), unbase64(salt), +iterations));
  }
  const salted = unbase64(secret.kept.slice(place.length)); // SaltedPassword
  const key = sign(salted, 'Client Key');
  const storedKey = sha256(key);
  const final = `c=biws,r=${nonce}`;
  const exchange = `${first.slice(3)},${challenge},${final}`; // AuthMessage
  const signature = sign(storedKey, exchange);
  const sessionKey = hmac(storedKey, Uint8Array.of(...utf8('GSS-API session key'), ...key, ...utf8(exchange)));
  return {
    message: `${final},p=${base64(key.map((byte, i) => byte ^ signature[i]))}`,
    answer: `v=${base64(sign(sign(salted, 'Server Key'), exchange))}`,
    keyOf: (use) => sign(sessionKey, `ota_ws ${use}`),
  };
}

/** @param {Uint8Array} key @param {string} text */
export const mac = (key, text) => hex(sign(key, text).slice(0, 16));
