// SPDX-License-Identifier: Apache-2.0
// A session against a scripted device: login, count and mac in both directions, and everything that is not the device.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import test from 'node:test';

import { attend } from '../../web/src/connection.js';
import { seal } from '../../web/src/seal.js';
import { pairingCode, secretOf } from '../../web/src/secret.js';

globalThis.crypto ??= crypto.webcrypto; // Node 18 has it here only

const PASSWORD = 'K7MQ-2RTX-9WPD';
const TICKET = { type: 'ticket', version: 1, ticket: '0500000040e2010075f01c9ab3d2476e', login: 'scram-sha-256', ws: '/ota/ws' };

const settle = () => new Promise((resolve) => setTimeout(resolve, 5));
const hmac = (key, text) => crypto.createHmac('sha256', key).update(text).digest();
const sha256 = (bytes) => crypto.createHash('sha256').update(bytes).digest();

/** What the page finds in a browser. Intervals are wound by hand. */
const sockets = [];
let intervals = [];
let answer = TICKET;
let asked = [];
globalThis.location = { pathname: '/ota', origin: 'http://192.168.1.7', protocol: 'http:' };
globalThis.setInterval = (body) => intervals.push(body);
globalThis.clearInterval = (id) => delete intervals[id - 1];
globalThis.fetch = async (path, options) => {
  asked.push([path, options.method]);
  if (answer instanceof Error) throw answer;
  return answer.json ? answer : { status: 200, json: async () => answer };
};
globalThis.WebSocket = class {
  static OPEN = 1;
  readyState = 1;
  bufferedAmount = 0;
  sent = [];
  constructor(address, protocols) {
    this.address = address;
    this.protocols = protocols;
    sockets.push(this);
  }
  send(data) {
    if (this.readyState === 1) this.sent.push(data); // a browser drops what is said afterwards
  }
  close() {
    this.readyState = 3;
  }
};

/** The device's half of one session. */
class ScriptedDevice {
  messages = []; // by the page's listener
  count = 0;

  constructor(password = PASSWORD, typed = password) {
    intervals = [];
    this.password = password;
    this.reason = undefined;
    this.end = attend(secretOf(typed), (message, session) => {
      this.messages.push(message);
      this.session = session;
    }).then((reason) => (this.reason = reason));
  }

  get socket() {
    return sockets.at(-1);
  }

  get said() {
    return this.socket.sent.map((text) => JSON.parse(text));
  }

  say(message) {
    this.socket.onmessage({ data: typeof message === 'string' ? message : JSON.stringify(message) });
  }

  /** With count and mac. */
  sign(message, { count = this.count + 1, key = this.deviceKey } = {}) {
    const text = `${JSON.stringify(message).slice(0, -1)},"count":${count}`;
    return `${text},"mac":"${hmac(key, text).toString('hex', 0, 16)}"}`;
  }

  saySigned(message) {
    this.say(this.sign(message));
    this.count++;
  }

  async open() {
    await settle();
    this.socket.onopen();
    const first = this.said[0].scram;
    const nonce = first.slice(first.indexOf('r=') + 2);
    const salt = crypto.randomBytes(16);
    this.challenge = `r=${nonce}device,s=${salt.toString('base64')},i=4096`;
    const salted = crypto.pbkdf2Sync(this.password, salt, 4096, 32, 'sha256');
    this.clientKeyOfLogin = hmac(salted, 'Client Key');
    this.exchange = `${first.slice(3)},${this.challenge},c=biws,r=${nonce}device`;
    this.signature = `v=${hmac(hmac(salted, 'Server Key'), this.exchange).toString('base64')}`;
    const stored = sha256(this.clientKeyOfLogin);
    const session = hmac(
      stored,
      Buffer.concat([Buffer.from('GSS-API session key'), this.clientKeyOfLogin, Buffer.from(this.exchange)]),
    );
    this.clientKey = hmac(session, 'ota_ws client');
    this.deviceKey = hmac(session, 'ota_ws device');
    this.dataKey = hmac(session, 'ota_ws data');
    this.answerKey = hmac(session, 'ota_ws answers');
    this.proof = Buffer.from(this.clientKeyOfLogin.map((byte, i) => byte ^ hmac(stored, this.exchange)[i])).toString(
      'base64',
    );
    return this;
  }

