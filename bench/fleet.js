// SPDX-License-Identifier: Apache-2.0
// A rollout to many virtual devices by one process: 3 % have another chip, 1 % go back during the trial, 2 % are away,
// and the process is killed (-9) again and again. In the end what the rollout says of each device must be what the
// device says itself. Prints seconds and memory. Then 20 devices with the timing of a real flash chip: how much longer
// does the rollout take than its slowest device, from its lease to its confirmation? And than one device alone: this one has
// the processor of the machine for itself, which 20 virtual devices share. And a shell loop of `ota-ws push` over devices
// of which 3 fail.
//   node bench/fleet.js [DEVICES=100] [KILLS=5] [PARTS=many,overhead,loop]
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { once } from 'node:events';
import path from 'node:path';
import readline from 'node:readline';
import { Device, freshPath, makeImage, run, tools } from '../test/e2e/harness.js';

const settings = Object.fromEntries(process.argv.slice(2).map((word) => word.split('=')));
const DEVICES = Number(settings.DEVICES ?? 100);
const KILLS = Number(settings.KILLS ?? 5);
const parts = (settings.PARTS ?? 'many,overhead,loop').split(',');
const STARTED_AT_ONCE = 20;

const passwordFile = freshPath('.pw');
fs.writeFileSync(passwordFile, 'sesame 42\n', { mode: 0o600 });
const old = makeImage({ version: '1.0.0' });
const fresh = makeImage({ version: '2.0.0', seed: 2, size: '100K' });
const otherChip = makeImage({ version: '1.0.0', chip: 'esp32s3' });
const bad = freshPath('.health');
fs.writeFileSync(bad, 'bad');

/** Devices by their settings, some at a time. */
async function startAll(kinds) {
  const devices = [];
  for (let at = 0; at < kinds.length; at += STARTED_AT_ONCE) {
    const batch = kinds.slice(at, at + STARTED_AT_ONCE);
    devices.push(...(await Promise.all(batch.map((kind) => Device.start(kind)))));
  }
  return devices;
}

const stopAll = (devices) => devices.forEach((device) => device.process.kill('SIGKILL'));

function writeFleet(devices, plan) {
  const folder = freshPath('.fleet');
  fs.mkdirSync(folder);
  fs.writeFileSync(path.join(folder, 'devices.txt'), devices.map((device) => `${device.url.host}\n`).join(''));
  const file = path.join(folder, 'plan.json');
  const base = { rollout: 'many', image: fresh.path, select: { devices: 'devices.txt' }, passwords: { file: passwordFile } };
  fs.writeFileSync(file, JSON.stringify({ ...base, ...plan }));
  return file;
}

