// SPDX-License-Identifier: Apache-2.0
// The next version of an application over a slow link: as a patch, beside the compressed upload of an earlier commit's
// build. Both run at the same time. The time is that of the whole `ota-ws push` up to the verified image, the making of
// the patch included. DELTA_VERSIONS=FIRST.bin,SECOND.bin,THIRD.bin names three versions of a real application: the
// device runs the second and holds the first in its other slot, the third is sent. Without it the builder makes them.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { COMMIT, earlierPrograms } from './earlier.js';
import { freshPath, median, runCli, startDevice, startLink, tools, updateOf } from './measure.js';

const LINK = { rtt: 20, window: 23040, rate: 30_000 }; // bytes a second

function makeImage(version, ...options) {
  const file = freshPath('.bin');
  execFileSync(tools.image, ['--chip', 'esp32s3', '--version', version, '--size', '1800K', ...options, file]);
  return file;
}

/** Three versions of an application: `files` and their `names`. */
export function findVersions() {
  const named = process.env.DELTA_VERSIONS?.split(',');
  const files = named ?? [makeImage('0.9.0', '--seed', '9'), makeImage('1.0.0'), makeImage('2.0.0', '--segments', '7')];
  return { files, names: named?.map((file) => path.basename(file)) ?? ['made by the builder'] };
}

/** One `ota-ws push`: its time, and the bytes that went to the device from `begin` to `done`. */
export async function measurePush({ base, holds, image, options, programs = tools, link: settings = LINK, device: deviceSettings }) {
  const device = await startDevice({ base, holds, programs, ...deviceSettings });
  const link = await startLink(device.port, settings);
  const start = performance.now();
  try {
    await runCli(['push', '--no-restart', '--allow-downgrade', ...options, image, `127.0.0.1:${link.port}`], programs);
    return { time_ms: performance.now() - start, up: (await updateOf(link)).up };
  } finally {
    await link.stop();
    await device.stop();
  }
}

export const asPatch = (base) => ['--delta', '--no-cache', '--base', base];

export async function measureDelta({ runs }) {
  const { files: [holds, base, image], names } = findVersions();
  const programs = earlierPrograms();
  const results = { ours: [], earlier: [] };
  for (let run = 0; run < runs; run++) {
    const [ours, earlier] = await Promise.all([
      measurePush({ base, holds, image, options: asPatch(base) }),
      measurePush({ base, holds, image, options: ['--compress', 'always'], programs }),
    ]);
    results.ours.push(ours);
    results.earlier.push(earlier);
  }
  const of = (key, member) => median(results[key].map((result) => result[member]));
  return {
    commit: COMMIT, names, size: fs.statSync(image).size, rate: LINK.rate,
    ours_ms: of('ours', 'time_ms'), earlier_ms: of('earlier', 'time_ms'), ours_up: of('ours', 'up'), earlier_up: of('earlier', 'up'),
  };
}

/** A line that `make bench` ends with. */
export const deltaLine = (row) => `delta at 30 KB/s: ${(row.ours_ms / row.earlier_ms).toFixed(3)} of ${row.commit}`;
