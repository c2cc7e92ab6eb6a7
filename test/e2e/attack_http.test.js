// SPDX-License-Identifier: Apache-2.0
// Attackers on plain HTTP, on real sockets: a man in the middle of a PUT and of commands, guesses, tickets, foreign
// pages, lengths that are none, bodies that do not end. Prints counts. The same, denser: test/unit/session/test_attack_http.c.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import { test } from 'node:test';
import { Client, makeImage, request, trickle, until, withDevice } from './harness.js';
import { ask, hex, prove, put } from './plain_http.js';
import { first as lamp, install, PASSWORD, second as newLamp, withRecovery } from './recovery_layout.js';

const first = makeImage({ version: '1.0.0' });
const good = makeImage({ version: '2.0.0', size: '20K', seed: 5 });
const evil = makeImage({ version: '2.0.0', size: '20K', seed: 666 });
assert.equal(good.bytes.length, evil.bytes.length);

let lastAddress = 0;
/** An address of loopback that nobody has used. */
const freshAddress = () => `127.0.${1 + (++lastAddress >> 8)}.${lastAddress & 255}`;

/** Writes these bytes from that address, and reads until the device closes. */
function raw(device, bytes, { localAddress, end = false } = {}) {
  return new Promise((resolve) => {
    const chunks = [];
    const socket = net.connect({ host: '127.0.0.1', port: Number(device.url.port), localAddress });
    const finish = () => {
      const text = Buffer.concat(chunks).toString('latin1');
      const body = text.split('\r\n\r\n').slice(1).join('\r\n\r\n');
      resolve({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0), text, json: body.startsWith('{') ? JSON.parse(body) : undefined });
    };
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('close', finish);
    socket.on('error', () => {});
    socket.write(bytes);
    if (end) {
      socket.end();
    }
  });
}

