// SPDX-License-Identifier: Apache-2.0
// The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677) without channel binding, the session's keys that follow from
// it, and the mac of a message (docs/protocol.md, section 3). Texts in, texts out; knows no socket.

import { base64, hash, hex, hmac, pbkdf2, unbase64, utf8 } from './sha256.js';

const MIN_ITERATIONS = 4096; // RFC 7677; fewer would be an invitation to guess
const MAX_ITERATIONS = 1e6;

/** @param {Uint8Array} key @param {string} text */
const sign = (key, text) => hmac(key)(utf8(text));

/** A nonce without comma. */
export const makeNonce = () => base64(crypto.getRandomValues(new Uint8Array(18)));

/** The first message. @param {string} nonce @param {string} [user] */
export const firstMessage = (nonce, user = 'ota') => `n,,n=${user},r=${nonce}`;

/**
 * @typedef {object} Proof
 * @property {string} message the final message
 * @property {string} answer what a device that knows the password says to it
 * @property {Uint8Array} clientKey of the mac of our messages
 * @property {Uint8Array} deviceKey of the mac of the device's messages
 */

/**
 * Answers the device's challenge.
 * @param {string} password
 * @param {string} first our first message
 * @param {string} challenge
 * @returns {Proof | undefined} none when the challenge is not in order
 */
export function prove(password, first, challenge) {
  const [, nonce = '', salt = '', iterations = 0] = /^r=([!-+\--~]+),s=([\w+/=]+),i=(\d+)$/.exec(challenge) ?? [];
  const ours = first.slice(first.indexOf('r=') + 2);
  if (!nonce.startsWith(ours) || nonce === ours) return undefined;
  if (+iterations < MIN_ITERATIONS || +iterations > MAX_ITERATIONS) return undefined;

  const salted = pbkdf2(utf8(password), unbase64(salt), +iterations);
  const key = sign(salted, 'Client Key');
  const storedKey = hash(key);
  const final = `c=biws,r=${nonce}`;
  const exchange = `${first.slice(3)},${challenge},${final}`; // AuthMessage
  const signature = sign(storedKey, exchange);
  const sessionKey = hmac(storedKey)(Uint8Array.of(...utf8('GSS-API session key'), ...key, ...utf8(exchange)));
  return {
    message: `${final},p=${base64(key.map((byte, i) => byte ^ signature[i]))}`,
    answer: `v=${base64(sign(sign(salted, 'Server Key'), exchange))}`,
    clientKey: sign(sessionKey, 'ota_ws client'),
    deviceKey: sign(sessionKey, 'ota_ws device'),
  };
}

/** @param {Uint8Array} key @param {string} text */
export const mac = (key, text) => hex(sign(key, text).slice(0, 16));
