// SPDX-License-Identifier: Apache-2.0
// A rollout over NATS JetStream: a hub, leaf sites, gateways and a controller, with devices as processes. 3 % have
// another chip, 1 % go back during the trial, 2 % are away. A gateway is killed (-9) every 5 s and replaced, the
// controller at each end of a wave. With DOWN, the hub's server is killed in the second wave and comes back after so
// many seconds, and after it that of a leaf. The second wave is approved by hand, and the rollout is paused once. In
// the end what the rollout says of each device must be what the device says itself, no device may have had two sessions
// at once, and none has got the image more often than it had attempts. Prints seconds, and the memory of the controller
// and of the largest gateway.
//   node bench/fleet_sites.js [DEVICES=200] [SITES=3] [GATEWAYS=10] [KILLS=5] [LEASE=3] [DOWN=0]
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { environment } from '../test/e2e/cli_tools.js';
import { freshPath, makeImage, run, tools, until } from '../test/e2e/harness.js';
import { recordOf, Sites, startDevices } from '../test/e2e/sites.js';

const settings = Object.fromEntries(process.argv.slice(2).map((word) => word.split('=')));
const number = (name, otherwise) => Number(settings[name] ?? otherwise);
const DEVICES = number('DEVICES', 200);
const GATEWAYS = number('GATEWAYS', 10);
const KILLS = number('KILLS', 5);
const LEASE = number('LEASE', 3);
const DOWN = number('DOWN', 0);
const names = Array.from({ length: number('SITES', 3) }, (_, i) => `site${i + 1}`);
const KILL_EVERY_MS = 5000;
const UNREACHABLE = 5, APPROVAL = 9; // exit codes of ota-ws
const PAUSE_MS = 3000;

const folder = freshPath('.sites');
fs.mkdirSync(folder);
const passwordFile = path.join(folder, 'lamp.pw');
fs.writeFileSync(passwordFile, 'sesame 42\n', { mode: 0o600 });
const bad = freshPath('.health');
fs.writeFileSync(bad, 'bad');
const old = makeImage({ version: '1.0.0' }), fresh = makeImage({ version: '2.0.0', seed: 2, size: '100K' });
const otherChip = makeImage({ version: '1.0.0', chip: 'esp32s3' });

const options = { passwordFile, flashSize: '1M', trialTimeout: 600 };
const kinds = Array.from({ length: DEVICES }, () => ({ image: old.path, options }));
function choose(percent, change) {
  for (let left = Math.ceil((DEVICES * percent) / 100), i = 7; left > 0; i += 11) {
    if (!kinds[i % DEVICES].fate) {
      Object.assign(kinds[i % DEVICES], change);
      left--;
    }
  }
}
choose(3, { fate: 'refused', image: otherChip.path });
choose(1, { fate: 'rolled_back', options: { ...options, health: bad } });
choose(2, { fate: 'unreachable' });

const devices = await startDevices(kinds);
await Promise.all(devices.filter((_, i) => kinds[i].fate === 'unreachable').map((device) => device.kill()));
fs.writeFileSync(path.join(folder, 'devices.txt'), devices.map(({ url }, i) => `${url.host} ${names[i % names.length]}\n`).join(''));
const plan = path.join(folder, 'plan.json');
fs.writeFileSync(
  plan,
  JSON.stringify({
    rollout: 'many',
    image: fresh.path,
    sites: names,
    select: { devices: 'devices.txt' },
    waves: [{ count: names.length, soak_s: 3 }, { percent: 10, soak_s: 3 }, { percent: 100, soak_s: 3 }],
    stop: { failed_percent: 20, min_done: 50 },
    approve: [2],
    limits: { per_gateway: 16, at_once: 16 * GATEWAYS },
    retry: { attempts: 2, backoff_s: [1] },
    passwords: { file: 'lamp.pw' },
  }),
);

const peak = { controller: 0, gateway: 0 };
const sites = await Sites.start(names, { folder, lease: LEASE });
const watch = setInterval(() => {
  for (const command of sites.all) {
    const kind = command.site === undefined ? 'controller' : 'gateway';
    peak[kind] = Math.max(peak[kind], command.peakKb);
  }
}, 200);
let isOver = false;

/** A gateway that is started again whenever it ends, as a service is: also one that finds its server away. */
function keepGateway(site) {
  if (!isOver) sites.gateway(site).ended.then(() => setTimeout(keepGateway, 500, site));
}
for (let i = 0; i < GATEWAYS; i++) {
  keepGateway(names[i % names.length]);
}

