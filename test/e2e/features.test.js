// SPDX-License-Identifier: Apache-2.0
// A device whose firmware leaves out every feature that menuconfig can (ota-ws-device-plain): page, ota-ws and the Python
// package work with it, and nobody is shown a failure for something that is not there.
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';

import { cliOn, first, objects, push, protectedBy, second, PASSWORD } from './cli_tools.js';
import { buildDir, root, run, withDevice } from './harness.js';
import { Visitor } from './visitor.js';

const executable = path.join(buildDir, 'ota-ws-device-plain');
const withPlain = (body) => withDevice({ image: first.path, options: protectedBy, executable }, body);
const isInSlot = (device, { bytes }) => device.partition('ota_1').subarray(0, bytes.length).equals(bytes);

test('without any feature ota-ws updates and shows the newest update', () =>
  withPlain(async (device) => {
    const pushed = await push(device, second, '--confirm');
    assert.equal(pushed.code, 0, pushed.stderr);
    assert.ok(isInSlot(device, second));
    const info = await cliOn(device, 'info', '--json');
    assert.equal(info.code, 0, info.stderr);
    const lines = objects(info.stdout); // the state and the outcome, no update between them
    assert.deepEqual([lines.length, lines[0].version, lines.at(-1).outcome], [2, '2.0.0', 'running']);
  }));

test('without the order of versions an older image is taken', () =>
  withPlain(async (device) => {
    assert.equal((await push(device, second, '--confirm')).code, 0);
    const pushed = await push(device, first, '--allow-downgrade', '--confirm');
    assert.equal(pushed.code, 0, pushed.stderr);
  }));

test('without any feature the Python package updates and asks', () =>
  withPlain(async (device) => {
    const env = { ...process.env, PYTHONPATH: path.join(root, 'python'), OTA_WS_PASSWORD: PASSWORD };
    for (const words of [['push', second.path, device.url.host, '--confirm'], ['info', device.url.host]]) {
      const result = await run('/usr/bin/python3', ['-m', 'ota_ws', ...words], { env });
      assert.equal(result.code, 0, result.stderr);
    }
  }));

test('without any feature the page updates, restarts and confirms', () =>
  withPlain(async (device) => {
    const visitor = await Visitor.come(device.page);
    await visitor.login(PASSWORD);
    await visitor.upload(second.path);
    await visitor.see('ready');
    assert.ok(isInSlot(device, second));
    await visitor.click('restart');
    await visitor.says('keep', '2.0.0 is running. Keep it?');
    await visitor.click('confirm');
    await visitor.says('notice', '1.0.0 → 2.0.0: confirmed');
    await visitor.leave();
  }));
