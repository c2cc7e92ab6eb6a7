// SPDX-License-Identifier: Apache-2.0
// What a client may not say or send: each ends in its named error, the old image untouched, the device ready for the
// next update at once. Real sockets throughout.
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { Client, Device, Scram, makeImage, request, ticketOf, until, withDevice } from './harness.js';

const first = makeImage({ version: '1.0.0' });
const image = makeImage({ version: '2.0.0', size: '200K', seed: 5 });
const next = makeImage({ version: '2.0.1', size: '100K', seed: 6 });

async function assertUpdates(device) {
  const client = await Client.connect(device);
  const answer = await client.update(next.bytes);
  assert.equal(answer.type, 'done', answer.text);
  assert.deepEqual(device.partition(answer.slot).subarray(0, next.bytes.length), next.bytes);
  client.say({ type: 'cancel' });
  await client.fails('cancelled');
  await client.close();
}

/** Logged in, `begin` accepted, the first chunk acknowledged. */
async function inTheMiddle(device) {
  const client = await Client.connect(device);
  client.begin(image.bytes);
  client.ready = await client.next('ready');
  const { offset, chunk } = client.ready;
  client.data(offset, image.bytes.subarray(offset, offset + chunk));
  client.at = offset + chunk;
  await until(() => client.received >= client.at, 'the acknowledgement');
  return client;
}

const ended = []; // clients that the device must close by itself

/** Performs `action` in the middle of an update: the session ends by this name, the running image stays selected. */
async function assertEnds(device, name, action) {
  const before = device.flash().subarray(0, 0x200000);
  const client = await inTheMiddle(device);
  await action(client);
  await client.ends(name);
  ended.push(client);
  assert.ok(device.flash().subarray(0, 0x200000).equals(before), 'the running image or the boot record has changed');
  await assertUpdates(device);
}

async function assertAllClosed() {
  await Promise.all(ended.splice(0).map((client) => client.isClosed()));
}

test('frames that may not come end the session by their names', async (t) => {
  await withDevice({ image: first.path }, async (device) => {
    const piece = image.bytes.subarray(0, 100);
    const actions = [
      ['wrong_offset', 'an offset ahead', (c) => c.data(c.at + 1, piece)],
      ['wrong_offset', 'an offset again', (c) => c.data(0, piece)],
      ['wrong_offset', 'the largest offset', (c) => c.data(0xffffffff, piece)],
      ['frame_too_long', 'one byte too many', (c) => c.data(c.at, Buffer.alloc(c.ready.chunk + 1))],
      ['frame_too_long', 'a megabyte', (c) => c.data(c.at, Buffer.alloc(1 << 20))],
      ['bad_frame', 'an offset without bytes', (c) => c.data(c.at, Buffer.alloc(0))],
      ['bad_frame', 'three bytes', (c) => c.socket.send(Buffer.alloc(3))],
      ['bad_frame', 'an empty frame', (c) => c.socket.send(Buffer.alloc(0))],
      ['unexpected_message', 'a second begin', (c) => c.begin(image.bytes)],
      ['fragmented', 'a fragmented message', (c) => {
        c.socket.send('{"type":', { fin: false });
        c.socket.send('"ping"}', { fin: true });
      }],
      ['fragmented', 'fragmented data', (c) => {
        c.socket.send(Buffer.alloc(50), { fin: false });
        c.socket.send(Buffer.alloc(50), { fin: true });
      }],
    ];
    for (const [name, what, action] of actions) {
      await t.test(`${what}: ${name}`, () => assertEnds(device, name, action));
    }
    await assertAllClosed();
  });
});