  async welcome() {
    await this.open();
    this.say({ type: 'challenge', version: 1, scram: this.challenge });
    this.say({ type: 'welcome', version: 1, scram: this.signature });
    return this;
  }
}

test('the ticket is asked for where the page came from, and the socket is where the ticket says', async () => {
  answer = { ...TICKET, ws: '/fw/socket' };
  asked = [];
  new ScriptedDevice();
  await settle();
  assert.deepEqual(asked, [['/ota', 'POST']]);
  assert.equal(sockets.at(-1).address, 'ws://192.168.1.7/fw/socket');
  answer = TICKET;
});

test('behind a prefix of a proxy the socket is where the page is', async () => {
  const cases = [
    ['/devices/lamp/ota', '/ota', '/devices/lamp/ota/ws'],
    ['/devices/lamp/', '/', '/devices/lamp/ota/ws'],
    ['/devices/lamp/ota/', '/ota/', '/devices/lamp/ota/ws'],
    ['/ota', '/ota', '/ota/ws'],
    ['/renamed', '/ota', '/ota/ws'],
    ['/devices/lamp/ota', undefined, '/ota/ws'],
  ];
  for (const [pathname, page, wanted] of cases) {
    location.pathname = pathname;
    answer = { ...TICKET, page };
    new ScriptedDevice();
    await settle();
    assert.equal(sockets.at(-1).address, `ws://192.168.1.7${wanted}`, `${pathname} ${page}`);
  }
  location.pathname = '/ota';
  answer = TICKET;
});

test('a pairing code is taken as people type it, a chosen password as it is', async () => {
  for (const typed of ['K7MQ-2RTX-9WPD', 'k7mq2rtx9wpd', ' k7mq 2rtx 9wpd ', 'K7MQ2-RTX9WPD']) {
    assert.equal(pairingCode(typed), PASSWORD, typed);
  }
  assert.equal(pairingCode('o1il-oooo-0000'), '0111-0000-0000');
  for (const other of ['K7MQ-2RTX-9WP', 'K7MQ-2RTX-9WPDX', 'a wrong horse', 'u7mq2rtx9wpd']) assert.equal(pairingCode(other), other);
  answer = { ...TICKET, code: true };
  const device = await new ScriptedDevice(PASSWORD, 'k7mq2rtx9wpd').welcome();
  assert.equal(device.said[1].scram.split('p=')[1], device.proof);
  answer = TICKET;
  const chosen = await new ScriptedDevice('k7mq2rtx9wpd').welcome();
  assert.equal(chosen.said[1].scram.split('p=')[1], chosen.proof);
});

test('an answer that is no ticket is named by its status', async () => {
  for (const [status, device] of [[0, 'HTTP 3xx'], [200, 'HTTP 200'], [401, 'HTTP 401'], [404, 'HTTP 404'], [502, 'HTTP 502']]) {
    answer = { status, json: async () => JSON.parse('<h1>no</h1>') };
    assert.deepEqual(await new ScriptedDevice().end, { name: 'not_the_device', device });
  }
  answer = { ...answer, status: 431 };
  assert.deepEqual(await new ScriptedDevice().end, { name: 'http_431' });
  answer = TICKET;
});

test('a socket that does not open is another thing than one that is lost', async () => {
  const device = new ScriptedDevice();
  await settle();
  device.socket.onclose();
  assert.deepEqual(await device.end, { name: 'not_the_device', device: 'No WebSocket' });
});

