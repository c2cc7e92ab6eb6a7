// SPDX-License-Identifier: Apache-2.0
// A device whose application takes no updates (OTA_WS_INTO_RECOVERY_ONLY, ota-ws-device-into-recovery): it logs in, keeps its
// trial, and restarts into its recovery application, which takes them. Page, ota-ws and the Python client do the rest.
import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';

import { buildDir, root, run, until } from './harness.js';
import { after, connect, first, install, PASSWORD, second, withRecovery } from './recovery_layout.js';
import { Visitor } from './visitor.js';

const executable = path.join(buildDir, 'ota-ws-device-into-recovery');
const withSmall = (body, options = {}) => withRecovery(body, options, executable);
const isInSlot = (device, { bytes }) => device.partition('ota_0').subarray(0, bytes.length).equals(bytes);
const env = { ...process.env, OTA_WS_PASSWORD: PASSWORD, PYTHONPATH: path.join(root, 'python'), PYTHONDONTWRITEBYTECODE: '1' };

test('the application refuses an update by name, and takes no data', () =>
  withSmall(async (device) => {
    let client = await install(device, first);
    const { early, slot_size: size, seals } = client.state;
    assert.deepEqual([early, size, seals], [undefined, 0x200000, undefined]);
    for (let i = 0; i < 2; i++) {
      client.begin(second.bytes);
      await client.fails('recovery_needed');
    }
    client.say({ type: 'cancel' });
    await client.fails('no_update');
    client.data(0, second.bytes.subarray(0, 4096));
    await client.ends('unexpected_data');
    client = await connect(device);
    client.begin(second.bytes, { early: 4096 });
    await client.ends('bad_value');
    client = await connect(device);
    client.say({ type: 'restart', into: 'nowhere' });
    await client.ends('bad_value');
    assert.ok(isInSlot(device, first));
    await (await connect(device)).close();
  }));

test('the application keeps its trial: confirmed, given up, aborted, and its time over', () =>
  withSmall(
    async (device) => {
      let client = await install(device, first);
      client = await after(device, client, { type: 'restart', into: 'recovery' });
      assert.equal((await client.update(second.bytes)).type, 'done');
      client = await after(device, client, { type: 'restart' });
      client.begin(first.bytes);
      await client.fails('on_trial');
      client.say({ type: 'restart', into: 'recovery' });
      await client.fails('on_trial');
      client = await after(device, client, { type: 'rollback' });
      assert.deepEqual([client.firstState.mode, client.firstState.last_outcome], ['recovery', 'rolled_back']);

      client = await after(device, client, { type: 'restart', into: 'application' });
      assert.deepEqual([client.firstState.mode, client.firstState.image], ['application', 'trial']);
      client = await after(device, client, { type: 'restart' });
      assert.deepEqual([client.firstState.mode, client.firstState.last_outcome], ['recovery', 'aborted']);

      client = await after(device, client, { type: 'restart', into: 'application' });
      const { boots } = device;
      await device.started(boots + 1);
      client = await until(() => connect(device).catch(() => undefined), 'the device');
      assert.deepEqual([client.firstState.mode, client.firstState.last_outcome], ['recovery', 'expired']);
      client = await after(device, client, { type: 'restart', into: 'application' });
      client.say({ type: 'confirm' });
      await until(() => client.state.image === 'valid', 'the confirmation');
      client = await after(device, client, { type: 'restart', into: 'recovery' });
      client = await after(device, client, { type: 'restart', into: 'application' });
      await until(() => client.state.image === 'valid', 'the confirmation by itself');
      await client.close();
    },
    { trialTimeout: 5 },
  ));

for (const [name, words] of Object.entries({ 'ota-ws': [path.join(buildDir, 'cli/ota-ws')], 'the Python client': ['python3', '-m', 'ota_ws'] })) {
  test(`${name} updates it through its recovery application`, () =>
    withSmall(async (device) => {
      const cli = (...args) => run(words[0], [...words.slice(1), ...args, device.url.host], { env });
      for (const image of [first, second]) {
        const pushed = await cli('push', '--confirm', image.path);
        assert.equal(pushed.code, 0, pushed.stderr);
        assert.ok(isInSlot(device, image));
        assert.equal(/restarting into the recovery application/.test(pushed.stderr), image === second);
      }
      const same = await cli('push', second.path);
      assert.match(same.stdout, /^runs already: 2\.0\.0 from ota_0/m, same.stderr);
      const info = await cli('info');
      assert.equal(info.code, 0, info.stderr);
    }));
}

test('the page updates it through its recovery application', () =>
  withSmall(async (device) => {
    const visitor = await Visitor.come(device.page);
    await visitor.login(PASSWORD);
    await visitor.update(first.path);
    await visitor.click('confirm');
    await visitor.says('versions', /1\.0\.0 runs from ota_0/);
    const { boots } = device;
    await visitor.choose(second.path);
    await visitor.click('upload');
    await visitor.see('trial');
    await visitor.says('keep', /2\.0\.0 is running/);
    assert.equal(device.boots, boots + 2);
    assert.ok(isInSlot(device, second));
    await visitor.click('confirm');
    await visitor.says('versions', /2\.0\.0 runs from ota_0/);
    await visitor.leave();
  }));
