// SPDX-License-Identifier: Apache-2.0
// The dashboard of a large fleet: bytes and milliseconds of a status, and of a question to which nothing is new; then a
// rollout to real virtual devices, alone and with pages that ask each second: how much longer, how much processor time?
//   node bench/dashboard.js [DEVICES=1000] [REAL=100] [PAGES=3]
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { ask, logIn, startWithDashboard } from '../test/e2e/dashboards.js';
import { EXIT, NEW, OLD, start, withFleet, writePlan } from '../test/e2e/fleets.js';
import { freshPath } from '../test/e2e/harness.js';

const settings = Object.fromEntries(process.argv.slice(2).map((word) => word.split('=')));
const DEVICES = Number(settings.DEVICES ?? 1000);
const REAL = Number(settings.REAL ?? 100);
const PAGES = Number(settings.PAGES ?? 3);
const ROUNDS = 50;

const median = (numbers) => numbers.sort((a, b) => a - b)[numbers.length >> 1];

/** Milliseconds of one question (median), and bytes of its answer. */
async function measure(dashboard, token, since) {
  const times = [];
  let bytes = 0;
  for (let i = 0; i < ROUNDS; i++) {
    const before = performance.now();
    const { text, status } = await ask(dashboard, `/status?since=${since}`, { token });
    times.push(performance.now() - before);
    bytes = text.length;
    assert.equal(status, since === '' ? 200 : 204);
  }
  return { ms: median(times), bytes };
}

/** A rollout to addresses that nobody asks: it waits for its approval. */
async function largeStatus() {
  const folder = freshPath('.fleet');
  fs.mkdirSync(folder);
  const hosts = Array.from({ length: DEVICES }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255} hall`);
  fs.writeFileSync(path.join(folder, 'devices.txt'), hosts.join('\n'));
  const fleet = { folder, plan: path.join(folder, 'plan.json') };
  writePlan(fleet, { approve: [1], waves: [{ count: 1 }, { percent: 10 }, { percent: 100 }] });
  const run = await startWithDashboard(fleet);
  const token = await logIn(run.dashboard);
  const { change } = (await ask(run.dashboard, '/status', { token })).json;
  const all = await measure(run.dashboard, token, '');
  const idle = await measure(run.dashboard, token, change);
  await run.kill();
  console.log(`${DEVICES} devices: a whole status ${all.bytes} bytes, ${all.ms.toFixed(1)} ms; nothing new ${idle.bytes} bytes, ${idle.ms.toFixed(1)} ms`);
}

/** Seconds of processor time of a process. */
function processorTime(pid) {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** A page as web/fleet/main.js asks. */
async function page(dashboard, token, run) {
  let since = '';
  while (run.code === undefined) {
    const answer = await ask(dashboard, `/status?since=${since}`, { token }).catch(() => undefined);
    since = answer?.json?.change ?? since;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

async function rollout(fleet, name, pages) {
  writePlan(fleet, { rollout: name, image: NEW.path, limits: { per_gateway: 32 }, waves: [{ count: 1 }, { percent: 100 }] });
  const before = performance.now();
  let processor = 0;
  const run = pages > 0 ? await startWithDashboard(fleet) : start(fleet);
  const watch = setInterval(() => {
    try {
      processor = processorTime(run.child.pid);
    } catch {
      // it has just ended
    }
  }, 50);
  const token = pages > 0 && (await logIn(run.dashboard));
  const asking = Array.from({ length: pages }, () => page(run.dashboard, token, run));
  await run.sees(({ event }) => event === 'finish', 'the end of the rollout');
  const took = (performance.now() - before) / 1000;
  await run.ended;
  await Promise.all(asking);
  clearInterval(watch);
  assert.equal(run.code, EXIT.ok, run.errors);
  return { took, processor };
}

async function compare() {
  for (const pages of [0, PAGES, PAGES, 0]) {
    const images = Array(REAL).fill(OLD);
    await withFleet(images, async (fleet) => {
      const { took, processor } = await rollout(fleet, `pages-${pages}`, pages);
      console.log(`${REAL} real devices, ${pages} pages: ${took.toFixed(1)} s, ${processor.toFixed(2)} s of the processor`);
    }, { flashSize: '1M' });
  }
}

await largeStatus();
await compare();
process.exit();