const headOf = (device, method, headers, path = '/ota') => Buffer.from([`${method} ${path} HTTP/1.1`, `Host: ${device.url.host}`,
  ...Object.entries(headers).filter(([, value]) => value !== undefined).map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n'), 'latin1');

async function ticketFrom(device, localAddress) {
  const { json } = await raw(device, headOf(device, 'POST', { 'Content-Length': 0, Connection: 'close' }), { localAddress });
  return json;
}

/** What an honest client sends through a man at that address: head and body, and the proof in it. */
async function honest(device, localAddress, method, body, more = {}, password = device.pairingCode) {
  const ticket = await ticketFrom(device, localAddress);
  const { authorization } = prove(ticket, password, { method, size: body.length, sha256: hex(body) });
  const headers = {
    Authorization: authorization,
    'Content-Length': body.length,
    ...(method === 'PUT' ? { 'OTA-SHA256': hex(body) } : { 'Content-Type': 'application/json', Accept: 'application/json' }),
    ...more,
  };
  return { method, headers, body, path: '/ota' };
}

/** How the device stands: nothing of this may change. */
function look(device) {
  return { boots: device.boots, otadata: device.partition('otadata'), running: device.partition('ota_0') };
}

/** @returns {boolean} whether the honest update has come through */
function assertSafe(device, before, what) {
  assert.equal(device.boots, before.boots, `${what}: it has restarted`);
  assert.ok(device.partition('ota_0').equals(before.running), `${what}: the running image has changed`);
  const slot = device.partition('ota_1');
  const isGood = slot.subarray(0, good.bytes.length).equals(good.bytes);
  const hasHead = !slot.subarray(0, 32).equals(Buffer.alloc(32, 0xff));
  assert.ok(isGood || !hasHead, `${what}: what lies in the slot may boot`);
  assert.ok(isGood || device.partition('otadata').equals(before.otadata), `${what}: the boot record has changed`);
  return isGood;
}

async function cleanUp(device) {
  const state = await until(async () => {
    const { json } = await ask(device, 'GET');
    return ['idle', 'ready'].includes(json?.update) && json;
  }, 'the end of the update');
  if (state.update === 'ready') {
    await ask(device, 'POST', { type: 'cancel' });
    await until(async () => (await ask(device, 'GET')).json.update === 'idle', 'idle');
  }
}

const flip = (bytes, at) => {
  const changed = Buffer.from(bytes);
  changed[at < 0 ? changed.length + at : at] ^= 1;
  return changed;
};

const withHeaders = (request, headers) => ({ ...request, headers: { ...request.headers, ...headers } });
const withBody = (request, body) => ({ ...request, body, headers: { ...request.headers, 'Content-Length': body.length } });
const authorizationWith = (request, change) => withHeaders(request, { Authorization: change(request.headers.Authorization) });

/** All that he does with a PUT that he has kept back. */
const actions = {
  'a byte changed at the beginning': (put) => withBody(put, flip(put.body, 0)),
  'a byte changed in the middle': (put) => withBody(put, flip(put.body, put.body.length >> 1)),
  'a byte changed at the end': (put) => withBody(put, flip(put.body, -1)),
  'his image': (put) => withBody(put, evil.bytes),
  'his image with its digest': (put) => withHeaders(withBody(put, evil.bytes), { 'OTA-SHA256': hex(evil.bytes) }),
  'his image without a digest': (put) => withHeaders(withBody(put, evil.bytes), { 'OTA-SHA256': undefined }),
  'his digest': (put) => withHeaders(put, { 'OTA-SHA256': hex(evil.bytes) }),
  'two digests': (put) => withHeaders(withBody(put, evil.bytes), { 'ota-sha256': hex(evil.bytes) }),
  'halves exchanged': (put) => withBody(put, Buffer.concat([put.body.subarray(10240), put.body.subarray(0, 10240)])),
  'a byte less': (put) => withBody(put, put.body.subarray(0, -1)),
  'a byte more': (put) => withBody(put, Buffer.concat([put.body, Buffer.from([0])])),
  'a body that is longer than it says': (put) => ({ ...put, body: Buffer.concat([put.body, evil.bytes]) }),
  'a downgrade allowed': (put) => withHeaders(put, { 'OTA-Allow-Downgrade': 'true' }),
  'a part of it in the wrong place': (put) => withHeaders(withBody(put, put.body.subarray(0, -4096)), { 'Content-Range': `bytes 4096-${put.body.length - 1}/${put.body.length}` }),
  'a larger file': (put) => withHeaders(put, { 'Content-Range': `bytes 0-${put.body.length - 1}/${put.body.length + 1}` }),
  'a range of his': (put) => withHeaders(put, { 'Content-Range': `bytes */${put.body.length}` }),
  'another path': (put) => ({ ...put, path: '/ota/' }),
  'another path with a query': (put) => ({ ...put, path: '/ota/?x=/ota' }),
  'as a POST': (put) => ({ ...put, method: 'POST' }),
  'as a restart': (put) => ({ ...withBody(put, Buffer.from('{"type":"restart"}')), method: 'POST' }),
  'as a restart into the recovery application': (put) => ({ ...withBody(put, Buffer.from('{"type":"restart","into":"recovery"}')), method: 'POST' }),
  'as a confirmation': (put) => ({ ...withBody(put, Buffer.from('{"type":"confirm"}')), method: 'POST' }),
  'as a rollback': (put) => ({ ...withBody(put, Buffer.from('{"type":"rollback"}')), method: 'POST' }),
  'as a GET for the state': (put) => withHeaders({ ...withBody(put, Buffer.alloc(0)), method: 'GET' }, { Accept: 'application/json' }),
  'a ticket of his': async (put, device, from) => {
    const { ticket } = await ticketFrom(device, from);
    return authorizationWith(put, (value) => value.replace(/ticket=\w+/, `ticket=${ticket}`));
  },
  'a word behind the ticket': (put) => authorizationWith(put, (value) => value.replace(', proof', ', nonce=x, proof')),
  'a proof changed': (put) => authorizationWith(put, (value) => value.replace(/proof=./, (at) => `proof=${at.endsWith('A') ? 'B' : 'A'}`)),
  'no proof': (put) => authorizationWith(put, (value) => value.replace(/, proof=.*/, '')),
  'no login': (put) => withHeaders(put, { Authorization: undefined }),
  Basic: (put) => withHeaders(put, { Authorization: `Basic ${Buffer.from('ota:').toString('base64')}` }),
};

const send = (device, { method, headers, body, path }, localAddress) => raw(device, Buffer.concat([headOf(device, method, headers, path), body]), { localAddress });

test('a man in the middle of a PUT gets no byte booted and nothing obeyed', async () => {
  await withDevice({ image: first.path }, async (device) => {
    let attacks = 0;
    const names = {};
    for (const [what, action] of Object.entries(actions)) {
      const before = look(device);
      const from = freshAddress();
      const kept = await honest(device, from, 'PUT', good.bytes);
      const { status, json } = await send(device, await action(kept, device, from), from);
      attacks++;
      names[json?.name ?? status] = (names[json?.name ?? status] ?? 0) + 1;
      assertSafe(device, before, what);
      const arrived = status === 200 && json.type === 'done';
      // What is longer than it says is the honest file, and the rest is thrown away; a question changes nothing.
      assert.equal(arrived, what === 'a body that is longer than it says', what);
      assert.ok(status >= 308 || arrived, `${what}: ${status}`);
      await cleanUp(device);
    }
    // Passed on as it is, then said again: from here, from elsewhere, with his image.
    for (const again of [(kept) => kept, (kept) => withBody(kept, evil.bytes)]) {
      const before = look(device);
      const from = freshAddress();
      const kept = await honest(device, from, 'PUT', good.bytes);
      assert.equal((await send(device, kept, from)).status, 200);
      await cleanUp(device);
      const slot = device.partition('ota_1');
      for (const address of [from, freshAddress()]) {
        const { status, json } = await send(device, again(kept), address);
        assert.equal(status, 401);
        assert.equal(json.name, 'bad_ticket');
        attacks++;
      }
      assert.ok(device.partition('ota_1').equals(slot), 'the slot has changed');
      assert.equal(device.boots, before.boots);
    }
    console.log(`man in the middle of a PUT: ${attacks} attacks, 0 of his bytes bootable, 0 commands obeyed; ${JSON.stringify(names)}`);
  });
});

test('a man in the middle of commands: on trial, nothing is obeyed but the honest one', async () => {
  await withDevice({ image: first.path, options: { trialTimeout: 3600 } }, async (device) => {
    assert.equal((await put(device, good.bytes)).status, 200);
    assert.equal((await ask(device, 'POST', { type: 'restart' })).status, 200);
    await device.started(2);
    const isTrial = () => ask(device, 'GET').then(({ json }) => json.image === 'trial', () => false);
    await until(isTrial, 'the trial');
    const otadata = device.partition('otadata');
    const commands = ['restart', 'confirm', 'rollback', 'cancel'].map((type) => Buffer.from(JSON.stringify({ type })));
    let tries = 0;
    for (const said of [...commands, Buffer.alloc(0)]) {
      for (const wanted of commands) {
        const from = freshAddress();
        const kept = await honest(device, from, said.length > 0 ? 'POST' : 'GET', said);
        const changed = { ...withBody(kept, wanted), method: 'POST' };
        if (!said.equals(wanted)) {
          const { status } = await send(device, changed, from);
          assert.equal(status, 401);
          tries++;
        }
        const { json } = await send(device, kept, freshAddress()); // as it is, from elsewhere
        assert.equal(json.name, 'bad_ticket');
        tries++;
      }
    }
    assert.ok(await isTrial());
    assert.equal(device.boots, 2);
    assert.ok(device.partition('otadata').equals(otadata));
    console.log(`on trial, by plain HTTP: ${tries} commands changed and repeated, 0 obeyed`);
    const from = freshAddress();
    const confirmed = await send(device, await honest(device, from, 'POST', commands[1]), from);
    assert.equal(confirmed.json.image, 'valid');
  });
});

test('restart with into by plain HTTP: not without a login, not changed, not in the wrong state, no other value', async () => {
  await withRecovery(async (device) => {
    await (await install(device, lamp)).close();
    const how = { password: PASSWORD };
    const askAfterRestart = async (method, body) => {
      const { json } = await ask(device, method, body, how).catch(() => ({})); // nobody listens at that moment
      return json;
    };
    const before = look(device);
    const [into, plain] = ['{"type":"restart","into":"recovery"}', '{"type":"restart"}'].map((text) => Buffer.from(text));
    const from = freshAddress();
    const kept = await honest(device, from, 'POST', plain, {}, PASSWORD);
    const without = withHeaders(kept, { Authorization: undefined });
    for (const request of [without, withBody(without, into), withBody(kept, into)]) {
      assert.equal((await send(device, request, from)).status, 401);
    }
    for (const [body, name] of [
      ['{"type":"restart","into":"bootloader"}', 'bad_value'],
      ['{"type":"restart","into":1}', 'bad_value'],
      ['{"type":"restart","into":"application","into":"recovery"}', 'duplicate_member'],
      ['{"type":"restart","to":"recovery"}', 'unknown_member'],
    ]) {
      const address = freshAddress(); // the one before has guessed
      const { status, json } = await send(device, await honest(device, address, 'POST', Buffer.from(body), {}, PASSWORD), address);
      assert.deepEqual([status, json?.name], [400, name], body);
    }
    assert.deepEqual(look(device), before);
    assert.equal((await ask(device, 'POST', JSON.parse(into), how)).status, 200);
    await device.started(before.boots + 1);
    await until(async () => (await askAfterRestart('GET', undefined))?.mode === 'recovery', 'the recovery application');

    // It waits for the restart into a new image, then runs that on trial.
    assert.equal((await put(device, newLamp.bytes, how)).status, 200);
    const { status, json } = await ask(device, 'POST', JSON.parse(into), how);
    assert.deepEqual([status, json.name], [409, 'restart_pending']);
    const { boots } = device;
    await ask(device, 'POST', JSON.parse(plain), how);
    await device.started(boots + 1);
    const answer = await until(() => askAfterRestart('POST', JSON.parse(into)), 'an answer');
    assert.equal(answer.name, 'on_trial');
  });
});

// ---- guesses and tickets

const guessByHttp = async (device, from) => {
  const ticket = await ticketFrom(device, from);
  const { authorization } = prove(ticket, 'AAAA-AAAA-AAAA', { method: 'GET', size: 0, sha256: hex('') });
  const { json } = await raw(device, headOf(device, 'GET', { Accept: 'application/json', Authorization: authorization }), { localAddress: from });
  return json.name;
};

async function guessBySocket(device, localAddress) {
  const client = await Client.open(device, { localAddress });
  const { ticket } = await ticketFrom(device, localAddress);
  client.sendText({ type: 'hello', version: 1, ticket, scram: 'n,,n=ota,r=MTggYnl0ZXMgb2YgY2xpZW50' });
  const answer = await until(() => client.messages.shift(), 'an answer');
  client.terminate();
  return answer.name ?? answer.type;
}

test('guesses by plain HTTP and by WebSocket have one limit', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const counts = {};
    // Many guesses in one way make the next one wait in the other way. Waits double, so that a slow machine finds one too;
    // where a wait has ended just then, another address is tried. Few addresses: many share one limit of their own.
    const keepsWaiting = async (guess, otherGuess) => {
      for (let address = 0; address < 5; address++) {
        const from = freshAddress();
        for (let i = 0; i < 40; i++) {
          const name = await guess(device, from);
          counts[name] = (counts[name] ?? 0) + 1;
        }
        if ((await otherGuess(device, from)) === 'try_later') return true;
      }
      return false;
    };
    assert.ok(await keepsWaiting(guessByHttp, guessBySocket), 'HTTP before WebSocket');
    assert.ok(await keepsWaiting(guessBySocket, guessByHttp), 'WebSocket before HTTP');
    assert.equal((await ask(device, 'GET')).status, 200, 'the owner waits');
    console.log(`guesses by plain HTTP and WebSocket: ${JSON.stringify(counts)}`);
  });
});

