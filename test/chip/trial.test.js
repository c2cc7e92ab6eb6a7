// SPDX-License-Identifier: Apache-2.0
// How a trial ends on an emulated chip when nobody presses a button: by a panic, by deep sleep, by the application's
// health. The page and the command line say afterwards what has happened.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { until } from '../e2e/harness.js';
import { install, newImage, withChip } from './chip.js';

/** On trial, the chip does what `target` makes it do; its state after the restart, and what `ota-ws info` says. */
async function restartBy(chip, target) {
  await install(chip, newImage);
  const before = chip.starts;
  chip.get(target).catch(() => {}); // the answer does not come
  await chip.started(before);
  return { state: await chip.state(), info: (await chip.cli('info')).stdout };
}

function assertAborted({ state, info }, ...resets) {
  const reset = state.last_reset;
  assert.deepEqual([state.version, state.image, state.other_image], ['1.0.0', 'valid', 'aborted']);
  assert.deepEqual([state.last_outcome, state.last_to], ['aborted', '2.0.0']);
  assert.ok(resets.includes(reset), reset);
  assert.ok(info.includes(`2.0.0 restarted (${reset.replace('_', ' ')}) before it was confirmed`), info);
}

test('a firmware that panics on trial is given up', () =>
  withChip(async (chip) => assertAborted(await restartBy(chip, '/crash'), 'panic'), { crashes: true }));

// Where the emulator knows no deep sleep, the watchdog ends it.
test('a firmware that goes into deep sleep on trial is given up', () =>
  withChip(async (chip) => assertAborted(await restartBy(chip, '/sleep'), 'deep_sleep', 'watchdog'), { crashes: null }));

test('a firmware that finds itself well is confirmed', () =>
  withChip(async (chip) => {
    await install(chip, newImage);
    await chip.get('/health?1');
    await until(async () => (await chip.state()).image === 'valid', 'the confirmation');
    assert.equal((await chip.state()).last_outcome, 'confirmed');
  }));

test('a firmware that finds itself unwell is given up', () =>
  withChip(async (chip) => {
    await install(chip, newImage);
    const before = chip.starts;
    await chip.get('/health?2');
    await chip.started(before);
    const state = await chip.state();
    assert.deepEqual([state.version, state.image, state.last_outcome], ['1.0.0', 'valid', 'rolled_back']);
  }));

async function assertStays(chip) {
  await until(async () => (await chip.state()).last_outcome !== 'confirming', 'the boot record');
  const state = await chip.state();
  assert.deepEqual([state.version, state.image, state.last_outcome], ['2.0.0', 'valid', 'confirmed']);
}

test('a firmware that confirms itself first stays', () =>
  withChip(async (chip) => {
    await chip.get('/as?1');
    const before = chip.starts;
    await install(chip, newImage);
    await assertStays(chip);
    await until(async () => (await chip.info()).up_ms > 60000, 'the end of what would be a trial');
    assert.equal(chip.starts, before + 1);
    await assertStays(chip);
    await chip.powerOff();
    await chip.powerOn();
    await assertStays(chip);
  }));
