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
  'a device without', 'wrong usage', 'a pairing code', 'a chosen password', 'https', 'a page at the root', 'IPv6',
];
const slow = ['who must wait', 'in a pipe', '--quiet', 'after a device', 'info', 'what answers', 'a device that', 'nonsense', 'what a device says', 'bad files',
  'a bad file', 'wrong password', 'the password', 'a byte order mark', 'a proxy', 'a page behind', 'each HTTP', 'names that', 'an IP'];
const { OTA_WS_CLI: otaWs } = process.env;
process.env.OTA_WS_CLI = path.join(folder, 'ota-ws');
process.env.OTA_WS_TESTS = process.env.PYTHON_ONLY ? 'none' : [...quick, ...(process.env.PYTHON_ALL ? slow : [])].join('|');

await import('./cli.test.js');
await import('./cli_names.test.js');
const { environment, hostOf, PASSWORD, second, withFirst } = await import('./cli_tools.js');
const { buildDir, freshPath, root, run } = await import('./harness.js');

const runIn = (cwd, [program, ...args], env = {}) =>
  run(program, args, { cwd, env: environment({ PYTHONPATH: path.join(root, 'python'), PYTHONDONTWRITEBYTECODE: '1', OTA_WS_PASSWORD: PASSWORD, ...env }) });

test('wrong words are answered as ota-ws answers them', async () => {
  const file = second.path;
  const lines = ['', 'psuh a.bin bench', 'upload', 'Reboot bench', 'version', 'frobnicate', 'help psuh', '--frce', 'help --frce', 'push',
    `push ${file}`, `push bench ${file}`, `push a.bin ${file} b:0`, 'info', 'info bench --passwordfile x', 'info bench --password x',
    'info -p x bench', 'info bench --comfirm', 'info bench --confirm', 'info bench --wait', 'info --json=1 bench', 'info -jx bench',
    'info bench --retry', 'info bench --retry=x', 'info bench --retry=-1', 'info bench --retry=86401', 'push a.bin bench --wait=',
    'push a.bin bench --compress maybe', 'push a.bin bench --no-restart --confirm', 'push a.bin bench --confirm --wait=0', 'discover x',
    'discover --wait x', 'discover --wait 1 2', 'discover --force', 'info ftp://x', 'info http://x/#code=K7MQ', 'info http://x/?a', 'info x:0',
    'info x:65536', 'info a@b', 'info [fe80::1', 'info [fe80::1%nowhere]', 'info [1::2::3]', 'help a b'];
  const program = otaWs ?? path.join(buildDir, 'cli/ota-ws');
  const inOneProcess = `import contextlib, io, json, sys
from ota_ws.command import main
def answer(line):
    with contextlib.redirect_stderr(io.StringIO()) as said:
        return main(line.split(), 'ota-ws {command} {host}', 'ota-ws help {command}'), said.getvalue()
print(json.dumps([answer(line) for line in json.loads(sys.argv[1])]))`;
  const answers = JSON.parse((await runIn(root, ['python3', '-c', inOneProcess, JSON.stringify(lines)])).stdout);
  for (const [i, line] of lines.entries()) {
    const wanted = await run(program, line.split(' ').filter((word) => word !== ''));
    assert.deepEqual([wanted.code, wanted.stderr], answers[i], line);
    assert.equal(wanted.code, 2, line);
  }
});

test('a command that only ota-ws has is named as such', async () => {
  const program = otaWs ?? path.join(buildDir, 'cli/ota-ws');
  const commandsOf = (help) => [...help.matchAll(/^  ([a-z]+) /gm)].map(([, name]) => name).filter((name) => name !== 'refused' && name !== 'was');
  const theirs = commandsOf((await run(program, ['help'])).stdout);
  const ours = commandsOf((await runIn(root, ['python3', '-m', 'ota_ws', 'help'])).stdout);
  const missing = theirs.filter((name) => !ours.includes(name));
  assert.ok(missing.includes('fleet') && ours.includes('push'), `${theirs} ${ours}`);
  for (const name of missing) {
    const { code, stderr } = await runIn(root, ['python3', '-m', 'ota_ws', name, 'x']);
    assert.equal(code, 2);
    assert.match(stderr, new RegExp(`'${name}' is a command of the program ota-ws. This client has it not`));
  }
});

/** A copy of a project whose build makes `second`. */
function project(name) {
  const copy = freshPath('');
  fs.cpSync(path.join(folder, name), copy, { recursive: true });
  fs.copyFileSync(second.path, path.join(copy, 'app.bin'));
  return copy;
}

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
  for (const action of ['ota-info', 'ota-push']) {
    const nowhere = await runIn(here, [...idf, action]);
    assert.match(nowhere.stderr, /^Which device\? Say --host NAME, or set OTA_WS_HOST\.$/m);
    assert.equal(nowhere.code, 2);
  }
  assert.match((await runIn(here, [...idf, 'ota-push', '--host', 'ftp://lamp'])).stderr, /is no address of a device: its scheme/);
  assert.ok(!fs.existsSync(path.join(here, 'build')), 'nothing is built without an address');
  const nobody = await runIn(here, [...idf, 'ota-info'], { OTA_WS_HOST: '127.0.0.1:1' });
  assert.equal(nobody.code, 5, nobody.stderr);
  assert.match(nobody.stderr, /next: 'idf\.py ota-info --host 127\.0\.0\.1:1'/);
});

// The first of them is a copy here, so that the files of this working tree are tried.
test('three commands of README lead to an update', async () => {
  await withFirst(async (device) => {
    for (const document of ['README.md', 'README-RU.md']) {
      const [clone, ...lines] = fs.readFileSync(path.join(root, document), 'utf8').match(/```sh\n(git clone[^`]+)\n```/)[1].split('\n');
      const here = project('idf_project');
      fs.rmSync(path.join(here, 'idf_ext.py'));
      fs.cpSync(path.join(root, 'python'), path.join(here, clone.split(' ').at(-1), 'python'), { recursive: true });
      assert.equal(lines.length, 2);
      const script = lines.join('\n').replace('idf.py', idf.join(' ')).replace('192.168.1.7', hostOf(device));
      const done = await runIn(here, ['sh', '-ec', script], { PYTHONPATH: '' });
      assert.match(done.stdout, /^(running|runs already:) 2\.0\.0 from ota_1, on trial/m, done.stdout + done.stderr);
    }
  });
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
