// SPDX-License-Identifier: Apache-2.0
// docs/proxies.md: each of its configurations, as it stands there, in the real server that it is for, before a device.
// Only addresses are exchanged: `home.lan`, `192.168.1.7` and the ports.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';

import { freePort, Program } from './browsers/processes.js';
import { explain, makeImage, root, run, tools, until, withDevice, workDir } from './harness.js';

const first = makeImage({ version: '1.0.0' });
const image = makeImage({ version: '2.0.0', size: '200K', seed: 5 });

/** The configurations of one language's document: [heading, text] in its order. */
function recipes(name) {
  const text = fs.readFileSync(path.join(root, 'docs', name), 'utf8');
  return [...text.matchAll(/^## (.+)$|^```(?:nginx|caddy)\n([^]*?)^```/gm)].reduce((found, [, heading, block]) => {
    if (heading !== undefined) return [...found, [heading]];
    found.at(-1).push(block);
    return found;
  }, []).filter(([, block]) => block !== undefined);
}

const [[, nginx], [, caddy], [, ingress]] = recipes('proxies.md');

const server = (name) => path.join(root, 'build/servers', name); // where test/setup.sh puts them

function folder(name) {
  const made = fs.mkdtempSync(path.join(workDir, `${name}-`));
  fs.chmodSync(made, 0o755);
  return made;
}

/** Runs a server until `body` is done with it. */
async function withServer(name, args, port, body) {
  const program = await Program.start(server(name), args, { env: { HOME: workDir } });
  try {
    await until(() => program.hasEnded || canConnect(port), `${name} on port ${port}`);
    program.assertRuns(name);
    await body();
  } catch (error) {
    explain(error, `--- ${name}\n${program.log}`);
    throw error;
  } finally {
    await program.stop();
  }
}

function canConnect(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}

/**
 * The file that Debian's nginx.conf would read in conf.d, with all around it that nginx needs here. One process: a master
 * that is killed after its workers starts a new one in between, and that one holds the log open for ever.
 */
function withNginx(text, port, device, body) {
  const home = folder('nginx');
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const temporary = kinds.map((name) => `${name}_temp_path ${home}/${name};`).join(' ');
  const own = text
    .replaceAll('192.168.1.7', device.url.host)
    .replaceAll('home.lan', `127.0.0.1:${port}`)
    .replace(/server_name .*;/, '')
    .replace(/listen \d+;/, `listen 127.0.0.1:${port};`)
    .replace('172.30.32.2', '127.0.0.1');
  fs.writeFileSync(path.join(home, 'nginx.conf'), `daemon off; master_process off; pid ${home}/pid; error_log stderr; events {}
http { access_log off; ${temporary}
${own}
}\n`);
  return withServer('nginx', ['-e', 'stderr', '-c', path.join(home, 'nginx.conf')], port, body);
}

function withCaddy(text, port, device, body) {
  const file = path.join(folder('caddy'), 'Caddyfile');
  const own = text
    .replaceAll('192.168.1.7', device.url.host)
    .replace('http://home.lan {', `http://127.0.0.1:${port} {`)
    .replaceAll('home\\.lan', `127\\.0\\.0\\.1:${port}`);
  fs.writeFileSync(file, `{\n  admin off\n}\n${own}`);
  return withServer('caddy', ['run', '--adapter', 'caddyfile', '--config', file], port, body);
}

