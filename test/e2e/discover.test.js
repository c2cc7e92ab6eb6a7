// SPDX-License-Identifier: Apache-2.0
// Devices without their address, on a network of two machines: two network namespaces with a cable between them, each
// with an Avahi daemon and its own virtual devices. DISCOVER_DEVICES says how many (6; `make discover-test`: 50).
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { first, objects, passwordFile, PASSWORD } from './cli_tools.js';
import { freshPath, root, run, tools, until } from './harness.js';

const COUNT = Number(process.env.DISCOVER_DEVICES ?? 6);
const WAIT_S = 2;
const unpacked = path.join(root, 'build/servers/avahi-daemon');
const avahi = fs.existsSync(unpacked) ? unpacked : '/usr/sbin/avahi-daemon';
const asRoot = process.getuid() === 0 ? [] : ['--map-root-user'];

const BUS = `<busconfig><type>system</type><listen>unix:path=/run/bus</listen><auth>EXTERNAL</auth>
  <policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/><allow send_type="method_call"/>
  <allow receive_type="method_call"/><allow send_interface="*"/><allow eavesdrop="true"/></policy></busconfig>`;
const busFile = freshPath('.bus');
fs.writeFileSync(busFile, BUS);

const processes = [];
function start(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  child.output = '';
  child.stdout.on('data', (data) => (child.output += data));
  child.stderr.on('data', (data) => (child.output += data));
  child.ended = new Promise((resolve) => child.once('exit', resolve));
  processes.push(child);
  return child;
}

/** A machine: its network and its /run are its own. `inside` puts a command there. */
async function machine(number, outer) {
  const holder = start(...outer('unshare', ['--net', '--mount', 'sh', '-c', 'echo here; exec sleep infinity']));
  await until(() => holder.output.includes('here'), `namespace ${number}: ${holder.output}`);
  const enter = asRoot.length > 0 ? ['-U', '--preserve-credentials'] : [];
  const inside = (command, args) => ['nsenter', [...enter, '-t', String(holder.pid), '-n', '-m', '--', command, ...args]];
  const sh = (script) => execFileSync(...inside('sh', ['-ec', script]), { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });
  return { number, pid: holder.pid, address: `10.77.0.${number}`, inside, sh };
}

