// SPDX-License-Identifier: Apache-2.0
// Bytes on a socket, for what no WebSocket library and no HTTP library sends: requests and frames as they are written.
import crypto from 'node:crypto';
import { execFileSync } from 'node:child_process';
import net from 'node:net';
import tls from 'node:tls';
import { GIVE_UP_MS, freshPath, until } from './harness.js';

let certificate;

/** Options of a device that speaks https; the certificate is made once. */
export function tlsOptions() {
  if (certificate === undefined) {
    certificate = { cert: freshPath('.crt'), key: freshPath('.key') };
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', certificate.key, '-out', certificate.cert, '-days', '3650', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'], { stdio: 'ignore' });
  }
  return certificate;
}

export const kinds = { continuation: 0, text: 1, data: 2, close: 8, ping: 9, pong: 10 };

/** How long a length is written: 0, 2 or 8 bytes; the shortest that fits unless `size` says otherwise. */
function lengthBytes(length, size = length < 126 ? 0 : length < 65536 ? 2 : 8) {
  const bytes = Buffer.alloc(size);
  if (size === 2) {
    bytes.writeUInt16BE(length);
  } else if (size === 8) {
    bytes.writeBigUInt64BE(BigInt(length));
  }
  return { code: size === 0 ? length : size === 2 ? 126 : 127, bytes };
}

/** A frame of a client. `more`: what is wrong with it: masked, final, reserved (bits), lengthSize, length (as promised). */
export function frame(kind, payload, { masked = true, final = true, reserved = 0, lengthSize, length = payload.length } = {}) {
  const { code, bytes } = lengthBytes(length, lengthSize);
  const start = Buffer.from([(final ? 0x80 : 0) | reserved | kind, (masked ? 0x80 : 0) | code]);
  if (!masked) {
    return Buffer.concat([start, bytes, payload]);
  }
  const mask = crypto.randomBytes(4);
  return Buffer.concat([start, bytes, mask, payload.map((byte, i) => byte ^ mask[i % 4])]);
}

/** A data frame with its offset. */
export function dataFrame(offset, bytes) {
  const head = Buffer.alloc(4);
  head.writeUInt32LE(offset);
  return frame(kinds.data, Buffer.concat([head, bytes]));
}

/** The lines of an upgrade; `more` replaces or adds headers, undefined takes one away. */
export function upgradeRequest(device, more = {}) {
  const headers = {
    Host: device.url.host,
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': crypto.randomBytes(16).toString('base64'),
    ...more,
  };
  const lines = Object.entries(headers).filter(([, value]) => value !== undefined).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET /ota/ws HTTP/1.1\r\n${lines.join('')}\r\n`;
}

export class Wire {
  static async open(device, options = {}) {
    const wire = new Wire();
    const { protocol, hostname, port } = device.url;
    const to = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port), ...options };
    wire.socket = protocol === 'https:' ? tls.connect({ ...to, rejectUnauthorized: false }) : net.connect(to);
    wire.socket.on('data', (bytes) => (wire.received = Buffer.concat([wire.received, bytes])));
    for (const event of ['end', 'error', 'close']) {
      wire.socket.on(event, () => (wire.ended = true));
    }
    wire.socket.once(protocol === 'https:' ? 'secureConnect' : 'connect', () => (wire.connected = true));
    await until(() => wire.connected || wire.ended, 'the connection');
    return wire;
  }

  /** A WebSocket that has been upgraded. */
  static async upgrade(device, options) {
    const wire = await Wire.open(device, options);
    wire.send(upgradeRequest(device));
    await wire.has('\r\n\r\n');
    return wire;
  }

  received = Buffer.alloc(0);
  connected = false;
  ended = false;

  send(bytes) {
    if (!this.socket.destroyed) {
      this.socket.write(bytes);
    }
  }

  get text() {
    return this.received.toString('latin1');
  }

  /** Waits until this has come, or the end. */
  has(text, giveUpMs = GIVE_UP_MS) {
    return until(() => this.text.includes(text) || this.ended, JSON.stringify(text), giveUpMs);
  }

  /** Waits for the whole answer to a request that ends the connection, or names its length; its status. */
  async status() {
    await this.has('\r\n');
    return Number(/^HTTP\/1\.[01] (\d+)/.exec(this.text)?.[1]);
  }

  isEnded() {
    return until(() => this.ended, 'the end of the connection');
  }

  end() {
    this.socket.destroy();
  }
}