test('a ticket serves one login, from one address', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const from = freshAddress();
    const asked = await honest(device, from, 'GET', Buffer.alloc(0));
    assert.equal((await send(device, asked, freshAddress())).json.name, 'bad_ticket');
    assert.equal((await send(device, asked, from)).json.type, 'state');
    assert.equal((await send(device, asked, from)).json.name, 'bad_ticket');
    const spent = await honest(device, from, 'GET', Buffer.alloc(0));
    const client = await Client.open(device, { localAddress: from });
    client.sendText({ type: 'hello', version: 1, ticket: /ticket=(\w+)/.exec(spent.headers.Authorization)[1], scram: 'n,,n=ota,r=MTggYnl0ZXMgb2YgY2xpZW50' });
    await client.next('challenge');
    assert.equal((await send(device, spent, from)).json.name, 'bad_ticket');
    client.terminate();
  });
});

// ---- foreign pages

for (const mode of ['locked', 'open']) {
  test(`requests of foreign pages are refused, ${mode}`, async () => {
    await withDevice({ image: first.path, options: mode === 'open' ? { unprotected: true } : {} }, async (device) => {
      const { host, port } = device.url;
      const foreign = [{ Host: 'evil.example' }, { Host: `evil.example:${port}`, Origin: `http://evil.example:${port}` }, { Origin: 'http://evil.example' }, { Origin: 'null' },
        { Origin: '' }, { Origin: `http://${host}.evil.example` }, { Origin: 'file://' }, { Host: '127.0.0.2', Origin: `http://${host}` }, { Host: '127.0.0.1:evil.example' }];
      let tries = 0;
      for (const headers of foreign) {
        for (const [method, body, more] of [['PUT', good.bytes, {}], ['POST', Buffer.from('{"type":"restart"}'), {}], ['GET', Buffer.alloc(0), { Accept: 'application/json' }]]) {
          const asked = mode === 'open' ? { method, body, path: '/ota', headers: { 'Content-Length': body.length, 'Content-Type': 'application/json', ...more } } : await honest(device, '127.0.0.1', method, body, more);
          const lines = headOf(device, method, { ...asked.headers, ...headers }).toString('latin1').replace(headers.Host === undefined ? '' : `Host: ${host}\r\n`, '');
          const { status, text } = await raw(device, Buffer.concat([Buffer.from(lines, 'latin1'), body]));
          assert.equal(status, 403, `${method} ${JSON.stringify(headers)}`);
          assert.doesNotMatch(text, /access-control/i);
          tries++;
        }
      }
      const preflight = await raw(device, headOf(device, 'OPTIONS', { Origin: 'http://evil.example', 'Access-Control-Request-Method': 'PUT', 'Access-Control-Request-Headers': 'authorization' }));
      assert.equal(preflight.status, 405);
      assert.doesNotMatch(preflight.text, /access-control/i);
      assert.equal(device.boots, 1);
      assert.ok(!/update: \d+ bytes/.test(device.log), 'an update began');
      console.log(`foreign pages by plain HTTP, ${mode}: ${tries} requests, 0 allowed`);
    });
  });
}

