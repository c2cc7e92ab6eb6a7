// SPDX-License-Identifier: Apache-2.0
// ota-ws and the ways to a device: names that a router gives, tunnels, IPv6, proxies with a path before the page, and
// servers that answer with something else than a ticket.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import path from 'node:path';
import { once } from 'node:events';
import { freePort } from './browsers/processes.js';
import { assertEnds, askPretender, cli, environment, EXIT, first, history, hostOf, lastLine, objects, PASSWORD, pretender, protectedBy, second, send, state, welcome, withFirst, test } from './cli_tools.js';
import { freshPath, request, root, run, tools, until, withDevice } from './harness.js';
import { tlsOptions } from './wire.js';

const reasonAgainst = (file, args) => (spawnSync(file, args).status === 0 ? false : `no real ${file} ${args[0]} on this machine`);
const withoutHosts = reasonAgainst('unshare', ['-m', 'true']);
const withoutNetworks = reasonAgainst('unshare', ['-n', 'ip', 'link', 'set', 'lo', 'up']);
const nginxProgram = path.join(root, 'build/servers/nginx'); // test/setup.sh puts it there

// ---- names

/** Runs ota-ws where /etc/hosts has `names` for 127.0.0.1. */
function cliKnowing(names, args) {
  const hosts = freshPath('.hosts');
  fs.writeFileSync(hosts, `127.0.0.1 ${names}\n`);
  const script = `mount --bind ${hosts} /etc/hosts && exec "$0" "$@"`;
  return run('unshare', ['-m', 'sh', '-c', script, tools.cli, ...args], { env: environment({ OTA_WS_PASSWORD: PASSWORD }) });
}

test('names that only the router knows lead to the device', { skip: withoutHosts }, async () => {
  await withFirst(async (device) => {
    for (const name of ['lamp', 'lamp.lan', 'lamp.fritz.box', 'LAMP.lan']) {
      const result = await cliKnowing('lamp lamp.lan lamp.fritz.box', ['info', '--retry', '0', `${name}:${device.url.port}`]);
      assert.equal(result.code, EXIT.ok, `${name}: ${result.stdout}`);
    }
    const pushed = await cliKnowing('lamp.lan', ['push', second.path, `lamp.lan:${device.url.port}`]);
    assertEnds(pushed, EXIT.ok, 'running 2.0.0 from ota_1, on trial');
  });
});

test('an IP address may be written as people write it', async () => {
  await withFirst(async (device) => {
    for (const name of ['127.1', '127.0.1', '2130706433', '0x7f.1']) {
      const result = await cli(['info', '--retry', '0', `${name}:${device.url.port}`]);
      assert.equal(result.code, EXIT.ok, `${name}: ${result.stdout}`);
    }
  });
});

test('a device behind a tunnel is reached by the tunnel', async (t) => {
  await withDevice({ image: first.path, options: { ...protectedBy, bind: '127.0.0.5' } }, async (device) => {
    const tunnel = net.createServer((near) => {
      const far = net.connect(device.url.port, '127.0.0.5');
      near.pipe(far).pipe(near);
      near.on('error', () => far.destroy());
      far.on('error', () => near.destroy());
    });
    await new Promise((resolve) => tunnel.listen(0, '127.0.0.1', resolve));
    t.after(() => tunnel.close());
    const { port } = tunnel.address();
    for (const name of ['127.0.0.1', 'localhost']) {
      const result = await cli(['info', '--retry', '0', `${name}:${port}`]);
      assert.equal(result.code, EXIT.ok, `${name}: ${result.stdout}`);
    }
  });
});

test('https: the name given is checked, whatever Host says', { skip: withoutHosts }, async () => {
  const certify = (names) => {
    const [cert, key] = [freshPath('.crt'), freshPath('.key')];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert, '-days', '3650', '-subj', '/CN=test', '-addext', `subjectAltName=${names}`], { stdio: 'ignore' });
    return { cert, key };
  };
  const named = certify('DNS:lamp.lan');
  await withFirst(async (device) => {
    const ask = (name) => cliKnowing('lamp.lan other.lan', ['info', '--json', '--retry', '0', `https://${name}:${device.url.port}`, '--ca', named.cert]);
    assert.equal((await ask('lamp.lan')).code, EXIT.ok);
    for (const name of ['other.lan', '127.0.0.1']) {
      assert.equal(objects((await ask(name)).stdout).at(-1).error, 'untrusted', name);
    }
  }, named);
  const numbered = certify('IP:::1');
  await withFirst(async (device) => {
    const ask = (name) => cli(['info', '--json', '--retry', '0', `https://${name}:${device.url.port}`, '--ca', numbered.cert]);
    assert.equal((await ask('[::1]')).code, EXIT.ok);
    assert.equal(objects((await ask('localhost')).stdout).at(-1).error, 'untrusted');
  }, { bind: '::', ...numbered });
});

