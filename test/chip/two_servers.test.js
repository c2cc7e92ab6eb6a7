// SPDX-License-Identifier: Apache-2.0
// Two servers on one chip, http and https, with one update page: both show one device.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Client, request, until } from '../e2e/harness.js';
import { decide, fails, newImage, withChip } from './chip.js';

async function startTls(chip) {
  assert.equal((await chip.get('/tls')).body.toString(), 'ESP_OK');
  assert.equal((await request(chip.overTls, { path: '/' })).body.toString(), 'hello over TLS\n');
}

/** One updates, the other one sees it and has to wait; both servers go on with their own pages. */
async function updateAndWatch(chip, way, otherWay) {
  const watcher = await Client.connect(otherWay);
  const owner = await Client.connect(way);
  owner.begin(newImage);
  const ready = await owner.next('ready');
  watcher.begin(newImage);
  await fails(watcher, 'busy');
  await owner.send(newImage, ready, ready.offset, newImage.length / 2);
  await until(() => watcher.written > 0, 'the progress');
  assert.equal((await chip.get('/')).body.toString(), 'hello\n');
  assert.equal((await request(chip.overTls, { path: '/' })).body.toString(), 'hello over TLS\n');
  await owner.send(newImage, ready, newImage.length / 2);
  assert.equal((await owner.next('done', 'failed')).type, 'done');
  await until(() => watcher.state.update === 'ready', 'the news of the end');
  assert.ok(chip.holds('ota_1', newImage));
  return { owner, watcher };
}

test('an update over https while a client over http watches, with restart and trial', () =>
  withChip(async (chip) => {
    await startTls(chip);
    const { owner } = await updateAndWatch(chip, chip.overTls, chip);
    const before = chip.starts;
    owner.say({ type: 'restart' });
    await chip.started(before);
    await startTls(chip);
    const client = await Client.connect(chip.overTls);
    assert.deepEqual([client.firstState.version, client.firstState.image], ['2.0.0', 'trial']);
    client.terminate();
    assert.equal((await decide(chip, 'confirm')).image, 'valid');
  }));

test('an update over http while a client over https watches, and takes it back', () =>
  withChip(async (chip) => {
    await startTls(chip);
    const { watcher } = await updateAndWatch(chip, chip, chip.overTls);
    watcher.say({ type: 'cancel' });
    await until(() => watcher.state.update === 'idle', 'the end');
    assert.equal((await chip.state()).version, '1.0.0');
  }));
