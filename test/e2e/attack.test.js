// SPDX-License-Identifier: Apache-2.0
// Attackers on real sockets: a man in the middle who does what he likes with every frame, guessers, flooders, peers that
// say one byte now and then, requests to whatever may lie behind the routes. Prints counts and figures. The same, denser
// and with a clock of its own: test/unit/session/test_attack_*.c.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import WebSocket from 'ws';
import { Client, Device, GIVE_UP_MS, Scram, freshPath, makeImage, request, root, run, ticketOf, tools, trickle, until, withDevice } from './harness.js';
import { ManInTheMiddle, logIn } from './man_in_the_middle.js';

const QUIET_MS = 120; // so long without a frame: whatever was to happen has happened
const first = makeImage({ version: '1.0.0' });
const good = makeImage({ version: '2.0.0', size: '20K', seed: 5 });
const evil = makeImage({ version: '2.0.0', size: '20K', seed: 666 });
assert.equal(good.bytes.length, evil.bytes.length);

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// ---- what must hold, whatever he does

/** Where things stand; taken before an attack. */
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

/** Takes back what an honest update has left, past him, and empties the slot. */
async function cleanUp(device) {
  const owner = await logIn(device);
  await until(() => ['idle', 'ready'].includes(owner.state.update), 'the end of the update'); // a lost one ends by itself
  if (owner.state.update === 'ready') {
    owner.say({ type: 'cancel' });
    await until(() => owner.state.update === 'idle', 'idle');
  }
  await owner.close();
}

// ---- honest clients

const update = async (client) => {
  client.say({ type: 'ping' });
  await client.next('pong');
  await client.update(good.bytes);
  client.say({ type: 'history' });
  await client.next('history', 'failed');
};

/** Runs an honest session through him until it ends or nothing moves for so long. */
async function passThrough(device, honest, sights, quietMs = QUIET_MS) {
  const man = await ManInTheMiddle.start(device, sights);
  let seen = -1;
  const action = (async () => {
    const client = await Client.connect(man.disguise);
    await honest(client);
    return 'done';
  })().catch((error) => error);
  let result;
  do {
    seen = man.frames.length;
    result = await Promise.race([action, new Promise((resolve) => setTimeout(resolve, quietMs).unref())]);
  } while (result === undefined && man.frames.length > seen);
  man.stop();
  await action;
  return man;
}

const flip = ({ data, binary }, at) => {
  const changed = Buffer.from(data);
  changed[at < 0 ? changed.length + at : at] ^= 1;
  return { data: changed, binary };
};

const control = [
  '{"type":"restart"}',
  '{"type":"confirm"}',
  '{"type":"rollback"}',
  '{"type":"cancel"}',
  '{"type":"restart","count":1,"mac":"00112233445566778899aabbccddeeff"}',
  '{"type":"restart","into":"recovery"}',
  '{"type":"restart","into":"application"}',
].map((text) => ({ data: Buffer.from(text), binary: false }));

/** All that he does with one frame. `held` keeps a frame back until the next one of its direction has passed. */
const actions = {
  dropped: () => {},
  repeated: ({ pass }) => [pass(), pass()],
  'changed in its middle': ({ frame, pass }) => pass(flip(frame, frame.data.length >> 1)),
  'changed at its end': ({ frame, pass }) => pass(flip(frame, -3)),
  'changed at its beginning': ({ frame, pass }) => pass(flip(frame, 0)),
  'cut off': ({ frame, pass }) => pass({ ...frame, data: frame.data.subarray(0, frame.data.length - 1) }),
  'made longer': ({ frame, pass }) => pass({ ...frame, data: Buffer.concat([frame.data, Buffer.from(' ')]) }),
  'sent back': ({ frame, pass, back }) => [back(frame), pass()],
  late: ({ pass }, man) => (man.held = pass),
  'of the other kind': ({ frame, pass }) => pass({ ...frame, binary: !frame.binary }),
  'after a restart of his own': ({ toDevice, pass, back }) => [toDevice ? pass(control[0]) : back(control[0]), pass()],
  'after a confirmation of his own': ({ toDevice, pass, back }) => [toDevice ? pass(control[1]) : back(control[1]), pass()],
  'after a rollback of his own': ({ toDevice, pass, back }) => [toDevice ? pass(control[2]) : back(control[2]), pass()],
  'after a sealed restart of his own': ({ toDevice, pass, back }) => [toDevice ? pass(control[4]) : back(control[4]), pass()],
};

