// SPDX-License-Identifier: Apache-2.0
// How much of an image its patch is: sends each version of an application as a patch against the one before it, through
// a link without limits, and prints the bytes that went to the device (with the protocol's) beside those of the image.
// usage: BUILD_DIR=build/bench node bench/patches.js VERSION.bin VERSION.bin ... [-- VERSION.bin ...]
import fs from 'node:fs';
import path from 'node:path';
import { asPatch, measurePush } from './delta.js';
import { median } from './measure.js';

const series = [[]];
for (const word of process.argv.slice(2)) {
  if (word === '--') series.push([]);
  else series.at(-1).push(word);
}
const device = { timing: 'none', options: ['--flash-size', '8M'] };
const percents = [];
for (const versions of series) {
  for (let i = 1; i < versions.length; i++) {
    const [base, image] = versions.slice(i - 1, i + 1);
    const { up } = await measurePush({ base, image, options: asPatch(base), link: {}, device });
    const { size } = fs.statSync(image);
    percents.push((100 * up) / size);
    console.log(`${path.basename(base)} -> ${path.basename(image)}: ${up} of ${size} bytes, ${percents.at(-1).toFixed(2)} %`);
  }
}
console.log(`${percents.length} pairs: median ${median(percents).toFixed(2)} %, most ${Math.max(...percents).toFixed(2)} %`);