test('a login says hello and proof as SCRAM does, and the password nowhere', async () => {
  const device = await new ScriptedDevice().welcome();
  const [hello, proof] = device.said;
  assert.deepEqual(
    { ...hello, scram: hello.scram.slice(0, 11) },
    { type: 'hello', version: 1, ticket: TICKET.ticket, scram: 'n,,n=ota,r=' },
  );
  assert.equal(proof.type, 'proof');
  assert.equal(proof.scram.split('p=')[1], device.proof);
  assert.ok(!device.socket.sent.join().includes(PASSWORD));
  assert.deepEqual(
    device.messages.map(({ type }) => type),
    ['welcome'],
  );
});

test('every message after the login carries count and mac, in this order and at its end', async () => {
  const device = await new ScriptedDevice().welcome();
  device.session.send({ type: 'confirm' });
  device.session.send({ type: 'cancel' });
  for (const [i, type] of ['confirm', 'cancel'].entries()) {
    const covered = `{"type":"${type}","count":${i + 1}`;
    assert.equal(
      device.socket.sent[2 + i],
      `${covered},"mac":"${hmac(device.clientKey, covered).toString('hex', 0, 16)}"}`,
    );
  }
});

test('a data frame is the offset in little-endian and the bytes', async () => {
  const device = await new ScriptedDevice().welcome();
  device.session.sendData(0x01020304, new Blob(['abc']));
  assert.deepEqual(
    Buffer.from(await device.socket.sent.at(-1).arrayBuffer()),
    Buffer.from('\x04\x03\x02\x01abc', 'latin1'),
  );
});

test('over http data are sealed where the device says so, in order with what is said', async () => {
  const device = await new ScriptedDevice().welcome();
  const bytes = crypto.randomBytes(5000);
  device.saySigned({ type: 'state', seals: true });
  device.session.send({ type: 'begin', size: 5000, early: 1000 });
  device.session.sendData(0, new Blob([bytes.subarray(0, 1000)]));
  device.saySigned({ type: 'ready', offset: 4000 }); // before the early data have been read
  device.session.sendData(4000, new Blob([bytes.subarray(4000)]));
  device.session.send({ type: 'end' });
  while (device.socket.sent.length < 6) await settle();
  const [begin, early, rest, end] = device.socket.sent.slice(-4);
  assert.equal(JSON.parse(begin).sealed, true);
  const { count } = JSON.parse(begin);
  for (const [frame, start, offset] of [[early, 0, 0], [rest, 4000, 4000]]) {
    const iv = Buffer.from(Uint32Array.of(Math.floor(offset / 64), count, start, 0).buffer);
    const cipher = crypto.createDecipheriv('chacha20', device.dataKey, iv);
    cipher.update(Buffer.alloc(offset % 64));
    const data = Buffer.from(await frame.arrayBuffer());
    assert.equal(data.readUInt32LE(0), offset);
    assert.deepEqual(cipher.update(data.subarray(4)), bytes.subarray(offset, offset + data.length - 4));
  }
  assert.equal(JSON.parse(end).count, count + 1);
});

test('over http log lines and core dumps come sealed, each time anew', async () => {
  const device = await new ScriptedDevice().welcome();
  const answers = [{ type: 'logs', text: 'Gerät: "x"\n', more: true }, { type: 'logs', text: 'y'.repeat(400) }, { type: 'crash' }];
  device.saySigned({ type: 'state', seals: true });
  for (const type of ['logs', 'crash']) {
    device.session.send({ type });
    assert.equal(JSON.parse(device.socket.sent.at(-1)).sealed, true);
  }
  for (const answer of [...answers, ...answers]) {
    const iv = Buffer.from(Uint32Array.of(0, device.count + 1, 0, 0).buffer);
    const cipher = crypto.createCipheriv('chacha20', device.answerKey, iv);
    device.saySigned({ type: 'sealed', message: cipher.update(JSON.stringify(answer)).toString('base64') });
    assert.deepEqual(device.messages.at(-1), answer);
  }
  device.saySigned({ type: 'pong' });
  assert.equal(device.messages.at(-1).type, 'pong');
});