const since = performance.now();
let killed = 0, leadersKilled = 0;
const killing = setInterval(() => {
  if (killed < KILLS) {
    killed++;
    sites.gateways.find(({ code }) => code === undefined)?.kill();
  }
}, KILL_EVERY_MS);
async function takeDown(name) {
  await sites.servers[name].kill();
  await sleep(DOWN * 1000);
  await sites.servers[name].start();
}
const down = [];
async function takeServersDown(serving) {
  await until(() => serving.text.includes('"lease"'), 'the second wave', 600_000);
  for (const name of DOWN > 0 ? ['hub', names[0]] : []) {
    await takeDown(name);
    down.push(name);
  }
}
const order = (verb) => run(tools.cli, ['fleet', verb, plan, '--nats', sites.hub], { env: environment() });
const count = { wrong: 0, together: 0, restarts: 0, again: 0, paused: 'not paused, so none' };

/** No device may begin in a pause. */
async function pauseOnce() {
  const begun = () => leader.text.split('"event":"lease"').length;
  if ((await order('pause')).code !== 0) return;
  await until(() => leader.text.includes('"event":"pause"'), 'the pause');
  const before = begun();
  await sleep(PAUSE_MS);
  count.paused = begun() - before;
  await order('resume');
}

const leaders = [sites.serve('plan.json')];
let leader = leaders[0];
let outage;
for (;;) {
  await until(() => leader.code !== undefined || leader.text.includes('"next_wave"'), 'the end of a wave', 600_000);
  if (leader.code === UNREACHABLE) { // the hub is down: started again, as a service is
    await sleep(500);
  } else if (leader.code === APPROVAL) {
    await order('approve');
  } else if (leader.code !== undefined) {
    break;
  } else {
    await leader.kill();
    leadersKilled++;
  }
  leader = sites.serve('plan.json');
  leaders.push(leader);
  outage ??= takeServersDown(leader).then(pauseOnce);
}
clearInterval(killing);
isOver = true;
const took = ((performance.now() - since) / 1000).toFixed(1);
clearInterval(watch);

const objects = (text) => text.trim().split('\n').map((line) => JSON.parse(line));
const says = objects((await run(tools.cli, ['fleet', 'status', plan, '--nats', sites.hub, '--json'], { maxBuffer: 1 << 26, env: environment() })).stdout);
const list = path.join(folder, 'list.json');
fs.writeFileSync(list, JSON.stringify({ rollout: 'many', image: fresh.path, select: { devices: 'devices.txt' }, waves: [{ percent: 100 }], passwords: { file: 'lamp.pw' } }));
const records = devices.map(recordOf); // before they are asked
const found = objects((await run(tools.cli, ['fleet', 'list', list, '--json'], { maxBuffer: 1 << 26, env: environment() })).stdout);
const really = new Map(found.map(({ host, version, image }) => [host, version === undefined ? 'away' : `${version} ${image}`]));
says.filter(({ type }) => type === 'device').forEach(({ host, state, reason, attempts }, i) => {
  const truth = { confirmed: '2.0.0 valid', unreachable: 'away' }[state] ?? '1.0.0 valid';
  const expected = kinds[i].fate ?? 'confirmed';
  const isOften = records[i].boots > ({ confirmed: 2, rolled_back: 3 }[state] ?? 1);
  const isRight = really.get(host) === truth && state === expected;
  count.wrong += !isRight;
  count.together += records[i].together > 1;
  count.restarts += isOften;
  count.again += records[i].taken > attempts;
  if (!isRight || isOften || records[i].together > 1 || records[i].taken > attempts) {
    console.log(`--- ${host}: the rollout says ${state} (${reason}), the device ${really.get(host)}, expected was ${expected}; ${attempts} attempts`);
    console.log(devices[i].log);
    console.log(leaders.flatMap(({ text }) => text.split('\n')).filter((line) => line.includes(`"${host}"`)).join('\n'));
  }
});
const { type, rollout, phase, reason, wave, waves, devices: all, code, ...states } = says.at(-1);
await sites.stop();
devices.forEach(({ process }) => process.kill('SIGKILL'));
console.log(`${DEVICES} devices, ${names.length} sites, ${GATEWAYS} gateways: ${took} s; killed: ${killed} gateways, ${leadersKilled} controllers; down for ${DOWN} s: ${down.join(', ') || 'none'}`);
console.log(`  ${phase}: ${Object.entries(states).filter(([, n]) => n > 0).map(([name, n]) => `${n} ${name}`).join(', ')}`);
console.log(`  ${count.wrong} against what the device says itself, ${count.together} driven by two at once, ${count.restarts} restarted more often than needed, ${count.again} got the image more often than they had attempts, ${count.paused} begun in the pause`);
console.log(`  memory at most: controller ${(peak.controller / 1024).toFixed(1)} MB, gateway ${(peak.gateway / 1024).toFixed(1)} MB`);
if (phase !== 'finished') console.log(leader.text.slice(-1500), leader.errors);
assert.deepEqual([count.wrong, count.together, count.restarts, count.again, count.paused, phase], [0, 0, 0, 0, 0, 'finished']);
process.exit(0);
