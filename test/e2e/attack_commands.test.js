// SPDX-License-Identifier: Apache-2.0
// Attackers with the messages that came late: `restart` with `into`, `logs`, `crash`. Without a login, with a mac of their
// own, with members that are none; and honest ones in the wrong state. Nothing of a device may change. Prints counts.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';

import { Client, makeImage, Scram, withDevice } from './harness.js';
import { after, connect, first, install, second, withRecovery } from './recovery_layout.js';

const commands = [
  '{"type":"restart","into":"recovery"}',
  '{"type":"restart","into":"application"}',
  '{"type":"logs"}',
  '{"type":"logs","sealed":true}',
  '{"type":"crash"}',
  '{"type":"crash","stack":true}',
];

const malformed = {
  '{"type":"restart","into":"bootloader"}': 'bad_value',
  '{"type":"restart","into":"Recovery"}': 'bad_value',
  '{"type":"restart","into":"recovery "}': 'bad_value',
  '{"type":"restart","into":"ota_0"}': 'bad_value',
  '{"type":"restart","into":1}': 'bad_value',
  '{"type":"restart","into":true}': 'bad_value',
  [`{"type":"restart","into":"${'recovery'.repeat(20)}"}`]: 'bad_value',
  '{"type":"restart","into":"recovery\\u0000"}': 'escaped',
  '{"type":"restart","into":{"type":"recovery"}}': 'nested',
  '{"type":"restart","into":["recovery"]}': 'nested',
  '{"type":"restart","into":"application","into":"recovery"}': 'duplicate_member',
  '{"type":"restart","to":"recovery"}': 'unknown_member',
  '{"type":"restart","into":"recovery","force":true}': 'unknown_member',
  '{"type":"logs","stack":true}': 'unknown_member',
  '{"type":"logs","sealed":false}': 'bad_value',
  '{"type":"crash","sealed":"true"}': 'bad_value',
  '{"type":"history","sealed":true}': 'unknown_member',
  '{"type":"logs","into":"recovery"}': 'unknown_member',
  '{"type":"logs","type":"crash"}': 'duplicate_member',
  '{"type":"Logs"}': 'unknown_message',
  '{"type":"crash","stack":false}': 'bad_value',
  '{"type":"crash","stack":"true"}': 'bad_value',
  '{"type":"crash","stack":1}': 'bad_value',
  '{"type":"crash","stack":true,"stack":true}': 'duplicate_member',
  '{"type":"crash","size":4096}': 'unknown_member',
  '{"type":"crash","stack":{"size":4096}}': 'nested',
};

const forged = (text, count) => `${text.slice(0, -1)},"count":${count},"mac":"00112233445566778899aabbccddeeff"}`;

/** How the device stands; `assertSame` after each attack. */
const look = (device) => ({ boots: device.boots, otadata: device.partition('otadata'), slot: device.partition('ota_0') });
const assertSame = (device, before, what) => assert.deepEqual(look(device), before, what);

const ticketFrom = ({ url }, localAddress) =>
  new Promise((resolve, reject) => {
    const asked = http.request({ method: 'POST', host: url.hostname, port: url.port, path: '/ota', localAddress, agent: false }, (response) => {
      let body = '';
      response.on('data', (text) => (body += text));
      response.on('end', () => resolve(JSON.parse(body).ticket));
    });
    asked.on('error', reject);
    asked.end();
  });

/** As far as a client comes without the password. */
const strangers = {
  'before hello': (device, localAddress) => Client.open(device, { localAddress }),
  'before the proof': async (device, localAddress) => {
    const client = await Client.open(device, { localAddress });
    const ticket = await ticketFrom(device, localAddress);
    client.sendText({ type: 'hello', version: 1, ticket, scram: new Scram('x').first() });
    await client.next('challenge');
    return client;
  },
};

test('restart with into, logs and crash are refused before the login', () =>
  withRecovery(async (device) => {
    await (await install(device, first)).close();
    const before = look(device);
    let attacks = 0;
    const isAnswered = (client) => client.messages.some(({ type }) => ['logs', 'crash', 'sealed', 'restarting'].includes(type));
    for (const text of commands) {
      for (const [when, come] of Object.entries(strangers)) {
        for (const [said, name] of [[text, 'unexpected_message'], [forged(text, 1), 'bad_mac']]) {
          const client = await come(device, `127.0.0.${2 + attacks}`); // its login counts as a guess of this address
          client.sendText(said);
          await client.ends(name);
          assert.ok(!isAnswered(client), `${said} ${when}`);
          client.terminate();
          await client.isClosed();
          attacks++;
        }
      }
    }
    assertSame(device, before);
    console.log(`without a login: ${attacks} messages of the recovery layout, of logs and of crash, 0 obeyed`);
  }));

test('restart with into, logs and crash are refused without their own mac', () =>
  withRecovery(async (device) => {
    const owner = await install(device, first);
    const before = look(device);
    const recorded = commands.map((text) => owner.withMac(text)); // he lets none of them through
    owner.terminate();
    for (const said of [...commands, ...commands.map((text) => forged(text, 1)), ...recorded]) {
      const victim = await connect(device);
      victim.sendText(said);
      await victim.ends('bad_mac');
    }
    const victim = await connect(device);
    victim.sendText(victim.withMac('{"type":"logs"}').replace('logs', 'crash'));
    await victim.ends('bad_mac');
    assertSame(device, before);
  }));

test('malformed members of restart, logs and crash are named', () =>
  withRecovery(async (device) => {
    await (await install(device, first)).close();
    const before = look(device);
    for (const [text, name] of Object.entries(malformed)) {
      const client = await connect(device);
      client.sendText(client.withMac(text));
      await client.ends(name).catch((error) => assert.fail(`${text}: ${error.message}`));
      client.terminate();
    }
    assertSame(device, before);
    console.log(`malformed: ${Object.keys(malformed).length} messages, each refused by name, 0 obeyed`);
  }));

test('restart with into is refused in the wrong state', () =>
  withRecovery(async (device) => {
    let client = await connect(device);
    const before = look(device);
    client.say({ type: 'restart', into: 'application' });
    await client.fails('nothing_to_go_back_to');
    client.begin(first.bytes);
    await client.next('ready');
    for (const into of ['recovery', 'application']) {
      client.say({ type: 'restart', into });
      await client.fails('busy');
    }
    const other = await connect(device);
    other.say({ type: 'restart', into: 'application' });
    await other.fails('busy');
    await other.close();
    client.say({ type: 'cancel' });
    await client.fails('cancelled');
    assertSame(device, before);

    assert.equal((await client.update(first.bytes)).type, 'done');
    client.say({ type: 'restart', into: 'recovery' });
    await client.fails('restart_pending');
    client = await after(device, client, { type: 'restart' });
    const onTrial = look(device);
    for (const into of ['recovery', 'application']) {
      client.say({ type: 'restart', into });
      await client.fails('on_trial');
    }
    assertSame(device, onTrial);
    assert.equal(client.state.image, 'trial');
    await client.close();
  }));

test('restart with into is refused where there is no recovery application', () =>
  withDevice({ image: makeImage({ version: '1.0.0' }).path }, async (device) => {
    const client = await Client.connect(device);
    const before = look(device);
    for (const into of ['recovery', 'application']) {
      client.say({ type: 'restart', into });
      await client.fails('no_recovery');
    }
    assert.equal((await client.update(second.bytes, { allow_downgrade: true })).name ?? 'done', 'wrong_project');
    assert.equal(look(device).boots, before.boots);
    assert.deepEqual(look(device).otadata, before.otadata);
    await client.close();
  }));