// ---- lengths and bodies

test('lengths that are none, and heads that are too long', async () => {
  await withDevice({ image: first.path, options: { unprotected: true } }, async (device) => {
    const before = look(device);
    const lengths = ['4294967296', '99999999999999999999', '-1', '+5', '0x10', '5 5', 'x', ''];
    for (const length of lengths) {
      const { status } = await raw(device, Buffer.concat([headOf(device, 'PUT', { 'Content-Length': length }), Buffer.from('abcde')]), { end: true });
      assert.notEqual(status, 200, length);
    }
    const { status: two } = await raw(device, Buffer.concat([headOf(device, 'PUT', { 'Content-Length': 5, 'content-length': 6 }), Buffer.from('abcdef')]), { end: true });
    assert.notEqual(two, 200);
    for (const name of ['Authorization', 'OTA-SHA256', 'Content-Range', 'OTA-Allow-Downgrade', 'Host', 'Origin', 'Accept', 'X']) {
      for (const size of [500, 600, 2000, 20_000]) {
        const { status } = await raw(device, headOf(device, 'PUT', { 'Content-Length': 0, [name]: 'a'.repeat(size) }), { end: true });
        assert.notEqual(status, 200, `${name}, ${size}`);
      }
    }
    for (const size of [385, 1024, 100_000]) {
      const { status } = await raw(device, Buffer.concat([headOf(device, 'POST', { 'Content-Type': 'application/json', 'Content-Length': size }), Buffer.alloc(size, 0x7b)]));
      assert.equal(status, 415, `${size}`);
    }
    const huge = await put(device, good.bytes, { more: { 'Content-Length': 4294967295 }, pieces: [] });
    assert.equal(huge.status, 413);
    assertSafe(device, before, 'lengths');
    assert.equal((await put(device, good.bytes)).status, 200);
  });
});

