// SPDX-License-Identifier: Apache-2.0
// The recovery layout: one slot for the application, and a recovery application in the factory partition. A whole life
// by the protocol, by ota-ws and by the Python client, what an attacker gets of it, and power that goes away.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { buildDir, Client, Device, freshPath, makeImage, readOtadata, root, run, until } from './harness.js';
import { after, askedFrom, connect, first, install, later, PASSWORD, second, settings, third, withRecovery } from './recovery_layout.js';

const foreign = makeImage({ project: 'other', version: '5.0.0', size: '80K', seed: 7 });

const clients = {
  'ota-ws': [path.join(buildDir, 'cli/ota-ws')],
  'the Python client': ['python3', '-m', 'ota_ws'],
};
const env = { ...process.env, OTA_WS_PASSWORD: PASSWORD, PYTHONPATH: path.join(root, 'python'), PYTHONDONTWRITEBYTECODE: '1' };

test('a life: update in recovery, refusal in the application, in and out, a trial that is given up', () =>
  withRecovery(async (device) => {
    let client = await connect(device);
    const { firstState: blank } = client;
    assert.deepEqual([blank.layout, blank.mode, blank.image, blank.other_slot, blank.other_version], ['recovery', 'recovery', 'factory', 'ota_0', undefined]);
    client.say({ type: 'restart', into: 'application' });
    await client.fails('nothing_to_go_back_to');
    await client.close();

    client = await install(device, first);
    const { state } = client;
    assert.deepEqual([state.slot, state.other_slot, state.other_version, state.slot_size], ['ota_0', 'factory', '0.9.0', 0x200000]);
    client.begin(second.bytes);
    await client.fails('recovery_needed');

    client = await after(device, client, { type: 'restart', into: 'recovery' });
    assert.deepEqual([client.firstState.mode, client.firstState.other_version, client.firstState.other_image], ['recovery', '1.0.0', 'none']);
    client = await after(device, client, { type: 'restart', into: 'application' });
    await until(() => client.state.image === 'valid', 'the confirmation by itself');
    assert.equal(client.state.last_outcome, 'confirmed');

    client = await after(device, client, { type: 'restart', into: 'recovery' });
    client.begin(foreign.bytes);
    assert.equal((await client.next('ready')).offset, 0);
    client.data(0, foreign.bytes.subarray(0, 8192));
    await client.fails('wrong_project');
    assert.equal((await client.update(second.bytes)).type, 'done');
    client = await after(device, client, { type: 'restart' });
    assert.equal(client.firstState.version, '2.0.0');
    client = await after(device, client, { type: 'restart' }); // a trial that is not confirmed
    assert.deepEqual([client.firstState.mode, client.firstState.last_outcome, client.firstState.last_reset], ['recovery', 'aborted', 'software']);
    client = await after(device, client, { type: 'restart', into: 'application' });
    assert.deepEqual([client.firstState.mode, client.firstState.image], ['application', 'trial']);
    client.say({ type: 'rollback' });
    await client.next('restarting');
    await until(async () => (await connect(device).catch(() => undefined))?.firstState.last_outcome === 'rolled_back', 'the recovery application');
  }));

test('power that goes away: the application or the recovery application runs, and the next update works', async () => {
  const flash = freshPath('.flash');
  let device = await Device.start({ ...settings, flash });
  await (await install(device, first)).close();
  for (const [sector, from] of [[0, 0], [0, 24], [0, 28]]) {
    await device.kill();
    const bytes = fs.readFileSync(flash);
    bytes.fill(0xff, 0xd000 + 4096 * sector + from, 0xd000 + 4096 * sector + from + 4); // an erase that was cut off
    fs.writeFileSync(flash, bytes);
    device = await Device.start({ flash, options: later });
    const client = await connect(device);
    const { mode } = client.firstState;
    assert.equal(mode, from === 24 ? 'application' : 'recovery');
    const there = mode === 'recovery' ? client : await after(device, client, { type: 'restart', into: 'recovery' });
    assert.equal((await there.update(second.bytes)).type, 'done');
    const back = await after(device, there, { type: 'restart' });
    assert.deepEqual([back.firstState.version, back.firstState.image], ['2.0.0', 'trial']);
    back.say({ type: 'confirm' });
    await until(() => back.state.image === 'valid', 'the confirmation');
    await back.close();
  }
  await device.stop();
});

