// SPDX-License-Identifier: Apache-2.0
// A rollout in which a process is killed (-9) between any two of its steps: the first gateway of each site at a point of
// its own, and three controllers one after the other. What becomes of it is compared with what the devices have on record.
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { environment, PASSWORD } from './cli_tools.js';
import { freshPath, makeImage, run, tools, until } from './harness.js';
import { Tap } from './nats_tap.js';
import { recordOf, Sites, startDevices } from './sites.js';

// `is` chooses the message, see nats_tap.js; the process is killed `lateMs` later. With `isBad` the devices of that site
// go back to the old image by themselves.

/** An event with this step, by the id that its message has. */
const step = (name) => ({ text }) => new RegExp(`Nats-Msg-Id: ?[^\r]*/${name}\r`).test(text);
const nextWave = ({ subject, text }) => subject.startsWith('otaws.journal.') && text.includes('"next_wave"');

export const gatewayPoints = [
  { name: 'lease / begin', is: ({ subject }) => subject.startsWith('$KV.otaws_leases.dev.'), stored: true },
  { name: 'in the middle of sending', is: step('sending'), stored: true, lateMs: 300 },
  { name: 'done / its event', is: step('ready') },
  { name: 'ready / restart, not stored', is: step('restarting'), lateMs: 2000, isBad: true },
  { name: 'ready / restart, stored', is: step('restarting'), stored: true },
  { name: 'restart / on trial', is: step('trial') },
  { name: 'on trial / confirm', is: step('trial'), stored: true },
  { name: 'confirm / event', is: step('done') },
  { name: 'event / ack', is: ({ subject, text }) => subject.startsWith('$JS.ACK.') && text.startsWith('+ACK') },
];
export const controllerPoints = [
  { name: 'decision stored / job sent', is: ({ subject }) => /^otaws\.[^.]+\.job\./.test(subject) },
  { name: "before a wave's compare-and-set", is: nextWave },
  { name: "after a wave's compare-and-set", is: nextWave, stored: true },
];
export const points = [...gatewayPoints, ...controllerPoints];

const OLD_IMAGE = 7; // exit code of ota-ws: devices have gone back

const old = makeImage({ version: '1.0.0' });
const fresh = makeImage({ version: '2.0.0', seed: 2, size: '300K' });

async function killAt(point, port, begin) {
  const tap = await Tap.start(port, point);
  const command = begin(tap.url);
  const came = await Promise.race([tap.reached.then(() => true), command.ended.then(() => false)]);
  if (came) {
    await sleep(point.lateMs ?? 0);
    await command.kill();
  }
  return came;
}

async function rollOut(sites, folder) {
  const reached = new Set();
  const note = async (point, port, begin) => (await killAt(point, port, begin)) && reached.add(point.name);
  const gateways = gatewayPoints.map(async (point, i) => {
    const site = sites.names[i];
    await note(point, sites.servers[site].port, (url) => sites.command(['fleet', 'gateway', '--site', site, '--lease', '3'], url));
    sites.gateway(site);
  });
  for (const point of controllerPoints) {
    await note(point, sites.servers.hub.port, (url) => sites.command(['fleet', 'serve', 'plan.json', '--lease', '3', '--dashboard=0'], url));
  }
  const last = sites.serve('plan.json');
  await until(() => last.code !== undefined, 'the end of the rollout', 180_000);
  await Promise.all(gateways);
  const { stdout } = await run(tools.cli, ['fleet', 'status', path.join(folder, 'plan.json'), '--nats', sites.hub, '--json'], { env: environment() });
  return { reached, code: last.code, says: stdout.trim().split('\n').map((line) => JSON.parse(line)), text: last.text + last.errors };
}

/** One rollout: `{ reached, wrong }`, names of points, and sentences about what is not as it must be. */
export async function killAtEachPoint() {
  const folder = freshPath('.kills');
  fs.mkdirSync(folder);
  const passwordFile = path.join(folder, 'lamp.pw');
  fs.writeFileSync(passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
  const names = gatewayPoints.map((_, i) => `point${i + 1}`);
  const bad = freshPath('.health');
  fs.writeFileSync(bad, 'bad');
  const isBad = (i) => gatewayPoints[i % names.length].isBad === true;
  const options = { passwordFile, trialTimeout: 600, timing: 'w25q32jv' };
  const devices = await startDevices(
    Array.from({ length: 2 * names.length }, (_, i) => ({ image: old.path, options: isBad(i) ? { ...options, health: bad } : options })),
  );
  fs.writeFileSync(path.join(folder, 'devices.txt'), devices.map(({ url }, i) => `${url.host} ${names[i % names.length]}\n`).join(''));
  fs.writeFileSync(
    path.join(folder, 'plan.json'),
    JSON.stringify({
      rollout: 'kills',
      image: fresh.path,
      sites: names,
      select: { devices: 'devices.txt' },
      waves: [{ count: names.length, soak_s: 4 }, { percent: 100, soak_s: 4 }],
      stop: { failed_count: 100 },
      retry: { attempts: 3, backoff_s: [0] },
      passwords: { file: 'lamp.pw' },
    }),
  );
  const sites = await Sites.start(names, { folder });
  try {
    const { reached, code, says, text } = await rollOut(sites, folder);
    const wrong = code === OLD_IMAGE ? [] : [`the last controller ended with ${code}: ${text}`];
    devices.forEach((device, i) => {
      const { state } = says.find(({ type, host }) => type === 'device' && host === device.url.host) ?? {};
      const { together, taken, boots } = recordOf(device);
      const confirms = device.log.split('is confirmed').length - 1;
      const expected = isBad(i) ? ['rolled_back', 1, 1, 3, 0] : ['confirmed', 1, 1, 2, 1];
      if (expected.join() !== [state, together, taken, boots, confirms].join()) {
        const record = `${together} sessions at once, ${taken} images, ${boots} starts, ${confirms} confirmations`;
        wrong.push(`${gatewayPoints[i % names.length].name}: the rollout says ${state}; ${record}`);
      }
    });
    return { reached, wrong };
  } finally {
    await sites.stop();
    devices.forEach(({ process }) => process.kill('SIGKILL'));
  }
}
