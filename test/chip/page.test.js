// SPDX-License-Identifier: Apache-2.0
// The page in Chromium against emulated chips: what a user does there with a real one.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { makeImage, until } from '../e2e/harness.js';
import { Visitor } from '../e2e/visitor.js';
import { newImage, newImagePath, withChip } from './chip.js';

/** A chip and somebody who is logged in. */
function withPage(body, options) {
  return withChip(async (chip) => {
    const visitor = await Visitor.come(chip.page);
    await visitor.login(chip.pairingCode);
    await visitor.see('firmware');
    await body(visitor, chip);
    await visitor.leave();
  }, options);
}

const onTrial = '2.0.0 is running. Keep it?';
const gaveUp = (reason) => `1.0.0 → 2.0.0: rolled back${reason}`;

test('upload, restart, confirm, and go back to the older image', () =>
  withPage(async (visitor, chip) => {
    await visitor.choose(newImagePath);
    await visitor.says('verdict', 'The file is sound and fits this device.');
    await visitor.says('versions', '1.0.0 → 2.0.0');
    await visitor.click('upload');
    await visitor.see('ready');
    assert.ok(chip.holds('ota_1', newImage));
    await visitor.click('restart');
    await visitor.says('keep', onTrial);
    await visitor.click('confirm');
    await visitor.says('notice', '1.0.0 → 2.0.0: confirmed');
    await visitor.says('rollback', 'Go back to 1.0.0');
    await visitor.goBack();
    await visitor.says('versions', '1.0.0 runs from ota_0.');
  }));

test('going back during the trial', () =>
  withPage(async (visitor) => {
    await visitor.update(newImagePath);
    await visitor.says('keep', onTrial);
    await visitor.goBack();
    await visitor.says('notice', gaveUp(''));
  }));

test('a power cut during the trial', () =>
  withPage(async (visitor, chip) => {
    await visitor.update(newImagePath);
    await visitor.says('keep', onTrial);
    await chip.powerOff();
    await chip.powerOn();
    await visitor.says('notice', gaveUp(': restart before it was confirmed (power)'));
  }));

test('a trial that nobody decides', () =>
  withPage(async (visitor) => {
    await visitor.update(newImagePath);
    await visitor.says('keep', onTrial);
    await visitor.says('countdown', /^0:[0-4]\d$/);
    await visitor.says('notice', gaveUp(': nobody confirmed it in time'));
  }));

test('a firmware that panics on trial', () =>
  withPage(
    async (visitor, chip) => {
      await visitor.update(newImagePath);
      await visitor.says('keep', onTrial);
      chip.get('/crash').catch(() => {});
      await visitor.says('notice', gaveUp(': restart before it was confirmed (crash)'));
    },
    { crashes: true },
  ));

test('a power cut in the middle of the upload: the page goes on by itself', () =>
  withPage(async (visitor, chip) => {
    await visitor.upload(newImagePath);
    const isThere = (from, to = newImage.length) => chip.partition('ota_1').subarray(from, to).equals(newImage.subarray(from, to));
    await until(() => isThere(0x1000, 0x10000), 'the first 64 KiB'); // the first sector comes last
    await chip.powerOff();
    assert.ok(!isThere(0x1000), 'the upload was over before the cut');
    await chip.powerOn();
    await visitor.see('ready');
    assert.ok(chip.holds('ota_1', newImage));
  }));

test('a file for another chip, or of another project, is refused before anything is sent', () =>
  withPage(async (visitor, chip) => {
    const before = chip.partition('ota_1');
    await visitor.choose(makeImage({ chip: 'esp32s3', project: 'ota_ws_chip' }).path);
    await visitor.says('verdict', /ESP32-S3/);
    await visitor.choose(makeImage({ project: 'lamp' }).path);
    await visitor.says('verdict', /lamp/);
    assert.ok(chip.partition('ota_1').equals(before));
  }));