test('messages that are no messages end the session by their names', async (t) => {
  const digest = 'ab'.repeat(32);
  const texts = [
    ['not_json', ''],
    ['not_json', 'ping'],
    ['not_json', '[]'],
    ['not_json', '{"type":"ping"'],
    ['not_json', '{"type":"ping"} x'],
    ['not_json', "{'type':'ping'}"],
    ['not_json', '{"type":"ping" "count":1}'],
    ['nested', '{"type":{"a":1}}'],
    ['nested', '{"type":"ping","a":[1]}'],
    ['nested', '['.repeat(1000)],
    ['nested', '{"a":'.repeat(200)],
    ['escaped', '{"type":"p\\u0069ng"}'],
    ['duplicate_member', '{"type":"ping","type":"restart"}'],
    ['duplicate_member', `{"type":"begin","size":1,"size":2,"sha256":"${digest}"}`],
    ['unknown_message', '{"type":"otaSize"}'],
    ['unknown_message', '{"type":""}'],
    ['unknown_member', '{"type":"ping","x":1}'],
    ['missing_member', '{}'],
    ['missing_member', '{"type":"begin","size":1}'],
    ['bad_value', `{"type":"begin","size":-1,"sha256":"${digest}"}`],
    ['bad_value', `{"type":"begin","size":4294967296,"sha256":"${digest}"}`],
    ['bad_value', `{"type":"begin","size":1e9,"sha256":"${digest}"}`],
    ['bad_value', '{"type":"begin","size":1,"sha256":"ab"}'],
    ['message_too_long', `{"type":"${'x'.repeat(1014)}"}`],
    ['message_too_long', ' '.repeat(1025)],
    ['message_too_long', 'x'.repeat(1 << 20)],
  ];
  await withDevice({ image: first.path }, async (device) => {
    for (const [name, text] of texts) {
      await t.test(`${name}: ${text.slice(0, 60)}`, () => assertEnds(device, name, (c) => c.socket.send(text)));
    }
    await t.test('exactly 1024 bytes are no longer too long', () =>
      assertEnds(device, 'unknown_message', (c) => c.socket.send(`{"type":"${'x'.repeat(1013)}"}`)));
    await t.test('bytes that are not UTF-8', () =>
      assertEnds(device, 'not_utf8', (c) => c.socket.send(Buffer.from([...Buffer.from('{"type":"'), 0xff, 0x22, 0x7d]), { binary: false })));
    await assertAllClosed();
  });
});

test('changed, repeated, skipped and forged messages end in bad_mac', async (t) => {
  await withDevice({ image: first.path }, async (device) => {
    const forgeries = {
      'without count and mac': (c) => c.sendText({ type: 'restart' }),
      'said again': (c) => {
        const text = c.withMac('{"type":"ping"}');
        c.sendText(text);
        c.sendText(text);
      },
      'one skipped': (c) => {
        c.said++;
        c.say({ type: 'ping' });
      },
      'another type': (c) => c.sendText(c.withMac('{"type":"ping","x":1}').replace('ping', 'stop').replace(',"x":1', '')),
      'another count': (c) => c.sendText(c.withMac('{"type":"ping"}').replace(/"count":\d+/, '"count":77')),
      'with the mac key of the device': (c) => {
        c.scram.clientMacKey = c.scram.deviceMacKey;
        c.say({ type: 'restart' });
      },
    };
    for (const [what, forge] of Object.entries(forgeries)) {
      await t.test(what, async () => {
        const name = what === 'another type' ? 'unknown_message' : 'bad_mac';
        await assertEnds(device, name, forge);
      });
    }
    await assertAllClosed();
    assert.equal(device.boots, 1);
  });
});

test('data without an update ends the session', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const before = device.flash();
    for (const login of [true, false]) {
      const client = await (login ? Client.connect(device) : Client.open(device));
      client.data(0, image.bytes.subarray(0, 1000));
      await client.ends('unexpected_data');
    }
    assert.ok(device.flash().equals(before));
    await assertUpdates(device);
  });
});

test('before the login nothing is answered but hello', async () => {
  await withDevice({ image: first.path }, async (device) => {
    for (const type of ['ping', 'restart', 'confirm', 'rollback', 'cancel']) {
      const client = await Client.open(device);
      client.sendText({ type });
      await client.ends('unexpected_message');
    }
    const client = await Client.open(device);
    client.sendText({ type: 'hello', version: 1, ticket: '0'.repeat(32), scram: new Scram('x').first() });
    await client.ends('bad_ticket');
    const outsider = await Client.open(device);
    outsider.sendText({ type: 'hello', version: 2, ticket: (await ticketOf(device)).ticket, scram: new Scram('x').first() });
    await outsider.ends('wrong_version');
    assert.equal(device.boots, 1);
    await assertUpdates(device);
  });
});

async function loginWith(device, password) {
  const client = await Client.open(device);
  const scram = new Scram(password);
  const { ticket } = await ticketOf(device);
  client.sendText({ type: 'hello', version: 1, ticket, scram: scram.first() });
  const answer = await client.next('challenge', 'error');
  if (answer.type === 'challenge') {
    client.sendText({ type: 'proof', scram: scram.final(answer.scram) });
    return client.next('welcome', 'error');
  }
  return answer;
}

test('a wrong code is refused, then everybody must wait, and the right one works again', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const wrong = device.pairingCode.replace(/.$/, (c) => (c === '0' ? '1' : '0'));
    assert.equal((await loginWith(device, wrong)).name, 'wrong_password');
    const answer = await loginWith(device, device.pairingCode);
    assert.equal(answer.name, 'try_later');
    assert.equal(answer.wait_s, 1);
    const welcome = await until(async () => {
      const attempt = await loginWith(device, device.pairingCode);
      return attempt.type === 'welcome' && attempt;
    }, 'the login after the wait');
    assert.ok(welcome.scram.startsWith('v='));
    await assertUpdates(device);
  });
});

