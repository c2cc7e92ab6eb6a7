// SPDX-License-Identifier: Apache-2.0
// What clients may not do to a chip, with and without the password: each ends by its name, nothing restarts, nobody else is kept waiting.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';

import { Client, Scram, ticketOf, until } from '../e2e/harness.js';
import { ends, fails, newImage, withChip } from './chip.js';

/** A WebSocket whose bytes we write ourselves. */
async function rawSocket(chip) {
  const socket = net.connect(chip.port, chip.host);
  socket.on('error', () => {});
  socket.received = Buffer.alloc(0);
  socket.on('data', (bytes) => (socket.received = Buffer.concat([socket.received, bytes])));
  await once(socket, 'connect');
  socket.setNoDelay(true);
  socket.write(
    `GET /ota/ws HTTP/1.1\r\nHost: ${chip.url.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n',
  );
  await until(() => socket.received.includes('\r\n\r\n'), 'the upgrade');
  return socket;
}

function frame(first, length, payload = Buffer.alloc(0), masked = true) {
  const size = length < 126 ? [length] : length < 65536 ? [126, length >> 8, length & 255] : undefined;
  const long = Buffer.alloc(9, 127);
  if (size === undefined) {
    long.writeBigUInt64BE(BigInt(length), 1);
  }
  const head = Buffer.from([first, ...(size ?? long)]);
  head[1] |= masked ? 0x80 : 0;
  return Buffer.concat([head, Buffer.alloc(masked ? 4 : 0), payload]); // a mask of zeros
}

const text = (message) => Buffer.from(typeof message === 'string' ? message : JSON.stringify(message));

const whole = (message) => frame(0x81, text(message).length, text(message));

test('frames of clients without the password', async (t) => {
  await withChip(async (chip) => {
    const { up_ms: up } = await chip.info();
    const cases = [
      ['not_json', 'an empty text frame', frame(0x81, 0)],
      ['message_too_long', 'a value of 4 KB', frame(0x81, 4117, text(`{"name":"otaSize","value":"${'A'.repeat(4090)}"}`))],
      ['message_too_long', 'a name of 4 KB', frame(0x81, 4104, text(`{"${'A'.repeat(4096)}":1}`))],
      ['missing_member', 'a value of 200 bytes', whole(`{"name":"otaSize","value":"${'1'.repeat(200)}"}`)],
      ['not_json', 'too few tokens', frame(0x81, 5, text('{"a"}'))],
      ['not_json', 'an array', frame(0x81, 3, text('[1]'))],
      ['unexpected_data', 'data that claim 2 GB', frame(0x82, 2 ** 31)],
      ['unexpected_data', 'data that claim 4 GB less 1', frame(0x82, 2 ** 32 - 1)],
      ['frame_too_long', 'data that claim 2^32 + 32', frame(0x82, 2 ** 32 + 32, Buffer.alloc(32))],
      ['frame_too_long', 'data that claim 2^40', frame(0x82, 2 ** 40)],
      ['frame_too_long', 'data that claim 2^63', frame(0x82, 2 ** 63)],
      ['message_too_long', 'text that claims 130,000', frame(0x81, 130_000, Buffer.alloc(100))],
      ['unexpected_data', 'garbage without begin', frame(0x82, 100, Buffer.alloc(100, 0x55))],
      ['fragmented', 'a first fragment', frame(0x01, 2, text('{}'))],
      ['fragmented', 'a continuation', frame(0x80, 2, text('{}'))],
      ['bad_frame', 'reserved bits', frame(0xc1, 2, text('{}'))],
      ['bad_frame', 'a reserved opcode', frame(0x83, 2, text('{}'))],
      ['bad_frame', 'an unmasked frame', frame(0x81, 2, text('{}'), false)],
      ['bad_frame', 'a ping of 200 bytes', frame(0x89, 200, Buffer.alloc(200))],
      ['bad_frame', 'a ping in fragments', frame(0x09, 2, text('{}'))],
      ['unexpected_message', 'begin before the login', whole({ type: 'begin', size: 1, sha256: 'a'.repeat(64) })],
      ['unexpected_message', 'restart before the login', whole({ type: 'restart' })],
      ['unexpected_message', 'confirm before the login', whole({ type: 'confirm' })],
      ['unexpected_message', 'rollback before the login', whole({ type: 'rollback' })],
    ];
    for (const [name, what, bytes] of cases) {
      await t.test(what, async () => {
        const socket = await rawSocket(chip);
        const claimed = bytes[1] & 127;
        assert.ok(claimed < 126 ? bytes.length >= 2 + claimed : true, 'the case itself');
        socket.write(bytes);
        await until(() => socket.received.includes(`"name":"${name}"`) || socket.destroyed, name);
        assert.ok(socket.received.includes(`"name":"${name}"`), socket.received.toString('latin1').slice(-200));
        await until(() => socket.closed || socket.readableEnded, 'the close');
        socket.destroy();
      });
    }
    assert.ok((await chip.info()).up_ms > up, 'it has restarted');
  });
});

test('a valid frame whose header comes byte by byte is understood', () =>
  withChip(async (chip) => {
    const { ticket } = await ticketOf(chip);
    const socket = await rawSocket(chip);
    const hello = text({ type: 'hello', version: 1, ticket, scram: new Scram('x').first() });
    const bytes = frame(0x81, hello.length, hello);
    for (const byte of bytes.subarray(0, 10)) {
      socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    socket.write(bytes.subarray(10));
    await until(() => socket.received.includes('"type":"challenge"') || socket.received.includes('"type":"error"'), 'the challenge');
    assert.ok(socket.received.includes('"type":"challenge"'), socket.received.toString('latin1').slice(-200));
    socket.destroy();
  }));

test('who stops inside a frame keeps nobody waiting', (t) =>
  withChip(async (chip) => {
    const cases = [
      ['one byte of a frame, then silence', [frame(0x81, 100).subarray(0, 1)]],
      ['a header, then silence', [frame(0x81, 100)]],
      ['half a length', [frame(0x81, 200).subarray(0, 3)]],
      ['one byte of the payload at a time', [frame(0x81, 100), ...Array(100).fill(Buffer.from('a'))]],
      ['130,000 claimed, 100 sent', [frame(0x82, 130_000, Buffer.alloc(100))]],
      ['a ping byte by byte', [frame(0x89, 100), ...Array(100).fill(Buffer.from('a'))]],
    ];
    for (const [what, pieces] of cases) {
      const socket = await rawSocket(chip);
      await chip.get('/probe?start');
      for (const piece of pieces) {
        if (socket.destroyed || socket.readableEnded) {
          break;
        }
        socket.write(piece);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      await until(() => socket.closed || socket.readableEnded, 'the close');
      const { asked, failed, longest_ms: longest } = await chip.json('/probe');
      t.diagnostic(`${what}: another user waited ${longest} ms at most, in ${asked} requests`);
      assert.equal(failed, 0);
      assert.ok(longest <= 500, `${what}: ${longest} ms`); // by the chip's own clock
      socket.destroy();
    }
  }));

test('more connections than sockets: the page comes back by itself', () =>
  withChip(async (chip) => {
    const sockets = await Promise.all(Array.from({ length: 9 }, () => rawSocket(chip)));
    const named = (socket) => /"name":"(silent|too_many_sessions)"/.test(socket.received);
    await until(() => sockets.every((socket) => named(socket) && (socket.closed || socket.readableEnded)), 'the end of them');
    assert.equal((await chip.get('/')).status, 200);
  }));

test('foreign pages and hosts get no ticket; the page is cached by its ETag', () =>
  withChip(async (chip) => {
    const { host } = chip.url;
    const post = (headers, body) => chip.get('/ota', { method: 'POST', headers, body });
    assert.equal((await post({ host, origin: `http://${host}` })).status, 200);
    assert.match((await post({ host: 'evil.example' })).body.toString(), /foreign_host/);
    assert.match((await post({ host, origin: 'http://evil.example' })).body.toString(), /foreign_origin/);
    assert.match((await post({ host, origin: 'null' })).body.toString(), /foreign_origin/);
    assert.equal((await post({ host: 'a'.repeat(300) })).status, 403);
    const page = await chip.get('/ota');
    assert.equal(page.headers['content-encoding'], 'gzip');
    assert.equal((await chip.get('/ota', { headers: { 'if-none-match': page.headers.etag } })).status, 304);
    assert.equal((await chip.get('/ota/ws')).status, 426);
  }));