test('an application whose image is damaged ends in the recovery application, and another one replaces it', async () => {
  const flash = freshPath('.flash');
  let device = await Device.start({ ...settings, flash });
  await (await install(device, first)).close();
  await device.kill();
  const bytes = fs.readFileSync(flash);
  bytes[0x110000 + 100_000] ^= 0xff;
  fs.writeFileSync(flash, bytes);
  device = await Device.start({ flash, options: later });
  let client = await connect(device);
  assert.deepEqual([client.firstState.mode, client.firstState.other_image, client.firstState.other_version], ['recovery', 'valid', undefined]);
  client.say({ type: 'restart', into: 'application' });
  await client.fails('nothing_to_go_back_to');
  await client.close();
  client = await install(device, second);
  await client.close();
  await device.stop();
});

for (const [name, words] of Object.entries(clients)) {
  const cli = (...args) => run(words[0], [...words.slice(1), ...args], { env });
  const last = ({ stdout }) => stdout.trim().split('\n').at(-1);

  test(`${name} restarts into the recovery application, uploads and restarts by itself`, () =>
    withRecovery(async (device) => {
      const { host } = device.url;
      const pushed = await cli('push', '--confirm', first.path, host);
      assert.equal(last(pushed), 'running 1.0.0 from ota_0, confirmed', pushed.stderr);
      assert.doesNotMatch(pushed.stderr, /into the recovery/);
      const again = await cli('push', '--confirm', second.path, host);
      assert.equal(last(again), 'running 2.0.0 from ota_0, confirmed', again.stderr);
      assert.match(again.stderr, /restarting into the recovery application/);
      assert.ok(device.partition('ota_0').subarray(0, second.bytes.length).equals(second.bytes));
      const same = await cli('push', second.path, host);
      assert.match(last(same), /^runs already: 2\.0\.0 from ota_0/, same.stderr);
      const older = await cli('push', first.path, host);
      assert.equal(older.code, 3, older.stderr);
      assert.match(older.stdout + older.stderr, /older than 2\.0\.0/);
      const { boots } = device;
      const left = await cli('push', '--no-restart', third.path, host);
      assert.equal(left.code, 4, left.stdout);
      assert.match(left.stdout, /Restart the device into it/);
      assert.equal(device.boots, boots);
    }));

  test(`${name} goes into the recovery application and back`, () =>
    withRecovery(async (device) => {
      const { host } = device.url;
      await cli('push', '--confirm', first.path, host);
      assert.equal(last(await cli('restart', '--into', 'recovery', host)), 'running 0.9.0 from factory, the factory image');
      assert.equal(last(await cli('restart', host)), 'running 0.9.0 from factory, the factory image');
      const older = await cli('push', makeImage({ project: 'lamp', version: '0.5.0', size: '70K', seed: 5 }).path, host);
      assert.equal(older.code, 3, older.stderr); // compared with the application that is there
      assert.match(last(await cli('restart', '--into', 'application', host)), /^running 1\.0\.0 from ota_0/);
      const wrong = await cli('restart', '--into', 'nowhere', host);
      assert.equal(wrong.code, 2);
      assert.match(wrong.stderr, /--into is recovery or application, not 'nowhere'\./);
    }));
}

test('without the password nobody gets a device into its recovery application', () =>
  withRecovery(async (device) => {
    await (await install(device, first)).close();
    const { boots } = device;
    const [before] = readOtadata(device.flash());
    const text = '{"type":"restart","into":"recovery"}';
    const { client, recorded } = await askedFrom(connect, device, text);
    const attacks = [
      (it) => it.sendText(text), // without a mac
      (it) => it.sendText(`${text.slice(0, -1)},"count":1,"mac":"00112233445566778899aabbccddeeff"}`),
      (it) => it.sendText(recorded), // of another session
      (it) => it.sendText(it.withMac('{"type":"restart","into":"application"}').replace('application', 'recovery')),
    ];
    await client.close();
    for (const attack of attacks) {
      const victim = await connect(device);
      attack(victim);
      await victim.ends('bad_mac');
    }
    const stranger = await Client.open(device);
    stranger.sendText(text);
    await stranger.ends('unexpected_message');
    assert.equal(device.boots, boots);
    assert.deepEqual(readOtadata(device.flash())[0], before);
  }));