test('over https, and where the device cannot, nothing is sealed', async () => {
  for (const [protocol, state] of [['https:', { seals: true }], ['http:', {}]]) {
    location.protocol = protocol;
    const device = await new ScriptedDevice().welcome();
    device.saySigned({ type: 'state', ...state });
    device.session.send({ type: 'begin', size: 3 });
    device.session.sendData(0, new Blob(['abc']));
    assert.equal(JSON.parse(device.socket.sent.at(-2)).sealed, undefined);
    assert.equal(Buffer.from(await device.socket.sent.at(-1).arrayBuffer()).subarray(4).toString(), 'abc');
    device.session.send({ type: 'logs' });
    assert.equal(JSON.parse(device.socket.sent.at(-1)).sealed, undefined);
  }
  location.protocol = 'http:';
});

test('a file that cannot be read any more ends the session', async () => {
  const device = await new ScriptedDevice().welcome();
  device.saySigned({ type: 'state', seals: true });
  device.session.send({ type: 'begin', size: 3 });
  device.session.sendData(0, { size: 3, arrayBuffer: () => Promise.reject(new Error('changed')) });
  device.session.send({ type: 'ping' });
  await device.end;
  assert.equal(device.reason.name, 'unreachable');
  assert.equal(JSON.parse(device.socket.sent.at(-1)).type, 'begin');
});

test('the vectors of RFC 8439, at every split', () => {
  const table = fs.readFileSync(new URL('../vectors/chacha20.txt', import.meta.url), 'utf8');
  const rows = table.split('\n').filter((line) => line && !line.startsWith('#'));
  assert.equal(rows.length, 3);
  for (const row of rows) {
    const [key, nonce, counter, plain, sealed] = row.split(' ');
    const words = new Uint32Array(Uint8Array.from(Buffer.from(nonce, 'hex')).buffer);
    const bytes = Buffer.from(plain, 'hex');
    for (let split = 0; split <= bytes.length; split++) {
      const parts = [bytes.subarray(0, split), bytes.subarray(split)];
      const both = parts.map((part, i) => seal(Buffer.from(key, 'hex'), words[0], words[1], counter * 64 + (i && split), part));
      assert.equal(Buffer.concat(both).toString('hex'), sealed);
    }
  }
});

test('genuine messages are messages, letters beyond ASCII too', async () => {
  const device = await new ScriptedDevice().welcome();
  device.saySigned({ type: 'state', device: 'Gerät' });
  device.saySigned({ type: 'pong' });
  assert.deepEqual(
    device.messages.slice(1).map(({ type }) => type),
    ['state', 'pong'],
  );
  assert.equal(device.messages[1].device, 'Gerät');
});

const forgeries = {
  'without a mac': () => '{"type":"done"}',
  'with another mac': (device) => device.sign({ type: 'done' }).replace(/"mac":"../, '"mac":"zz'),
  'with the key of the other direction': (device) => device.sign({ type: 'done' }, { key: device.clientKey }),
  'with the next count but one': (device) => device.sign({ type: 'done' }, { count: 3 }),
  'that was said before': (device) => device.sign({ type: 'pong' }, { count: 1 }),
  'with a member after the mac': (device) => device.sign({ type: 'done' }).replace(/}$/, ',"x":1}'),
  'with a changed member': (device) => device.sign({ type: 'failed', name: 'busy' }).replace('busy', 'done'),
};
for (const [what, forge] of Object.entries(forgeries)) {
  test(`a message ${what} ends the session unread`, async () => {
    const device = await new ScriptedDevice().welcome();
    device.saySigned({ type: 'pong' });
    device.say(forge(device));
    await device.end;
    assert.deepEqual(device.reason, { name: 'false_device' });
    assert.deepEqual(
      device.messages.map(({ type }) => type),
      ['welcome', 'pong'],
    );
    assert.equal(device.socket.readyState, 3);
  });
}

