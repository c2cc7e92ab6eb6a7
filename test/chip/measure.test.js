// SPDX-License-Identifier: Apache-2.0
// What an update costs a chip, beside a plain upload of the same image to the same firmware in the same run. Times are by
// the chip's own clock, which goes by instructions: the machine that emulates does not count. The figures are printed.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { newImage, withChip } from './chip.js';

const ROUNDS = Number(process.env.CHIP_ROUNDS ?? 3);
const kib = (bytes) => (bytes / 1024).toFixed(1);
const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

const perMb = (us) => us / newImage.length; // microseconds for a byte are seconds for a MB

/** Ends with esp_ota_set_boot_partition() too, as an update does. */
async function uploadPlainly(chip) {
  await chip.get('/erase');
  const { body } = await chip.get('/plain?select', { method: 'POST', body: newImage });
  assert.equal(body.toString(), 'ESP_OK');
}

/** An update up to `done`; afterwards it is taken back. */
async function updateOnce(chip) {
  await chip.get('/erase');
  const client = await chip.connect();
  const answer = await client.update(newImage);
  assert.equal(answer.type, 'done', answer.name);
  const info = await chip.info();
  client.say({ type: 'cancel' });
  await client.next('failed');
  client.terminate();
  return info;
}

test('time beside a plain upload', (t) =>
  withChip(async (chip) => {
    const ratios = [];
    for (let i = 0; i < ROUNDS; i++) {
      await uploadPlainly(chip);
      const plain = (await chip.info()).took_us;
      const ours = (await updateOnce(chip)).took_us;
      ratios.push(ours / plain);
      t.diagnostic(`plain upload ${perMb(plain).toFixed(2)} s/MB, ours ${perMb(ours).toFixed(2)} s/MB, ${(ours / plain).toFixed(2)} times`);
    }
    t.diagnostic(`median: ${median(ratios).toFixed(2)} times, of an image of ${newImage.length} bytes`);
  }));

test('memory, beside a plain upload', (t) =>
  withChip(async (chip) => {
    const idle = await chip.info();
    t.diagnostic(`heap at rest: ${idle.without} without the component, ${idle.with} with it: ${idle.without - idle.with} bytes`);
    for (let i = 0; i < ROUNDS; i++) {
      await chip.get('/ledger?start');
      await uploadPlainly(chip);
      const plain = await chip.json('/ledger');
      await chip.get('/ledger?start');
      const info = await updateOnce(chip);
      const ours = await chip.json('/ledger');
      assert.equal(ours.lost + plain.lost, 0);
      t.diagnostic(`peak of what is taken: plain upload ${kib(plain.others)} KiB, ours with its connection ${kib(ours.others)} KiB; ` +
        `by lwIP and the driver: ${kib(plain.network)} and ${kib(ours.network)} KiB`);
      t.diagnostic(`stack left: server ${info.httpd_stack_left} of 4096, writer ${info.writer_stack_left}`);
    }
    t.diagnostic(`lowest heap of all: ${kib(idle.heap - (await chip.info()).minimum)} KiB below idle`);
  }));

test("others' waits during an update", (t) =>
  withChip(async (chip) => {
    await chip.get('/probe?start');
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const usual = await chip.json('/probe');
    await chip.get('/probe?start');
    for (let i = 0; i < ROUNDS; i++) {
      await updateOnce(chip);
    }
    const during = await chip.json('/probe');
    assert.equal(during.failed, 0);
    t.diagnostic(`another page: ${during.longest_ms} ms at most in ${during.asked} requests during updates, ${usual.longest_ms} ms without`);
  }));