/** Avahi with a bus of its own. */
async function startAvahi(at) {
  const config = freshPath('.conf');
  fs.writeFileSync(config, `[server]\nhost-name=machine${at.number}\nuse-ipv6=no\n[publish]\npublish-workstation=no\n`);
  at.sh('mount -t tmpfs tmpfs /run && mkdir -p /run/avahi-daemon');
  at.env = { ...process.env, DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/run/bus', OTA_WS_PASSWORD: PASSWORD };
  start(...at.inside('dbus-daemon', [`--config-file=${busFile}`, '--nofork']), { env: at.env });
  await until(() => at.sh('test -S /run/bus && echo yes || true') !== '', 'a bus');
  at.avahi = start(...at.inside(avahi, ['-f', config, '--no-drop-root', '--no-chroot', '--no-rlimits', '--no-proc-title']), { env: at.env });
  await until(() => at.avahi.output.includes('startup complete'), 'Avahi');
}

async function startDevice(at, name) {
  const device = start(...at.inside(tools.device, ['--flash', freshPath('.flash'), '--image', first.path, '--bind', at.address,
    '--port', '0', '--name', name, '--password-file', passwordFile, '--flash-size', '1M']), { env: at.env });
  device.at = at;
  await until(() => device.output.includes('announced as') || device.exitCode !== null, `an announcement of ${name}: ${device.output}`);
  assert.match(device.output, /announced as/);
  device.name = device.output.match(/announced as '(.*)', /)[1];
  device.port = Number(device.output.match(/page: http:\/\/[^:]+:(\d+)/)[1]);
  return device;
}

const cliAt = (at, args) => run(...at.inside(tools.cli, args), { env: at.env });
async function namesAt(at) {
  const { stdout, code } = await cliAt(at, ['discover', '--json', '--wait', String(WAIT_S)]);
  assert.equal(code, 0, stdout);
  return objects(stdout).map(({ name }) => name).sort();
}

/** In `make discover-test` at the first look; in `make test` at last, however slow this machine is. */
async function assertFinds(at, names) {
  let found;
  const isRight = async () => (found = await namesAt(at)).join() === names.join();
  await (process.env.DISCOVER_DEVICES ? isRight() : until(isRight, `all of ${names}`));
  assert.deepEqual(found, names);
}

let machines;
let devices = [];
const canUnshare = await run('unshare', [...asRoot, '--net', '--mount', 'true']);
const skip = canUnshare.code !== 0 ? 'this machine allows no network namespaces'
  : !fs.existsSync(avahi) ? 'there is no avahi-daemon' : false;

before(async () => {
  if (skip) return;
  const one = await machine(1, (command, args) => [command, [...asRoot, ...args]]);
  const two = await machine(2, one.inside);
  machines = [one, two];
  one.sh(`ip link set lo up; ip link add cable type veth peer name cable netns ${two.pid}`);
  for (const at of machines) {
    at.sh(`ip link set lo up; ip addr add ${at.address}/24 dev cable; ip link set cable up`);
    await startAvahi(at);
  }
  devices = await Promise.all(Array.from({ length: COUNT }, (_, i) => startDevice(machines[i % 2], `lamp-${i}.local`)));
});

after(async () => {
  for (const child of processes.reverse()) {
    child.kill(child.spawnfile === 'nsenter' ? 'SIGTERM' : 'SIGKILL');
  }
  await Promise.all(processes.map((child) => child.ended));
});

const names = () => devices.map(({ name }) => name).sort();

test('all devices of both machines are found, twice in a row', { skip }, async () => {
  for (const at of [...machines, ...machines]) {
    await assertFinds(at, names());
  }
});

test('a device is found with its address, id and page', { skip }, async () => {
  const [device] = devices;
  const { stdout } = await cliAt(machines[1], ['discover', '--json']);
  const found = objects(stdout).find(({ name }) => name === 'lamp-0');
  assert.match(found.id, /^[0-9a-f]{12}$/);
  assert.equal(found.page, `http://${device.at.address}:${device.port}/ota`);
  assert.equal(found.tls, undefined);
  const info = await cliAt(machines[1], ['info', '--json', found.id]);
  assert.equal(objects(info.stdout)[0].id, found.id, info.stdout);
});

test('lamp-0.local stands in the place of an address', { skip }, async () => {
  const { code, stdout } = await cliAt(machines[1], ['info', '--json', 'lamp-0.local']);
  assert.equal(code, 0, stdout);
  assert.equal(objects(stdout)[0].device, 'lamp-0');
});

test('an id that no device has is refused with a sentence', { skip }, async () => {
  const { code, stdout } = await cliAt(machines[0], ['info', '0123456789ab']);
  assert.equal(code, 5);
  assert.match(stdout, /^unreachable: No device with the id 0123456789ab has answered/);
});

test('a device that leaves is gone', { skip }, async () => {
  const gone = devices.pop();
  gone.kill('SIGTERM');
  await gone.ended;
  await until(async () => !(await namesAt(machines[0])).includes(gone.name), `${gone.name} is gone`);
  await assertFinds(machines[1], names());
});

test('two devices of one name end with two names', { skip }, async () => {
  devices.push(...await Promise.all([0, 1, 0].map((number) => startDevice(machines[number], 'twin.local'))));
  await until(async () => {
    const found = (await namesAt(machines[0])).filter((name) => name.startsWith('twin'));
    return new Set(found).size === 3;
  }, 'three names');
});

test('without a daemon the device says so once, and works', { skip }, async () => {
  const at = machines[0];
  const device = start(...at.inside(tools.device, ['--flash', freshPath('.flash'), '--image', first.path, '--bind', at.address,
    '--port', '0', '--password-file', passwordFile, '--boot-time', '0']), { env: { ...at.env, DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/run/no-bus' } });
  await until(() => device.output.includes('page: http'), device.output);
  const host = device.output.match(/page: http:\/\/([^/]+)/)[1];
  assert.equal((await cliAt(at, ['restart', host])).code, 0);
  assert.equal(device.output.match(/not announced/g).length, 1, device.output);
});
