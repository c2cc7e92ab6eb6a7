// SPDX-License-Identifier: Apache-2.0
// A PUT beside the same update by WebSocket, in one run, on the virtual device with the flash timing of a W25Q32JV:
// each round sends the same file both ways into a slot that holds the same. usage: BUILD_DIR=... node bench/http.js
// [ROUNDS] (5). Prints each time and the ratio of the medians; ends with 1 when it is over 1.05.
import { Client, Device, makeImage, until } from '../test/e2e/harness.js';
import { ask, put } from '../test/e2e/plain_http.js';

const MOST = 1.05;
const rounds = Number(process.argv[2] ?? 5);
const first = makeImage({ version: '1.0.0' });
const images = [2, 3].map((seed) => makeImage({ version: `${seed}.0.0`, size: '1M', seed }));

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

async function timed(update) {
  const began = performance.now();
  await update();
  return performance.now() - began;
}

async function takeBack(device) {
  await ask(device, 'POST', { type: 'cancel' });
  await until(async () => (await ask(device, 'GET')).json.update === 'idle', 'idle');
}

async function measure(device, bytes) {
  const websocket = await timed(async () => {
    const client = await Client.connect(device);
    const { type } = await client.update(bytes);
    if (type !== 'done') {
      throw new Error(type);
    }
    await client.close();
  });
  await takeBack(device);
  return websocket;
}

async function measurePut(device, bytes) {
  const plain = await timed(async () => {
    const { status, text } = await put(device, bytes);
    if (status !== 200) {
      throw new Error(text);
    }
  });
  await takeBack(device);
  return plain;
}

const device = await Device.start({ image: first.path, options: { timing: 'w25q32jv' } });
const times = { websocket: [], http: [] };
try {
  await measure(device, images[0].bytes); // from now on the slot is never blank
  for (let round = 0; round < rounds; round++) {
    times.websocket.push(await measure(device, images[1].bytes));
    await measurePut(device, images[0].bytes);
    times.http.push(await measurePut(device, images[1].bytes));
    await measure(device, images[0].bytes);
    console.log(`WebSocket ${times.websocket.at(-1).toFixed(0)} ms, PUT ${times.http.at(-1).toFixed(0)} ms`);
  }
} finally {
  await device.stop();
}
const ratio = median(times.http) / median(times.websocket);
console.log(`median ${median(times.websocket).toFixed(0)} and ${median(times.http).toFixed(0)} ms: PUT takes ${ratio.toFixed(3)} of the time (at most ${MOST})`);
process.exitCode = ratio > MOST ? 1 : 0;