async function attackFrame(device, { toDevice, index }, name, action) {
  const held = {};
  const seeFrame = (sight) => {
    if (sight.toDevice === toDevice && sight.index === index) {
      action(sight, held);
    } else {
      sight.pass();
      if (sight.toDevice === toDevice && held.held) {
        held.held();
        held.held = undefined;
      }
    }
  };
  return passThrough(device, update, { seeFrame });
}

const nameOf = ({ toDevice, data, binary }) =>
  `${toDevice ? 'client' : 'device'}: ${binary ? 'data' : /"type":"(\w+)"/.exec(data.toString())?.[1]}`;

test('a man in the middle drops, repeats, changes, reorders and injects every frame of an update', { concurrency: 4 }, async (t) => {
  const frames = [];
  await withDevice({ image: first.path }, async (device) => {
    const before = look(device);
    const man = await passThrough(device, update, {}, GIVE_UP_MS);
    assert.ok(assertSafe(device, before, 'an honest update'), 'an honest update passes');
    const counts = { true: 0, false: 0 };
    frames.push(...man.frames.map((frame) => ({ ...frame, index: counts[frame.toDevice]++ })));
  });
  const kinds = [...new Set(frames.map(nameOf))];
  const wanted = ['hello', 'proof', 'ping', 'begin', 'data'].map((type) => `client: ${type}`);
  wanted.push(...['challenge', 'welcome', 'state', 'pong', 'ready', 'progress', 'done'].map((type) => `device: ${type}`));
  wanted.forEach((kind) => assert.ok(kinds.includes(kind), `no frame '${kind}' passed`));

  // One of each kind, and all data. Those of the login count as guesses: a device each.
  const chosen = frames.filter((frame, i) => frame.binary || frames.findIndex((other) => nameOf(other) === nameOf(frame)) === i);
  const isLogin = (frame) => /hello|challenge|proof|welcome/.test(nameOf(frame));
  let attacks = 0;
  let arrived = 0;
  const strike = async (device, frame, name) => {
    const before = look(device);
    const what = `${nameOf(frame)} ${frame.index}, ${name}`;
    await attackFrame(device, frame, name, actions[name]);
    attacks++;
    arrived += assertSafe(device, before, what);
  };
  const all = Object.keys(actions).map((name) =>
    t.test(name, async () => {
      await withDevice({ image: first.path }, async (device) => {
        for (const frame of chosen.filter((each) => !isLogin(each))) {
          await strike(device, frame, name);
          await cleanUp(device);
        }
      });
      const logins = chosen.filter(isLogin);
      await Promise.all(logins.map((frame) => withDevice({ image: first.path }, (device) => strike(device, frame, name))));
    }));
  await Promise.all(all);
  console.log(`${attacks} attacks on ${chosen.length} frames of ${kinds.length} kinds: ${arrived} updates arrived as promised all the same, the rest not at all; 0 of his bytes bootable, 0 restarts`);
});

test('his own image in the place of ours never becomes bootable, with its digest forged wherever it travels', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const swap = ({ frame, pass }) => {
      if (!frame.binary) {
        return pass();
      }
      const offset = frame.data.readUInt32LE(0);
      const length = frame.data.length - 4;
      return pass({ data: Buffer.concat([frame.data.subarray(0, 4), evil.bytes.subarray(offset, offset + length)]), binary: true });
    };
    const digestOf = (bytes) => new Client().beginMessage(bytes).sha256;
    const swapAll = (sight) => {
      const text = sight.frame.data.toString();
      if (!sight.frame.binary && text.includes(digestOf(good.bytes))) {
        return sight.pass({ data: Buffer.from(text.replace(digestOf(good.bytes), digestOf(evil.bytes))), binary: false });
      }
      return swap(sight);
    };
    for (const seeFrame of [swap, swapAll]) {
      const before = look(device);
      await passThrough(device, update, { seeFrame });
      assert.equal(assertSafe(device, before, 'his image'), false);
      await cleanUp(device);
    }
    // The power fails while all of it lies in flash.
    const before = device.partition('ota_0');
    await passThrough(device, update, { seeFrame: swap });
    await device.kill();
    const again = await Device.start({ flash: device.flashPath });
    assert.match(again.log, /boot: slot ota_0/);
    assert.ok(again.partition('ota_0').equals(before));
    await again.stop();
  });
});

