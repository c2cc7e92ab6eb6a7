// SPDX-License-Identifier: Apache-2.0
// Sealed uploads, opened by an emulated chip: nothing of the image is on the cable. And the time that sealing costs. Times are
// by the chip's own clock, which goes by instructions.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { run, tools, until } from '../e2e/harness.js';
import { listen, open, uploadOf } from '../e2e/listener.js';
import { ask, put } from '../e2e/plain_http.js';
import { newImage, newImagePath, withChip } from './chip.js';

const ROUNDS = Number(process.env.CHIP_ROUNDS ?? 5);
const RUN = 8; // so many bytes in a row, if they are the image's, give something away
const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

async function push(chip, host, ...options) {
  const env = { ...process.env, OTA_WS_PASSWORD: chip.pairingCode };
  const result = await run(tools.cli, ['push', '--no-restart', '--no-cache', '--no-delta', ...options, newImagePath, host], { env });
  assert.equal(result.code, 0, result.stdout + result.stderr);
  return result.stderr;
}

async function takeBack(chip) {
  await ask(chip, 'POST', { type: 'cancel' });
  await until(async () => (await ask(chip, 'GET')).json.update === 'idle', 'the end of the update');
}

/** Every run of the image that is not one byte over and over. */
const runs = new Set();
for (let at = 0; at + RUN <= newImage.length; at += RUN) {
  const piece = newImage.subarray(at, at + RUN);
  if (piece.some((byte) => byte !== piece[0])) runs.add(piece.toString('latin1'));
}

function hasImageBytes(recorded) {
  for (let at = 0; at + RUN <= recorded.length; at++) {
    if (runs.has(recorded.toString('latin1', at, at + RUN))) return true;
  }
  return false;
}

test('nothing of the image is on the cable, and it arrives byte for byte', () =>
  withChip(async (chip) => {
    const cable = await listen(chip);
    for (const [options, isReadable] of [[[], false], [['--no-seal'], true]]) {
      const said = await push(chip, cable.address, '--compress', 'never', ...options);
      assert.match(said, isReadable ? /^not sealed: /m : /^sealed: /m);
      assert.ok(chip.holds('ota_1', newImage));
      const sent = Buffer.concat(open(uploadOf(cable.take())).data.map(({ bytes }) => bytes));
      assert.equal(hasImageBytes(sent), isReadable);
      await takeBack(chip);
      await chip.get('/erase');
    }
  }));

test('a sealed PUT arrives byte for byte', () =>
  withChip(async (chip) => {
    assert.equal((await put(chip, newImage, { sealed: true })).json.type, 'done');
    assert.ok(chip.holds('ota_1', newImage));
  }));

test('figures: the time beside an upload that is not sealed', (t) =>
  withChip(async (chip) => {
    for (const compress of ['never', 'always']) {
      const took = { sealed: [], open: [] };
      for (let i = 0; i < ROUNDS; i++) {
        for (const [what, options] of [['sealed', []], ['open', ['--no-seal']]]) {
          await chip.get('/erase');
          await push(chip, chip.url.host, '--compress', compress, ...options);
          took[what].push((await chip.info()).took_us);
          await takeBack(chip);
        }
      }
      const [sealed, open] = [median(took.sealed), median(took.open)];
      t.diagnostic(`--compress ${compress}: sealed ${(sealed / 1000).toFixed(0)} ms, not sealed ${(open / 1000).toFixed(0)} ms, ` +
        `${(sealed / open).toFixed(3)} times (medians of ${ROUNDS})`);
      assert.ok(sealed / open <= 1.2, `${sealed / open}`);
    }
  }));
