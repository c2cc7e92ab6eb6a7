// SPDX-License-Identifier: Apache-2.0
// `make bench`: measures, and writes docs/bench/results.json, from which bench/report.js makes the table and the
// picture. RUNS=n (5), QUICK=1: fewer rows. ONLY=PART,PART measures these parts only; the others stay as they are in
// the file, and each new part says when it was measured. Rivals of one row run at the same time, so that what disturbs
// one disturbs all; they sleep most of it.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import zlib from 'node:zlib';
import { RATE, flashFloor, floorOf, linkFloor } from './floor.js';
import { ringSize } from './memory.js';
import { freshPath, isQuick, isUrgent, measureOurs, measureReference, median, outDir, root, tools } from './measure.js';
import { measureAgain, measureCrowd } from './more.js';
import { measureBlank } from './blank.js';
import { measureDelta } from './delta.js';
import { measureRates } from './rates.js';
import { measureWork } from './work.js';
import { measureBrowser } from './browser.js';
import { measureSize } from './size.js';

const runs = Number(process.env.RUNS ?? 5);
const only = process.env.ONLY?.split(','); // parts of it, by the names in `parts`
const wants = (part) => only === undefined || only.includes(part);
const firmware = path.resolve(root, '../shared/firmware');

function makeImage(...options) {
  const file = freshPath('.bin');
  execFileSync(tools.image, ['--chip', 'esp32s3', ...options, file]);
  return file;
}

const base = makeImage('--version', '1.0.0');
const holds = makeImage('--version', '1.5.0', '--size', '1M', '--seed', '15');
const real = path.join(firmware, 'psychichttp_ota-esp32s3.bin');
const images = [
  { name: '1 MiB', path: makeImage('--version', '2.0.0', '--size', '1M') },
  { name: '867 KB', path: fs.existsSync(real) ? real : makeImage('--version', '2.0.0', '--size', '867072') },
];
for (const image of images) {
  const bytes = fs.readFileSync(image.path);
  image.size = bytes.length;
  image.packed = zlib.deflateRawSync(bytes, { level: 9, memLevel: 9 }).length;
}
const links = isQuick
  ? [{ rtt: 10, window: 5760 }, { rtt: 30, window: 5760 }]
  : [3, 10, 30, 100].flatMap((rtt) => [5760, 23040].map((window) => ({ rtt, window })));

const log = (text) => process.stderr.write(`${text}\n`);

/** Medians of each member. */
function summarize(results) {
  return Object.fromEntries(
    Object.keys(results[0])
      .filter((key) => typeof results[0][key] === 'number')
      .map((key) => [key, median(results.map((result) => result[key]))]),
  );
}

const rivals = {
  raw: (image, link) => measureOurs({ base, holds, image: image.path, link }),
  packed: (image, link) => measureOurs({ base, holds, image: image.path, link, compress: 'always' }),
  whole: (image, link) => measureReference({ how: 'whole', image: image.path, link }),
  sectors: (image, link) => measureReference({ how: 'sectors', image: image.path, link }),
};

async function measureRows() {
  const seen = new Map();
  for (let run = 0; run < runs; run++) {
    for (const link of links) {
      log(`run ${run + 1} of ${runs}: round trip ${link.rtt} ms, window ${link.window}`);
      await Promise.all(
        images.flatMap((image) =>
          Object.entries(rivals).map(async ([name, measure]) => {
            const key = JSON.stringify([link.rtt, link.window, image.name, name]);
            const result = await measure(image, { ...link, rate: RATE });
            seen.set(key, [...(seen.get(key) ?? []), result]);
          }),
        ),
      );
    }
  }
  return links.flatMap((link) =>
    images.map((image) => ({
      ...link,
      image: image.name,
      size: image.size,
      flash_floor_ms: flashFloor(image.size),
      raw_floor_ms: floorOf(image.size, image.size, link),
      packed_floor_ms: floorOf(image.size, image.packed, link),
      ...Object.fromEntries(
        Object.keys(rivals).map((name) => {
          const all = seen.get(JSON.stringify([link.rtt, link.window, image.name, name]));
          return [name, { ...summarize(all), times_ms: all.map((result) => result.time_ms) }];
        }),
      ),
    })),
  );
}