/** The name that a client of TLS sends to a server at `address`, which is called by `host`; false: none. */
async function serverNameFor(host, address) {
  const { cert, key } = tlsOptions();
  const names = [];
  const server = tls.createServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) }, (socket) => {
    names.push(socket.servername);
    socket.end('HTTP/1.1 500 Trouble\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
    socket.on('error', () => {});
  });
  await new Promise((resolve) => server.listen(0, address, resolve));
  const result = await cli(['info', '--json', '--retry', '0', '--insecure', `https://${host}:${server.address().port}`]);
  server.close();
  assert.equal(objects(result.stdout).at(-1).error, 'http_error', result.stdout);
  return names[0];
}

test('https: the server gets a name, and no address', async () => {
  assert.equal(await serverNameFor('localhost', '127.0.0.1'), 'localhost');
  assert.equal(await serverNameFor('127.0.0.1', '127.0.0.1'), false);
  assert.equal(await serverNameFor('[::1]', '::1'), false);
});

// ---- IPv6

test('IPv6: zone, capitals and zeros', { skip: withoutNetworks }, async () => {
  const network = 'ip link set lo up; ip link add va type veth peer name vb; ip addr add fd77::1/64 dev va nodad; ip addr add fe80::77/64 dev va nodad; ip link set vb up; ip link set va up; exec "$0" "$@"';
  const wrap = ['unshare', '-n', 'sh', '-c', network];
  await withDevice({ image: first.path, options: { ...protectedBy, bind: '::' }, wrap }, async (device) => {
    const inside = (host, ...options) => run('nsenter', ['-t', String(device.process.pid), '-n', tools.cli, 'info', '--retry', '0', host, ...options], { env: environment({ OTA_WS_PASSWORD: PASSWORD }) });
    const { port } = device.url;
    for (const host of [`[fe80::77%va]:${port}`, `http://[FE80::77%25va]:${port}/ota`, `[FD77:0:0::1]:${port}`, `[fd77::1]:${port}`, `[0:0:0:0:0:0:0:1]:${port}`]) {
      const result = await inside(host);
      assert.equal(result.code, EXIT.ok, `${host}: ${result.stdout}${result.stderr}`);
    }
    const zoneless = await inside(`[fe80::77]:${port}`);
    assert.equal(zoneless.code, EXIT.usage);
    assert.match(zoneless.stderr, /link-local address needs the network interface behind it, as in \[fe80::77%v[ab]\]/);
    const unknown = await inside(`[fe80::77%nowhere]:${port}`);
    assert.match(unknown.stderr, /no network interface of the name behind '%'/);
  });
});

// ---- proxies

/** nginx with `location /devices/lamp/` before the device, as people write it. */
async function nginxBefore(t, device, { upgrades = true } = {}) {
  const folder = freshPath('.nginx');
  fs.mkdirSync(folder);
  const port = await freePort();
  const upgrade = 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $cu;';
  fs.writeFileSync(`${folder}/nginx.conf`, `daemon off; master_process off; pid ${folder}/pid; error_log stderr; events {}
    http { access_log off; client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder}; uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
     map $http_upgrade $cu { default upgrade; '' close; }
     server { listen 127.0.0.1:${port}; location /devices/lamp/ { proxy_pass http://${hostOf(device)}/; proxy_http_version 1.1; ${upgrades ? upgrade : ''} } } }`);
  const nginx = spawn(nginxProgram, ['-p', folder, '-c', `${folder}/nginx.conf`], { stdio: 'ignore' });
  t.after(async () => (nginx.kill('SIGTERM'), await once(nginx, 'close')));
  await until(() => canConnect(port), 'nginx');
  return `127.0.0.1:${port}`;
}

function canConnect(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => (socket.destroy(), resolve(true)));
    socket.on('error', () => resolve(false));
  });
}

