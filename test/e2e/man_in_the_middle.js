// SPDX-License-Identifier: Apache-2.0
// A proxy between an honest client and the device that sees every byte and may do with each frame as it likes: what a
// host on the same network can do that answers for the device's address. It does not know the password.
import http from 'node:http';
import { once } from 'node:events';
import WebSocket, { WebSocketServer } from 'ws';
import { Client, until } from './harness.js';

/** An owner's login, past the waits that an attacker has caused and the time that a restart takes. */
export function logIn(device) {
  return until(async () => {
    try {
      return await Client.connect(device);
    } catch (error) {
      if (!/try_later|login_busy|too_many_sessions|ECONNREFUSED|closed while waiting/.test(error.message)) {
        throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }, 'the login of the owner');
}

/**
 * @typedef {{ data: Buffer, binary: boolean }} Frame
 * @typedef {{ toDevice: boolean, index: number, frame: Frame, pass: (frame?: Frame) => void, back: (frame: Frame) => void }} Sight
 */
export class ManInTheMiddle {
  /** `seeFrame` gets each frame and passes on what it likes; `seeTicket` may change the answer to POST. */
  static async start(device, { seeFrame = ({ pass }) => pass(), seeTicket = (body) => body } = {}) {
    const man = new ManInTheMiddle();
    Object.assign(man, { device, seeFrame, seeTicket, frames: [], sockets: new Set() });
    man.server = http.createServer((request, response) => man.#relayRequest(request, response));
    man.sessions = new WebSocketServer({ server: man.server, perMessageDeflate: false });
    man.sessions.on('connection', (client) => man.#relaySession(client));
    man.server.listen(0, '127.0.0.1');
    await once(man.server, 'listening');
    man.server.unref(); // a test that has failed must not hang
    return man;
  }

  /** What the harness takes for a device. */
  get disguise() {
    return { url: new URL(`http://127.0.0.1:${this.server.address().port}/ota`), pairingCode: this.device.pairingCode, isDisguise: true };
  }

  #relayRequest(request, response) {
    const { hostname, port } = this.device.url;
    const onward = http.request({ hostname, port, method: request.method, path: request.url, agent: false }, (answer) => {
      const chunks = [];
      answer.on('data', (chunk) => chunks.push(chunk));
      answer.on('end', () => {
        const body = this.seeTicket(Buffer.concat(chunks));
        response.writeHead(answer.statusCode, { ...answer.headers, 'content-length': body.length });
        response.end(body);
      });
    });
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  }

  #relaySession(client) {
    const device = new WebSocket(`ws://${this.device.url.host}/ota/ws`, { perMessageDeflate: false });
    const early = [];
    const counts = { true: 0, false: 0 };
    this.toDevice = (frame) => (device.readyState === WebSocket.OPEN ? send(device, frame) : early.push(frame));
    const relay = (toDevice) => (data, binary) => {
      const frame = { data: Buffer.from(data), binary };
      this.frames.push({ toDevice, ...frame });
      const there = toDevice ? this.toDevice : (changed) => send(client, changed);
      const back = toDevice ? (changed) => send(client, changed) : this.toDevice;
      this.seeFrame({ toDevice, index: counts[toDevice]++, frame, pass: (changed = frame) => there(changed), back });
    };
    device.on('open', () => early.splice(0).forEach((frame) => send(device, frame)));
    client.on('message', relay(true));
    device.on('message', relay(false));
    for (const [one, other] of [[client, device], [device, client]]) {
      this.sockets.add(one);
      one.on('close', () => other.close());
      one.on('error', () => other.terminate());
    }
  }

  /** All sessions; new ones may come. */
  cut() {
    this.sockets.forEach((socket) => socket.terminate());
  }

  stop() {
    this.cut();
    this.sessions.close();
    this.server.close();
  }
}

function send(socket, { data, binary }) {
  if (socket.readyState === WebSocket.OPEN) {
    socket.send(data, { binary });
  }
}