test('wrong passwords slow down, and the right one works again', () =>
  withChip(async (chip) => {
    const attempt = async (password) => {
      const client = await Client.open(chip);
      const { ticket } = await ticketOf(chip);
      const scram = new Scram(password);
      client.sendText({ type: 'hello', version: 1, ticket, scram: scram.first() });
      await until(() => client.messages.length > 0, 'an answer');
      const answer = client.messages.shift();
      if (answer.type === 'challenge') {
        client.sendText({ type: 'proof', scram: scram.final(answer.scram) });
        await until(() => client.messages.length > 0, 'an answer');
      }
      const { type, name } = client.messages.shift() ?? answer;
      client.terminate();
      return name ?? type;
    };
    assert.equal(await attempt('WRONG-PASSWORD'), 'wrong_password');
    assert.equal(await attempt(chip.pairingCode), 'try_later');
    await until(async () => (await attempt(chip.pairingCode)) === 'welcome', 'the welcome');
  }));

test('the next connection after one that ended is served', () =>
  withChip(async (chip) => {
    const client = async () => {
      const made = await chip.connect();
      made.begin(newImage);
      made.ready = await made.next('ready');
      return made;
    };
    const kept = await chip.connect(); // the server counts its requests anew when nobody is left
    for (let i = 0; i < 10; i++) {
      const vanishes = await client();
      await vanishes.send(newImage, vanishes.ready, vanishes.ready.offset, vanishes.ready.offset + 20_000);
      vanishes.terminate();
      const { status } = await chip.get('/');
      assert.equal(status, 200);
      const closes = await client();
      closes.socket.close();
      assert.equal((await chip.get('/')).status, 200);
    }
    await kept.close();
  }));

