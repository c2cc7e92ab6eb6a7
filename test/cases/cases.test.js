// SPDX-License-Identifier: Apache-2.0
// The small inputs of ../shared/cases, each with its right ending. Every case failed once in somebody's hands. The tests
// take the inputs from that folder as they are; `make cases` runs them, as root (some need a network namespace or an
// /etc/hosts of their own), and takes about five minutes, because a phone sleeps for 40 and for 100 seconds.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';

import { buildDir, Device, freshPath, makeImage, root, run, tools, until, withDevice, workDir } from '../e2e/harness.js';
import { Visitor } from '../e2e/visitor.js';

const cases = path.resolve(root, '../shared/cases');
const caseFile = (name, file) => path.join(cases, name, file);

const PASSWORD = 'secret-code';
const passwordFile = freshPath('.pw');
fs.writeFileSync(passwordFile, `${PASSWORD}\n`);
const withPassword = ['--retry', '0', '--password-file', passwordFile];

const first = makeImage({ version: '1.0.0' });
const second = makeImage({ version: '2.0.0', seed: 2, size: '200K' });

const INFO_ENDS = /update +idle$/; // the last line of `ota-ws info`, when it got an answer

const lastLine = (text) => text.trimEnd().split('\n').at(-1);
const protectedDevice = (body, options = {}) => withDevice({ image: first.path, options: { passwordFile, ...options } }, body);

/** Runs a case's own script; `lines` of what it prints. */
async function runScript(name) {
  const { stdout, stderr } = await run('sh', [caseFile(name, 'run.sh'), buildDir]);
  return { lines: stdout.trimEnd().split('\n'), said: stdout + stderr };
}

function assertConnects({ code, stdout, stderr }) {
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /1\.0\.0/);
}

