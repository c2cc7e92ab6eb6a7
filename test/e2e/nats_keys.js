// SPDX-License-Identifier: Apache-2.0
// Keys and credentials of NATS (nkeys; JWTs of the type "ed25519-nkey"), as the tools of its makers write them.
import crypto from 'node:crypto';

const PREFIX = { operator: 14 << 3, account: 0, user: 20 << 3 };
const SEED = 18 << 3;

function crc16(bytes) {
  return bytes.reduce((sum, byte) => {
    let next = sum ^ (byte << 8);
    for (let bit = 0; bit < 8; bit++) next = next & 0x8000 ? (next << 1) ^ 0x1021 : next << 1;
    return next & 0xffff;
  }, 0);
}

function base32(bytes) {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return bits.match(/.{1,5}/g).map((five) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[parseInt(five.padEnd(5, '0'), 2)]).join('');
}

/** Base32 of kind, 32 bytes and CRC-16. */
function write(kind, bytes) {
  const all = Buffer.concat([Buffer.from(kind), bytes]);
  const crc = crc16(all);
  return base32([...all, crc & 0xff, crc >> 8]);
}

/** `{ public, seed, sign(text) }` of an operator, an account or a user. */
export function makeKey(kind = 'user') {
  const prefix = PREFIX[kind];
  const { privateKey, publicKey } = crypto.generateKeyPairSync('ed25519');
  const raw = (key, type) => key.export({ format: 'der', type }).subarray(-32);
  return {
    public: write([prefix], raw(publicKey, 'spki')),
    seed: write([SEED | (prefix >> 5), (prefix << 3) & 0xff], raw(privateKey, 'pkcs8')),
    sign: (text) => crypto.sign(null, Buffer.from(text), privateKey),
  };
}

/** `issuer` says that `subject` is a `type`: a JWT. */
export function makeJwt(issuer, subject, type, claims = {}) {
  const part = (object) => Buffer.from(JSON.stringify(object)).toString('base64url');
  const about = { jti: crypto.randomUUID(), iat: Math.floor(Date.now() / 1000), iss: issuer.public, name: type, sub: subject.public };
  const text = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${part({ ...about, nats: { ...claims, type, version: 2 } })}`;
  return `${text}.${issuer.sign(text).toString('base64url')}`;
}

/** The file that a user gets. */
export const credentialsOf = (jwt, user) => `-----BEGIN NATS USER JWT-----
${jwt}
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
${user.seed}
------END USER NKEY SEED------
`;