test('a page behind a path prefix of nginx is updated', async (t) => {
  await withFirst(async (device) => {
    const proxy = await nginxBefore(t, device);
    for (const path of ['/devices/lamp/ota', '/devices/lamp/']) {
      const result = await cli(['info', '--retry', '0', `http://${proxy}${path}`]);
      assert.equal(result.code, EXIT.ok, `${path}: ${result.stdout}`);
    }
    assertEnds(await cli(['push', second.path, `http://${proxy}/devices/lamp/ota`]), EXIT.ok, 'running 2.0.0 from ota_1, on trial');
    const elsewhere = await cli(['info', '--retry', '0', proxy]);
    assert.match(lastLine(elsewhere.stdout), /^unreachable: 127\.0\.0\.1:\d+ has no update page at \/ota \(HTTP 404\)\./);
  });
});

test('a proxy that passes no WebSocket on is named', async (t) => {
  await withFirst(async (device) => {
    const proxy = await nginxBefore(t, device, { upgrades: false });
    const result = await cli(['info', '--retry', '0', `http://${proxy}/devices/lamp/ota`]);
    assertEnds(result, EXIT.unreachable, `unreachable: ${proxy} opens no WebSocket at /devices/lamp/ota/ws (HTTP 426). A proxy in front of the device must pass WebSocket upgrades on.`);
  });
});

test('a page at the root of its server is found', async (t) => {
  const ticket = { type: 'ticket', version: 1, ticket: 'T', login: 'none', ws: '/ota/ws', page: '/' };
  const says = (message, socket) => (message.type === 'hello' ? send(socket, welcome, state) : send(socket, history));
  const server = await pretender({ path: '/', ticket, says });
  t.after(() => server.close());
  for (const host of [`${server.host}/`, `http://${server.host}/`]) {
    assert.equal((await cli(['info', '--retry', '0', host], {})).code, EXIT.ok, host);
  }
  const nowhere = await cli(['info', '--retry', '0', `${server.host}/devices/`], {});
  assert.match(lastLine(nowhere.stdout), /has no update page at \/devices\/ota or \/devices\/ \(HTTP 404\)/);
});

test('a device may have its page at / or elsewhere', async () => {
  for (const uri of ['/', '/my/update']) {
    await withFirst(async (device) => {
      assert.equal(device.url.pathname, uri);
      const { headers, status } = await request(device, { path: uri });
      assert.deepEqual([status, headers['content-encoding']], [200, 'gzip']);
      assertEnds(await cli(['push', second.path, `${hostOf(device)}${uri}`]), EXIT.ok, 'running 2.0.0 from ota_1, on trial');
    }, { uri });
  }
  for (const uri of ['ota', '/ota/', '/a//b', '/ota/ws', '/ä', '']) {
    assert.equal((await run(tools.device, ['--flash', freshPath('.flash'), '--uri', uri])).code, EXIT.usage, uri);
  }
});

// ---- other answers

test('each HTTP error is named, with host and port', async () => {
  const html = { 'Content-Type': 'text/html' };
  const cases = [
    [401, {}, 'http_login', /HTTP 401/],
    [403, {}, 'http_forbidden', /HTTP 403/],
    [404, {}, 'no_device', /no update page at \/ota \(HTTP 404\)/],
    [405, {}, 'no_device', /takes no POST there \(HTTP 405\)/],
    [407, {}, 'http_login', /HTTP 407/],
    [418, {}, 'no_device', /no ota_ws device \(HTTP 418/],
    [431, {}, 'headers_too_long', /CONFIG_HTTPD_MAX_REQ_HDR_LEN/],
    [500, {}, 'http_error', /HTTP 500/],
    [502, {}, 'proxy_error', /HTTP 502/],
    [503, {}, 'proxy_error', /HTTP 503/],
    [302, { Location: '/login?back=%2f' }, 'redirected', /'\/login\?back=%2f' \(HTTP 302\)/],
    [301, {}, 'redirected', /HTTP 301/],
    [200, html, 'no_device', /a web page at \/ota/],
  ];
  for (const [status, headers, error, sentence] of cases) {
    for (const ticket of ['<h1>no</h1>', `<h1>${'no '.repeat(40_000)}</h1>`]) {
      const { code, last } = await askPretender({ status, headers: { ...html, ...headers }, ticket }, ['info', '--json', '--retry', '0']);
      assert.equal(code, EXIT.unreachable, `${status}: ${last.text}`);
      assert.equal(last.error, error, `${status}: ${last.text}`);
      assert.match(last.text, sentence);
      assert.match(last.text, /127\.0\.0\.1:\d+/);
    }
  }
});
