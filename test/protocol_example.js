// SPDX-License-Identifier: Apache-2.0
// The worked example of docs/protocol.md, section 8: a login and the first messages after it, with all bytes. Everything
// follows from the few values at the top. `node test/protocol_example.js` writes the section into the document;
// test/web/protocol_document.test.js compares.
import crypto from 'node:crypto';
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';

export const documentPath = fileURLToPath(new URL('../docs/protocol.md', import.meta.url));

const START = '## 8. A login, byte by byte\n';

const password = 'K7MQ-2RTX-9WPD';
const ticket = '0500000040e2010075f01c9ab3d2476e';
const clientNonce = Buffer.from('18 bytes of client').toString('base64');
const deviceNonce = Buffer.from('18 bytes of device').toString('base64');
const salt = Buffer.from('0123456789abcdef0123456789abcdef', 'hex');
const rounds = 4096;
const mask = Buffer.from('37fa213d', 'hex'); // that of RFC 6455, section 5.7
const file = Buffer.from('This would be a firmware image.\n');

const hmac = (key, ...parts) => crypto.createHmac('sha256', key).update(Buffer.concat(parts.map((part) => Buffer.from(part)))).digest();
const sha256 = (bytes) => crypto.createHash('sha256').update(bytes).digest();
const xor = (a, b) => Buffer.from(a.map((byte, i) => byte ^ b[i]));
const hex = (bytes) => Buffer.from(bytes).toString('hex');

/** The length in the head of a masked frame, RFC 6455, section 5.2. */
function lengthOf(payload) {
  return payload.length < 126 ? [0x80 | payload.length] : [0x80 | 126, payload.length >> 8, payload.length & 0xff];
}

/** One frame of a client. */
function frame(opcode, payload) {
  const masked = payload.map((byte, i) => byte ^ mask[i % 4]);
  return Buffer.concat([Buffer.from([0x80 | opcode, ...lengthOf(payload)]), mask, masked]);
}

/** Hexadecimal digits in lines of 32 bytes. */
function dump(bytes) {
  return hex(bytes).replace(/(..)(?!$)/g, '$1 ').replace(/((?:.. ){31}..) /g, '$1\n').split('\n');
}

function withMac(key, count, text) {
  const covered = `${text.slice(0, -1)},"count":${count}`;
  return `${covered},"mac":"${hex(hmac(key, covered)).slice(0, 32)}"}`;
}

/** The keystream of a nonce of three numbers, from this byte on. */
function keystream(key, numbers, from, length) {
  const cipher = crypto.createCipheriv('chacha20', key, Buffer.from(Uint32Array.of(0, ...numbers).buffer));
  return cipher.update(Buffer.alloc(from + length)).subarray(from);
}

/** What is sealed from this byte of the file on, once `ready` has said so; of it and its keystream the first 16 bytes. */
function seal(key, count, start) {
  const numbers = [count, start, 0];
  const sealed = xor(file.subarray(start), keystream(key, numbers, start, file.length - start));
  const first = (bytes) => bytes.subarray(0, 16);
  return { nonce: Buffer.from(Uint32Array.of(...numbers).buffer), keystream: keystream(key, numbers, start, 16), file: first(file.subarray(start)), sealed: first(sealed), all: sealed };
}

/** All values, in the order in which a client comes by them. */
export function example() {
  const bare = `n=ota,r=${clientNonce}`;
  const hello = `{"type":"hello","version":1,"ticket":"${ticket}","scram":"n,,${bare}"}`;
  const serverFirst = `r=${clientNonce}${deviceNonce},s=${salt.toString('base64')},i=${rounds}`;
  const withoutProof = `c=biws,r=${clientNonce}${deviceNonce}`;
  const authMessage = `${bare},${serverFirst},${withoutProof}`;

  const saltedPassword = crypto.pbkdf2Sync(password, salt, rounds, 32, 'sha256');
  const clientKey = hmac(saltedPassword, 'Client Key');
  const storedKey = sha256(clientKey);
  const clientSignature = hmac(storedKey, authMessage);
  const clientProof = xor(clientKey, clientSignature);
  const serverKey = hmac(saltedPassword, 'Server Key');
  const serverSignature = hmac(serverKey, authMessage);

  const sessionKey = hmac(storedKey, 'GSS-API session key', clientKey, authMessage);
  const clientMacKey = hmac(sessionKey, 'ota_ws client');
  const deviceMacKey = hmac(sessionKey, 'ota_ws device');
  const dataKey = hmac(sessionKey, 'ota_ws data');
  const answerKey = hmac(sessionKey, 'ota_ws answers');
  const sealedWhole = seal(dataKey, 2, 0);
  const answer = '{"type":"logs"}';
  const sealedAnswer = xor(Buffer.from(answer), keystream(answerKey, [3, 0, 0], 0, answer.length)).toString('base64');
  return {
    password, ticket, hello, helloFrame: frame(1, Buffer.from(hello)),
    challenge: `{"type":"challenge","version":1,"scram":"${serverFirst}"}`,
    saltedPassword, clientKey, storedKey, authMessage: [bare, `,${serverFirst}`, `,${withoutProof}`], clientSignature, clientProof,
    proof: `{"type":"proof","scram":"${withoutProof},p=${clientProof.toString('base64')}"}`,
    serverKey, serverSignature,
    welcome: `{"type":"welcome","version":1,"scram":"v=${serverSignature.toString('base64')}"}`,
    sessionKey, clientMacKey, deviceMacKey,
    ping: withMac(clientMacKey, 1, '{"type":"ping"}'),
    pong: withMac(deviceMacKey, 2, '{"type":"pong"}'),
    begin: withMac(clientMacKey, 2, `{"type":"begin","size":${file.length},"sha256":"${hex(sha256(file))}"}`),
    dataFrame: frame(2, Buffer.concat([Buffer.alloc(4), file])),
    dataKey, answerKey, sealedWhole, sealedRest: seal(dataKey, 2, 16), file,
    sealedBegin: withMac(clientMacKey, 2, `{"type":"begin","size":${file.length},"sha256":"${hex(sha256(file))}","sealed":true}`),
    sealedFrame: frame(2, Buffer.concat([Buffer.alloc(4), sealedWhole.all])),
    logs: withMac(clientMacKey, 3, '{"type":"logs","sealed":true}'),
    answer, answerNonce: Buffer.from(Uint32Array.of(3, 0, 0).buffer),
    sealedAnswer: withMac(deviceMacKey, 3, `{"type":"sealed","message":"${sealedAnswer}"}`),
  };
}

