// SPDX-License-Identifier: Apache-2.0
// The Python client: it passes tests of ota-ws itself, word by word, and is called as idf.py and PlatformIO do.
// IDF_PATH: the real idf.py of that ESP-IDF, run by IDF_PYTHON, in the place of a stub. PYTHON_ALL: all tests of ota-ws;
// PYTHON_ONLY: none.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../python');
const quick = [
  'push --confirm', 'confirm twice', 'confirm of an image', 'the same firmware again', 'a push onto', 'rollback', 'restart without',
  'push --no-restart', 'a file that is ready', 'cancel takes', '--wait=0', 'a lower version', 'several devices', '--json',
  'a full standard output', 'on a terminal', 'SIGINT', 'Ctrl-C while', 'a connection that breaks', 'a link that drops', 'a resumed update',
  'a device that is busy', 'a message that was', 'what is sent', 'a refused ticket', 'a device that does not know', 'figures of',
  'a device without', 'a pairing code', 'a chosen password', 'https', 'a page at the root', 'IPv6',
];
const slow = ['who must wait', 'in a pipe', '--quiet', 'after a device', 'info', 'what answers', 'a device that', 'nonsense', 'what a device says', 'bad files',
  'a bad file', 'wrong password', 'the password', 'a byte order mark', 'a proxy', 'a page behind', 'each HTTP', 'names that', 'an IP'];
process.env.OTA_WS_CLI = path.join(folder, 'ota-ws');
process.env.OTA_WS_TESTS = process.env.PYTHON_ONLY ? 'none' : [...quick, ...(process.env.PYTHON_ALL ? slow : [])].join('|');

await import('./cli.test.js');
await import('./cli_names.test.js');
const { environment, hostOf, PASSWORD, second, withFirst } = await import('./cli_tools.js');
const { freshPath, root, run } = await import('./harness.js');

/** A copy of a project whose build makes `second`. */
function project(name) {
  const copy = freshPath('');
  fs.cpSync(path.join(folder, name), copy, { recursive: true });
  fs.copyFileSync(second.path, path.join(copy, 'app.bin'));
  return copy;
}

const runIn = (cwd, [program, ...args], env = {}) =>
  run(program, args, { cwd, env: environment({ PYTHONPATH: path.join(root, 'python'), PYTHONDONTWRITEBYTECODE: '1', OTA_WS_PASSWORD: PASSWORD, ...env }) });

const { IDF_PATH, IDF_PYTHON = 'python3' } = process.env;
const idf = IDF_PATH === undefined ? [path.join(folder, 'stub_idf.py')] : [IDF_PYTHON, path.join(IDF_PATH, 'tools/idf.py')];
if (IDF_PATH === undefined) {
  console.log('# no real idf.py without IDF_PATH: a stub loads the extension');
}

test('idf.py ota-push builds and updates; ota-rollback goes back', async () => {
  await withFirst(async (device) => {
    const here = project('idf_project');
    const call = (action, ...more) => runIn(here, [...idf, action, '--host', hostOf(device), ...more]);
    const pushed = await call('ota-push', '--confirm');
    assert.equal(pushed.code, 0, pushed.stdout + pushed.stderr);
    assert.match(pushed.stdout, /^running 2\.0\.0 from ota_1, confirmed$/m);
    assert.match((await call('ota-info')).stdout, /^runs +demo 2\.0\.0 from ota_1, confirmed$/m);
    assert.match((await call('ota-confirm')).stdout, /^running 2\.0\.0 from ota_1, confirmed$/m);
    assert.match((await call('ota-rollback')).stdout, /^rolled back: running 1\.0\.0 from ota_0$/m);
  });
});

test('idf.py takes the host from OTA_WS_HOST, and ends as ota-ws', async () => {
  const here = project('idf_project');
  assert.match((await runIn(here, [...idf, 'ota-info'])).stderr, /^Which device\? Say --host NAME, or set OTA_WS_HOST\.$/m);
  const nobody = await runIn(here, [...idf, 'ota-info'], { OTA_WS_HOST: '127.0.0.1:1' });
  assert.equal(nobody.code, 5, nobody.stderr);
  assert.match(nobody.stderr, /next: 'idf\.py ota-info --host 127\.0\.0\.1:1'/);
});

test('PlatformIO uploads through its SCons', async () => {
  await withFirst(async (device) => {
    const here = project('pio_project');
    const env = { OTA_WS_SCRIPT: path.join(root, 'python/platformio/ota_ws_upload.py'), PYTHONPATH: '' };
    const none = await runIn(here, ['scons', 'upload'], env);
    assert.match(none.stderr, /^Which device\? Say upload_port/m);
    assert.notEqual(none.code, 0);
    const done = await runIn(here, ['scons', 'upload'], { ...env, PLATFORMIO_UPLOAD_PORT: hostOf(device) });
    assert.equal(done.code, 0, done.stdout + done.stderr);
    assert.match(done.stdout, /^running 2\.0\.0 from ota_1, confirmed$/m);
  });
});
