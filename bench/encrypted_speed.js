// SPDX-License-Identifier: Apache-2.0
// What decrypting adds to the time of an update: 1 MiB to a device whose flash is as slow as a W25Q32JV, plain and
// encrypted. Prints one line a scheme; the aim is below 15 %. `make bench` runs it; it judges nothing, for on a loaded machine
// both times say little. usage: BUILD_DIR=build/gcc node bench/encrypted_speed.js
import fs from 'node:fs';
import path from 'node:path';
import { Client, freshPath, makeImage, root, run, tools, withDevice } from '../test/e2e/harness.js';

const vectors = path.join(root, 'test/vectors');
const first = makeImage({ version: '1.0.0' });
const image = makeImage({ version: '2.0.0', size: '1M', seed: 3 });

/** Seconds from `begin` to `done`, on a device that is new. */
async function secondsOf(bytes, options) {
  let seconds;
  await withDevice({ image: first.path, options: { unprotected: true, timing: 'w25q32jv', ...options } }, async (device) => {
    const client = await Client.connect(device);
    const start = performance.now();
    const answer = await client.update(bytes);
    seconds = (performance.now() - start) / 1000;
    if (answer.type !== 'done') {
      throw new Error(answer.text);
    }
    await client.close();
  });
  return seconds;
}

const plain = await secondsOf(image.bytes, {});
for (const scheme of ['rsa', 'ecies']) {
  const file = freshPath('.bin');
  await run(tools.cli, ['encrypt', image.path, path.join(vectors, `${scheme}_public.pem`), '--output', file]);
  const encrypted = await secondsOf(fs.readFileSync(file), { encryptedKey: path.join(vectors, `${scheme}_private.pem`) });
  const percent = ((100 * (encrypted - plain)) / plain).toFixed(1);
  console.log(`speed: 1 MiB at timing w25q32jv, plain ${plain.toFixed(2)} s, ${scheme} ${encrypted.toFixed(2)} s: decrypting adds ${percent} %`);
}
