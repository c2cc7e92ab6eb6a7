// SPDX-License-Identifier: Apache-2.0
// What the end-to-end tests stand on: images from the builder, real devices as processes on loopback, and a raw client
// of the protocol (docs/protocol.md) that can also say what no honest client says. BUILD_DIR names the build directory.
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import crypto from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import WebSocket from 'ws';

// A deadline for what never comes; no test waits for it when all is well. A loaded machine does everything later, this
// process too: until() looks at least so many times before it gives up.
export const GIVE_UP_MS = Number(process.env.GIVE_UP_MS ?? 400_000);
const LOOKS_AT_LEAST = 500;

// A test that has failed may leave a server open: its file ends all the same.
after(() => setTimeout(() => process.exit(), 5000).unref());

const here = path.dirname(fileURLToPath(import.meta.url));
export const root = path.resolve(here, '../..');
export const buildDir = path.resolve(process.env.BUILD_DIR ?? path.join(root, 'build/gcc'));
export const tools = {
  device: path.join(buildDir, 'ota-ws-device'),
  cli: process.env.OTA_WS_CLI ?? path.join(buildDir, 'cli/ota-ws'),
  image: path.join(buildDir, 'test/ota-ws-image'),
};

// ---- files

export const workDir = fs.mkdtempSync(path.join(os.tmpdir(), 'ota-ws-test-'));
process.env.XDG_CACHE_HOME = path.join(workDir, 'cache'); // ota-ws keeps what it sends
process.on('exit', () => fs.rmSync(workDir, { recursive: true, force: true }));

let fileCount = 0;
export function freshPath(suffix) {
  return path.join(workDir, `${++fileCount}${suffix}`);
}

