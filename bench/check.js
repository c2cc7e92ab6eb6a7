// SPDX-License-Identifier: Apache-2.0
// Has the core more work per byte than the committed table says? Reports it; never fails.
import fs from 'node:fs';
import path from 'node:path';
import { root } from './measure.js';
import { measureCalls, measureWork } from './work.js';

const ALLOWED = 1.05;
const before = JSON.parse(fs.readFileSync(path.join(root, 'docs/bench/results.json'), 'utf8')).work?.per_byte;
try {
  const { per_byte: now, patch } = measureWork();
  const change = before === undefined ? '' : ` (${((now / before - 1) * 100).toFixed(1)} % against docs/bench)`;
  console.log(`core: ${now.toFixed(2)} instructions per image byte${change}`);
  console.log(`core: ${patch.per_byte.toFixed(2)} instructions per image byte when it comes as a patch`);
  const frame = measureCalls();
  console.log(`session: ${frame.calls.toFixed(1)} calls for a frame of 4 KiB that is acknowledged; the most called:`);
  for (const { name, calls } of frame.most) console.log(`  ${calls.toFixed(1).padStart(6)}  ${name}`);
  if (before !== undefined && now > before * ALLOWED) console.log('WARNING: the core works more than 5 % harder for each byte than docs/bench says');
} catch (error) {
  console.log(`core: instructions were not counted (${error.message.split('\n')[0]})`);
}
