// SPDX-License-Identifier: Apache-2.0
// Devices without their address, on a network of two machines: two network namespaces with a cable between them, each
// with an Avahi daemon and its own virtual devices. DISCOVER_DEVICES says how many (6; `make discover-test`: 50).
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { first, objects, passwordFile, PASSWORD, second } from './cli_tools.js';
import { freshPath, root, run, tools, until } from './harness.js';
import { tlsOptions } from './wire.js';

const COUNT = Number(process.env.DISCOVER_DEVICES ?? 6);
const isFull = process.env.DISCOVER_DEVICES !== undefined;
const WAIT_S = isFull ? 2 : 1;
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
  // -r: else a command would have the root of the whole system where the tests run in a chroot.
  const inside = (command, args) => ['nsenter', [...enter, '-t', String(holder.pid), '-n', '-m', '-r', '--', command, ...args]];
  const sh = (script) => execFileSync(...inside('sh', ['-ec', script]), { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });
  return { number, pid: holder.pid, address: `10.77.0.${number}`, inside, sh };
}

/** Avahi with a bus of its own. */
async function startAvahi(at) {
  const config = freshPath('.conf');
  fs.writeFileSync(config, `[server]\nhost-name=machine${at.number}\nuse-ipv6=no\n[publish]\npublish-workstation=no\n`);
  at.sh('mount -t tmpfs tmpfs /run && mkdir -p /run/avahi-daemon');
  // Avahi asks for its user and group, which a system has only where the package was installed.
  at.sh(`for file in passwd group; do
    if ! grep -q ^avahi: /etc/$file; then
      { cat /etc/$file; case $file in passwd) echo avahi:x:0:0::/run:/bin/false ;; group) echo avahi:x:0: ;; esac } >/run/$file
      mount --bind /run/$file /etc/$file
    fi
  done`);
  at.env = { ...process.env, DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/run/bus', OTA_WS_PASSWORD: PASSWORD };
  start(...at.inside('dbus-daemon', [`--config-file=${busFile}`, '--nofork']), { env: at.env });
  await until(() => at.sh('test -S /run/bus && echo yes || true') !== '', 'a bus');
  at.avahi = start(...at.inside(avahi, ['-f', config, '--no-drop-root', '--no-chroot', '--no-rlimits', '--no-proc-title']), { env: at.env });
  await until(() => at.avahi.output.includes('startup complete'), 'Avahi');
}

async function startDevice(at, name, more = []) {
  const device = start(...at.inside(tools.device, ['--flash', freshPath('.flash'), '--image', first.path, '--bind', at.address,
    '--port', '0', '--name', name, '--password-file', passwordFile, '--flash-size', '1M', ...more]), { env: at.env });
  device.at = at;
  await until(() => device.output.includes('announced as') || device.exitCode !== null, `an announcement of ${name}: ${device.output}`);
  assert.match(device.output, /announced as/);
  device.name = device.output.match(/announced as '(.*)', /)[1];
  device.port = Number(device.output.match(/page: https?:\/\/[^:]+:(\d+)/)[1]);
  return device;
}

const clients = { 'ota-ws': tools.cli, Python: path.join(root, 'test/python/ota-ws') };
const call = (client, at, args) => run(...at.inside(clients[client], args), { env: at.env });
async function namesAt(at, client = 'ota-ws') {
  const { stdout, stderr, code } = await call(client, at, ['discover', '--json', '--wait', String(WAIT_S)]);
  assert.equal(code, 0, stdout + stderr);
  return objects(stdout).map(({ name }) => name).sort();
}

/** In `make discover-test` at the first look; in `make test` at last, however slow this machine is. */
async function assertFinds(client, at, names) {
  let found;
  const isRight = async () => (found = await namesAt(at, client)).join() === names.join();
  await (isFull ? isRight() : until(isRight, `all of ${names}`));
  assert.deepEqual(found, names);
}

/** A test of each client. */
function clientTest(name, body) {
  for (const client of Object.keys(clients)) {
    test(`${client}: ${name}`, { skip }, () => body(client));
  }
}

let machines;
let lonely;
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
  lonely = await machine(3, one.inside); // nobody is at the other end of its cable
  lonely.sh('ip link set lo up; ip link add cable type veth peer name end; ip addr add 10.78.0.1/24 dev cable; ip link set cable up; ip link set end up');
  devices = await Promise.all(Array.from({ length: COUNT }, (_, i) => startDevice(machines[i % 2], `lamp-${i}.local`)));
});

after(async () => {
  for (const child of processes.reverse()) {
    child.kill(child.spawnfile === 'nsenter' ? 'SIGTERM' : 'SIGKILL');
  }
  await Promise.all(processes.map((child) => child.ended));
});

const names = () => devices.map(({ name }) => name).sort();

clientTest('all devices of both machines are found', async (client) => {
  for (const at of isFull ? [...machines, ...machines] : machines) {
    await assertFinds(client, at, names());
  }
});