const head = (text) => dump(lengthOf(text))[0];
const block = (...lines) => ['```', ...lines.flat(), '```', ''].join('\n');
const rows = (values) => ['nonce', 'keystream', 'file', 'sealed'].map((name) => `${name.padEnd(16)}${hex(values[name])}`);
const keys = (values, ...names) => names.map((name) => `${name.padEnd(16)}${hex(values[name[0].toLowerCase() + name.slice(1)])}`);

/** The section, from its heading to its end. */
export function section() {
  const it = example();
  return `${START}
Each value follows from those above it. Keys and frames are written in hexadecimal digits. The password is the pairing code
\`${it.password}\`, the ticket \`${it.ticket}\`. The client sends \`hello\`:

${block(it.hello)}
As a WebSocket frame that is: a text (81), masked, of ${it.hello.length} bytes (${head(it.hello)}), the mask ${dump(mask)}, and the text,
masked. A real client takes a new random mask for each frame.

${block(dump(it.helloFrame))}
The device answers:

${block(it.challenge)}
Now the client knows the salt and the rounds, and calculates:

${block(...keys(it, 'SaltedPassword', 'ClientKey', 'StoredKey'))}
The AuthMessage is one line without a blank, written here in three: the client's first \`scram\` without \`n,,\`; a comma
and the device's; a comma and the client's second one up to the comma before \`p=\`:

${block(it.authMessage)}
${block(...keys(it, 'ClientSignature', 'ClientProof'))}
ClientProof is ClientKey XOR ClientSignature; in base64 it is \`p=\`. The client sends:

${block(it.proof)}
It has ${it.proof.length} bytes. From 126 on the length of a frame takes two more bytes, the high one first: its frame begins with
81 ${head(it.proof)}.

The device accepts it, and proves that it knows the password too:

${block(...keys(it, 'ServerKey', 'ServerSignature'), it.welcome)}
Both calculate the keys of the session:

${block(...keys(it, 'SessionKey', 'ClientMacKey', 'DeviceMacKey'))}
The device's first message is \`state\`, with \`"count":1\`. The client's first message, and its answer, the device's second
message:

${block(it.ping, it.pong)}
An update of a file of ${file.length} bytes begins with

${block(it.begin)}
and when \`ready\` has come, its only data frame is a binary one (82), masked, of ${file.length + 4} bytes (${hex([0x80 | (file.length + 4)])}): the mask,
then the offset 00 00 00 00 and the file, masked:

${block(dump(it.dataFrame))}
### The same upload, sealed

Where \`state\` has \`seals\`, the \`begin\` of above says that the data are sealed (section 6):

${block(it.sealedBegin)}
Its \`count\` is 2, and \`ready\` says \`"offset":0\`. So the nonce is 2, 0, 0, each in 4 bytes, the low one first. The bytes
of the frame lie at offset 0 of the stream: they take the first bytes of the keystream's block 0. Of each row the first
16 bytes; sealed is file XOR keystream:

${block(...keys(it, 'DataKey'), rows(it.sealedWhole))}
The data frame has the same offset and length as above, and the mask as ever:

${block(dump(it.sealedFrame))}
If \`ready\` said \`"offset":16\`, because the device has the first 16 bytes of the file already, the nonce would be
another one, and the frame would begin with byte 16 of block 0:

${block(rows(it.sealedRest))}
A sealed answer, here of a device that has no log lines. The client asks, and the device's third message is

${block(it.logs, it.sealedAnswer)}
Its \`count\` is 3, so the nonce is 3, 0, 0. \`message\` without its base64, XOR the keystream from byte 0 on, is the
answer:

${block(...keys(it, 'AnswerKey'), `nonce           ${hex(it.answerNonce)}`, it.answer)}`;
}

/** The document with this section in the place of the old one, or at its end. */
export function renewed(text) {
  const at = text.indexOf(START);
  const before = at < 0 ? `${text.trimEnd()}\n\n` : text.slice(0, at);
  const rest = at < 0 ? '' : text.slice(at + START.length);
  const next = rest.search(/^## /m);
  return before + section() + (next < 0 ? '' : `\n${rest.slice(next)}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  fs.writeFileSync(documentPath, renewed(fs.readFileSync(documentPath, 'utf8')));
}
