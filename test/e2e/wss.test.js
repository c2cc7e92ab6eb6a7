// SPDX-License-Identifier: Apache-2.0
// Uploads over wss whose frames come many at a time, and what clients without the password do to
// them. test/stall_grid.js runs the whole grid of sizes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, makeImage, withDevice } from './harness.js';
import { tlsOptions } from './wire.js';
import { assertAnswers, disturb, updateInRecords } from './wss_load.js';

const first = makeImage({ version: '1.0.0' });
const second = makeImage({ version: '2.0.0', size: '300K', seed: 3 });

test('many frames in one TLS record do not stall an upload', async () => {
  for (const ring of [16384, 17664]) {
    await withDevice({ image: first.path, options: { ...tlsOptions(), ring, timing: 'w25q32jv' } }, async (device) => {
      const client = await Client.connect(device);
      assert.equal((await updateInRecords(client, second.bytes, 1000)).type, 'done');
      assert.ok(device.partition('ota_1').subarray(0, second.bytes.length).equals(second.bytes));
      await assertAnswers(device);
      await client.close();
    });
  }
});

test('six clients without the password do not stall an update', async () => {
  await withDevice({ image: first.path, options: { ...tlsOptions(), timing: 'w25q32jv' } }, async (device) => {
    const client = await Client.connect(device);
    let updated = false;
    let count = 0;
    const others = Array.from({ length: 6 }, async () => {
      while (!updated) {
        await disturb(device);
        count++;
      }
    });
    const done = await updateInRecords(client, second.bytes, 8192);
    updated = true;
    await Promise.all(others);
    assert.equal(done.type, 'done', done.text);
    assert.ok(count > 0, 'nobody disturbed it');
    await client.close();
  });
});