test('actions of a client that is logged in', async (t) => {
  await withChip(async (chip) => {
    const { up_ms: up } = await chip.info();
    const begun = async () => {
      const client = await chip.connect();
      client.begin(newImage);
      client.ready = await client.next('ready');
      return client;
    };
    const actions = [
      ['wrong_offset', (c) => c.data(c.ready.offset + 1, Buffer.alloc(10))],
      ['frame_too_long', (c) => c.data(c.ready.offset, Buffer.alloc(c.ready.chunk + 1))],
      ['bad_frame', (c) => c.socket.send(Buffer.alloc(4))],
      ['unexpected_message', (c) => c.begin(newImage)],
      ['bad_mac', (c) => c.sendText({ type: 'cancel' })],
      ['not_json', (c) => c.sendText('')],
      ['bad_frame', (c) => c.socket.send(Buffer.alloc(0))],
    ];
    for (const [name, action] of actions) {
      await t.test(name, async () => {
        const client = await begun();
        await action(client);
        await ends(client, name);
        await client.isClosed();
      });
    }
    for (const size of [-5, -(2 ** 31), 2 ** 32 + 32, 0.5, '10']) {
      await t.test(`a size of ${JSON.stringify(size)}`, async () => {
        const client = await chip.connect();
        client.say({ type: 'begin', size, sha256: 'a'.repeat(64) });
        await ends(client, 'bad_value');
        await client.isClosed();
      });
    }
    await t.test('more bytes than were promised', async () => {
      const client = await chip.connect();
      client.begin(newImage.subarray(0, 10_000));
      await client.send(newImage, await client.next('ready'), 0, 16_384);
      await fails(client, 'too_many_bytes');
      client.terminate();
    });
    await t.test('fewer bytes than were promised, and then nothing', async () => {
      const client = await begun();
      await client.send(newImage, client.ready, 0, 100_000);
      const alive = setInterval(() => client.say({ type: 'ping' }), 5000);
      await fails(client, 'stalled');
      clearInterval(alive);
      client.terminate();
    });
    await t.test('random bytes that begin as an image does', async () => {
      const client = await chip.connect();
      const bytes = Buffer.alloc(100_000, 0xa7);
      bytes[0] = 0xe9;
      assert.equal((await client.update(bytes)).type, 'failed');
      client.terminate();
    });
    await t.test('the first bytes one by one', async () => {
      await chip.get('/erase'); // nothing to go on from
      const client = await begun();
      for (let at = 0; at < 300; at++) {
        client.data(at, newImage.subarray(at, at + 1));
      }
      await client.send(newImage, client.ready, 300);
      const answer = await client.next('done', 'failed');
      assert.equal(answer.type, 'done', answer.name);
      client.say({ type: 'cancel' });
      await fails(client, 'cancelled');
      client.terminate();
    });
    await t.test('what others say does not touch an update', async () => {
      await chip.get('/erase');
      const owner = await begun();
      await owner.send(newImage, owner.ready, 0, 50_000);
      const outsider = await rawSocket(chip);
      outsider.write(whole('xx'));
      await until(() => outsider.received.includes('"name":"not_json"'), 'the refusal');
      outsider.destroy();
      const other = await chip.connect();
      other.data(50_000, Buffer.alloc(1000));
      await ends(other, 'unexpected_data');
      await owner.send(newImage, owner.ready, 50_000);
      assert.equal((await owner.next('done', 'failed')).type, 'done');
      assert.ok(chip.holds('ota_1', newImage));
      owner.say({ type: 'cancel' });
      await fails(owner, 'cancelled');
      owner.terminate();
    });
    await t.test('connections lost in the middle cost nothing', async () => {
      const before = (await chip.info()).heap;
      for (let i = 0; i < 10; i++) {
        (await begun()).terminate();
      }
      await until(async () => (await chip.info()).heap > before - 3000, 'the memory');
    });
    await t.test('a ping is answered, a pong is not minded', async () => {
      const client = await chip.connect();
      client.socket.pong();
      const ponged = once(client.socket, 'pong');
      client.socket.ping('hello');
      assert.equal((await ponged)[0].toString(), 'hello');
      client.say({ type: 'ping' });
      await client.next('pong');
      await client.close();
    });
    assert.ok((await chip.info()).up_ms > up, 'it has restarted');
  });
});
