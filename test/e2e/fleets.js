// SPDX-License-Identifier: Apache-2.0
// Fleets for tests: real devices and their list, plans, and `ota-ws fleet run` as a process.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { once } from 'node:events';
import path from 'node:path';
import { cli, cliOn, environment, objects, PASSWORD } from './cli_tools.js';
import { Device, freshPath, makeImage, tools, until } from './harness.js';

export const OLD = makeImage({ version: '1.0.0' });
export const NEW = makeImage({ version: '2.0.0', seed: 2, size: '100K' });
export const OTHER_CHIP = makeImage({ version: '1.0.0', chip: 'esp32s3' });
export const PASSWORD_FILE = freshPath('.pw');
fs.writeFileSync(PASSWORD_FILE, `${PASSWORD}\n`, { mode: 0o600 });

export const EXIT = { ok: 0, trouble: 1, usage: 2, file: 3, device: 4, unreachable: 5, login: 6, old: 7, stopped: 8, approval: 9 };

// ---- fleets, plans

/** Devices with the password, and their list in a folder of its own. `images`: one device each; so many are started at once. */
export async function withFleet(images, body, options = {}, atOnce = 20) {
  const folder = freshPath('.fleet');
  fs.mkdirSync(folder);
  const devices = [];
  for (let at = 0; at < images.length; at += atOnce) {
    const kinds = images.slice(at, at + atOnce).map((image) => ({ image: image.path, options: { passwordFile: PASSWORD_FILE, trialTimeout: 600, ...options } }));
    devices.push(...(await Promise.all(kinds.map((kind) => Device.start(kind)))));
  }
  const fleet = { folder, devices, hosts: devices.map((device) => device.url.host), plan: path.join(folder, 'plan.json') };
  const list = (hosts) => fs.writeFileSync(path.join(folder, 'devices.txt'), hosts.map((host) => `${host}\n`).join(''));
  fleet.list = list;
  list(fleet.hosts);
  try {
    await body(fleet);
  } finally {
    for (const device of devices) {
      if (!device.isStopped) {
        device.process.kill('SIGKILL');
      }
    }
  }
}

/** Writes the plan; by default all devices at once, confirmed as soon as they answer. */
export function writePlan(fleet, more = {}) {
  const plan = {
    rollout: 'lamp',
    image: NEW.path,
    select: { devices: 'devices.txt' },
    waves: [{ percent: 100 }],
    stop: { failed_count: 100 },
    retry: { attempts: 2, backoff_s: [0] },
    confirm: 'now',
    passwords: { file: PASSWORD_FILE },
    ...more,
  };
  fs.writeFileSync(fleet.plan, JSON.stringify(plan));
}

export const fleetCli = (verb, fleet, ...rest) => cli(['fleet', verb, fleet.plan, ...rest], {});

/** `{ host: 'confirmed', ... }`, and the object of the whole as `rollout`. */
export async function statesOf(fleet) {
  const result = await fleetCli('status', fleet, '--json');
  const all = objects(result.stdout);
  const states = Object.fromEntries(all.filter(({ type }) => type === 'device').map(({ host, state }) => [host, state]));
  return { states: fleet.hosts.map((host) => states[host]), rollout: all.at(-1), code: result.code, devices: all };
}

/** What a device says of itself. */
export async function runsOf(device) {
  const [state] = objects((await cliOn(device, 'info', '--json')).stdout);
  return `${state.version} ${state.image}`;
}

export async function allRun(fleet, expected) {
  assert.deepEqual(await Promise.all(fleet.devices.map(runsOf)), expected);
}

/** `ota-ws fleet run` as a process: its events as they come. */
export function start(fleet, ...rest) {
  const child = spawn(tools.cli, ['fleet', 'run', fleet.plan, '--json', ...rest], { env: environment() });
  const run = { child, text: '', errors: '' };
  child.stdout.on('data', (text) => (run.text += text));
  child.stderr.on('data', (text) => (run.errors += text));
  run.ended = once(child, 'close').then(([code, signal]) => {
    run.code = code;
    run.signal = signal;
  });
  Object.defineProperty(run, 'events', { get: () => run.text.split('\n').slice(0, -1).map((line) => JSON.parse(line)) });
  run.sees = (wanted, what) => until(() => run.events.find(wanted) ?? (run.code !== undefined && 'ended'), what);
  run.kill = async () => {
    child.kill('SIGKILL');
    await run.ended;
  };
  return run;
}

export const finishes = async (run) => (await run.ended, run.code);

/** Devices whose own health confirms the image when the test says so. */
export async function withPatients(count, body) {
  const health = freshPath('.health');
  fs.writeFileSync(health, 'wait');
  await withFleet(Array(count).fill(OLD), (fleet) => body(fleet, () => fs.writeFileSync(health, 'good')), { health });
}