test('a body that does not come holds nothing for long', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const command = Buffer.from('{"type":"restart"}');
    const asked = await honest(device, '127.0.0.1', 'POST', command);
    const slow = {
      'a command, byte by byte': [Buffer.concat([headOf(device, 'POST', { ...asked.headers, 'Content-Length': 384 }), command]), Buffer.alloc(300, 0x20)],
      'a command that stops': [headOf(device, 'POST', asked.headers), Buffer.alloc(0)],
      'a file of a client without the password': [headOf(device, 'PUT', { 'Content-Length': 1_000_000 }), Buffer.alloc(100_000, 0xe9)],
    };
    await Promise.all(Object.entries(slow).map(([name, [start, rest]]) => trickle(device, start, rest, name)));
    assert.equal(device.boots, 1);
    console.log(`plain HTTP, closed by the device: ${Object.keys(slow).join(', ')}`);
    assert.equal((await put(device, good.bytes)).status, 200);
  });
});

// ---- many

const descriptorsOf = (device) => fs.readdirSync(`/proc/${device.process.pid}/fd`).length;

test('500 hostile requests leave nothing behind, and an honest PUT among them is done', async () => {
  await withDevice({ image: first.path, options: { timing: 'w25q32jv' } }, async (device) => {
    const before = look(device);
    const descriptors = descriptorsOf(device);
    const hostile = [
      () => headOf(device, 'PUT', { 'Content-Length': 1000 }),
      () => Buffer.concat([headOf(device, 'PUT', { 'Content-Length': 100_000 }), Buffer.alloc(50_000)]),
      () => headOf(device, 'POST', { 'Content-Type': 'application/json', 'Content-Length': 300 }),
      () => Buffer.concat([headOf(device, 'POST', { 'Content-Type': 'application/json', 'Content-Length': 18 }), Buffer.from('{"type":"restart"}')]),
      () => headOf(device, 'GET', { Accept: 'application/json', Authorization: 'OTA-SCRAM ticket=, proof=' }),
      () => headOf(device, 'PUT', { 'Content-Length': 5, Authorization: `Basic ${Buffer.alloc(300).toString('base64')}` }),
      () => Buffer.from('PUT /ota HTTP/1.1\r\n'),
    ];
    let count = 0;
    const flood = async () => {
      while (count < 500) {
        const number = count++;
        const socket = net.connect({ host: '127.0.0.1', port: Number(device.url.port), localAddress: `127.0.9.${1 + (number % 40)}` });
        socket.on('error', () => {});
        socket.write(hostile[number % hostile.length]());
        await new Promise((resolve) => setTimeout(resolve, number % 3 === 0 ? 30 : 3));
        socket.destroy();
      }
    };
    const honestPut = put(device, good.bytes);
    await Promise.all(Array.from({ length: 8 }, flood));
    assert.equal((await honestPut).status, 200);
    assertSafe(device, before, 'the flood');
    await until(() => descriptorsOf(device) <= descriptors, 'the end of all connections');
    assert.equal((await request(device)).status, 200);
    console.log('plain HTTP: 500 hostile requests, as many descriptors as before, the update among them is done');
  });
});