/** Runs a rollout; kills it after `killAfterMs`, when that is given. `{ code, peakKb }` */
async function runPlan(plan, killAfterMs) {
  const child = spawn(tools.cli, ['fleet', 'run', plan, '--quiet'], { stdio: ['ignore', 'ignore', 'inherit'] });
  const result = { peakKb: 0 };
  const watch = setInterval(() => {
    try {
      const status = fs.readFileSync(`/proc/${child.pid}/status`, 'utf8');
      result.peakKb = Math.max(result.peakKb, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
    } catch {
      // it has just ended
    }
  }, 100);
  const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  [result.code] = await once(child, 'close');
  clearInterval(watch);
  clearTimeout(timer);
  return result;
}

const objects = (text) => text.trim().split('\n').map((line) => JSON.parse(line));
const seconds = (since) => ((performance.now() - since) / 1000).toFixed(1);

async function many() {
  const options = { passwordFile, flashSize: '1M', trialTimeout: 120 };
  const kinds = Array.from({ length: DEVICES }, (_, i) => ({ image: old.path, options: { ...options } }));
  const some = (percent, change) => {
    for (let left = Math.ceil((DEVICES * percent) / 100), i = 7; left > 0; i += 11) {
      if (!kinds[i % DEVICES].fate) {
        change(kinds[i % DEVICES]);
        left--;
      }
    }
  };
  some(3, (kind) => Object.assign(kind, { fate: 'refused', image: otherChip.path }));
  some(1, (kind) => Object.assign(kind, { fate: 'rolled_back', options: { ...options, health: bad } }));
  some(2, (kind) => Object.assign(kind, { fate: 'unreachable' }));
  const devices = await startAll(kinds);
  await Promise.all(devices.filter((_, i) => kinds[i].fate === 'unreachable').map((device) => device.kill()));
  const plan = writeFleet(devices, {
    waves: [{ count: 1, soak_s: 2 }, { percent: 10, soak_s: 2 }, { percent: 100, soak_s: 2 }],
    stop: { failed_percent: 20, min_done: 50 },
    limits: { per_gateway: 32 },
    retry: { attempts: 2, backoff_s: [1] },
  });
  const since = performance.now();
  let peakKb = 0, killed = 0, last;
  do {
    last = await runPlan(plan, killed < KILLS ? 5000 : undefined);
    killed += last.code === null;
    peakKb = Math.max(peakKb, last.peakKb);
  } while (last.code === null);
  const took = seconds(since);
  const says = objects((await run(tools.cli, ['fleet', 'status', plan, '--json'])).stdout);
  const runs = objects((await run(tools.cli, ['fleet', 'list', plan, '--json'], { maxBuffer: 1 << 26 })).stdout);
  const really = new Map(runs.map(({ host, version, image }) => [host, version === undefined ? 'away' : `${version} ${image}`]));
  let wrong = 0, twice = 0;
  says.filter(({ type }) => type === 'device').forEach(({ host, state }, i) => {
    const truth = { confirmed: '2.0.0 valid', already: '2.0.0 valid', unreachable: 'away' }[state] ?? '1.0.0 valid';
    const expected = kinds[i].fate ?? 'confirmed';
    const isRight = really.get(host) === truth && state === expected;
    wrong += !isRight;
    twice += devices[i].boots > ({ confirmed: 2, rolled_back: 3 }[state] ?? 1);
    if (!isRight) console.log(`${host}: the rollout says ${state}, the device ${really.get(host)}, expected was ${expected}`);
  });
  stopAll(devices);
  const { type, rollout, phase, reason, wave, waves, code, ...counts } = says.at(-1);
  console.log(`${DEVICES} devices: ${took} s, ${killed} kills, ${Math.round(peakKb / 1024)} MB of the process at most`);
  console.log(`  ${phase}: ${Object.entries(counts).filter(([, count]) => count > 0).map(([name, count]) => `${count} ${name}`).join(', ')}`);
  console.log(`  ${wrong} against what the device says itself, ${twice} restarted more often than needed`);
  assert.deepEqual([wrong, twice, phase], [0, 0, 'finished']);
}

/** Seconds of a whole rollout, and of its slowest device from its first event to its last. */
async function timeOf(plan) {
  const since = performance.now();
  const child = spawn(tools.cli, ['fleet', 'run', plan, '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const seen = new Map();
  for await (const line of readline.createInterface({ input: child.stdout })) {
    const { type, host } = JSON.parse(line);
    if (type === 'event' && host) {
      const now = performance.now();
      seen.set(host, [seen.get(host)?.[0] ?? now, now]);
    }
  }
  const [code] = await ended;
  assert.equal(code, 0);
  return { all: (performance.now() - since) / 1000, slowest: Math.max(...[...seen.values()].map(([from, to]) => to - from)) / 1000 };
}

async function overhead() {
  const big = makeImage({ version: '2.0.0', seed: 5, size: '1000K' });
  const kind = { image: old.path, options: { passwordFile, timing: 'w25q32jv' } };
  const devices = await startAll(Array(20).fill(kind));
  const alone = [];
  for (const device of devices.slice(0, 3)) {
    const since = performance.now();
    const args = ['push', big.path, device.url.host, '--confirm', '--quiet', '--password-file', passwordFile];
    assert.equal((await run(tools.cli, args)).code, 0);
    alone.push((performance.now() - since) / 1000);
  }
  stopAll(devices);
  const others = await startAll(Array(20).fill(kind));
  const plan = writeFleet(others, { image: big.path, waves: [{ percent: 100 }], limits: { per_gateway: 20 }, confirm: 'now' });
  const took = await timeOf(plan);
  const { stdout } = await run(tools.cli, ['fleet', 'report', plan]);
  stopAll(others);
  const more = (than) => `${((took.all / than - 1) * 100).toFixed(1)} % more`;
  console.log(`20 devices at once, flash as slow as a W25Q32JV: ${took.all.toFixed(2)} s`);
  console.log(`  its slowest device ${took.slowest.toFixed(2)} s: ${more(took.slowest)}`);
  console.log(`  one device alone ${alone.map((s) => s.toFixed(2)).join(', ')} s: ${more(Math.max(...alone))}`);
  assert.equal(stdout.match(/,confirmed,/g).length, 20);
}

async function loop() {
  const count = Math.min(DEVICES, 100);
  const kinds = Array.from({ length: count }, (_, i) => ({
    image: i % 33 === 7 ? otherChip.path : old.path,
    options: { passwordFile, flashSize: '1M' },
  }));
  const first = await startAll(kinds);
  const since = performance.now();
  const script = `failed=0; for h in ${first.map((device) => device.url.host).join(' ')}; do "$0" push "$1" "$h" --confirm --quiet --password-file "$2" || failed=$((failed+1)); done; echo "$failed failed"`;
  const shell = await run('sh', ['-c', script, tools.cli, fresh.path, passwordFile], { maxBuffer: 1 << 24 });
  const shellTook = seconds(since);
  stopAll(first);
  const second = await startAll(kinds);
  const plan = writeFleet(second, { waves: [{ count: 1 }, { percent: 100 }], stop: { failed_count: 10 }, limits: { per_gateway: 32 }, confirm: 'now' });
  const again = performance.now();
  const { code } = await runPlan(plan);
  const fleetTook = seconds(again);
  const status = await run(tools.cli, ['fleet', 'status', plan]);
  stopAll(second);
  console.log(`a shell loop over ${count} devices: ${shellTook} s, exit code ${shell.code}, its last lines:\n${shell.stdout.trimEnd().split('\n').slice(-2).join('\n')}`);
  console.log(`ota-ws fleet: ${fleetTook} s, exit code ${code}:\n${status.stdout.trimEnd()}`);
}

const all = { many, overhead, loop };
for (const part of parts) {
  await all[part]();
}