test('a second client has to wait, sees the progress, and is next when the first has gone', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const owner = await inTheMiddle(device);
    const viewer = await Client.connect(device);
    assert.equal(viewer.firstState.update, 'receiving');
    assert.equal(viewer.firstState.yours, undefined);
    viewer.begin(next.bytes);
    await viewer.fails('busy');
    viewer.say({ type: 'cancel' });
    await viewer.fails('busy');
    viewer.data(0, next.bytes.subarray(0, 100));
    await viewer.ends('unexpected_data');
    const second = await Client.connect(device);
    await owner.send(image.bytes, { ...owner.ready, offset: owner.at });
    assert.equal((await owner.next('done')).type, 'done');
    await until(() => second.state.update === 'ready', 'the state of the viewer');
    assert.ok(device.partition('ota_1').subarray(0, image.bytes.length).equals(image.bytes));
    owner.say({ type: 'cancel' });
    await owner.fails('cancelled');
    const answer = await second.update(next.bytes);
    assert.equal(answer.type, 'done', answer.text);
    second.checkMacs();
    await owner.close();
    await second.close();
  });
});

test('a connection that is lost in the middle frees the device at once, and the same file goes on', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const lost = await inTheMiddle(device);
    lost.terminate();
    const client = await Client.connect(device);
    client.begin(image.bytes);
    const ready = await client.next('ready');
    assert.ok(ready.offset >= lost.at, `goes on at ${ready.offset}, ${lost.at} were acknowledged`);
    await client.send(image.bytes, ready);
    const { slot } = await client.next('done');
    assert.ok(device.partition(slot).subarray(0, image.bytes.length).equals(image.bytes));
    client.say({ type: 'cancel' });
    await client.fails('cancelled');
    await client.close();
    (await inTheMiddle(device)).terminate();
    await assertUpdates(device); // another file
  });
});

test('a plain GET on the WebSocket address is answered with 426', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const answer = await request(device, { path: '/ota/ws' });
    assert.equal(answer.status, 426);
    assert.equal(answer.headers.upgrade, 'websocket');
  });
});

test('only the routes are there', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const page = await request(device);
    assert.equal(page.status, 200);
    assert.equal(page.headers['content-encoding'], 'gzip');
    assert.ok(page.headers.etag);
    assert.equal((await request(device, { headers: { 'If-None-Match': page.headers.etag } })).status, 304);
    for (const path of ['/ota/ws/', '/ota/x', '/../etc/passwd', '/%2e%2e/etc/passwd', '/index.html', '/ota/ws?x']) {
      const { status } = await request(device, { path });
      assert.ok(status === 404 || (path.includes('?') && status === 426), `${path}: ${status}`);
    }
    for (const method of ['PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      const answer = await request(device, { method }).catch(() => ({ status: 'closed' }));
      assert.notEqual(answer.status, 200, method);
    }
    for (const path of ['/', '/ota', '/ota/other']) {
      const client = await Client.open(device, { ws: path });
      assert.ok(client.closed, `${path} was upgraded`);
    }
    await assertUpdates(device);
  });
});

test('foreign hosts and origins get no ticket', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const { host, port } = device.url;
    const cases = [
      [{ Host: 'evil.example' }, 'foreign_host'],
      [{ Host: `evil.example:${port}`, Origin: `http://evil.example:${port}` }, 'foreign_host'],
      [{ Host: host, Origin: 'http://evil.example' }, 'foreign_origin'],
      [{ Host: host, Origin: 'null' }, 'foreign_origin'],
      [{ Host: host, Origin: `http://localhost:${port}` }, 'foreign_origin'],
    ];
    for (const [headers, name] of cases) {
      const { status, body } = await request(device, { method: 'POST', headers });
      assert.equal(status, 403);
      assert.ok(body.toString().includes(`"${name}"`), body.toString());
      assert.ok(!body.toString().includes('"ticket":'));
    }
    for (const headers of [{ Host: host, Origin: `http://${host}` }, { Host: `localhost:${port}` }, { Host: 'OTA-demo.local' }]) {
      assert.equal((await request(device, { method: 'POST', headers })).status, 200);
    }
  });
});

/** `count` plain TCP connections. */
async function connectMany(device, count) {
  const sockets = [];
  for (let i = 0; i < count; i++) {
    const socket = net.connect(Number(device.url.port), device.url.hostname);
    socket.on('error', () => {});
    sockets.push(socket);
  }
  await until(() => sockets.every((socket) => !socket.connecting), 'the connections');
  return sockets;
}

