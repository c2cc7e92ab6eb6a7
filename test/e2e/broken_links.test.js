// SPDX-License-Identifier: Apache-2.0
// After every message the link goes: it is reset, it ends, a frame ends half-way, or the client says nothing any more.
// Then the next client's update begins. Where the link is known dead it need not wait for the stall time-out, which is
// set so long that the test would fail; where it is not, the silent client gets `stalled` first.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import test from 'node:test';
import { Client, makeImage, realImage, until, withDevice } from './harness.js';
import { ManInTheMiddle } from './man_in_the_middle.js';

const running = makeImage({ version: '1.0.0', size: '64K' });
// More than all rounds together bring: each goes on behind the one before.
const update = makeImage({ version: '2.0.0', size: '768K' });

// A frame of a client: FIN and opcode, masked (with zeros), `length` bytes of which only `sent` come.
function halfFrame(opcode, length, sent) {
  const head = Buffer.alloc(8);
  head[0] = 0x80 | opcode;
  head[1] = 0x80 | 126;
  head.writeUInt16BE(length, 2);
  return Buffer.concat([head, Buffer.alloc(sent)]);
}

async function beginUpdate(client) {
  client.begin(update.bytes);
  return client.next('ready');
}

// Returns the offset behind what was sent.
async function beginAndSend(client, length) {
  const ready = await beginUpdate(client);
  await client.send(update.bytes, ready, ready.offset, ready.offset + length);
  return ready.offset + length;
}

const messages = {
  nothing: () => {},
  ping: (client) => client.say({ type: 'ping' }),
  history: (client) => client.say({ type: 'history' }),
  cancel: (client) => client.say({ type: 'cancel' }),
  confirm: (client) => client.say({ type: 'confirm' }),
  rollback: (client) => client.say({ type: 'rollback' }),
  end: (client) => client.say({ type: 'end' }),
  'a second hello': (client) => client.say({ type: 'hello', version: 1, ticket: 'x' }),
  begin: (client) => client.begin(update.bytes),
  'begin, once it is answered': (client) => beginUpdate(client),
  data: (client) => beginAndSend(client, 8192),
  'data that was acknowledged': async (client) => {
    const sent = await beginAndSend(client, 24576);
    await until(() => client.received >= sent, 'the acknowledgement');
  },
  'data, then cancel': async (client) => {
    await beginAndSend(client, 8192);
    client.say({ type: 'cancel' });
  },
};
const owning = ['begin, once it is answered', 'data', 'data that was acknowledged'];

const endings = {
  RST: (socket) => socket.resetAndDestroy(),
  FIN: (socket) => socket.destroySoon(),
  'half a text frame, then RST': (socket) => socket.write(halfFrame(1, 300, 20), () => socket.resetAndDestroy()),
  'half a data frame, then FIN': (socket) => socket.end(halfFrame(2, 4100, 1000)),
};

// The device is free: an update begins, however often it has to be asked for, and is cancelled. Returns after how long.
async function anotherUpdateBegins(device) {
  const since = performance.now();
  const client = await Client.connect(device);
  await until(async () => {
    client.begin(update.bytes);
    const answer = await client.next('ready', 'failed');
    assert.ok(answer.type === 'ready' || answer.name === 'busy', answer.text);
    return answer.type === 'ready';
  }, 'an update');
  const waited = performance.now() - since;
  client.say({ type: 'cancel' });
  await client.fails('cancelled');
  await client.close();
  return waited;
}

test('after every message a link that is known dead frees the device at once', async (t) => {
  await withDevice({ image: running.path, options: { stallTimeout: 3600 } }, async (device) => {
    const descriptors = () => fs.readdirSync(`/proc/${device.process.pid}/fd`).length;
    const resident = () => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${device.process.pid}/status`))[1]);
    await anotherUpdateBegins(device);
    const before = [descriptors(), resident()];
    let count = 0;
    let longest = 0;
    for (const [message, say] of Object.entries(messages)) {
      for (const [ending, end] of Object.entries(endings)) {
        const client = await Client.connect(device);
        await say(client);
        end(client.socket._socket);
        try {
          longest = Math.max(longest, await anotherUpdateBegins(device));
        } catch (error) {
          error.message = `${message}, then ${ending}: ${error.message}`;
          throw error;
        }
        count++;
      }
    }
    assert.ok(!device.log.includes('stalled'));
    await until(() => descriptors() <= before[0], 'the end of all connections');
    t.diagnostic(`${count} lost links; the next update began after ${Math.round(longest)} ms at most; ${before[0]} and ${descriptors()} descriptors, ${before[1]} and ${resident()} KiB resident`);
  });
});

test('after every message a client that is silent, also in a frame, keeps nobody from updating', async (t) => {
  await withDevice({ image: running.path, options: { stallTimeout: 1 } }, async (device) => {
    let count = 0;
    for (const [message, say] of Object.entries(messages)) {
      for (const opcode of [undefined, 1, 2]) {
        const client = await Client.connect(device);
        await say(client);
        if (opcode !== undefined) {
          client.socket._socket.write(halfFrame(opcode, opcode === 1 ? 300 : 4100, 20));
        }
        if (owning.includes(message) && opcode === undefined) {
          await client.fails('stalled');
        }
        await anotherUpdateBegins(device);
        client.terminate();
        count++;
      }
    }
    t.diagnostic(`${count} silent clients`);
  });
});

test('before the login neither a lost link nor a silent client keeps anybody out', async () => {
  await withDevice({ image: running.path }, async (device) => {
    for (const end of Object.values(endings)) {
      const client = await Client.open(device);
      end(client.socket._socket);
      await anotherUpdateBegins(device);
    }
    const silent = await Client.open(device);
    silent.socket._socket.write(halfFrame(1, 300, 20));
    await anotherUpdateBegins(device);
    silent.terminate();
  });
});

// A router that damages one byte of the file, then the link goes.
async function sendDamaged(device, bytes, at) {
  const seeFrame = ({ toDevice, frame, pass }) => {
    const offset = frame.binary ? frame.data.readUInt32LE(0) : Infinity;
    if (toDevice && offset <= at && at < offset + frame.data.length - 4) {
      frame.data[4 + at - offset] ^= 0x10;
    }
    pass(frame);
  };
  const man = await ManInTheMiddle.start(device, { seeFrame });
  const client = await Client.connect(man.disguise);
  client.begin(bytes);
  const ready = await client.next('ready');
  await client.send(bytes, ready, 0, 90112);
  await until(() => client.received >= 90112, 'the acknowledgement');
  man.stop();
}

test('bytes changed before a cut are named, then it starts at 0', async () => {
  const file = realImage('hello_world-esp32c3', { version: '1.0.0', size: '200K' });
  for (const at of [1000, 80_000]) {
    await withDevice({ image: file.path }, async (device) => {
      await sendDamaged(device, file.bytes, at);
      const client = await Client.connect(device);
      await until(() => client.state.kept > at, 'the part that is kept');
      client.begin(file.bytes);
      const ready = await client.next('ready');
      assert.equal(ready.offset, client.firstState.kept ?? ready.offset);
      await client.send(file.bytes, ready);
      await client.fails('digest_mismatch');
      await until(() => client.state.update === 'idle', 'rest');
      assert.equal(client.state.kept, undefined);
      assert.equal((await client.update(file.bytes)).type, 'done');
      await client.close();
    });
  }
});
