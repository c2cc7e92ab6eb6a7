// SPDX-License-Identifier: Apache-2.0
// What a failed trial has left behind, its log lines and its core dump, is asked for by each client on plain http, while a
// listener keeps every byte of both directions: the lines are in no frame of it.
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { cli, PASSWORD, protectedBy, push } from './cli_tools.js';
import { Client, makeImage, root, run, withDevice } from './harness.js';
import { countRuns, listen, readingsOf, runsOf, unseal } from './listener.js';
import { Visitor } from './visitor.js';

const LINE = 'sensor: no answer, reading its calibration all the same';
const CRASH = '0x42008a3c';
const first = makeImage({ version: '1.0.0' });
const failing = makeImage({ version: '2.0.0', seed: 2, fault: 'panic 42008a3c 42008a10 4200123e' });

const python = `
import os, sys
from ota_ws.address import Address
from ota_ws.client import Session
class Password:
    given = known = True
    def read(self, address): return os.environ.get('OTA_WS_PASSWORD', '')
Password.given = Password.known = 'OTA_WS_PASSWORD' in os.environ
session = Session(Address(sys.argv[1]), None, Password())
for kind in ('logs', 'crash', 'logs'):
    more = True
    session.send({'type': kind})
    while more:
        answer = session.wait_for(kind)
        print(answer.get('text', ''), answer.get('pc', ''))
        more = answer.get('more')
session.close()
`;

/** By every client: what it has learned. */
const clients = {
  'ota-ws': async (host, env) => {
    const said = [];
    for (const command of ['info', 'crash']) {
      const { code, stdout, stderr } = await cli([command, host], env);
      assert.equal(code, 0, stdout + stderr);
      said.push(stdout);
    }
    return said.join('');
  },
  Python: async (host, env) => {
    const all = { ...process.env, PYTHONPATH: path.join(root, 'python'), PYTHONDONTWRITEBYTECODE: '1', ...env };
    const { code, stdout, stderr } = await run('python3', ['-c', python, host], { env: all });
    assert.equal(code, 0, stderr);
    return stdout;
  },
  page: async (host, env) => {
    const visitor = await Visitor.come(host);
    if (env.OTA_WS_PASSWORD) await visitor.login(env.OTA_WS_PASSWORD);
    await visitor.see('trace');
    await visitor.says('lines', new RegExp(`${CRASH}[^]*${LINE}\\s*$`));
    const lines = await visitor.read('lines');
    await visitor.leave();
    return lines;
  },
};

/** A device whose trial has failed, and a listener at it. */
const withFailed = (options, env, body) =>
  withDevice({ image: first.path, options }, async (device) => {
    const pushed = await cli(['push', failing.path, device.url.host], env);
    assert.match(pushed.stdout, /restarted \(panic\) before it was confirmed/, pushed.stderr);
    const cable = await listen(device);
    await body(cable, device);
    cable.cut();
  });

for (const [name, ask] of Object.entries(clients)) {
  test(`${name}: no 8 bytes of the log or the core dump are on the cable`, () =>
    withFailed(protectedBy, { OTA_WS_PASSWORD: PASSWORD }, async (cable) => {
      const learned = await ask(cable.address, { OTA_WS_PASSWORD: PASSWORD });
      assert.ok(learned.includes(LINE) && learned.includes(CRASH), learned);
      const readings = readingsOf(cable);
      assert.ok(readings.some((text) => text.includes('"type":"sealed"')), 'the listener has heard the answers');
      assert.equal(countRuns(readings, LINE, CRASH), 0);
    }));

  test(`${name}: the check finds the log where there is no login, so no key`, () =>
    withFailed({ unprotected: true }, {}, async (cable) => {
      const learned = await ask(cable.address, {});
      assert.ok(learned.includes(LINE) && learned.includes(CRASH), learned);
      assert.ok(countRuns(readingsOf(cable), LINE, CRASH) >= runsOf(LINE).length);
    }));
}

test('the same answer is other bytes each time, in a session and in the next one', () =>
  withFailed(protectedBy, { OTA_WS_PASSWORD: PASSWORD }, async (_, device) => {
    const seen = new Set();
    let plain;
    for (let time = 0; time < 3; time++) {
      const client = await Client.connect(device, PASSWORD);
      for (let again = 0; again < 4; again++) {
        client.say({ type: 'crash', sealed: true });
        const sealed = await client.next('sealed');
        const text = unseal(sealed, client.scram.answerKey);
        assert.equal(text, (plain ??= text));
        assert.equal(JSON.parse(text).pc, CRASH);
        for (const run of runsOf(Buffer.from(sealed.message, 'base64').toString('latin1'))) {
          assert.ok(!seen.has(run));
          seen.add(run);
        }
      }
      client.checkMacs();
      await client.close();
    }
  }));