clientTest('a device is found with its address, id and page', async (client) => {
  const [device] = devices;
  const { stdout } = await call(client, machines[1], ['discover', '--json', `--wait=${WAIT_S}`]);
  const found = objects(stdout).find(({ name }) => name === 'lamp-0');
  assert.match(found.id, /^[0-9a-f]{12}$/);
  assert.equal(found.page, `http://${device.at.address}:${device.port}/ota`);
  assert.equal(found.tls, undefined);
  const info = await call(client, machines[1], ['info', '--json', found.id]);
  assert.equal(objects(info.stdout)[0].id, found.id, info.stdout);
});

test('both clients print the same', { skip }, async () => {
  for (const args of [['discover', '--json', `--wait=${WAIT_S}`], ['discover', `--wait=${WAIT_S}`], ['info', '0123456789ab']]) {
    await until(async () => {
      const [one, other] = await Promise.all(Object.keys(clients).map((client) => call(client, machines[1], args)));
      return one.stdout === other.stdout && one.stderr === other.stderr && one.code === other.code;
    }, `the same of ${args}`);
  }
});

clientTest('lamp-0.local stands in the place of an address', async (client) => {
  const { code, stdout } = await call(client, machines[1], ['info', '--json', 'lamp-0.local']);
  assert.equal(code, 0, stdout);
  assert.equal(objects(stdout)[0].device, 'lamp-0');
});

clientTest('an id that no device has is refused with a sentence', async (client) => {
  const { code, stdout } = await call(client, machines[0], ['info', '0123456789ab']);
  assert.equal(code, 5);
  assert.match(stdout, /^unreachable: No device with the id 0123456789ab has answered/);
});

test('Python: an update by id, named as https where it is', { skip }, async () => {
  const { cert, key } = tlsOptions();
  const device = await startDevice(machines[0], 'safe.local', ['--cert', cert, '--key', key]);
  await until(async () => (await namesAt(machines[1], 'Python')).includes('safe'), 'the device of https');
  const { stdout } = await call('Python', machines[1], ['discover', '--json', `--wait=${WAIT_S}`]);
  const found = objects(stdout).find(({ name }) => name === 'safe');
  assert.equal(found.page, `https://${machines[0].address}:${device.port}/ota`);
  const pushed = await call('Python', machines[1], ['push', '--insecure', '--confirm', second.path, found.id]);
  assert.match(pushed.stdout, /^running 2\.0\.0 from ota_1, confirmed$/m, pushed.stderr);
  device.kill('SIGTERM');
  await device.ended;
  await until(async () => !(await namesAt(machines[1])).includes('safe'), 'safe is gone');
});

clientTest('a device that leaves is gone', async (client) => {
  const gone = devices.pop();
  gone.kill('SIGTERM');
  await gone.ended;
  await until(async () => !(await namesAt(machines[0], client)).includes(gone.name), `${gone.name} is gone`);
  await assertFinds(client, machines[1], names());
});

// A port below 6000 needs a capability there, which is taken from the client.
clientTest('without port 5353 devices are found all the same', async (client) => {
  const [at] = machines;
  at.sh('echo 6000 >/proc/sys/net/ipv4/ip_unprivileged_port_start');
  const without = (command, args) => at.inside('setpriv', ['--bounding-set=-net_bind_service', '--inh-caps=-net_bind_service', command, ...args]);
  const bind = await run(...without('python3', ['-c', "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).bind(('', 5353))"]));
  assert.match(bind.stderr, /PermissionError/);
  await until(async () => {
    const { stdout } = await call(client, { ...at, inside: without }, ['discover', '--json', `--wait=${WAIT_S}`]);
    return objects(stdout).some(({ name, page }) => name?.startsWith('lamp-') && page.endsWith('/ota'));
  }, 'a device');
});

test('three devices of one name end with three names', { skip }, async () => {
  devices.push(...await Promise.all([0, 1, 0].map((number) => startDevice(machines[number], 'twin.local'))));
  for (const client of Object.keys(clients)) {
    await until(async () => {
      const found = (await namesAt(machines[0], client)).filter((name) => name.startsWith('twin'));
      return new Set(found).size === 3;
    }, `three names for ${client}`);
  }
});

clientTest('a network without devices has its sentence', async (client) => {
  const { code, stdout } = await call(client, lonely, ['discover', '--wait=1']);
  assert.equal(code, 5);
  assert.match(stdout, /^unreachable: No device has answered within 1 s\./);
  const nowhere = await call(client, { ...lonely, inside: (command, args) => lonely.inside('unshare', ['--net', command, ...args]) }, ['discover']);
  assert.equal(nowhere.code, 1);
  assert.equal(nowhere.stdout, 'failed: No query can be sent: this machine has no network with IPv4 and multicast.\n');
});

test('without a daemon the device says so once, and works', { skip }, async () => {
  const at = machines[0];
  const device = start(...at.inside(tools.device, ['--flash', freshPath('.flash'), '--image', first.path, '--bind', at.address,
    '--port', '0', '--password-file', passwordFile, '--boot-time', '0']), { env: { ...at.env, DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/run/no-bus' } });
  await until(() => device.output.includes('page: http'), device.output);
  const host = device.output.match(/page: http:\/\/([^/]+)/)[1];
  assert.equal((await call('ota-ws', at, ['restart', host])).code, 0);
  assert.equal(device.output.match(/not announced/g).length, 1, device.output);
});
