// SPDX-License-Identifier: Apache-2.0
// Patches against the running image, put together on an emulated chip: how many bytes are sent, how much memory the chip
// takes, and what it makes of a patch that is cut off or is for another image.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { freshPath, run, tools } from '../e2e/harness.js';
import { newImage, newImagePath, oldImage, oldImagePath, withChip } from './chip.js';

const kib = (bytes) => (bytes / 1024).toFixed(1);

const push = (chip, file, ...options) =>
  run(tools.cli, ['push', ...options, file, chip.url.host], { env: { ...process.env, OTA_WS_PASSWORD: chip.pairingCode, XDG_CACHE_HOME: freshPath('.cache') } });

test('push --delta: the image arrives byte for byte, runs and is confirmed', (t) =>
  withChip(async (chip) => {
    await chip.get('/ledger?start');
    const there = await push(chip, newImagePath, '--confirm', '--delta', '--base', oldImagePath);
    assert.equal(there.code, 0, there.stdout + there.stderr);
    assert.match(there.stderr, /^sent as a patch against the image that runs: \d+ bytes/m);
    assert.ok(chip.holds('ota_1', newImage));
    const state = await chip.state();
    assert.deepEqual([state.version, state.image], ['2.0.0', 'valid']);
    const back = await push(chip, oldImagePath, '--confirm', '--allow-downgrade', '--delta', '--base', newImagePath);
    assert.equal(back.code, 0, back.stdout + back.stderr);
    assert.match(back.stderr, /^sent as a patch/m);
    assert.ok(chip.holds('ota_0', oldImage));
    for (const { stderr } of [there, back]) {
      t.diagnostic(stderr.match(/^the patch saved .*$/m)[0]);
    }
  }));

test('figures: a patch beside the whole image, compressed and as it is', (t) =>
  withChip(async (chip) => {
    for (const options of [['--no-delta', '--compress', 'never'], ['--no-delta', '--compress', 'always'], ['--delta', '--base', oldImagePath]]) {
      await chip.get('/erase');
      await chip.get('/ledger?start');
      const result = await push(chip, newImagePath, '--no-restart', ...options);
      assert.equal(result.code, 0, result.stdout + result.stderr);
      assert.ok(chip.holds('ota_1', newImage));
      const { others } = await chip.json('/ledger');
      const { took_us: us, writer_stack_left: stack } = await chip.info();
      t.diagnostic(`${options.slice(0, 3).join(' ').replace(oldImagePath, '')}: ${kib(others)} KiB taken, ${(us / 1000).toFixed(0)} ms by the chip's clock; ${stack} bytes of the writer's stack left`);
      assert.equal((await chip.cli('cancel')).code, 0);
    }
  }));
