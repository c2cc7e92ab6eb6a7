#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Does an upload over wss ever stall? All sizes of the ring and of frames, compressed or not, beside a fast flash and a
// real one, with many frames in one write; then 200 clients without the password during one update. Not part of
// `make test` (test/e2e/wss.test.js has a small part of it). Prints a line for each row and the count of stalls.
//
// usage: BUILD_DIR=build/gcc node test/stall_grid.js [RUNS]     20 runs of each row
import assert from 'node:assert/strict';
import { Client, Device, makeImage, until } from './e2e/harness.js';
import { tlsOptions } from './e2e/wire.js';
import { assertAnswers, disturb, updateInRecords } from './e2e/wss_load.js';

const runs = Number(process.argv[2] ?? 20);
const RECORD = 16384;
const first = makeImage({ version: '1.0.0' });
const images = [5, 6].map((seed) => makeImage({ version: '2.0.0', size: '120K', seed }));
let done = 0;
let stalls = 0;

async function updateOnce(device, length, deflate, run) {
  const client = await Client.connect(device);
  const image = images[run % images.length];
  const result = await updateInRecords(client, image.bytes, length, { deflate, most: run % 2 === 0 ? RECORD : 2 * RECORD });
  assert.equal(result.type, 'done', JSON.stringify(result));
  assert.ok(device.partition('ota_1').subarray(0, image.bytes.length).equals(image.bytes), 'the image in flash differs');
  client.say({ type: 'cancel' });
  await until(() => client.state?.update === 'idle', 'the end of the update');
  await client.close();
}

/** Counts a run that ends by a deadline or an error as a stall, and goes on with a new device. */
async function runRow(options, length, deflate) {
  let device;
  let bad = 0;
  for (let run = 0; run < runs; run++) {
    device ??= await Device.start({ image: first.path, options: { ...tlsOptions(), ...options } });
    try {
      await updateOnce(device, length, deflate, run);
    } catch (error) {
      console.log(`  run ${run}: ${error.message.split('\n')[0]}`);
      bad++;
      await device.kill();
      device = undefined;
    }
    done++;
  }
  await device?.stop();
  stalls += bad;
  console.log(`ring ${options.ring}, frames ${length}${deflate ? ', deflate' : ''}, flash ${options.timing}: ${bad} of ${runs} stalled`);
}

async function disturbed() {
  const device = await Device.start({ image: first.path, options: { ...tlsOptions(), timing: 'w25q32jv' } });
  const large = makeImage({ version: '3.0.0', size: '1000K', seed: 9 });
  const client = await Client.connect(device);
  let left = 200;
  const others = Array.from({ length: 10 }, async () => {
    while (left > 0) {
      left--;
      await disturb(device, [333, 1000, 4000, 8191][left % 4]);
    }
  });
  const result = await updateInRecords(client, large.bytes, 1000);
  await Promise.all(others);
  await assertAnswers(device);
  const ok = result.type === 'done';
  stalls += !ok;
  console.log(`200 clients without the password during an update: ${ok ? 0 : 1} stalled`);
  await client.close();
  await device.stop();
}

for (const timing of ['none', 'w25q32jv']) {
  for (const ring of [16384, 17664, 65536]) {
    for (const length of [333, 1000, 4000, 8191, 8192]) {
      for (const deflate of [false, true]) {
        await runRow({ ring, timing }, length, deflate);
      }
    }
  }
}
await disturbed();
console.log(`${done} updates, ${stalls} stalls`);
process.exit(stalls === 0 ? 0 : 1);
