// SPDX-License-Identifier: Apache-2.0
// An upload over wss beside a plain POST over https to the same server, each over one connection of its own. Times are by the
// chip's own clock, which goes by instructions, from the first byte of the image on: the handshake of TLS does not count. Both
// must work; how long they take is printed (docs/proof/esp32c3.md).
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Client, request } from '../e2e/harness.js';
import { newImage, withChip } from './chip.js';

const ROUNDS = Number(process.env.CHIP_ROUNDS ?? 5);
const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
const perMb = (us) => us / newImage.length; // microseconds for a byte are seconds for a MB

async function uploadPlainly(chip) {
  await chip.get('/erase');
  const { body } = await request(chip.overTls, { method: 'POST', path: '/plain?select', body: newImage });
  assert.equal(body.toString(), 'ESP_OK');
  return (await chip.info()).took_us;
}

/** An update up to `done`; afterwards it is taken back. */
async function update(chip) {
  await chip.get('/erase');
  const client = await Client.connect(chip.overTls);
  const answer = await client.update(newImage);
  assert.equal(answer.type, 'done', answer.name);
  const { took_us: took } = await chip.info();
  assert.ok(chip.holds('ota_1', newImage));
  client.say({ type: 'cancel' });
  await client.next('failed');
  client.terminate();
  return took;
}

test('figures: the time over wss beside a plain upload over https', (t) =>
  withChip(async (chip) => {
    assert.equal((await chip.get('/tls')).body.toString(), 'ESP_OK');
    const ratios = [];
    for (let i = 0; i < ROUNDS; i++) {
      const plain = await uploadPlainly(chip);
      const ours = await update(chip);
      ratios.push(ours / plain);
      t.diagnostic(`https POST ${perMb(plain).toFixed(2)} s/MB, wss ${perMb(ours).toFixed(2)} s/MB, ${(ours / plain).toFixed(3)} times`);
    }
    t.diagnostic(`median: ${median(ratios).toFixed(3)} times, of an image of ${newImage.length} bytes`);
  }));
