// SPDX-License-Identifier: Apache-2.0
// ota-ws fleet serve and gateway: a hub and leaves (real nats-server), real devices, and processes that are killed.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { freePort } from './browsers/processes.js';
import { cli, cliOn, environment, objects, PASSWORD } from './cli_tools.js';
import { ask, dashboardOf, logIn } from './dashboards.js';
import { killAtEachPoint, points } from './fleet_kills.js';
import { explain, freshPath, makeImage, run, tools, until } from './harness.js';
import { credentialsOf, makeJwt, makeKey } from './nats_keys.js';
import { documentedFiles, natsProgram, recordOf, Server, Sites, startDevices } from './sites.js';

const OLD = makeImage({ version: '1.0.0' });
const NEW = makeImage({ version: '2.0.0', seed: 2, size: '300K' });
const OTHER_CHIP = makeImage({ version: '1.0.0', chip: 'esp32s3' });
const EXIT = { ok: 0, usage: 2, file: 3, device: 4, unreachable: 5, login: 6, stopped: 8, approval: 9 };

// ---- sites, devices, plans

/** Devices, one for each of `kinds` (`{ image, options, site }`), and the servers of their sites. */
async function withSites(names, kinds, body, options = {}) {
  const folder = freshPath('.sites');
  fs.mkdirSync(folder);
  const passwordFile = path.join(folder, 'lamp.pw');
  fs.writeFileSync(passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
  const devices = await startDevices(
    kinds.map((kind) => ({ image: kind.image.path, options: { passwordFile, trialTimeout: 600, ...kind.options } })),
  );
  const list = devices.map(({ url }, i) => `${url.host} ${kinds[i].site ?? names[i % names.length]}\n`);
  fs.writeFileSync(path.join(folder, 'devices.txt'), list.join(''));
  const sites = await Sites.start(names, { folder, ...options });
  const fleet = { folder, devices, sites, hosts: devices.map(({ url }) => url.host), plan: path.join(folder, 'plan.json') };
  try {
    await body(fleet);
  } catch (error) {
    const says = ({ process, text, errors }) => `${process.spawnargs.slice(1, 5).join(' ')}\n${text.slice(-6000)}${errors}`;
    explain(error, sites.all.map(says).join('\n\n'));
    throw error;
  } finally {
    await sites.stop();
    devices.forEach(({ process }) => process.kill('SIGKILL'));
  }
}

function writePlan(fleet, more = {}) {
  const plan = {
    rollout: 'lamp-2.0.0',
    image: NEW.path,
    sites: fleet.sites.names,
    select: { devices: 'devices.txt' },
    waves: [{ percent: 100 }],
    stop: { failed_count: 100 },
    retry: { attempts: 3, backoff_s: [0] },
    confirm: 'now',
    passwords: { file: 'lamp.pw' },
    ...more,
  };
  fs.writeFileSync(fleet.plan, JSON.stringify(plan));
}

const fleetCli = (fleet, verb, ...rest) => run(tools.cli, ['fleet', verb, fleet.plan, '--nats', fleet.sites.hub, ...rest], { env: environment() });
const fleetEnds = (fleet, args) => run(tools.cli, ['fleet', ...args, '--json'], { env: environment(), cwd: fleet.folder });
const nameOf = (result) => objects(result.stdout).at(-1).error;

async function statesOf(fleet) {
  const result = await fleetCli(fleet, 'status', '--json');
  const all = objects(result.stdout);
  const devices = fleet.hosts.map((host) => all.find((each) => each.type === 'device' && each.host === host));
  return { states: devices.map(({ state }) => state), devices, rollout: all.at(-1), code: result.code };
}

async function runsOf(device) {
  const [state] = objects((await cliOn(device, 'info', '--json')).stdout);
  return `${state.version} ${state.image}`;
}

const finishes = async (command) => (await command.ended, command.code);

// ---- the whole of it

test('20 devices, 2 sites: gateways, a leaf and controllers are killed', async () => {
  const bad = freshPath('.health');
  fs.writeFileSync(bad, 'bad');
  const kinds = Array.from({ length: 20 }, (_, i) => ({ image: i === 5 || i === 12 ? OTHER_CHIP : OLD }));
  kinds[9].options = { health: bad };
  await withSites(['north', 'south'], kinds, async (fleet) => {
    const { sites, devices } = fleet;
    await devices[16].kill();
    writePlan(fleet, {
      waves: [{ count: 4, soak_s: 1 }, { percent: 50, soak_s: 4 }, { percent: 100, soak_s: 1 }],
      confirm: 'soak',
      limits: { per_gateway: 3, at_once: 8 },
    });
    ['north', 'south', 'north', 'south'].forEach((site) => sites.gateway(site));
    let leaders = [sites.serve('plan.json'), sites.serve('plan.json')];
    const seen = (wanted) => leaders.some(({ lines }) => lines.some(wanted));
    const killGateway = async (index) => {
      const gateway = sites.gateways[index];
      await gateway.kill();
      sites.gateways[index] = sites.command(['fleet', 'gateway', '--site', gateway.site, '--lease', '3'], sites.servers[gateway.site].url);
      sites.gateways[index].site = gateway.site;
    };
    const killLeader = async () => {
      const leader = leaders.find(({ lines }) => lines.some(({ event }) => event === 'lease' || event === 'next_wave'));
      await leader.kill();
      leaders = [...leaders.filter((each) => each !== leader), sites.serve('plan.json')];
    };
    await until(() => seen(({ state }) => state === 'sending'), 'a device that is sent to');
    await killGateway(0);
    await killGateway(1);
    await until(() => seen(({ event }) => event === 'next_wave'), 'the end of the first wave');
    await killLeader();
    await until(() => seen(({ event }) => event === 'lease'), 'the second wave');
    await sites.servers.north.kill();
    await killGateway(3);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    await sites.servers.north.start();
    await until(() => seen(({ event }) => event === 'next_wave'), 'the end of the second wave');
    await killLeader();
    const code = await Promise.race(leaders.map(finishes));
    assert.equal(code, EXIT.device, leaders.map(({ text, errors }) => text + errors).join('\n'));
    const { states, rollout } = await statesOf(fleet);
    const expected = kinds.map((_, i) => ({ 5: 'refused', 12: 'refused', 9: 'rolled_back', 16: 'unreachable' })[i] ?? 'confirmed');
    assert.deepEqual(states, expected);
    assert.equal(rollout.phase, 'finished');
    for (const [i, device] of devices.entries()) {
      const record = recordOf(device);
      assert.ok(record.together <= 1, `device ${i}: ${record.together} sessions at once\n${device.log}`);
      assert.ok(record.boots <= ({ confirmed: 2, rolled_back: 3 }[states[i]] ?? 1), `device ${i}\n${device.log}`);
    }
    const truth = await Promise.all(devices.map((device, i) => (i === 16 ? 'away' : runsOf(device))));
    assert.deepEqual(truth, states.map((state) => ({ confirmed: '2.0.0 valid', unreachable: 'away' })[state] ?? '1.0.0 valid'));
  });
});

test('each process is killed (-9) between any two of its steps', async () => {
  const { reached, wrong } = await killAtEachPoint();
  assert.deepEqual([...reached].sort(), points.map(({ name }) => name).sort());
  assert.deepEqual(wrong, []);
});

test('verbs: approve, pause, resume, abort, retry, report', async () => {
  await withSites(['hub'], [{ image: OLD }, { image: OLD }, { image: OTHER_CHIP }, { image: OLD }], async (fleet) => {
    const { sites } = fleet;
    writePlan(fleet, { waves: [{ count: 1 }, { percent: 75 }, { percent: 100 }], approve: [2, 3] });
    assert.equal(nameOf(await fleetCli(fleet, 'status', '--json')), 'journal_none');
    sites.gateway('hub');
    assert.equal(await finishes(sites.serve('plan.json')), EXIT.approval);
    assert.equal((await statesOf(fleet)).rollout.phase, 'approval');
    assert.equal((await fleetCli(fleet, 'approve', '1')).code, EXIT.usage);
    assert.match((await fleetCli(fleet, 'approve')).stdout, /nobody leads it now/);
    assert.equal((await fleetCli(fleet, 'pause')).code, EXIT.ok);
    const paused = sites.serve('plan.json');
    await paused.sees(({ event }) => event === 'pause', 'the pause');
    assert.equal((await fleetCli(fleet, 'resume')).code, EXIT.ok);
    assert.equal(await finishes(paused), EXIT.approval, paused.text);
    const names = paused.lines.filter(({ type }) => type === 'event').map(({ event }) => event);
    assert.ok(names.indexOf('resume') < names.indexOf('lease'), names.join());
    assert.deepEqual((await statesOf(fleet)).states, ['confirmed', 'confirmed', 'refused', 'queued']);
    assert.equal((await fleetCli(fleet, 'retry', fleet.hosts[2])).code, EXIT.ok);
    assert.equal(await finishes(sites.serve('plan.json')), EXIT.approval);
    assert.equal((await statesOf(fleet)).devices[2].attempts, 2);
    assert.equal((await fleetCli(fleet, 'abort')).code, EXIT.ok);
    assert.equal(await finishes(sites.serve('plan.json')), EXIT.stopped);
    assert.deepEqual((await statesOf(fleet)).states, ['confirmed', 'confirmed', 'refused', 'cancelled']);
    assert.match((await fleetCli(fleet, 'report')).stdout, /wrong_chip/);
    assert.equal(fs.existsSync(path.join(fleet.folder, 'lamp-2.0.0.journal')), false);
  });
});

test('a stop takes back what a gateway sends', async () => {
  const kinds = [{ image: OLD, options: { timing: 'w25q32jv' } }, { image: OLD, options: { timing: 'w25q32jv' } }];
  await withSites(['north'], kinds, async (fleet) => {
    writePlan(fleet, { image: makeImage({ version: '2.0.0', seed: 3, size: '1500K' }).path });
    const gateway = fleet.sites.gateway('north');
    const serve = fleet.sites.serve('plan.json');
    await serve.sees(({ state }) => state === 'sending', 'the first device');
    assert.equal((await fleetCli(fleet, 'abort')).code, EXIT.ok);
    assert.equal(await finishes(serve), EXIT.stopped);
    const { states } = await statesOf(fleet);
    const runs = await Promise.all(fleet.devices.map(runsOf));
    states.forEach((state, i) => assert.equal(runs[i], state === 'cancelled' ? '1.0.0 valid' : '2.0.0 valid', gateway.text));
    assert.ok(states.includes('cancelled'), states.join());
  });
});

test('a gateway that stood still gets its own job again, and drives it once', async () => {
  await withSites(['hub'], [{ image: OLD, options: { bootTime: 14000 } }], async (fleet) => {
    writePlan(fleet);
    const gateway = fleet.sites.gateway('hub');
    const serve = fleet.sites.serve('plan.json');
    await serve.sees(({ state }) => state === 'restarting', 'the restart');
    gateway.process.kill('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 8000)); // the lease is 3 s, the queue gives the job out again after 6 s
    gateway.process.kill('SIGCONT');
    assert.equal(await finishes(serve), EXIT.ok, serve.text + gateway.text);
    assert.deepEqual((await statesOf(fleet)).states, ['confirmed']);
    assert.ok(recordOf(fleet.devices[0]).together <= 1, fleet.devices[0].log);
    assert.equal(recordOf(fleet.devices[0]).boots, 2);
  });
});

// ---- the dashboard

test('a wave is approved at the dashboard of the controller, and what gateways see is shown', async () => {
  const slow = makeImage({ version: '2.0.0', seed: 3, size: '1500K' });
  const kinds = [OLD, OTHER_CHIP, OLD].map((image) => ({ image, options: { timing: 'w25q32jv' } }));
  await withSites(['hub'], kinds, async (fleet) => {
    writePlan(fleet, { image: slow.path, waves: [{ count: 2 }, { percent: 100 }], approve: [1, 2], limits: { per_gateway: 1 } });
    fleet.sites.gateway('hub');
    const serve = fleet.sites.serve('plan.json', `--dashboard=${await freePort()}`);
    const dashboard = await dashboardOf(serve);
    const token = await logIn(dashboard);
    const standby = fleet.sites.serve('plan.json', `--dashboard=${await freePort()}`);
    const look = async (at = dashboard, as = token) => (await ask(at, '/status', { token: as })).json;
    const reaches = (wanted, what) => until(async () => {
      const status = await look();
      return wanted(status) && status;
    }, what);
    const give = (order, body) => ask(dashboard, `/${order}`, { token, body });
    await reaches(({ phase }) => phase === 'approval', 'the first question');
    assert.equal((await give('approve', { wave: 1 })).status, 200);
    await serve.sees(({ state, host }) => state === 'sending' && host === fleet.hosts[0], 'the first bytes');
    await reaches(({ list }) => list[0].percent >= 0 && list[0].version === '1.0.0', 'how far it is');
    const status = await reaches(({ phase, approve }) => phase === 'approval' && approve === 2, 'the second question');
    assert.deepEqual(status.list.map(({ state, version }) => [state, version]), [['confirmed', '2.0.0'], ['refused', '1.0.0'], ['queued', undefined]]);
    assert.deepEqual(status.failures, [{ state: 'refused', reason: 'wrong_chip', devices: 1 }]);
    const other = await dashboardOf(standby);
    const otherToken = await logIn(other);
    assert.equal((await look(other, otherToken)).leads, false);
    assert.equal((await ask(other, '/pause', { token: otherToken, body: {} })).json.error, 'not_leading');
    await standby.kill();
    assert.equal((await give('approve', { wave: 7 })).json.error, 'order_refused');
    assert.equal((await give('approve', { wave: 2 })).status, 200);
    assert.equal(await finishes(serve), EXIT.device, serve.text + serve.errors);
    assert.deepEqual((await statesOf(fleet)).states, ['confirmed', 'refused', 'confirmed']);
  });
});

test('without a free port 8090 the controller goes on, and says so', async () => {
  const other = http.createServer().listen(8090, '127.0.0.1').on('error', () => {}); // in use by somebody else: as good
  await withSites(['hub'], [{ image: OLD }], async (fleet) => {
    writePlan(fleet);
    fleet.sites.gateway('hub');
    const serve = fleet.sites.command(['fleet', 'serve', 'plan.json', '--lease', '3'], fleet.sites.hub);
    assert.equal(await finishes(serve), EXIT.ok, serve.text);
    assert.match(serve.errors, /cannot listen on 127\.0\.0\.1, port 8090: .*\nThere is no dashboard; the rollout goes on without one\.\n/);
    const named = fleet.sites.serve('plan.json', '--dashboard=8090');
    assert.equal(await finishes(named), 1);
    assert.equal(named.lines.at(-1).error, 'dashboard_port');
  });
  other.close();
});

// ---- bad input

test('servers, sites and plans that make no sense have a name', async () => {
  await withSites(['north'], [{ image: OLD }], async (fleet) => {
    const { hub, north } = fleet.sites.servers;
    const nobody = `nats://127.0.0.1:${await freePort()}`;
    const gateway = (url, site, ...rest) => fleetEnds(fleet, ['gateway', '--site', site, '--nats', url, ...rest]);
    const serve = (url = hub.url) => fleetEnds(fleet, ['serve', fleet.plan, '--nats', url]);
    const seed = freshPath('.nk');
    fs.writeFileSync(seed, 'SUNOSEED\n', { mode: 0o600 });
    writePlan(fleet);
    const cases = [
      [await gateway(nobody, 'north'), EXIT.unreachable, 'nats_unreachable'],
      [await serve(nobody), EXIT.unreachable, 'nats_unreachable'],
      [await gateway(north.url, 'south'), EXIT.usage, 'site_unknown'],
      [await gateway(north.url, 'north', '--nkey', seed), EXIT.login, 'nats_key'],
      [await serve(north.url), EXIT.usage, 'not_hub'],
    ];
    writePlan(fleet, { sites: undefined });
    cases.push([await serve(), EXIT.file, 'plan_missing_member']);
    writePlan(fleet, { sites: ['south'] });
    cases.push([await serve(), EXIT.file, 'plan_no_site']);
    writePlan(fleet, { sites: ['img'] });
    cases.push([await serve(), EXIT.file, 'plan_bad_value']);
    writePlan(fleet, { select: { devices: 'devices.txt', chip: 'ESP32-C3' } });
    cases.push([await serve(), EXIT.file, 'plan_bad_value']);
    fs.chmodSync(seed, 0o644);
    cases.push([await gateway(north.url, 'north', '--nkey', seed), EXIT.login, 'password_file_open']);
    for (const [result, code, name] of cases) {
      assert.deepEqual([result.code, nameOf(result)], [code, name], result.stdout);
    }
    assert.match((await gateway('nats://me:secret@127.0.0.1', 'north')).stderr, /takes no user and no password/);
  });
});

test('a changed plan, a changed image and a password elsewhere are refused', async () => {
  await withSites(['hub'], [{ image: OLD }], async (fleet) => {
    const { sites } = fleet;
    fs.copyFileSync(NEW.path, path.join(fleet.folder, 'app.bin'));
    writePlan(fleet, { image: 'app.bin', passwords: { file: path.join(fleet.folder, 'lamp.pw') } });
    sites.gateway('hub');
    assert.equal(await finishes(sites.serve('plan.json')), EXIT.device);
    assert.equal((await statesOf(fleet)).devices[0].reason, 'password_path');
    const again = () => fleetEnds(fleet, ['serve', 'plan.json', '--nats', sites.hub, '--lease', '3']);
    fs.copyFileSync(makeImage({ version: '2.0.1', seed: 9 }).path, path.join(fleet.folder, 'app.bin'));
    assert.equal(nameOf(await again()), 'image_changed');
    writePlan(fleet, { image: 'app.bin' });
    assert.equal(nameOf(await again()), 'plan_changed');
    const other = await fleetEnds(fleet, ['serve', 'plan.json', '--nats', sites.hub, '--lease', '7']);
    assert.equal(nameOf(other), 'lease_differs');
  });
});

test('an image that is damaged on its way is not sent to a device', async () => {
  await withSites(['north'], [{ image: OLD }], async (fleet) => {
    writePlan(fleet);
    const serve = fleet.sites.serve('plan.json');
    await serve.sees(({ event }) => event === 'lease', 'the lease');
    const digest = crypto.createHash('sha256').update(NEW.bytes).digest('hex');
    const piece = Buffer.from(NEW.bytes.subarray(65536, 131072));
    piece[100] ^= 1;
    await fleet.sites.servers.hub.publish(`otaws.img.${digest}.1`, piece);
    fleet.sites.gateway('north');
    assert.equal(await finishes(serve), EXIT.device, serve.text);
    const { devices } = await statesOf(fleet);
    assert.deepEqual([devices[0].state, devices[0].reason], ['refused', 'image_damaged']);
    assert.deepEqual(recordOf(fleet.devices[0]), { together: 0, updates: 0, taken: 0, boots: 1 });
  });
});

// ---- the documented servers

test('the files of docs/fleet.md are what nats-server takes, word by word', () => {
  const { hub, leaf } = documentedFiles();
  for (const text of [hub, leaf]) {
    const file = freshPath('.conf');
    fs.writeFileSync(file, text);
    execFileSync(natsProgram, ['-t', '-c', file], { stdio: 'pipe' }); // throws when one is refused
  }
});

test('a hub with TLS and users lets in who has the key', async () => {
  const pem = freshPath('.pem'), key = freshPath('.key'), mine = freshPath('.nk'), other = freshPath('.nk');
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', pem], { stdio: 'pipe' });
  const user = makeKey();
  fs.writeFileSync(mine, `${user.seed}\n`, { mode: 0o600 });
  fs.writeFileSync(other, `${makeKey().seed}\n`, { mode: 0o600 });
  const text = documentedFiles().closed.replaceAll('/etc/nats/hub.pem', pem).replaceAll('/etc/nats/hub.key', key).replace(/U[A-Z2-7]{55}/, user.public);
  const server = await new Server(text, { client: await freePort(), leaf: await freePort() }).start();
  try {
    const plan = freshPath('.json');
    fs.writeFileSync(plan, JSON.stringify({ rollout: 'lamp', image: NEW.path, select: { devices: 'none.txt' }, waves: [{ percent: 100 }] }));
    const status = (host, ...rest) => run(tools.cli, ['fleet', 'status', plan, '--json', '--nats', `tls://${host}:${server.port}`, ...rest], { env: environment() });
    const names = [
      await status('localhost', '--tls-ca', pem, '--nkey', mine),
      await status('localhost', '--tls-ca', pem, '--nkey', other),
      await status('localhost', '--tls-ca', pem),
      await status('localhost', '--nkey', mine),
      await status('127.0.0.1', '--tls-ca', pem, '--nkey', mine),
    ].map(nameOf);
    assert.deepEqual(names, ['journal_none', 'nats_login', 'nats_login', 'nats_tls', 'nats_tls'], server.log);
  } finally {
    await server.kill();
  }
});

test('a server with accounts lets in who has its credentials', async () => {
  const operator = makeKey('operator'), system = makeKey('account'), account = makeKey('account'), user = makeKey();
  const none = { subs: -1, data: -1, payload: -1 };
  const limits = { ...none, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1, mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };
  const accounts = [system, account].map((key) => `${key.public}: "${makeJwt(operator, key, 'account', { limits: key === system ? { ...limits, mem_storage: 0, disk_storage: 0 } : limits })}"`);
  const text = `${documentedFiles().hub}
operator: ${makeJwt(operator, operator, 'operator')}
system_account: ${system.public}
resolver: MEMORY
resolver_preload: { ${accounts.join(', ')} }
`;
  const server = await new Server(text, { client: await freePort(), leaf: await freePort() }).start();
  const plan = freshPath('.json');
  fs.writeFileSync(plan, JSON.stringify({ rollout: 'lamp', image: NEW.path, select: { devices: 'none.txt' }, waves: [{ percent: 100 }] }));
  const statusWith = async (jwt, key, mode = 0o600) => {
    const file = freshPath('.creds');
    fs.writeFileSync(file, credentialsOf(jwt, key), { mode });
    return nameOf(await run(tools.cli, ['fleet', 'status', plan, '--json', '--nats', server.url, '--creds', file], { env: environment() }));
  };
  try {
    const mine = makeJwt(account, user, 'user', none);
    assert.equal(await statusWith(mine, user), 'journal_none', server.log);
    assert.equal(await statusWith(mine, user, 0o644), 'password_file_open');
    assert.equal(await statusWith(mine, makeKey()), 'nats_login', 'the seed of another key');
    assert.equal(await statusWith(makeJwt(makeKey('account'), user, 'user', none), user), 'nats_login', 'an account that the server does not know');
  } finally {
    await server.kill();
  }
});
