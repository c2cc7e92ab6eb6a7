// SPDX-License-Identifier: Apache-2.0
// ota-ws fleet serve and gateway: a hub and leaves (real nats-server), real devices, and processes that are killed.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { cli, cliOn, environment, objects, PASSWORD } from './cli_tools.js';
import { freshPath, makeImage, run, tools, until } from './harness.js';
import { documentedFiles, freePort, natsProgram, recordOf, Server, Sites, startDevices } from './sites.js';

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
    error.message += `\n${sites.all.map(({ process, text, errors }) => `${process.spawnargs.slice(1, 5).join(' ')}\n${text.slice(-6000)}${errors}`).join('\n\n')}`;
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
