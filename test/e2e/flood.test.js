// SPDX-License-Identifier: Apache-2.0
// 300 idle WebSockets a second, from other addresses and from the owner's own: whoever has logged in lately still logs in.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, Scram, makeImage, ticketOf, until, withDevice } from './harness.js';
import { Wire, upgradeRequest } from './wire.js';

const first = makeImage({ version: '1.0.0' });

/** Opens a WebSocket without waiting for the answer. */
async function knock(device, localAddress) {
  const wire = await Wire.open(device, { localAddress });
  wire.send(upgradeRequest(device));
  return wire;
}

test('the owner logs in beside 300 idle connections a second', async (t) => {
  await withDevice({ image: first.path }, async (device) => {
    await (await Client.connect(device)).close();
    for (const [who, addressOf] of [['40 others', (i) => `127.0.0.${2 + (i % 40)}`], ['his own address', () => '127.0.0.1']]) {
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
            await (await Client.connect(device)).close();
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
