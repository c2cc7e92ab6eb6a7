// SPDX-License-Identifier: Apache-2.0
// A listener on the network between clients and a device: keeps every byte that they send, and takes WebSocket frames of
// clients apart.
import crypto from 'node:crypto';
import { Cable } from './cable.js';

const RUN = 8; // bytes in a row that tell something

/** The payloads of a client's WebSocket frames, without mask, or the body of a request; and what they are. */
export function open(recorded) {
  const end = recorded.indexOf('\r\n\r\n') + 4;
  const frames = { text: [], data: [], all: [recorded.subarray(end)] };
  if (!/^Upgrade: websocket/im.test(recorded.toString('latin1', 0, end))) return frames;
  frames.all = [];
  for (let at = end; at + 6 < recorded.length; ) {
    const short = recorded[at + 1] & 127;
    const [size, start] = short === 126 ? [recorded.readUInt16BE(at + 2), at + 4] : short === 127 ? [Number(recorded.readBigUInt64BE(at + 2)), at + 10] : [short, at + 2];
    const mask = recorded.subarray(start, start + 4);
    const payload = Buffer.from(recorded.subarray(start + 4, start + 4 + size).map((byte, i) => byte ^ mask[i % 4]));
    const opcode = recorded[at] & 15;
    if (opcode === 1) frames.text.push(payload);
    if (opcode === 2) frames.data.push({ offset: payload.readUInt32LE(0), bytes: payload.subarray(4) });
    frames.all.push(payload);
    at = start + 4 + size;
  }
  return frames;
}

/** A cable that keeps what clients send (take) and what the device answers (takeAnswers), each connection by itself. */
export async function listen(device) {
  const cable = await Cable.lay(device);
  cable.recorded = [];
  cable.answers = [];
  cable.server.prependListener('connection', (near) => {
    const chunks = [];
    cable.recorded.push(chunks);
    near.on('data', (chunk) => chunks.push(chunk));
    const said = [];
    cable.answers.push(said);
    const write = near.write.bind(near);
    near.write = (chunk) => (said.push(chunk), write(chunk));
  });
  cable.take = () => cable.recorded.splice(0).map((chunks) => Buffer.concat(chunks));
  cable.takeAnswers = () => cable.answers.splice(0).map((chunks) => Buffer.concat(chunks));
  return cable;
}

/** The longest connection of those that were recorded: the upload. */
export const uploadOf = (recorded) => recorded.reduce((a, b) => (b.length > a.length ? b : a));

/** All that a listener can make of what it has: each connection both ways, frames without their masks, base64 decoded. */
export function readingsOf(cable) {
  const texts = cable.take().flatMap((recorded) => [recorded, ...open(recorded).all]).concat(cable.takeAnswers());
  const decoded = texts.flatMap((text) => Array.from(text.toString('latin1').matchAll(/[\w+/]{16,}={0,2}/g), ([base64]) => Buffer.from(base64, 'base64')));
  return [...texts, ...decoded].map((text) => text.toString('latin1'));
}

/** The pieces of 8 bytes of these secrets. */
export const runsOf = (...secrets) => secrets.flatMap((secret) => Array.from({ length: secret.length - RUN + 1 }, (_, at) => secret.slice(at, at + RUN)));

/** How often a listener reads one of them. */
export const countRuns = (readings, ...secrets) => runsOf(...secrets).reduce((sum, run) => sum + readings.filter((text) => text.includes(run)).length, 0);

/** What a message `sealed` holds (docs/protocol.md, section 6). */
export function unseal({ message, count }, answerKey) {
  const nonce = Buffer.from(Uint32Array.of(0, count, 0, 0).buffer);
  return crypto.createDecipheriv('chacha20', answerKey, nonce).update(Buffer.from(message, 'base64')).toString();
}