/** Forwards TCP connections to `port` of `host`, as a tunnel or a container's port does. */
async function tunnelTo(host, port) {
  const server = net.createServer((near) => {
    const far = net.connect(port, host);
    near.pipe(far).pipe(near);
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy());
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref(); // a test that has failed must not hang
  return server;
}

test('ipv6-link-local: zone, capitals and zeros reach the device', async () => {
  const { lines, said } = await runScript('ipv6-link-local');
  assert.equal(lines.length, 3, said);
  for (const line of lines) {
    assert.match(line, INFO_ENDS, said);
  }
});

test('name-of-the-router: ota-ws reaches lamp.lan and 127.1', async () => {
  await protectedDevice(async (device) => {
    const { port } = device.url;
    const script = 'mount --bind "$1" /etc/hosts && shift && exec "$@"';
    const args = ['-m', 'sh', '-c', script, 'sh', caseFile('name-of-the-router', 'hosts'), tools.cli, 'info', `lamp.lan:${port}`, ...withPassword];
    assertConnects(await run('unshare', args));
    assertConnects(await run(tools.cli, ['info', `127.1:${port}`, ...withPassword]));
  });
});

test('tunnel-ip-literal: an address that is not the device’s own works', async () => {
  await protectedDevice(
    async (device) => {
      const tunnel = await tunnelTo('127.0.0.5', Number(device.url.port));
      assertConnects(await run(tools.cli, ['info', `127.0.0.1:${tunnel.address().port}`, ...withPassword]));
      tunnel.close();
    },
    { bind: '127.0.0.5' },
  );
});

test('merged-old-bootloader: merged images and bootloaders are named', async () => {
  execFileSync('python3', [caseFile('merged-old-bootloader', 'make.py'), first.path, workDir]);
  for (const [file, kind] of [
    ['merged-from-0.bin', /merged image/i],
    ['merged-from-0x1000.bin', /merged image/i],
    ['bootloader-alone.bin', /bootloader/i],
  ]) {
    const { code, stdout, stderr } = await run(tools.cli, ['inspect', path.join(workDir, file)]);
    assert.notEqual(code, 0);
    assert.match(stdout + stderr, kind);
    assert.doesNotMatch(stdout + stderr, /not built by ESP-IDF/);
  }
});

test('pairing-code-typed: each spelling of the code logs in', async () => {
  const { lines, said } = await runScript('pairing-code-typed');
  assert.equal(lines.length, 4, said);
  for (const line of lines) {
    assert.match(line, INFO_ENDS, said);
  }
});

for (const name of ['partitions-bootloader-type', 'partitions-long-comment']) {
  test(`${name}: the table is read as ESP-IDF reads it`, async () => {
    await withDevice({ image: first.path, options: { partitions: caseFile(name, 'partitions.csv') } }, async (device) => {
      assert.match(device.log, /boot: slot /);
    });
  });
}

test('same-file-again: the way back to the earlier version stays', async () => {
  const { said } = await runScript('same-file-again');
  assert.match(said, /runs already/);
  assert.match(lastLine(said), /running 1\.0\.0/);
});

test('slot-backup: only FF behind the image is no part of it', async () => {
  const backup = freshPath('.bin');
  execFileSync('sh', [caseFile('slot-backup', 'make.sh'), second.path, backup]);
  await protectedDevice(async (device) => {
    const { code, stdout, stderr } = await run(tools.cli, ['push', backup, device.url.host, ...withPassword]);
    assert.equal(code, 0, stdout + stderr);
    assert.equal(lastLine(stdout), 'running 2.0.0 from ota_1, on trial');
  });
});

test('version-prerelease-describe: more commits are newer', async () => {
  const { said } = await runScript('version-prerelease-describe');
  assert.match(said, /running v2\.0\.0-beta1-10-gabc1234/);
  for (const line of fs.readFileSync(caseFile('version-prerelease-describe', 'pairs.txt'), 'utf8').trim().split('\n').slice(1)) {
    const [, newer, older] = /^(\S+) over (\S+) -> newer$/.exec(line);
    const image = makeImage({ version: newer, seed: 2 });
    const older1 = makeImage({ version: older });
    await withDevice({ image: older1.path, options: { passwordFile } }, async (device) => {
      const { code, stdout, stderr } = await run(tools.cli, ['push', image.path, device.url.host, ...withPassword]);
      assert.equal(code, 0, line + stdout + stderr);
    });
  }
});

// ---- the page, in the browser that BROWSER names

test('proxy-prefix: page and ota-ws work behind a prefix', async () => {
  await protectedDevice(
    async () => {
      const nginx = path.join(root, 'build/servers/nginx'); // test/setup.sh puts it there
      fs.mkdirSync('/var/lib/nginx', { recursive: true }); // its package would make it, for bodies on their way
      const proxy = spawn(nginx, ['-p', workDir, '-c', caseFile('proxy-prefix', 'nginx.conf')], { stdio: 'ignore' });
      try {
        const address = '127.0.0.1:18085/devices/lamp/ota';
        await until(() => fetch(`http://${address}`).then(({ ok }) => ok, () => false), 'nginx');
        assertConnects(await run(tools.cli, ['info', `http://${address}`, ...withPassword]));
        const visitor = await Visitor.come(`http://${address}`);
        await visitor.login(PASSWORD);
        await visitor.update(second.path);
        await visitor.see('confirm');
        await visitor.leave();
      } finally {
        proxy.kill();
      }
    },
    { port: 8070 },
  );
});

for (const code of [431, 401, 404, 405, 502, 503, 302]) {
  test(`page-http-errors: ${code} is said, with what to do`, async () => {
    const server = spawn('node', [caseFile('page-http-errors', 'server.mjs'), code, path.join(root, 'web/dist/ota.html.gz')]);
    try {
      const address = 'http://127.0.0.1:8173/ota';
      await until(() => fetch(address).then(({ ok }) => ok, () => false), 'the server of the case');
      const visitor = await Visitor.come(address);
      const said = code === 302 ? /redirect|login|sign-in/i : new RegExp(String(code));
      await until(async () => said.test(await visitor.readAll()), `a sentence about ${code}`);
      if (code === 431) {
        assert.match(await visitor.readAll(), /HTTPD_MAX_REQ_HDR_LEN/);
      }
      await visitor.leave();
    } finally {
      server.kill();
    }
  });
}

const slow = makeImage({ version: '3.0.0', seed: 3, size: '1500K' });

for (const seconds of [40, 100]) {
  test(`page-asleep: after ${seconds} s the upload goes on by itself`, async () => {
    await protectedDevice(
      async (device) => {
        const visitor = await Visitor.come(device.page);
        await visitor.login(PASSWORD);
        await visitor.upload(slow.path);
        await new Promise((resolve) => setTimeout(resolve, 1800)); // the case says when the phone falls asleep
        await visitor.fallAsleep();
        await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
        await visitor.wakeUp();
        await visitor.see('ready');
        await visitor.leave();
      },
      { timing: 'w25q32jv' },
    );
  });
}