const impostors = {
  'that welcomes without having been proved': (device) => device.say({ type: 'welcome', version: 1 }),
  'that skips the challenge': (device) => device.say({ type: 'welcome', version: 1, scram: device.signature }),
  'that does not know the password': (device) => {
    device.say({ type: 'challenge', version: 1, scram: device.challenge });
    device.say({ type: 'welcome', version: 1, scram: 'v=AAAA' });
  },
  'that welcomes without a signature': (device) => {
    device.say({ type: 'challenge', version: 1, scram: device.challenge });
    device.say({ type: 'welcome', version: 1 });
  },
  'whose nonce is not ours': (device) =>
    device.say({ type: 'challenge', version: 1, scram: 'r=xyz,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096' }),
};
for (const [what, act] of Object.entries(impostors)) {
  test(`a device ${what} is left`, async () => {
    const device = await new ScriptedDevice().open();
    act(device);
    await device.end;
    assert.deepEqual([device.reason, device.messages], [{ name: 'false_device' }, []]);
  });
}

test('no message is passed on before the welcome', async () => {
  const device = await new ScriptedDevice().open();
  device.say({ type: 'state', device: 'x' });
  device.say({ type: 'done' });
  assert.deepEqual(device.messages, []);
});

test('an open device is entered without password and without macs', async () => {
  answer = { ...TICKET, login: 'none' };
  const device = new ScriptedDevice('');
  await settle();
  device.socket.onopen();
  assert.deepEqual(device.said, [{ type: 'hello', version: 1, ticket: TICKET.ticket }]);
  device.say({ type: 'welcome', version: 1 });
  device.say({ type: 'state', device: 'x' });
  device.session.send({ type: 'restart' });
  assert.deepEqual(
    [device.session.isOpen, device.messages.length, device.socket.sent.at(-1)],
    [true, 2, '{"type":"restart"}'],
  );
  answer = TICKET;
});

test('without a password a locked device is not bothered further', async () => {
  const before = sockets.length;
  const device = new ScriptedDevice('');
  assert.deepEqual(await device.end, { name: 'password_needed' });
  assert.equal(sockets.length, before);
});

test('what the device says at its end is the reason', async () => {
  const device = await new ScriptedDevice().open();
  device.say({ type: 'error', name: 'try_later', device: '4', wait_s: 4 });
  assert.deepEqual(await device.end, { type: 'error', name: 'try_later', device: '4', wait_s: 4 });
});

test('a refused ticket, another protocol, and nobody there are reasons, too', async () => {
  answer = { type: 'error', name: 'foreign_host' };
  assert.equal((await new ScriptedDevice().end).name, 'foreign_host');
  answer = { ...TICKET, version: 2 };
  assert.equal((await new ScriptedDevice().end).name, 'wrong_version');
  answer = new TypeError('Failed to fetch');
  assert.equal((await new ScriptedDevice().end).name, 'unreachable');
  answer = TICKET;
  const device = await new ScriptedDevice().open();
  device.socket.onclose();
  assert.equal((await device.end).name, 'unreachable');
});

test('no ticket, no socket; and none asks for a subprotocol', async () => {
  const before = sockets.length;
  for (answer of [new TypeError('Failed to fetch'), { type: 'error', name: 'busy' }, { status: 502, json: () => Promise.reject(new Error('html')) }]) {
    await new ScriptedDevice().end;
  }
  assert.equal(sockets.length, before);
  answer = TICKET;
  assert.equal((await new ScriptedDevice().open()).socket.protocols, undefined);
});

test('a silent session is pinged, and given up when that is not answered', async () => {
  const device = await new ScriptedDevice().welcome();
  const tick = intervals.at(-1);
  tick();
  assert.equal(device.said.at(-1).type, 'ping');
  device.saySigned({ type: 'pong' });
  tick();
  await settle();
  assert.equal(device.reason, undefined);
  tick();
  assert.deepEqual(await device.end, { name: 'unreachable' });
  assert.equal(device.socket.readyState, 3);
});

test('once it is over a session says nothing more', async () => {
  const device = await new ScriptedDevice().welcome();
  device.socket.onclose();
  await device.end;
  device.socket.readyState = 3;
  const before = device.socket.sent.length;
  device.session.send({ type: 'restart' });
  device.session.sendData(0, new Blob(['x']));
  assert.equal(device.socket.sent.length, before);
});