test('he gains nothing by telling the client that there is no login', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const before = look(device);
    const seeTicket = (body) => Buffer.from(body.toString().replace('scram-sha-256', 'none'));
    const man = await ManInTheMiddle.start(device, { seeTicket });
    const file = freshPath('.txt');
    fs.writeFileSync(file, `${device.pairingCode}\n`);
    const result = await run(tools.cli, ['push', '--password-file', file, good.path, man.disguise.url.host]);
    man.stop();
    assert.notEqual(result.code, 0);
    assert.equal(man.frames.length, 0, 'ota-ws has said something to a device that asks for no password');
    assertSafe(device, before, 'no login');
  });
});

// ---- guesses

/** A ticket for an address. */
function ticketFrom(device, localAddress) {
  const { hostname, port } = device.url;
  return new Promise((resolve, reject) => {
    const sent = http.request({ method: 'POST', hostname, port, path: '/ota', localAddress, agent: false }, (response) => {
      let body = '';
      response.on('data', (chunk) => (body += chunk));
      response.on('end', () => resolve(JSON.parse(body).ticket));
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** One guess from an address: 'wrong_password', 'try_later' ... or 'welcome'. */
async function guess(device, password, localAddress) {
  const { host } = device.url;
  const ticket = await ticketFrom(device, localAddress);
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://${host}/ota/ws`, { perMessageDeflate: false, localAddress });
    const scram = new Scram(password);
    socket.on('open', () => socket.send(JSON.stringify({ type: 'hello', version: 1, ticket, scram: scram.first() })));
    socket.on('message', (data) => {
      const message = JSON.parse(data);
      if (message.type === 'challenge') {
        socket.send(JSON.stringify({ type: 'proof', scram: scram.final(message.scram) }));
      } else {
        resolve(message.name ?? message.type);
        socket.terminate();
      }
    });
    socket.on('error', () => resolve('error'));
    socket.on('close', () => resolve('closed'));
  });
}

test('guesses are few; one who guesses for ever keeps no owner out', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const started = Date.now();
    const counts = {};
    let stopped = false;
    const attacker = (async () => {
      while (!stopped) {
        const answers = await Promise.all([2, 2, 2].map((last) => guess(device, 'K7MQ-2RTX-9WPD', `127.0.0.${last}`)));
        answers.forEach((answer) => (counts[answer] = (counts[answer] ?? 0) + 1));
      }
    })();
    await until(() => (counts.wrong_password ?? 0) >= 3, 'three guesses');
    let refusals = 0;
    const asked = Date.now();
    await until(async () => {
      const answer = await guess(device, device.pairingCode, '127.0.0.1'); // the owner's very first login
      refusals += answer !== 'welcome';
      return answer === 'welcome' || sleep(200);
    }, 'the login of the owner');
    const waited = Date.now() - asked;
    stopped = true;
    await attacker;
    const seconds = (Date.now() - started) / 1000;
    console.log(`one attacker guessing for ${seconds.toFixed(1)} s: ${JSON.stringify(counts)}; the owner was in after ${waited} ms, ${refusals} times refused`);
    assert.ok(counts.wrong_password <= seconds + 1, 'more than one guess a second');
    assert.equal(counts.welcome, undefined);
  });
});

test('passwords that are nearly right are refused', async () => {
  const file = freshPath('.txt');
  fs.writeFileSync(file, 'correct horse\n');
  const wrong = ['', 'c', 'correct hors', 'orrect horse', 'correct horsee', 'Correct horse', 'correct horse\n', 'correct horse '];
  await Promise.all(wrong.map((password) => withDevice({ image: first.path, options: { passwordFile: file } }, async (device) => {
    assert.equal(await guess(device, password, '127.0.0.1'), 'wrong_password', JSON.stringify(password));
  })));
});

