// SPDX-License-Identifier: Apache-2.0
// Plain HTTP at the page's address (docs/protocol.md, section 9): the login in one message, and requests that say
// what they shall say. Beside it curl, as people use it.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import { freshPath, run, ticketOf } from './harness.js';
import fs from 'node:fs';

export const hex = (bytes) => crypto.createHash('sha256').update(bytes).digest('hex');
const hmac = (key, text) => crypto.createHmac('sha256', key).update(text).digest();

/** What the proof covers, as a text. */
export function authMessage({ method, path = '/ota', size, sha256, downgrade = false, sealed = false, ticket }) {
  return JSON.stringify({ type: method, path, size, sha256, ...(downgrade && { allow_downgrade: true }), ...(sealed && { sealed }), ticket });
}

/** The value of Authorization, and the key that proves the answer. */
export function prove({ ticket, salt, rounds }, password, what) {
  const salted = crypto.pbkdf2Sync(password, Buffer.from(salt, 'base64'), rounds, 32, 'sha256');
  const clientKey = hmac(salted, 'Client Key');
  const storedKey = crypto.createHash('sha256').update(clientKey).digest();
  const text = authMessage({ ...what, ticket });
  const signature = hmac(storedKey, text);
  const proof = Buffer.from(clientKey.map((byte, i) => byte ^ signature[i])).toString('base64');
  const sessionKey = hmac(storedKey, Buffer.concat([Buffer.from('GSS-API session key'), clientKey, Buffer.from(text)]));
  const [key, dataKey] = ['ota_ws device', 'ota_ws data'].map((label) => hmac(sessionKey, label));
  return { authorization: `OTA-SCRAM ticket=${ticket}, proof=${proof}`, key, dataKey };
}

/** Is this the answer of a device that knows the password, to this request? */
export function isProved(text, key) {
  const at = text.lastIndexOf(',"mac":"');
  return text.slice(at) === `,"mac":"${hmac(key, text.slice(0, at)).toString('hex', 0, 16)}"}`;
}

/** One request. `pieces`: the body, one write each; an `await`ed function between two waits. `cut`: no end, the cable. */
export function send(device, { method, headers = {}, pieces = [], cut = false, path = '/ota' }) {
  const { protocol, hostname, port } = device.url;
  const client = protocol === 'https:' ? https : http;
  return new Promise((resolve) => {
    const request = client.request({ method, hostname, port, path, headers, agent: false, rejectUnauthorized: false }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      const end = () => {
        const text = Buffer.concat(chunks).toString();
        let json;
        try {
          json = JSON.parse(text);
        } catch {
          json = undefined;
        }
        resolve({ status: response.statusCode, headers: response.headers, text, json });
      };
      response.on('end', end);
      response.on('error', end);
    });
    request.on('error', (error) => resolve({ error }));
    (async () => {
      for (const piece of pieces) {
        if (typeof piece === 'function') {
          await piece();
        } else {
          await new Promise((written) => request.write(piece, written));
        }
      }
      if (cut) {
        request.destroy();
      } else {
        request.end();
      }
    })();
  });
}

/** The keystream of a sealed body from byte `from` of the file on (docs/protocol.md, section 9). */
function seal(dataKey, bytes, from) {
  const iv = Buffer.from(Uint32Array.of(Math.floor(from / 64), 0, 0, 0).buffer);
  const cipher = crypto.createCipheriv('chacha20', dataKey, iv);
  cipher.update(Buffer.alloc(from % 64));
  return cipher.update(bytes);
}

/** A PUT of `bytes` from `from` on, with a login of its own. `more` replaces headers; `pieces` the body. */
export async function put(device, bytes, { password = device.pairingCode, from, pieces, more = {}, downgrade = false, sha256 = hex(bytes), cut, sealed = false } = {}) {
  const ticket = await ticketOf(device);
  if (sealed) ticket.ticket += `, nonce=${crypto.randomBytes(16).toString('hex')}`;
  const login = ticket.login === 'none' ? undefined : prove(ticket, password, { method: 'PUT', size: bytes.length, sha256, downgrade, sealed });
  const open = bytes.subarray(from ?? 0);
  const rest = sealed ? seal(login.dataKey, open, from ?? 0) : open;
  const headers = {
    'Content-Length': rest.length,
    'OTA-SHA256': sha256,
    ...(login && { Authorization: login.authorization }),
    ...(from !== undefined && { 'Content-Range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
    ...(downgrade && { 'OTA-Allow-Downgrade': 'true' }),
    ...(sealed && { 'OTA-Sealed': 'true' }),
    ...more,
  };
  const answer = await send(device, { method: 'PUT', headers, pieces: pieces ?? [rest], cut });
  return { ...answer, key: login?.key };
}

/** Where the device would go on with these bytes. */
export async function askOffset(device, bytes, password = device.pairingCode) {
  const more = { 'Content-Length': 0, 'Content-Range': `bytes */${bytes.length}` };
  const { status, headers, json } = await put(device, bytes, { password, more, pieces: [] });
  assert.equal(status, 308, JSON.stringify(json));
  const found = /^bytes=0-(\d+)$/.exec(headers.range ?? '');
  assert.equal(json.offset, found === null ? 0 : Number(found[1]) + 1);
  return json.offset;
}

/** POST or GET with JSON, with a login of its own. */
export async function ask(device, method, body, { password = device.pairingCode, more = {} } = {}) {
  const ticket = await ticketOf(device);
  const text = body === undefined ? '' : JSON.stringify(body);
  const login = ticket.login === 'none' ? undefined : prove(ticket, password, { method, size: text.length, sha256: hex(text) });
  const headers = {
    ...(login && { Authorization: login.authorization }),
    ...(method === 'GET' ? { Accept: 'application/json' } : { 'Content-Type': 'application/json', 'Content-Length': text.length }),
    ...more,
  };
  const answer = await send(device, { method, headers, pieces: text === '' ? [] : [text] });
  return { ...answer, key: login?.key };
}

/** curl, with the status of the answer and its body. */
export async function curl(device, ...args) {
  const body = freshPath('.txt');
  fs.writeFileSync(body, '');
  const { code, stdout, stderr } = await run('curl', ['-s', '-S', '-k', '-o', body, '-w', '%{http_code}', ...args, device.page]);
  const text = fs.readFileSync(body, 'utf8');
  return { code, status: Number(stdout), text, stderr, json: text.startsWith('{') ? JSON.parse(text) : undefined };
}
