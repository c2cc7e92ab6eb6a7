// SPDX-License-Identifier: Apache-2.0
// The image before an image on trial has lost its entry of the boot record (docs/design.md, "An entry that is lost"), on an
// emulated chip with the real bootloader. Two power cuts do that: here the flash file is changed while the chip is off.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';

import { readOtadata, readPartitionTable, until } from '../e2e/harness.js';
import { decide, install, newImage, oldImage, withChip } from './chip.js';

const SECTOR = 4096;
const STATE = 24; // offsets in an entry
const CRC = 28;
const VALID = 2; // states
const INVALID = 3;
const ABORTED = 4;

function writeEntry(chip, entry, at, word) {
  const flash = fs.readFileSync(chip.flash);
  flash.writeUInt32LE(word, readPartitionTable(flash).otadata.offset + entry * SECTOR + at);
  fs.writeFileSync(chip.flash, flash);
}

/** The chip is off: a weak byte in the entry that has the image before. */
const lose = (chip, entry) => writeEntry(chip, entry, CRC, 0);

const record = (chip) => readOtadata(fs.readFileSync(chip.flash)).map(({ sequence, state }) => [sequence, state]);

async function powerCut(chip, whileOff = () => {}) {
  await chip.powerOff();
  whileOff();
  await chip.powerOn();
}

/** 2.0.0 runs, not confirmed, without an entry of 1.0.0, and its own entry has lost its state: the bootloader watches nothing. */
async function startUnwatched(chip) {
  await install(chip, newImage);
  await powerCut(chip, () => {
    lose(chip, 0);
    writeEntry(chip, 1, STATE, 0xffffffff);
  });
  const state = await chip.state();
  assert.deepEqual([state.version, state.can_roll_back], ['2.0.0', true]);
}

async function assertWentBack(chip) {
  for (const start of ['at once', 'after a power cut']) {
    const state = await chip.state();
    assert.deepEqual([state.version, state.image, state.other_image], ['1.0.0', 'valid', 'rolled_back'], start);
    assert.deepEqual(record(chip), [[1, VALID], [2, INVALID]]);
    await powerCut(chip);
  }
}

test('a trial goes back on request', () =>
  withChip(async (chip) => {
    await startUnwatched(chip);
    await decide(chip, 'rollback');
    await assertWentBack(chip);
  }));

test('a trial that nobody decides goes back by itself', () =>
  withChip(async (chip) => {
    await startUnwatched(chip);
    await chip.started(chip.starts);
    await assertWentBack(chip);
  }));

test('an image that the bootloader has barred, and starts for want of another, goes back by itself', () =>
  withChip(async (chip) => {
    await install(chip, newImage);
    await decide(chip, 'confirm');
    await install(chip, oldImage);
    const before = chip.log.length;
    await powerCut(chip, () => lose(chip, 1));
    await until(() => /at offset 0x1f0000[^]*chip: ready/.test(chip.log.slice(before)), 'the image before, in ota_1');
    const state = await chip.state();
    assert.deepEqual([state.version, state.image, state.other_image], ['2.0.0', 'valid', 'aborted']);
    assert.deepEqual(record(chip), [[3, ABORTED], [2, VALID]]);
  }));

test('of an image that was confirmed nothing is brought back', () =>
  withChip(async (chip) => {
    await install(chip, newImage);
    await decide(chip, 'confirm');
    await powerCut(chip, () => lose(chip, 0));
    const state = await chip.state();
    assert.deepEqual([state.version, state.image, state.can_roll_back], ['2.0.0', 'valid', undefined]);
  }));