// ---- tickets

for (const mode of ['locked', 'open']) {
  test(`tickets and requests of clients without the password, ${mode}`, async () => {
    await withDevice({ image: first.path, options: mode === 'open' ? { unprotected: true } : {} }, async (device) => {
      const { host, port } = device.url;
      const hello = (ticket) => ({ type: 'hello', version: 1, ticket, ...(mode === 'locked' && { scram: new Scram('x').first() }) });
      const helloFrom = async (ticket, options) => {
        const client = await Client.open(device, options);
        client.sendText(hello(ticket));
        return client;
      };
      const { ticket } = await ticketOf(device);
      const thief = await helloFrom(ticket, { localAddress: '127.0.0.2' });
      await thief.ends('bad_ticket');
      const owner = await helloFrom(ticket);
      await owner.next(mode === 'open' ? 'welcome' : 'challenge');
      await (await helloFrom(ticket)).ends('bad_ticket');
      await owner.close();

      const foreign = { 'an other name': { host: 'evil.example' }, 'a page of an other address': { host: '127.0.0.2', origin: `http://${host}` }, 'a rebound page of an other address': { host, origin: 'http://127.0.0.2' }, 'an address and a name': { host: '127.0.0.1:evil.example' }, 'two ports': { host: '127.0.0.1:80:90' }, 'an empty origin': { host, origin: '' }, 'a name like ours': { host: `ota-demo.local.evil.example:${port}` },
        'an other origin': { host, origin: 'http://evil.example' }, 'an other port': { host, origin: 'http://127.0.0.1:1' }, 'no origin at all': { host, origin: 'null' },
        'our origin and more': { host, origin: `http://${host}.evil.example` }, 'a file': { host, origin: 'file://' } };
      for (const [what, headers] of Object.entries(foreign)) {
        const { status, body, headers: answered } = await request(device, { method: 'POST', headers });
        assert.equal(status, 403, what);
        assert.equal(JSON.parse(body).ticket, undefined, what);
        assert.equal(answered['access-control-allow-origin'], undefined, what);
      }
      assert.equal((await request(device, { method: 'POST', headers: { host, origin: `http://${host}` } })).status, 200);
    });
  });
}

test('a flood of requests takes no ticket away', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const ticket = await ticketFrom(device, '127.0.0.9');
    const flood = [2, 3, 4, 5, 6, 9].flatMap((last) => Array(20).fill(`127.0.0.${last}`));
    const others = await Promise.all(flood.map((address) => ticketFrom(device, address)));
    assert.equal(new Set([ticket, ...others]).size, flood.length + 1);
    const owner = await Client.open(device, { localAddress: '127.0.0.9' });
    owner.sendText({ type: 'hello', version: 1, ticket, scram: new Scram(device.pairingCode).first() });
    await owner.next('challenge');
    await owner.close();
  });
});

test('the table of routes has three, and each is tried below', () => {
  const source = fs.readFileSync(path.join(root, 'host/routes.c'), 'utf8');
  const [, table] = /const route_t routes\[\] = \{\n([^;]*?)\n    \};/.exec(source);
  assert.deepEqual(table.split('\n').map((line) => line.trim()), [
    '{server->settings.page_uri, true, get_page, post_ticket},',
    '{"/", false, get_root, NULL},',
    '{server->settings.ws_uri, false, get_ws, NULL},',
  ]);
});