test('256 connections that say nothing do not keep an update from running', async (t) => {
  await withDevice({ image: first.path }, async (device) => {
    await t.test('bare TCP', async () => {
      const sockets = await connectMany(device, 256);
      await assertUpdates(device);
      sockets.forEach((socket) => socket.destroy());
    });
    await t.test('half a request', async () => {
      const sockets = await connectMany(device, 256);
      sockets.forEach((socket) => socket.write('GET /ota/ws HTTP/1.1\r\nHost: '));
      await assertUpdates(device);
      sockets.forEach((socket) => socket.destroy());
    });
    await t.test('WebSockets', async () => {
      const clients = await Promise.all(Array.from({ length: 256 }, () => Client.open(device)));
      await assertUpdates(device);
      clients.forEach((client) => client.terminate());
    });
    await assertUpdates(device);
  });
});

test('WebSockets that stop inside a frame do not keep an update from running', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const clients = await Promise.all(Array.from({ length: 20 }, () => Client.open(device)));
    for (const { socket } of clients) {
      socket._socket.write(Buffer.from([0x81, 0xfe, 0x04, 0x00, 1, 2, 3, 4, 5])); // 1024 bytes announced, one sent
    }
    await assertUpdates(device);
    clients.forEach((client) => client.terminate());
  });
});

test('an owner that stops inside a frame loses its update when it goes', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const owner = await inTheMiddle(device);
    owner.socket._socket.write(Buffer.from([0x82, 0xfe, 0x20, 0x00, 1, 2, 3, 4, 5]));
    owner.terminate();
    await assertUpdates(device);
  });
});

test('frames that break RFC 6455 end the connection and nothing else', async () => {
  const frames = {
    'not masked': [0x81, 0x02, 0x7b, 0x7d],
    'reserved bit': [0xc1, 0x80, 1, 2, 3, 4],
    'reserved opcode': [0x83, 0x80, 1, 2, 3, 4],
    'a length of 2^63': [0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4],
    'continuation of nothing': [0x80, 0x80, 1, 2, 3, 4],
    'a fragmented ping': [0x09, 0x80, 1, 2, 3, 4],
    'a long ping': [0x89, 0xfe, 0x01, 0x00, 1, 2, 3, 4, ...new Array(256).fill(0)],
    garbage: [...Array(300).keys()].map((i) => (i * 167 + 13) & 0xff),
  };
  await withDevice({ image: first.path }, async (device) => {
    for (const [what, bytes] of Object.entries(frames)) {
      const client = await inTheMiddle(device);
      client.socket._socket.write(Buffer.from(bytes));
      await until(() => client.closed, `the end of the connection (${what})`);
      await assertUpdates(device);
    }
  });
});

test('a WebSocket ping is answered', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const client = await Client.connect(device);
    let answer;
    client.socket.on('pong', (data) => (answer = data.toString()));
    client.socket.ping('are you there');
    await until(() => answer === 'are you there', 'the pong');
    client.say({ type: 'ping' });
    await client.next('pong');
    client.checkMacs();
    await client.close();
  });
});

test('a thousand random frames leave the device as it was', async () => {
  let state = 12345;
  const random = (n) => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) % n;
  const words = ['{', '}', '"', ':', ',', '"type"', '"begin"', '"ping"', '"size"', '1', 'true', '[', '\\', '\u00e9', ' '];
  await withDevice({ image: first.path, options: { unprotected: true } }, async (device) => {
    const before = device.flash();
    for (let i = 0; i < 200; i++) {
      const client = await Client.connect(device);
      for (let k = 0; k < 5; k++) {
        const text = Array.from({ length: random(30) }, () => words[random(words.length)]).join('');
        client.socket.send(random(4) === 0 ? Buffer.from(text) : text);
      }
      client.terminate();
    }
    await until(() => device.log.split(' closed\n').length > 200, 'the end of the sessions');
    assert.ok(device.flash().equals(before));
    await assertUpdates(device);
  });
});

test('an open device says so on its console, and asks for no login', async () => {
  await withDevice({ image: first.path, options: { unprotected: true } }, async (device) => {
    assert.match(device.log, /UNPROTECTED/);
    assert.equal((await ticketOf(device)).login, 'none');
    const client = await Client.connect(device);
    client.say({ type: 'ping', count: 1, mac: '0'.repeat(32) });
    await client.ends('bad_mac');
    await assertUpdates(device);
  });
});

test('a device ends when its port is taken', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const second = await Device.start({ image: first.path, options: { port: device.url.port } });
    assert.equal(second.code, 6);
    assert.match(second.log, /cannot listen/);
  });
});