/** What a larger ring buys where the network is the slower side. */
async function measureRings() {
  const rows = [];
  const hard = [{ rtt: 10, window: 5760 }, { rtt: 30, window: 5760 }, { rtt: 100, window: 23040 }];
  for (const ring of [8192, 12288, ringSize, 22528, 24576, 28672, 65536]) {
    const results = await Promise.all(
      hard.map(async (link) => {
        const all = [];
        for (let run = 0; run < Math.min(runs, 3); run++) {
          all.push(await measureOurs({ base, holds, image: images[0].path, link: { ...link, rate: RATE }, options: ['--ring', String(ring)] }));
        }
        return { ...link, floor_ms: floorOf(images[0].size, images[0].size, link), ...summarize(all) };
      }),
    );
    rows.push({ ring, results });
  }
  return rows;
}

/** The link's own error: a sink that reads at once, beside what the numbers say and beside no link at all. */
async function measureLink() {
  const sink = async (link) => {
    const all = [];
    for (let run = 0; run < runs; run++) {
      all.push(await measureReference({ how: 'sink', image: images[0].path, link, timing: 'none' }));
    }
    return median(all.map((result) => result.time_ms));
  };
  const rows = [];
  for (const link of [{ rtt: 3, window: 5760 }, { rtt: 10, window: 5760 }, { rtt: 30, window: 5760 }, { rtt: 100, window: 23040 }]) {
    rows.push({ ...link, time_ms: await sink({ ...link, rate: RATE }), floor_ms: linkFloor(images[0].size, link) + link.rtt });
  }
  return { open_ms: await sink({}), bare_ms: await measureBare(), rows };
}

async function measureBare() {
  const { Program } = await import('./measure.js');
  const all = [];
  for (let run = 0; run < runs; run++) {
    const device = new Program(tools.reference, ['serve', 'sink', 'none']);
    const port = (await device.line(/"port":(\d+)/))[1];
    const client = new Program(tools.reference, ['send', 'sink', images[0].path, port]);
    all.push(JSON.parse((await client.line(/.*"sent".*/))[0]).time_ms);
    await client.exited;
    await device.stop();
  }
  return median(all);
}

async function measureLoss() {
  const rows = [];
  for (const loss of [0, 1]) {
    const link = { rtt: 10, window: 5760, rate: RATE, loss };
    const results = await Promise.all(Object.values(rivals).map((measure) => measure(images[0], link)));
    rows.push({ loss, times_ms: Object.fromEntries(Object.keys(rivals).map((name, i) => [name, results[i].time_ms])) });
  }
  return rows;
}

const file = path.join(outDir, 'results.json');
const kept = only && fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : undefined;
const date = new Date().toISOString().slice(0, 10);
const results = kept ?? {
  date,
  runs,
  machine: { cpus: os.cpus().length, cpu: os.cpus()[0].model, load: os.loadavg()[0], urgent: isUrgent },
  images: images.map(({ name, size, packed }) => ({ name, size, packed })),
};
const parts = {
  size: measureSize,
  work: measureWork,
  link: measureLink,
  again: () => measureAgain({ base, holds, image: images[0].path, runs }),
  crowd: () => measureCrowd({ base, holds, image: images[0].path, runs }),
  browser: () => measureBrowser({ base, image: images[0].path, runs }),
  loss: measureLoss,
  rings: measureRings,
  blank: () => measureBlank({ base, image: images[0], runs }),
  delta: () => measureDelta({ runs }),
  ...(isQuick ? {} : { rates: measureRates }),
  rows: measureRows,
};
for (const [name, measure] of Object.entries(parts)) {
  if (!wants(name)) continue;
  log(name);
  try {
    const load = os.loadavg()[0];
    results[name] = await measure();
    if (kept) results.apart = { ...results.apart, [name]: { date, runs, load } };
  } catch (error) {
    log(`${name} could not be measured: ${error.message}`);
    if (!kept) results[name] = null;
  }
}
if (!kept) results.machine.load_after = os.loadavg()[0];
fs.mkdirSync(outDir, { recursive: true });
fs.writeFileSync(file, `${JSON.stringify(results, null, 1)}\n`);