/** What ingress does: takes a prefix away, passes all else on, upgrades too. */
async function withPrefix(prefix, port, to, body) {
  const pass = ({ method, headers, url }) => {
    const target = url.slice(prefix.length);
    return { port: to, host: '127.0.0.1', method, headers, path: target };
  };
  const server = http.createServer((request, response) => {
    const asked = http.request(pass(request), (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    asked.on('error', () => response.destroy());
    request.pipe(asked);
  });
  server.on('upgrade', (request, socket) => {
    const asked = http.request(pass(request));
    asked.on('error', () => socket.destroy());
    asked.on('response', (answer) => { // no upgrade: the device is not there just now
      socket.end(`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}\r\nConnection: close\r\n\r\n`);
      asked.destroy();
    });
    asked.on('upgrade', (answer, behind, head) => {
      const headers = answer.rawHeaders.map((text, i) => text + (i % 2 === 0 ? ': ' : '\r\n')).join('');
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${headers}\r\n`);
      socket.write(head);
      socket.pipe(behind).pipe(socket);
      for (const end of [socket, behind]) end.on('error', () => [socket, behind].forEach((it) => it.destroy()));
    });
    asked.end();
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const sockets = new Set(); // upgraded ones are not the server's any more
  server.on('connection', (socket) => sockets.add(socket));
  try {
    await body();
  } finally {
    sockets.forEach((socket) => socket.destroy());
    server.close();
  }
}

function post(port, target, origin) {
  return new Promise((resolve, reject) => {
    const proxys = { cookie: `session=${'x'.repeat(2000)}`, authorization: 'Bearer mine' };
    const headers = { ...(origin && { origin }), ...proxys };
    const options = { host: '127.0.0.1', port, method: 'POST', path: target, headers, agent: false };
    const sent = http.request(options, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode, text }));
    });
    sent.on('error', reject).end();
  });
}

/** The command line updates and confirms through the proxy. */
async function assertUpdates(device, address) {
  const env = { ...process.env, OTA_WS_PASSWORD: device.pairingCode };
  const pushed = await run(tools.cli, ['push', '--confirm', image.path, address], { env });
  assert.equal(pushed.code, 0, pushed.stdout + pushed.stderr);
  assert.match(pushed.stdout, /running 2\.0\.0 from ota_1/);
  assert.ok(device.partition('ota_1').subarray(0, image.bytes.length).equals(image.bytes));
}

const settings = { image: first.path };

const proxies = [
  ['nginx', withNginx, nginx],
  ['Caddy', withCaddy, caddy],
];
for (const [name, withProxy, text] of proxies) {
  test(`an update goes through ${name} as the document sets it up`, () =>
    withDevice(settings, async (device) => {
      const port = await freePort();
      await withProxy(text, port, device, () => assertUpdates(device, `http://127.0.0.1:${port}/devices/lamp/`));
    }));

  test(`through ${name} its own pages get a ticket, foreign ones none`, () =>
    withDevice(settings, async (device) => {
      const port = await freePort();
      await withProxy(text, port, device, async () => {
        const own = await post(port, '/devices/lamp/ota', `http://127.0.0.1:${port}`);
        assert.equal(own.status, 200, own.text);
        assert.equal(JSON.parse(own.text).page, '/ota');
        assert.equal((await post(port, '/devices/lamp/ota')).status, 200);
        const authority = `127.0.0.1:${port}`;
        for (const foreign of ['http://evil.example', `http://${authority}.evil.example`, `https://${authority}`]) {
          const refused = await post(port, '/devices/lamp/ota', foreign);
          assert.equal(refused.status, 403, `${foreign}: ${refused.text}`);
          assert.equal(JSON.parse(refused.text).name, 'foreign_origin');
        }
      });
    }));
}

test('an update goes through the nginx of an add-on below a prefix', () =>
  withDevice(settings, async (device) => {
    const [outside, inside] = [await freePort(), await freePort()];
    const prefix = '/api/hassio_ingress/Y2hvc2Vu';
    await withNginx(ingress, inside, device, () =>
      withPrefix(prefix, outside, inside, async () => {
        const answer = await post(outside, `${prefix}/ota`, 'http://homeassistant.local:8123');
        assert.equal(answer.status, 200, answer.text);
        await assertUpdates(device, `http://127.0.0.1:${outside}${prefix}/ota`);
      }),
    );
  }));

test('the documents of both languages have the same recipes', () => {
  const [english, russian] = [recipes('proxies.md'), recipes('proxies-ru.md')];
  const code = ([, block]) => block.replace(/^#.*$/gm, '');
  assert.deepEqual(russian.map(code), english.map(code));
  assert.equal(english.length, 3);
});
