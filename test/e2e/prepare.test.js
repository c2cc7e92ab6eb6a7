// SPDX-License-Identifier: Apache-2.0
// The prepared slot, on real devices: what ota-ws says before it switches it on, what is left of the other image, an
// update into the slot, a device that is killed while it erases, and the page.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { assertEnds, cliOn, EXIT, first, lastLine, objects, PASSWORD, protectedBy, push, second } from './cli_tools.js';
import { buildDir, Client, Device, freshPath, makeImage, until, withDevice } from './harness.js';
import { Visitor } from './visitor.js';

const third = makeImage({ version: '3.0.0', seed: 3, size: '150K' });
const partitions = freshPath('.csv');
fs.writeFileSync(partitions, 'otadata, data, ota, 0xd000, 8K,\nota_0, app, ota_0, , 256K,\nota_1, app, ota_1, , 256K,\n');
const small = { image: first.path, options: { ...protectedBy, partitions } };

const isBlank = (device, label) => device.partition(label).every((byte) => byte === 0xff);
const holds = (device, label, { bytes }) => device.partition(label).subarray(0, bytes.length).equals(bytes);
const stateOf = async (device) => objects((await cliOn(device, 'info', '--json')).stdout)[0];

async function isPrepared(device) {
  await until(async () => (await stateOf(device)).other_image === 'blank', 'the prepared slot');
  const state = await stateOf(device);
  assert.ok(isBlank(device, state.other_slot), 'it is blank');
  assert.equal(state.can_roll_back, undefined);
  return state;
}

test('ota-ws prepare: says what is lost, switches it on with --yes, and off', () =>
  withDevice(small, async (device) => {
    assert.equal((await push(device, second, '--confirm')).code, EXIT.ok);
    const asked = await cliOn(device, 'prepare');
    assert.equal(asked.code, EXIT.usage);
    assert.match(lastLine(asked.stdout), /would erase ota_0.* there is 1\.0\.0, and no way back to it would be left\. --yes switches it on\.$/);
    assert.ok(holds(device, 'ota_0', first), 'nothing is erased');
    assert.equal((await stateOf(device)).prepare, 'off');

    const agreed = await cliOn(device, 'prepare', '--yes');
    assertEnds(agreed, EXIT.ok, 'running 2.0.0 from ota_1, confirmed');
    assert.equal((await isPrepared(device)).prepare, 'on');
    assertEnds(await cliOn(device, 'rollback'), EXIT.device, 'still 2.0.0: The other slot holds no image to go back to.');
    assert.match((await cliOn(device, 'info')).stdout, /^other +ota_0 is blank: an update need not erase it$/m);

    const log = device.log.length;
    assert.equal((await push(device, third)).code, EXIT.ok);
    assert.ok(holds(device, 'ota_0', third));
    assert.doesNotMatch(device.log.slice(log), /prepare:/, 'a trial keeps its way back');
    assertEnds(await cliOn(device, 'rollback'), EXIT.ok, 'rolled back: running 2.0.0 from ota_1');
    await isPrepared(device);

    assertEnds(await cliOn(device, 'prepare', '--off'), EXIT.ok, 'running 2.0.0 from ota_1, confirmed');
    assert.equal((await push(device, third, '--confirm')).code, EXIT.ok);
    assert.ok(holds(device, 'ota_1', second), 'it stays');
    assert.equal((await stateOf(device)).can_roll_back, true);
  }));

test('a device that is killed while it erases goes on, tells the truth and takes the next update', async () => {
  const whole = makeImage({ version: '1.0.0', size: '250K' }); // in all four blocks
  const device = await Device.start({ image: whole.path, options: { ...protectedBy, partitions } });
  assert.equal((await push(device, second, '--confirm')).code, EXIT.ok);
  await device.stop();
  const settings = { flash: device.flashPath, options: { ...protectedBy, prepare: true, timing: 'w25q32jv' } };
  for (let kill = 0; kill < 3; kill++) {
    const again = await Device.start(settings);
    await until(() => again.log.includes('prepare: ota_0 is erased'), 'a block');
    await again.kill();
  }
  await withDevice(settings, async (last) => {
    const state = await stateOf(last);
    assert.equal(state.version, '2.0.0');
    assert.equal(state.image, 'valid');
    assert.equal(state.can_roll_back, undefined);
    assert.equal((await push(last, third, '--confirm')).code, EXIT.ok);
    assert.ok(holds(last, 'ota_0', third));
    await isPrepared(last);
  });
});

test('an unfinished upload is not erased', () =>
  withDevice({ ...small, options: { ...small.options, prepare: true } }, async (device) => {
    await isPrepared(device);
    const client = await Client.connect(device, PASSWORD);
    client.begin(second.bytes);
    const ready = await client.next('ready');
    await client.send(second.bytes, ready, 0, 100_000);
    await until(() => client.received >= 90_000, 'the acknowledgement');
    client.terminate();
    await until(async () => (await stateOf(device)).kept > 0, 'what is kept');
    await until(async () => (await stateOf(device)).early > 0, 'the device to leave the slot alone');
    const pushed = await push(device, second);
    assert.match(pushed.stdout + pushed.stderr, /going on/);
    assert.equal(pushed.code, EXIT.ok);
    assert.doesNotMatch(device.log, /prepare:/);
  }));

test('firmware without it says so', () =>
  withDevice({ image: first.path, options: protectedBy, executable: path.join(buildDir, 'ota-ws-device-plain') }, async (device) => {
    const refused = await cliOn(device, 'prepare', '--yes');
    assert.equal(refused.code, EXIT.device);
    assert.match(lastLine(refused.stdout), /prepares no slot/);
  }));

test('the page offers no way back to a slot that is blank', () =>
  withDevice(small, async (device) => {
    assert.equal((await push(device, second, '--confirm')).code, EXIT.ok);
    const visitor = await Visitor.come(device.page);
    await visitor.login(PASSWORD);
    await visitor.says('rollback', 'Go back to 1.0.0');
    assert.ok(await visitor.isSeen('rollback'));
    assert.equal((await cliOn(device, 'prepare', '--yes')).code, EXIT.ok);
    await isPrepared(device);
    await until(async () => !(await visitor.isSeen('rollback')), 'the button to go');
    await visitor.see('choice');
    await visitor.leave();
  }));
