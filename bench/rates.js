// SPDX-License-Identifier: Apache-2.0
// The next version of an application over links of 5 KB/s to 2 MB/s, in five ways. All ways at one rate run at the same
// time, the slow rates too: they sleep most of it. One run each.
import fs from 'node:fs';
import { asPatch, findVersions, measurePush } from './delta.js';
import { measureReference } from './measure.js';

const RATES = [5, 10, 30, 100, 300, 1000, 2000].map((kilobytes) => kilobytes * 1000); // bytes a second
const FASTEST_SLOW = 100_000;
const LINK = { rtt: 5, window: 23040 };

/** By the names in `rateWays`. */
const measures = {
  wait: ({ image, link }) => measureReference({ how: 'whole', image, link }),
  raw: ({ holds, base, image, link }) => measurePush({ holds, base, image, link, options: ['--no-delta', '--compress', 'never'] }),
  blank: ({ base, image, link }) => measurePush({ base, image, link, options: ['--no-delta', '--compress', 'never'] }),
  packed: ({ holds, base, image, link }) => measurePush({ holds, base, image, link, options: ['--no-delta', '--compress', 'always'] }),
  patch: ({ holds, base, image, link }) => measurePush({ holds, base, image, link, options: asPatch(base) }),
};

/** The ways of sending it, as the table and the picture name them. */
export const rateWays = {
  wait: 'stop and wait',
  raw: 'as it is',
  blank: 'as it is, blank slot',
  packed: 'compressed',
  patch: 'as a patch',
};

async function measureRate(files, rate) {
  const link = { ...LINK, rate };
  const times = await Promise.all(Object.values(measures).map((measure) => measure({ ...files, link })));
  return { rate, times_ms: Object.fromEntries(Object.keys(measures).map((way, i) => [way, times[i].time_ms])) };
}

export async function measureRates() {
  const { files: [holds, base, image], names } = findVersions();
  const files = { holds, base, image };
  const rows = await Promise.all(RATES.filter((rate) => rate < FASTEST_SLOW).map((rate) => measureRate(files, rate)));
  for (const rate of RATES.filter((rate) => rate >= FASTEST_SLOW)) rows.push(await measureRate(files, rate));
  return { ...LINK, names, size: fs.statSync(image).size, rows };
}