test('nothing lies behind any route but a page and a ticket', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE'];
    const paths = ['/', '/ota', '/ota/ws', '/ota/', '/ota/ws/', '//ota', '/OTA', '/ota%2fws', '/%6fta', '/ota/../ota', '/../etc/passwd', '/ota/start', '/ota/upload', '/ota/ticket',
      '/ota/restart', '/update', '/upload', '/ota?x=1', '/ota/ws?ticket=1', '/favicon.ico', '/.well-known/x', '/ota/ws/%00', `/${'a'.repeat(2000)}`];
    const allowed = { 'GET /': 200, 'GET /ota': 200, 'POST /ota': 200, 'GET /ota/ws': 426, 'GET /ota?x=1': 200, 'GET /ota/ws?ticket=1': 426 };
    let tries = 0;
    const found = {};
    for (const method of methods) {
      for (const path of paths) {
        const answer = await request(device, { method, path }).catch(() => ({ status: 0, headers: {}, body: '' }));
        tries++;
        assert.equal(answer.headers['access-control-allow-origin'], undefined);
        if (answer.status >= 200 && answer.status < 400) {
          found[`${method} ${path}`] = answer.status;
        }
        assert.ok(answer.status < 500, `${method} ${path}: ${answer.status}`);
      }
    }
    for (const [route, status] of Object.entries(found)) {
      const isPage = ['/', '/ota'].includes(route.split(' ')[1].replace(/\?.*|(?<=.)\/$/, '').replace(/^\/+/, '/').replace('/%6fta', '/ota').replace('/ota/../ota', '/ota'));
      assert.ok(allowed[route] === status || (isPage && /^(GET|HEAD|POST)/.test(route)), `${route} answered ${status}`);
    }
    console.log(`${tries} pairs of method and path: ${Object.keys(found).length} answer, all with the page or a ticket`);
  });
});

// ---- a device on trial

async function attackTrial() {
  await withDevice({ image: first.path, options: { trialTimeout: 3600 } }, async (device) => {
    const owner = await logIn(device);
    assert.equal((await owner.update(good.bytes)).type, 'done');
    await owner.restart();
    await device.started(2);
    const before = look(device);
    const recorded = [];
    let tries = 0;
    const isTrial = async () => {
      const { firstState, ...client } = await logIn(device).then(async (c) => (await c.close(), c));
      assert.equal(firstState.image, 'trial');
      assert.equal(firstState.slot, 'ota_1');
      assert.equal(device.boots, before.boots);
      assert.ok(device.partition('otadata').equals(before.otadata));
      return client;
    };
    // He lets nothing of an honest confirm, rollback and restart through, but records them.
    for (const type of ['confirm', 'rollback', 'restart']) {
      const seeFrame = ({ frame, pass, toDevice }) => {
        if (toDevice && frame.data.includes(`"${type}"`)) {
          recorded.push(frame);
        } else {
          pass();
        }
      };
      const { length } = recorded;
      for (let quietMs = QUIET_MS; recorded.length === length; quietMs *= 2) { // until he has it, however slow all are
        await passThrough(device, async (client) => { client.say({ type }); await client.next('state'); }, { seeFrame }, quietMs);
      }
      await isTrial();
    }
    // Then he says them, and what he makes of them, in sessions of others and in his own.
    const made = recorded.flatMap((frame) => [frame, flip(frame, -3), { ...frame, data: Buffer.from(frame.data.toString().replace(/"count":\d+/, '"count":2')) }]);
    for (const frame of [...made, ...control]) {
      await passThrough(device, async (client) => { client.say({ type: 'ping' }); await client.next('pong'); client.say({ type: 'ping' }); await client.next('pong'); }, {
        seeFrame: ({ index, pass, toDevice }) => {
          if (toDevice && index === 3) {
            pass(frame);
          }
          pass();
        },
      });
      const outsider = await Client.open(device);
      outsider.socket.send(frame.data, { binary: frame.binary });
      await outsider.isClosed();
      tries += 2;
      await isTrial();
    }
    console.log(`on trial: 3 messages kept back, ${tries} injected, repeated and forged: 0 obeyed`);
    const client = await logIn(device);
    client.say({ type: 'confirm' });
    await until(() => client.state.image === 'valid', 'the confirmation');
    await client.close();
  });
}

// ---- peers that do not end

