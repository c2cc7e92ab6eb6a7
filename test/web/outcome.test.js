// SPDX-License-Identifier: Apache-2.0
// What the page says after a restart: for every way in which one can end.
import assert from 'node:assert/strict';
import test from 'node:test';

import { outcome } from '../../web/src/outcome.js';

const old = { boot: 'aaaaaaaa', slot: 'ota_0', elf_sha256: '1'.repeat(16), image: 'valid', update: 'idle' };
const ready = { ...old, update: 'ready', other_elf_sha256: '2'.repeat(16) };
const trial = {
  boot: 'bbbbbbbb',
  slot: 'ota_1',
  elf_sha256: '2'.repeat(16),
  image: 'trial',
  update: 'idle',
  other_image: 'valid',
};
const restarted = { ...old, boot: 'cccccccc' };

const cases = [
  ['nothing has happened', ready, { ...ready, received: 1 }, undefined],
  ['the new image runs, on trial', ready, trial, 'runsOnTrial'],
  ['the same image again, in the other slot, on trial', ready, { ...trial, elf_sha256: old.elf_sha256 }, 'runsOnTrial'],
  [
    'the same image again, in the other slot, the bootloader knows no trial',
    ready,
    { ...trial, elf_sha256: old.elf_sha256, image: 'unwatched' },
    'runs',
  ],
  ['the new image runs, the bootloader knows no trial', ready, { ...trial, image: 'unwatched' }, 'runs'],
  ['the new image runs, its record still says new', ready, { ...trial, image: 'unconfirmed' }, 'runs'],
  [
    'the new image was started and given up before we looked',
    ready,
    { ...restarted, other_image: 'aborted' },
    'rolledBack',
  ],
  ['restarted without confirming', trial, { ...restarted, other_image: 'aborted' }, 'rolledBack'],
  ['gone back on request or by the countdown', trial, { ...restarted, other_image: 'rolled_back' }, 'rolledBack'],
  [
    'gone back from a confirmed image',
    { ...trial, image: 'valid' },
    { ...restarted, other_image: 'rolled_back' },
    'rolledBack',
  ],
  ['the record was lost: the old image runs again', ready, { ...restarted, other_image: 'none' }, 'still'],
  ['restarted for some other reason', old, restarted, 'still'],
  [
    'restarted; an older failure is not news',
    { ...old, other_image: 'aborted' },
    { ...restarted, other_image: 'aborted' },
    'still',
  ],
];

for (const [what, before, after, expected] of cases) test(what, () => assert.equal(outcome(before, after), expected));
