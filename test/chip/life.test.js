// SPDX-License-Identifier: Apache-2.0
// The life of an image on an emulated chip with the real bootloader: update, trial, confirm, and every way back.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { makeImage, realImage, until } from '../e2e/harness.js';
import { decide, fails, install, newImage, newImagePath, oldImage, withChip } from './chip.js';

const UPDATES = Number(process.env.CHIP_UPDATES ?? 20);

test('a confirmed update stays over a restart', () =>
  withChip(async (chip) => {
    await install(chip, newImage);
    const trial = await chip.state();
    assert.deepEqual([trial.version, trial.slot, trial.image, trial.other_version], ['2.0.0', 'ota_1', 'trial', '1.0.0']);
    assert.ok(trial.trial_left_s > 0);
    assert.equal((await decide(chip, 'confirm')).image, 'valid');
    await chip.powerOff();
    await chip.powerOn();
    const state = await chip.state();
    assert.deepEqual([state.version, state.image], ['2.0.0', 'valid']);
  }));

test('going back on request runs the old image', () =>
  withChip(async (chip) => {
    await install(chip, newImage);
    const state = await decide(chip, 'rollback');
    assert.deepEqual([state.version, state.image, state.other_image], ['1.0.0', 'valid', 'rolled_back']);
  }));

test('a power cut during the trial runs the old image', () =>
  withChip(async (chip) => {
    await install(chip, newImage);
    await chip.powerOff();
    await chip.powerOn();
    const state = await chip.state();
    assert.deepEqual([state.version, state.image, state.other_image], ['1.0.0', 'valid', 'aborted']);
  }));

test('a trial that nobody decides ends by itself', () =>
  withChip(async (chip) => {
    await install(chip, newImage);
    await chip.started(chip.starts);
    const state = await chip.state();
    assert.deepEqual([state.version, state.image], ['1.0.0', 'valid']);
  }));

test('the application confirms and goes back by its own call', () =>
  withChip(async (chip) => {
    assert.equal((await chip.get('/confirm', { method: 'POST' })).body.toString(), 'ESP_ERR_INVALID_STATE');
    assert.equal((await chip.get('/rollback', { method: 'POST' })).body.toString(), 'ESP_ERR_NOT_FOUND');
    await install(chip, newImage);
    assert.equal((await chip.get('/confirm', { method: 'POST' })).body.toString(), 'ESP_OK');
    assert.equal((await chip.state()).image, 'valid');
    const before = chip.starts;
    assert.equal((await chip.get('/rollback', { method: 'POST' })).body.toString(), 'ESP_OK');
    await chip.started(before);
    assert.equal((await chip.state()).version, '1.0.0');
  }));

test('many updates in a row, each into the other slot', () =>
  withChip(async (chip) => {
    for (let i = 0; i < UPDATES; i++) {
      const forward = i % 2 === 0;
      await install(chip, forward ? newImage : oldImage);
      const state = await decide(chip, 'confirm');
      assert.deepEqual([state.slot, state.version], forward ? ['ota_1', '2.0.0'] : ['ota_0', '1.0.0']);
    }
  }));

test('the application may refuse the erase, the activation and the restart', () =>
  withChip(async (chip) => {
    for (const step of [0, 1]) {
      await chip.get(`/refuse?${step}`);
      const client = await chip.connect();
      const answer = await client.update(newImage);
      assert.deepEqual([answer.name, answer.device], ['refused_by_application', 'the motor is running']);
      client.terminate();
    }
    await chip.get('/refuse?2');
    const client = await chip.connect();
    assert.equal((await client.update(newImage)).type, 'done');
    client.say({ type: 'restart' });
    await fails(client, 'refused_by_application');
    await chip.get('/refuse?x');
    const before = chip.starts;
    client.say({ type: 'restart' });
    await chip.started(before);
    assert.equal((await chip.state()).version, '2.0.0');
  }));

test('an update that is ready can be taken back', () =>
  withChip(async (chip) => {
    const client = await chip.connect();
    assert.equal((await client.update(newImage)).type, 'done');
    client.say({ type: 'cancel' });
    await fails(client, 'cancelled');
    await chip.powerOff();
    await chip.powerOn();
    const state = await chip.state();
    assert.deepEqual([state.version, state.image], ['1.0.0', 'valid']);
  }));

test('a lost connection in the middle: the same file goes on', () =>
  withChip(async (chip) => {
    const client = await chip.connect();
    client.begin(newImage);
    const ready = await client.next('ready');
    await client.send(newImage, ready, 0, 200_000);
    client.terminate();
    await until(() => client.closed, 'the close');
    const again = await chip.connect();
    again.begin(newImage);
    const { offset, ...rest } = await again.next('ready', 'failed');
    assert.ok(offset > 100_000, `offset ${offset}`);
    await again.send(newImage, { offset, ...rest });
    assert.equal((await again.next('done', 'failed')).type, 'done');
  }));

test('a second client has to wait and sees the progress', () =>
  withChip(async (chip) => {
    const owner = await chip.connect();
    owner.begin(newImage);
    const ready = await owner.next('ready');
    const other = await chip.connect();
    assert.equal(other.firstState.update, 'receiving');
    other.begin(newImage);
    await fails(other, 'busy');
    await owner.send(newImage, ready);
    assert.equal((await owner.next('done', 'failed')).type, 'done');
    await until(() => other.written === newImage.length, 'the progress');
  }));

test('images for other chips, projects and sizes are refused by name before any erase', async (t) => {
  await withChip(async (chip) => {
    const before = (await chip.state()).other_image;
    const cases = [
      ['wrong_chip', realImage('hello_world-esp32s3', { chip: 'esp32s3' }).bytes],
      ['wrong_chip', realImage('hello_world-esp32', { chip: 'esp32' }).bytes],
      ['wrong_project', realImage('hello_world-esp32c3', { project: 'hello_world' }).bytes],
      ['older_version', makeImage({ project: 'ota_ws_chip', version: '0.9.0', size: '100K' }).bytes],
      ['empty', Buffer.alloc(0)],
      ['too_large', Buffer.alloc(0x1e0001)],
      ['too_short', newImage.subarray(0, 100)],
      ['truncated', newImage.subarray(0, newImage.length - 5000)],
      ['not_an_image', Buffer.alloc(50_000, 0x41)],
      ['esp8266_image', realImage('hello_world-esp8266', { chip: 'esp32', defect: 'esp8266' }).bytes],
      ['bootloader_image', realImage('bootloader-esp32c3', { defect: 'bootloader', size: 19152 }).bytes],
    ];
    for (const [name, bytes] of cases) {
      await t.test(name, async () => {
        const client = await chip.connect();
        assert.equal((await client.update(bytes)).name, name);
        client.terminate();
      });
    }
    assert.equal((await chip.state()).other_image, before);
  });
});

test('a flipped bit anywhere is found', () =>
  withChip(async (chip) => {
    for (const at of [1000, newImage.length >> 1, newImage.length - 40]) {
      const bytes = Buffer.from(newImage);
      bytes[at] ^= 0x10;
      const client = await chip.connect();
      assert.equal((await client.update(bytes)).type, 'failed');
      client.terminate();
    }
    assert.equal((await chip.state()).version, '1.0.0');
  }));

test('the command line pushes, restarts and confirms', () =>
  withChip(async (chip) => {
    const push = await chip.cli('push', '--confirm', newImagePath);
    assert.equal(push.code, 0, push.stdout + push.stderr);
    const state = await chip.state();
    assert.deepEqual([state.version, state.image], ['2.0.0', 'valid']);
  }));