async function speakSlowly() {
  await withDevice({ image: first.path }, async (device) => {
    const { host } = device.url;
    const upgrade = `GET /ota/ws HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`;
    const slow = {
      'inside a request line': ['', 'GET /ota'.padEnd(200, 'x')],
      'inside a header': [`GET /ota HTTP/1.1\r\nHost: ${host}\r\n`, 'X-Slow: '.padEnd(200, 'x')],
      'inside the body of a POST': [`POST /ota HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 200\r\n\r\n`, 'x'.repeat(200)],
      'inside a frame': [upgrade, `\x81\xfe\x00\xc8${'x'.repeat(200)}`],
      'between pings': [upgrade, '\x89\x80\x00\x00\x00\x00'.repeat(30)],
      nothing: ['', ''],
      'nothing after the upgrade': [upgrade, ''],
    };
    const bytes = (text) => Buffer.from(text, 'latin1');
    await Promise.all(Object.entries(slow).map(([name, [start, rest]]) => trickle(device, bytes(start), bytes(rest), name)));
    console.log(`closed by the device: clients that are slow ${Object.keys(slow).join(', ')}`);
    const client = await logIn(device);
    await client.close();
  });
}

test('attacks that take their time', { concurrency: 2 }, (t) =>
  Promise.all([
    t.test('a man in the middle cannot make a device on trial confirm, go back or restart', attackTrial),
    t.test('a client that sends a byte now and then is closed', speakSlowly),
  ]));

// ---- hostile sessions

const memoryOf = (device) => Number(/^Private_Dirty:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${device.process.pid}/smaps_rollup`, 'latin1'))[1]);

/** The same when all connections have ended: then the device has as many descriptors as before the first one. */
async function memoryAtRest(device, descriptors) {
  await until(() => descriptorsOf(device) <= descriptors, 'the end of all connections');
  return memoryOf(device);
}

const descriptorsOf = (device) => fs.readdirSync(`/proc/${device.process.pid}/fd`).length;

const hostilities = [
  (client) => client.sendText('{"type":"restart"}'),
  (client) => client.sendText('{"type":"restart","into":"recovery"}'),
  (client) => client.sendText('{"type":"crash","stack":true}'),
  (client) => client.sendText('{'.repeat(300)),
  (client) => client.data(0, Buffer.alloc(8192)),
  (client) => client.socket._socket.write(Buffer.from([0x81, 0xfe, 0x01, 0x00, 1])),
  (client) => client.sendText({ type: 'hello', version: 1, ticket: '0'.repeat(32), scram: new Scram('x').first() }),
  async (client, device, localAddress) => assert.notEqual(await guess(device, 'nonsense', localAddress), 'welcome'),
  () => {},
];

test('a thousand hostile sessions leave nothing behind, and an honest update among them is done', async () => {
  const env = { ASAN_OPTIONS: 'quarantine_size_mb=1:malloc_context_size=0' };
  await withDevice({ image: first.path, env }, async (device) => {
    const descriptors = descriptorsOf(device);
    let count = 0;
    const attack = async (until_) => {
      while (count < until_) {
        const number = count++;
        const localAddress = `127.0.0.${2 + (number % 40)}`;
        const client = await Client.open(device, { localAddress });
        await hostilities[number % hostilities.length](client, device, localAddress);
        if (number % 3 === 0) {
          await Promise.race([until(() => client.closed), sleep(20)]);
        }
        client.terminate();
      }
    };
    const owner = await Client.connect(device);
    await owner.close();
    const flood = (until_) => Promise.all(Array.from({ length: 8 }, () => attack(until_)));
    await flood(200);
    const before = await memoryAtRest(device, descriptors);
    const attackers = flood(1000);
    const file = freshPath('.txt');
    fs.writeFileSync(file, `${device.pairingCode}\n`);
    let tries = 0;
    const pushed = await until(async () => {
      tries++;
      const result = await run(tools.cli, ['push', '--no-restart', '--password-file', file, good.path, device.url.host]);
      return result.code === 0 ? result : undefined;
    }, 'the honest update');
    const during = count;
    await attackers;
    const after = await memoryAtRest(device, descriptors);
    assert.ok(device.partition('ota_1').subarray(0, good.bytes.length).equals(good.bytes), pushed.stdout);
    console.log(`1000 hostile sessions: private memory ${before} KiB before, ${after} KiB after; ota-ws push was done at session ${during}, try ${tries}`);
    assert.ok(after <= before + 2048, `${after - before} KiB more than before`);
    assert.equal(device.boots, 1);
  });
});
