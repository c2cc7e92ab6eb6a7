// SPDX-License-Identifier: Apache-2.0
// 300 idle WebSockets a second, from other addresses and from the owner's own: a client that has logged in lately still logs in.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { Client, Device, Scram, makeImage, request, ticketOf, until, withDevice } from './harness.js';
import { Wire, tlsOptions, upgradeRequest } from './wire.js';

const first = makeImage({ version: '1.0.0' });

/** Opens a WebSocket without waiting for the answer. */
async function knock(device, localAddress) {
  const wire = await Wire.open(device, { localAddress });
  wire.send(upgradeRequest(device));
  return wire;
}

/** At an address like the flood's he can be the oldest one; then he tries again, and nothing makes him wait. */
async function connectAgain(device) {
  for (;;) {
    try {
      return await Client.connect(device);
    } catch (error) {
      assert.match(error.message, /too_many_sessions/);
    }
  }
}

test('the owner logs in beside 300 idle connections a second', async (t) => {
  await withDevice({ image: first.path }, async (device) => {
    await (await Client.connect(device)).close();
    for (const [who, addressOf, logIn] of [['40 others', (i) => `127.0.0.${2 + (i % 40)}`, Client.connect], ['his own address', () => '127.0.0.1', connectAgain]]) {
      await t.test(`from ${who}`, async () => {
        let count = 0;
        const open = [];
        const timer = setInterval(() => {
          for (let i = 0; i < 15; i++) {
            open.push(knock(device, addressOf(count++)));
          }
        }, 50);
        try {
          await until(() => count >= 60, 'the flood');
          for (let i = 0; i < 3; i++) {
            await (await logIn(device)).close();
          }
        } finally {
          clearInterval(timer);
        }
        assert.ok(count > 0);
        for (const wire of await Promise.all(open)) {
          wire.end();
        }
      });
    }
  });
});

/** So many open a WebSocket, one after the other, and say nothing. */
async function crowd(device, count, addressOf) {
  const wires = [];
  for (let i = 0; i < count; i++) {
    wires.push(await Wire.upgrade(device, { localAddress: addressOf(i) }));
  }
  return wires;
}

test('a known client that connects is spared, and a login that runs', async () => {
  await withDevice({ image: first.path }, async (device) => {
    await (await Client.connect(device)).close();
    const owner = await Client.open(device);
    const others = await crowd(device, 40, (i) => `127.0.0.${2 + i}`);
    const { ticket } = await ticketOf(device);
    const scram = new Scram(device.pairingCode);
    owner.sendText({ type: 'hello', version: 1, ticket, scram: scram.first() });
    const { scram: challenge } = await owner.next('challenge');
    others.push(...(await crowd(device, 40, () => '127.0.0.1')));
    owner.sendText({ type: 'proof', scram: scram.final(challenge) });
    await owner.next('welcome');
    await until(() => others.filter((wire) => wire.text.includes('too_many_sessions')).length >= 60, 'the end of the others');
    await owner.close();
    await (await Client.connect(device)).close(); // nothing of it was a guess
    others.forEach((wire) => wire.end());
  });
});

/** Nanoseconds that a process has been on a processor. */
function processorTime(pid) {
  return fs.readdirSync(`/proc/${pid}/task`).reduce((sum, task) => sum + Number(fs.readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]), 0);
}

/** 200 connections that say nothing, all of them at the device's door before it looks. */
async function burst(device, localAddress) {
  const idle = [];
  device.process.kill('SIGSTOP');
  try {
    for (let i = 0; i < 200; i++) {
      idle.push(await Wire.open({ url: new URL(device.page.replace('https:', 'http:')) }, { localAddress }));
    }
  } finally {
    device.process.kill('SIGCONT');
  }
  return idle;
}

const few = ['sh', '-c', 'ulimit -n 80; exec "$0" "$@"'];

for (const [scheme, options] of [['http', {}], ['https', tlsOptions()]]) {
  test(`${scheme}: idle connections take no descriptor for long`, async () => {
    await withDevice({ image: first.path, wrap: few, options }, async (device) => {
      const before = processorTime(device.process.pid);
      const idle = await burst(device, '127.0.0.3');
      assert.equal((await request(device)).status, 200);
      await (await Client.connect(device)).close();
      const seconds = (processorTime(device.process.pid) - before) / 1e9;
      assert.ok(seconds < 5, `the device was busy for ${seconds} s`); // 10 when it tries to accept without a pause
      idle.forEach((wire) => wire.end());
    });
  });
}

test('the address with most connections loses its oldest ones', async () => {
  await withDevice({ image: first.path, wrap: few }, async (device) => {
    const one = await Wire.open(device, { localAddress: '127.0.0.2' });
    await request(device); // it has been accepted
    const idle = await burst(device, '127.0.0.3');
    await until(() => idle.filter((wire) => wire.ended).length > 120, 'the end of the others');
    assert.ok(idle.slice(-5).every((wire) => !wire.ended), 'the newest ones stay');
    one.send(`GET /ota HTTP/1.1\r\nHost: ${device.url.host}\r\n\r\n`);
    assert.equal(await one.status(), 200);
    [one, ...idle].forEach((wire) => wire.end());
  });
});

test('a device that may open too few files says so', async () => {
  const device = await Device.start({ image: first.path, wrap: ['sh', '-c', 'ulimit -n 40; exec "$0" "$@"'] });
  await device.stop().catch(() => {}); // one that runs would be the fault
  assert.equal(device.code, 6, device.log);
  assert.match(device.log, /may open too few files \(ulimit -n\)/);
});