/** An image of the builder: `{ version: '2.0.0', size: '200K', chip: 'esp32s3', defect: 'truncated', signature: true }` */
export function makeImage(options = {}) {
  const file = freshPath('.bin');
  const args = Object.entries(options).flatMap(([name, value]) => {
    const option = `--${name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;
    return value === true ? [option] : [option, String(value)];
  });
  execFileSync(tools.image, [...args, file]);
  return { path: file, bytes: fs.readFileSync(file) };
}

/** The builder's defects: `[{ name, status }]` */
export function defects() {
  const lines = execFileSync(tools.image, ['--list'], { encoding: 'utf8' }).trim().split('\n');
  return lines.map((line) => ({ name: line.split(' ')[0], status: line.split(' ')[1] }));
}

// ---- real images, or made ones in their place

const firmwareDir = path.resolve(root, '../shared/firmware');
export const firmwareIsReal = fs.existsSync(path.join(firmwareDir, 'SHA256SUMS'));
if (!firmwareIsReal) {
  console.log('# no real images beside the repository: the image builder makes them');
}

export const helloWorldChips = ['esp32', 'esp32s2', 'esp32s3', 'esp32c2', 'esp32c3', 'esp32c5', 'esp32c6', 'esp32h2', 'esp32p4'];

/** `name` as in ../shared/firmware, without '.bin'; `instead` describes the image to make when it is not there. */
export function realImage(name, instead = {}) {
  const file = path.join(firmwareDir, `${name}.bin`);
  return firmwareIsReal ? { path: file, bytes: fs.readFileSync(file) } : makeImage(instead);
}

// ---- waiting

/** Polls until `check` gives something true, and returns it. */
export async function until(check, what = 'it', giveUpMs = GIVE_UP_MS) {
  const deadline = Date.now() + giveUpMs;
  for (let looks = 1; ; looks++) {
    const result = await check();
    if (result) {
      return result;
    }
    assert.ok(Date.now() < deadline || looks < LOOKS_AT_LEAST, `${what} did not happen`);
    await new Promise((resolve) => setTimeout(resolve, looks < 20 ? 10 : 50)); // looking at a browser costs it time
  }
}

export async function run(file, args, options = {}) {
  try {
    const { stdout, stderr } = await promisify(execFile)(file, args, { encoding: 'utf8', ...options });
    return { code: 0, stdout, stderr };
  } catch (error) {
    return { code: error.code, stdout: error.stdout, stderr: error.stderr };
  }
}

// ---- flash files

const PARTITION_TABLE = 0x8000;

/** Reads a binary partition table; rows as objects by label. */
export function readPartitionTable(flash) {
  const rows = {};
  for (let at = PARTITION_TABLE; flash.readUInt16LE(at) === 0x50aa; at += 32) {
    const label = flash.toString('latin1', at + 12, at + 28).replace(/\0.*$/s, '');
    rows[label] = {
      type: flash[at + 2],
      subtype: flash[at + 3],
      offset: flash.readUInt32LE(at + 4),
      size: flash.readUInt32LE(at + 8),
    };
  }
  return rows;
}

/** The two entries of otadata. */
export function readOtadata(flash) {
  const { offset } = readPartitionTable(flash).otadata;
  return [offset, offset + 4096].map((at) => ({
    sequence: flash.readUInt32LE(at),
    label: flash.subarray(at + 4, at + 24),
    state: flash.readUInt32LE(at + 24),
    crc: flash.readUInt32LE(at + 28),
  }));
}

// ---- a device

export class Device {
  /**
   * Starts one and waits for its page. `image`: what it runs at first (a file); `options`: further options of
   * ota-ws-device, as makeImage() takes them; `flash`: an existing flash file; `wrap`: a command before it;
   * `executable`: another build of it.
   */
  static async start({ image, options = {}, flash = freshPath('.flash'), wrap = [], env = {}, executable = tools.device } = {}) {
    const device = new Device(flash);
    const args = ['--flash', flash, '--port', '0', '--boot-time', '50'];
    if (image !== undefined) {
      args.push('--image', image);
    }
    for (const [name, value] of Object.entries(options)) {
      const option = `--${name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;
      args.push(...(value === true ? [option] : [option, String(value)]));
    }
    const [file, ...before] = [...wrap, executable];
    device.process = spawn(file, [...before, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    device.process.stdout.on('data', (text) => (device.log += text));
    device.process.stderr.on('data', (text) => (device.log += text));
    device.exited = once(device.process, 'close').then(([code, signal]) => {
      device.code = code;
      device.signal = signal;
    });
    await until(() => device.page !== undefined || device.ended, 'the page address on the console');
    return device;
  }

  constructor(flash) {
    this.flashPath = flash;
    this.log = '';
  }

  get ended() {
    return this.code !== undefined;
  }

  /** The page's address without the code; undefined until the console has it. */
  get page() {
    const found = /page: (https?:\/\/\S+)/.exec(this.log);
    const isWhole = found !== null && /\n/.test(this.log.slice(found.index)) && (found[1].includes('#code=') === /pairing code \S+\n/.test(this.log));
    return isWhole ? found[1].split('#')[0] : undefined;
  }

  get pairingCode() {
    return /pairing code (\S+)/.exec(this.log)?.[1];
  }

  get url() {
    return new URL(this.page);
  }

  get boots() {
    return this.log.split('boot: slot ').length - 1;
  }

  /** Waits for its start number `boots`, until clients can connect. */
  started(boots) {
    const isReady = () => this.boots >= boots && /page: .*\n/.test(this.log.split('boot: slot ').at(-1));
    return until(isReady, `start number ${boots}`);
  }

  /** Bytes of the flash file as they are now. */
  flash() {
    return fs.readFileSync(this.flashPath);
  }

  /** Bytes of a partition. */
  partition(label) {
    const flash = this.flash();
    const row = readPartitionTable(flash)[label];
    return flash.subarray(row.offset, row.offset + row.size);
  }

  waitFor(pattern) {
    return until(() => pattern.exec(this.log), `${pattern} on the console`);
  }

  /** Ends it as Ctrl-C does. A sanitizer's report, a crash or another exit code fails the test. */
  async stop() {
    if (this.isStopped) {
      return;
    }
    this.isStopped = true;
    this.process.kill('SIGINT');
    await this.exited;
    assert.equal(this.code, 0, `the device ended with ${this.code ?? this.signal}:\n${this.log}`);
  }

  /** As a power cut does. */
  async kill() {
    this.isStopped = true;
    this.process.kill('SIGKILL');
    await this.exited;
  }
}

/** Adds what the programs printed to a failure. The reporter prints the stack, not the message. */
export function explain(error, text) {
  error.stack = `${error.stack}\n${text}`;
}

/** Runs `body` with a device and stops it, whatever happens. */
export async function withDevice(settings, body) {
  const device = await Device.start(settings);
  try {
    assert.ok(!device.ended, `the device did not start:\n${device.log}`);
    await body(device);
  } catch (error) {
    explain(error, `--- console\n${device.log}`);
    device.process.kill('SIGKILL');
    throw error;
  }
  await device.stop();
}

// ---- http

export function request(device, { method = 'GET', path: target = '/ota', headers = {}, body } = {}) {
  const { protocol, hostname, port } = device.url;
  const client = protocol === 'https:' ? https : http;
  const options = { method, hostname: hostname.replace(/^\[|\]$/g, ''), port, path: target, headers, agent: false, rejectUnauthorized: false };
  return new Promise((resolve, reject) => {
    const sent = client.request(options, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }));
      response.on('close', () => reject(new Error('the answer was cut off'))); // no error where its end has come
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

export async function ticketOf(device) {
  const { status, body } = await request(device, { method: 'POST' });
  assert.equal(status, 200, body.toString());
  return JSON.parse(body);
}

/**
 * Sends `start`, then `rest` byte by byte, four a second and 200 at most, then nothing, until the device closes the connection.
 * @param {string} what of a failure
 */
export async function trickle(device, start, rest, what) {
  const socket = net.connect(Number(device.url.port), '127.0.0.1');
  let closed = false;
  for (const event of ['close', 'error', 'end']) {
    socket.on(event, () => (closed = true));
  }
  socket.resume();
  socket.write(start);
  for (const byte of rest.subarray(0, 200)) {
    if (closed) break;
    socket.write(Buffer.of(byte));
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  await until(() => closed, `the end of a connection ${what}`);
  socket.destroy();
}

// ---- the raw client

const hmac = (key, text) => crypto.createHmac('sha256', key).update(text).digest();
const sha256 = (bytes) => crypto.createHash('sha256').update(bytes).digest();
const xor = (a, b) => a.map((byte, i) => byte ^ b[i]);

/** The client's half of SCRAM-SHA-256 (RFC 5802, RFC 7677). */
export class Scram {
  constructor(password) {
    this.password = password;
    this.bare = `n=ota,r=${crypto.randomBytes(18).toString('base64')}`;
  }

  first() {
    return `n,,${this.bare}`;
  }

  final(challenge) {
    const { r, s, i } = Object.fromEntries(challenge.split(',').map((part) => [part[0], part.slice(2)]));
    const withoutProof = `c=biws,r=${r}`;
    const message = `${this.bare},${challenge},${withoutProof}`;
    const salted = crypto.pbkdf2Sync(this.password, Buffer.from(s, 'base64'), Number(i), 32, 'sha256');
    const clientKey = hmac(salted, 'Client Key');
    const storedKey = sha256(clientKey);
    const sessionKey = hmac(storedKey, Buffer.concat([Buffer.from('GSS-API session key'), clientKey, Buffer.from(message)]));
    this.clientMacKey = hmac(sessionKey, 'ota_ws client');
    this.deviceMacKey = hmac(sessionKey, 'ota_ws device');
    this.dataKey = hmac(sessionKey, 'ota_ws data');
    this.answerKey = hmac(sessionKey, 'ota_ws answers');
    this.signature = `v=${hmac(hmac(salted, 'Server Key'), message).toString('base64')}`;
    return `${withoutProof},p=${Buffer.from(xor(clientKey, hmac(storedKey, message))).toString('base64')}`;
  }
}

export class Client {
  /** Connects without saying anything. */
  static async open(device, { ws = '/ota/ws', ...options } = {}) {
    const { protocol, host } = device.url;
    const client = new Client();
    const address = `${protocol === 'https:' ? 'wss' : 'ws'}://${host}${ws}`;
    client.socket = new WebSocket(address, { perMessageDeflate: false, rejectUnauthorized: false, ...options });
    client.socket.on('message', (data) => {
      try {
        client.#receive(data.toString('utf8'));
      } catch (error) {
        if (!device.isDisguise) {
          throw error;
        }
        client.error ??= error; // a man in the middle has been at it: what an honest client does is to go
        client.terminate();
      }
    });
    client.socket.on('close', () => (client.closed = true));
    client.socket.on('error', (error) => (client.error ??= error));
    await until(() => client.socket.readyState === WebSocket.OPEN || client.closed, 'the upgrade');
    return client;
  }

  /** Connects and logs in. */
  static async connect(device, password = device.pairingCode) {
    const client = await Client.open(device);
    const { ticket, login } = await ticketOf(device);
    const scram = login === 'none' ? undefined : new Scram(password);
    client.sendText({ type: 'hello', version: 1, ticket, ...(scram && { scram: scram.first() }) });
    if (scram !== undefined) {
      client.sendText({ type: 'proof', scram: scram.final((await client.next('challenge')).scram) });
      assert.equal((await client.next('welcome')).scram, scram.signature);
      client.scram = scram;
    } else {
      await client.next('welcome');
    }
    client.firstState = await client.next('state');
    return client;
  }

  constructor() {
    this.messages = []; // received and not yet taken
    this.said = 0;
    this.deviceCount = 0;
    this.received = 0; // acknowledged by the device
    this.closed = false;
  }

  #receive(text) {
    assert.ok(Buffer.byteLength(text) <= 1024, 'a message of the device is too long');
    const message = JSON.parse(text);
    if (message.mac !== undefined) {
      this.macTexts ??= [];
      this.macTexts.push(text);
    }
    if (message.type === 'state') {
      this.state = message;
    }
    if (message.type === 'progress') {
      this.received = message.received;
      this.written = message.written;
      return;
    }
    this.messages.push(message);
  }

  /** Checks count and mac of everything that the device has said since the login. */
  checkMacs() {
    for (const text of this.macTexts ?? []) {
      const at = text.lastIndexOf(',"mac":"');
      const mac = hmac(this.scram.deviceMacKey, text.slice(0, at)).toString('hex', 0, 16);
      assert.equal(text.slice(at), `,"mac":"${mac}"}`);
      assert.ok(text.slice(0, at).endsWith(`,"count":${++this.deviceCount}`), text);
    }
    this.macTexts = [];
  }

  /** Waits for the next message of one of these types; others before it are dropped. */
  async next(...types) {
    for (;;) {
      const message = await until(() => this.messages.shift() ?? this.closed, types.join(' or '));
      if (message === true) {
        assert.fail(`closed while waiting for ${types.join(' or ')}: ${this.error ?? 'no error'}`);
      }
      if (types.includes(message.type)) {
        return message;
      }
      assert.notEqual(message.type, 'error', `waiting for ${types.join(' or ')}: ${message.name}: ${message.text}`);
      assert.notEqual(message.type, 'failed', `waiting for ${types.join(' or ')}: ${message.name}: ${message.text}`);
    }
  }

  /** Waits for the end of the session, by this error. The device closes it by itself a little later: isClosed(). */
  async ends(name) {
    for (;;) {
      const message = await until(() => this.messages.shift() ?? this.closed, `error ${name}`);
      assert.notEqual(message, true, `closed without error ${name}`);
      if (message.type === 'error') {
        assert.equal(message.name, name, message.text);
        assert.ok(message.text.length > 10, 'no sentence');
        return message;
      }
    }
  }

  isClosed() {
    return until(() => this.closed, 'the close');
  }

  async fails(name) {
    const message = await this.next('failed');
    assert.equal(message.name, name, message.text);
    assert.ok(message.text.length > 10, 'no sentence');
    assert.ok(!/[{}]/.test(message.text), message.text);
    return message;
  }

  /** As it is: text, or an object that becomes JSON; no count, no mac. */
  sendText(message) {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** With count and mac, once logged in. */
  say(message) {
    if (this.scram === undefined) {
      this.sendText(message);
      return;
    }
    this.sendText(this.withMac(JSON.stringify(message)));
  }

  withMac(text) {
    const covered = `${text.slice(0, -1)},"count":${++this.said}`;
    return `${covered},"mac":"${hmac(this.scram.clientMacKey, covered).toString('hex', 0, 16)}"}`;
  }

  data(offset, bytes) {
    const head = Buffer.alloc(4);
    head.writeUInt32LE(offset);
    this.socket.send(Buffer.concat([head, bytes]));
  }

  beginMessage(bytes, more = {}) {
    return { type: 'begin', size: bytes.length, sha256: sha256(bytes).toString('hex'), ...more };
  }

  begin(bytes, more) {
    this.say(this.beginMessage(bytes, more));
  }

  /** Sends bytes [from, to) in chunks, as fast as the credit allows; stops when the device has said something else. */
  async send(bytes, ready, from = ready.offset, to = bytes.length) {
    this.received = Math.max(this.received, from);
    for (let at = from; at < to; at += ready.chunk) {
      const end = Math.min(at + ready.chunk, to);
      const stopped = () => this.closed || this.messages.some(({ type }) => type === 'failed' || type === 'error');
      await until(() => end - this.received <= ready.credit || stopped(), 'credit');
      if (stopped()) {
        return;
      }
      this.data(at, bytes.subarray(at, end));
    }
  }

  /** A whole update; the last message of it, `done` or `failed`. */
  async update(bytes, more) {
    this.received = 0;
    this.begin(bytes, more);
    const answer = await this.next('ready', 'failed');
    if (answer.type === 'failed') {
      return answer;
    }
    await this.send(bytes, answer);
    return this.next('done', 'failed', 'error');
  }

  async restart() {
    this.say({ type: 'restart' });
    await this.next('restarting');
    await this.isClosed();
  }

  async close() {
    this.socket.close();
    await this.isClosed();
  }

  /** As a cut cable and a crashed peer do. */
  terminate() {
    this.socket.terminate();
  }
}
