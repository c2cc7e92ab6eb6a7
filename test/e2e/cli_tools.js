// SPDX-License-Identifier: Apache-2.0
// What the tests of ota-ws share: running it to its end, devices with a password, a wire that can be cut, and servers
// that only pretend to be a device.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { test as nodeTest } from 'node:test';
import { WebSocketServer } from 'ws';
import { freshPath, makeImage, root, run, tools, withDevice } from './harness.js';

/** A test of ota-ws. Another program with its words (OTA_WS_CLI) runs those whose names begin as OTA_WS_TESTS says. */
export function test(name, ...rest) {
  const beginnings = process.env.OTA_WS_TESTS?.split('|');
  if (beginnings === undefined || beginnings.some((beginning) => name.startsWith(beginning))) {
    nodeTest(name, ...rest);
  }
}

export const PASSWORD = 'sesame 42';
export const EXIT = { ok: 0, usage: 2, file: 3, device: 4, unreachable: 5, login: 6, old: 7, interrupted: 130 };

export const passwordFile = freshPath('.pw');
fs.writeFileSync(passwordFile, `${PASSWORD}\n`);
export const protectedBy = { passwordFile };

export const first = makeImage({ version: '1.0.0' });
export const second = makeImage({ version: '2.0.0', seed: 2, size: '200K' });

export const hostOf = (device) => device.url.host;
export const environment = (more = {}) => {
  const { OTA_WS_PASSWORD, ...rest } = process.env;
  return { ...rest, ...more };
};

/** Runs ota-ws to its end. The password is that of the test devices unless `env` says otherwise. */
export const cli = (args, env = { OTA_WS_PASSWORD: PASSWORD }) => run(tools.cli, args, { env: environment(env) });

export const cliOn = (device, command, ...options) => cli([command, hostOf(device), ...options]);
/** The Python client in its place. */
export const pythonOn = (device, command, ...options) =>
  run(path.join(root, 'test/python/ota-ws'), [command, hostOf(device), ...options], { env: environment({ OTA_WS_PASSWORD: PASSWORD }) });
export const push = (device, image, ...options) => cli(['push', image.path, hostOf(device), ...options]);

export const lastLine = (text) => text.trimEnd().split('\n').at(-1);
export const objects = (text) => text.trimEnd().split('\n').map((line) => JSON.parse(line));

export function assertEnds(result, code, line) {
  assert.equal(lastLine(result.stdout), line, result.stderr);
  assert.equal(result.code, code, result.stdout + result.stderr);
}

/** A password-protected device that runs `first`. */
export const withFirst = (body, options = {}) => withDevice({ image: first.path, options: { ...protectedBy, ...options } }, body);

// ---- a wire that breaks, or lies

/** A wire to the device. `pass(socket, bytes)` gets what the device sends; `cut()` breaks all connections, `open` lets new ones in. */
export async function wire(device, { pass = (socket, bytes) => socket.write(bytes), sent = () => {} } = {}) {
  const sockets = new Set();
  const { hostname, port } = device.url;
  const line = { open: true };
  const server = net.createServer((near) => {
    if (!line.open) {
      near.destroy();
      return;
    }
    const far = net.connect(port, hostname);
    for (const [from, to, forward] of [[near, far, (bytes) => (sent(bytes), far.write(bytes))], [far, near, (bytes) => pass(near, bytes)]]) {
      sockets.add(from);
      from.on('data', forward);
      from.on('error', () => {});
      from.on('close', () => (sockets.delete(from), to.destroy()));
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve).unref());
  line.host = `127.0.0.1:${server.address().port}`;
  line.cut = () => sockets.forEach((socket) => socket.destroy());
  line.close = () => (line.cut(), server.close());
  return line;
}

// ---- those who only pretend to be a device

/** A server that answers POST (at `path`, or anywhere) with `ticket`, and each WebSocket message by `says(message, socket)`. */
export async function pretender({ path, ticket = { type: 'ticket', version: 1, ticket: 'T', login: 'none', ws: '/ws' }, status = 200, headers = {}, says = () => {} }) {
  const server = http.createServer((req, res) => {
    if (path !== undefined && req.url !== path) {
      res.writeHead(404).end('There is nothing here.');
      return;
    }
    res.writeHead(status, headers);
    res.end(typeof ticket === 'string' ? ticket : JSON.stringify(ticket));
  });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => {
    socket.on('error', () => {});
    socket.on('message', (data, binary) => says(binary ? data : JSON.parse(data), socket));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { host: `127.0.0.1:${server.address().port}`, close: () => (sockets.clients.forEach((socket) => socket.terminate()), server.close()) };
}

export async function askPretender(settings, args = ['info', '--json'], env = {}) {
  const server = await pretender(settings);
  const result = await cli([...args, server.host], env);
  server.close();
  return { ...result, last: objects(result.stdout).at(-1) };
}

export const state = {
  type: 'state', device: 'fake', boot: '00000001', chip: 'ESP32-C3', chip_id: 5, revision: 3, project: 'demo', version: '1.0.0', built: '',
  idf: '', elf_sha256: '0000000000000000', secure_version: 0, slot: 'ota_0', slot_size: 1048576, image: 'valid', other_slot: 'ota_1',
  other_image: 'none', update: 'idle', check_project: true,
};
export const send = (socket, ...messages) => messages.forEach((message) => socket.send(JSON.stringify(message)));
export const welcome = { type: 'welcome', version: 1 };
export const history = { type: 'history', updates: 0 };
