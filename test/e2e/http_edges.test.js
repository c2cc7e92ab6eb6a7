// SPDX-License-Identifier: Apache-2.0
// Requests and frames that no library sends, as bytes on a socket: what the server takes, and what it says to the rest.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { Client, freshPath, makeImage, request, run, ticketOf, until, withDevice } from './harness.js';
import { Wire, frame, kinds, tlsOptions, upgradeRequest } from './wire.js';

const first = makeImage({ version: '1.0.0' });

/** Sends the bytes and waits for the whole answer, which ends the connection or has a length. */
async function ask(device, bytes) {
  const wire = await Wire.open(device);
  wire.send(bytes);
  await until(() => {
    const head = /\r\ncontent-length: (\d+)\r\n[^]*?\r\n\r\n/i.exec(wire.text);
    return wire.ended || (head !== null && wire.received.length >= head.index + head[0].length + Number(head[1]));
  }, 'the answer');
  wire.end();
  return { status: Number(/^HTTP\/1\.[01] (\d+)/.exec(wire.text)?.[1]), text: wire.text };
}

const post = (lines, version = '1.1') => `POST /ota HTTP/${version}\r\n${lines.map((line) => `${line}\r\n`).join('')}Content-Length: 0\r\n\r\n`;

test('Host and Origin are read strictly, from the bytes', async () => {
  await withDevice({ image: first.path, options: { name: 'lamp.local' } }, async (device) => {
    const { port } = device.url;
    const taken = [
      ['Host: 127.0.0.1'],
      [`Host: 127.0.0.1:${port}`],
      ['Host: 203.0.113.9:8070'],
      ['Host: [::1]'],
      ['Host: [fe80::1%25eth0]:8070', 'Origin: http://[FE80::0:1]:8070'],
      ['Host: [FD77:0:0::1]'],
      ['Host: LAMP.local.:80'],
      ['Host:127.0.0.1'],
      [`Host: 127.0.0.1:${port}`, `Origin: http://127.0.0.1:${port}`],
    ];
    const refused = [
      [],
      ['Host:'],
      ['Host: evil.example'],
      ['Host: 127.0.0.1:evil.example'],
      ['Host: 127.0.0.1:80:90'],
      ['Host: 127.0.0.1\0.evil.example'],
      ['Host: 127.0.0.1', 'Host: 127.0.0.1'],
      ['Host: 127.0.0.1', 'Host: evil.example'],
      ['Host: evil.example', 'Host: 127.0.0.1'],
      ['Host: 127.0.0.1,127.0.0.1'],
      ['Host: 127.1'],
      [`Host: ${'a'.repeat(400)}`],
      ['Host: lamp.local', 'Origin:'],
      ['Host: lamp.local', 'Origin: '],
      ['Host: lamp.local', 'Origin: null'],
      ['Host: lamp.local', 'Origin: http://lamp.local', 'Origin: http://lamp.local'],
      ['Host: lamp.local', 'Origin: http://lamp.local', 'Origin: http://evil.example'],
      ['Host: lamp.local', 'Origin: http://lamp.local\0x'],
      ['Host: 127.0.0.1', 'Origin: http://127.0.0.2'],
      ['Host: 127.0.0.1', 'Origin: http://evil.example'],
      ['Host: 0.0.0.0', 'Origin: http://evil.example'],
    ];
    for (const lines of taken) {
      const { text } = await ask(device, post(lines));
      assert.match(text, /^HTTP\/1\.1 200 [^]*"ticket":/, `${JSON.stringify(lines)}: ${text}`);
    }
    for (const lines of refused) {
      const { text } = await ask(device, post(lines));
      assert.ok(!text.includes('"ticket":'), `${JSON.stringify(lines)}: ${text}`);
    }
    assert.equal((await ask(device, post(['Host: 127.0.0.1'], '1.0'))).status, 200);
    for (const version of ['9.9', '2.0', '1.2', '0.9', '1.10', '11']) {
      const { text } = await ask(device, post(['Host: 127.0.0.1'], version));
      assert.ok(!text.includes('"ticket":'), `HTTP/${version}: ${text}`);
    }
  });
});

test('a foreign name gets the way to the device, not its page', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const { port } = device.url;
    const address = `http://127.0.0.1:${port}/ota`;
    const page = await request(device, { headers: { Host: 'lamp.fritz.box' } });
    assert.equal(page.status, 403);
    assert.match(page.headers['content-type'], /^text\/html/);
    const text = page.body.toString();
    assert.ok(text.includes(`<a href="${address}">`), text);
    assert.ok(text.includes('OTA_HOST_NAME') && /[а-я]{5}/.test(text));
    assert.ok(!text.includes('fritz'), 'the name is repeated');
    const ticket = await request(device, { method: 'POST', headers: { Host: 'lamp.fritz.box' } });
    assert.equal(ticket.status, 403);
    const { name, page: own } = JSON.parse(ticket.body);
    assert.deepEqual([name, own], ['foreign_host', address]);
    for (const headers of [{}, { Host: 'localhost' }, { Host: '203.0.113.9' }]) {
      assert.equal((await request(device, { headers })).status, 200, JSON.stringify(headers));
    }
  });
});

test('a trailing slash and HEAD are answered as GET is', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const get = await request(device);
    for (const path of ['/ota', '/ota/']) {
      const same = await request(device, { path });
      const head = await request(device, { path, method: 'HEAD' });
      assert.deepEqual([same.status, head.status, head.body.length], [200, 200, 0]);
      assert.ok(same.body.equals(get.body));
      for (const name of ['content-length', 'content-type', 'content-encoding', 'etag']) {
        assert.equal(head.headers[name], get.headers[name], name);
      }
      const { page, ticket } = JSON.parse((await request(device, { path, method: 'POST' })).body);
      assert.equal(page, path);
      assert.ok(ticket);
    }
    assert.equal((await request(device, { path: '/ota/ws/' })).status, 404);
    const removal = await request(device, { method: 'DELETE' });
    assert.deepEqual([removal.status, removal.headers.allow], [405, 'GET, HEAD, POST, PUT']);
  });
});

test('a file by POST gets 415 and a sentence, not a ticket', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const address = device.page;
    const file = freshPath('.bin');
    fs.writeFileSync(file, Buffer.alloc(3_000_000, 0xe9));
    for (const how of [['-F', `file=@${file}`], ['--data-binary', `@${file}`], ['-d', 'x=1'], ['-H', 'Transfer-Encoding: chunked', '-d', 'x']]) {
      const { stdout } = await run('curl', ['-s', '-w', '%{http_code}', ...how, address]);
      assert.match(stdout, /^This address takes no file by POST\.[^]*415$/, `${how[0]}: ${stdout}`);
    }
    const { stdout } = await run('curl', ['-s', '-X', 'POST', address]);
    assert.ok(stdout.includes('"ticket":'), stdout);
    assert.ok((await ticketOf(device)).ticket);
  });
});

test('a WebSocket of another version is answered with the right one', async () => {
  await withDevice({ image: first.path }, async (device) => {
    for (const version of ['8', '14', '013', '', '13, 8', undefined]) {
      const { status, text } = await ask(device, upgradeRequest(device, { 'Sec-WebSocket-Version': version }));
      assert.equal(status, 426, text);
      assert.match(text, /\r\nsec-websocket-version: 13\r\n/i);
      assert.match(text, /\r\nupgrade: websocket\r\n/i);
    }
    const { status, text } = await ask(device, `GET /ota/ws HTTP/1.1\r\nHost: ${device.url.host}\r\n\r\n`);
    assert.deepEqual([status, /sec-websocket-version: 13/i.test(text)], [426, true]);
  });
});

test('an upgrade that lacks something is answered, not obeyed', async () => {
  for (const options of [{}, tlsOptions()]) {
    await withDevice({ image: first.path, options }, async (device) => {
      for (const more of [
        { 'Sec-WebSocket-Key': undefined },
        { 'Sec-WebSocket-Key': '' },
        { 'Sec-WebSocket-Key': 'x' },
        { 'Sec-WebSocket-Key': 'A'.repeat(200) },
        { Host: undefined },
        { 'Sec-WebSocket-Protocol': 'chat' },
        { 'Sec-WebSocket-Protocol': 'ota, http' },
      ]) {
        const { status, text } = await ask(device, upgradeRequest(device, more));
        assert.deepEqual([JSON.stringify(more), status], [JSON.stringify(more), 400], text);
      }
      const wire = await Wire.open(device);
      wire.send(upgradeRequest(device, { Upgrade: 'websocket', Connection: 'close' }));
      await wire.isEnded();
      await (await Client.connect(device)).close();
    });
  }
});

const hello = Buffer.from('{"type":"hello","version":1,"ticket":"00000000000000000000000000000000"}');
const broken = {
  'without a mask': [frame(kinds.text, hello, { masked: false }), 'bad_frame'],
  'data without a mask': [frame(kinds.data, hello, { masked: false }), 'bad_frame'],
  'a Ping without a mask': [frame(kinds.ping, hello, { masked: false }), 'bad_frame'],
  'with a reserved bit': [frame(kinds.text, hello, { reserved: 0x40 }), 'bad_frame'],
  'of an unknown kind': [frame(3, hello), 'bad_frame'],
  'in parts': [frame(kinds.text, hello, { final: false }), 'fragmented'],
  'that goes on with nothing': [frame(kinds.continuation, hello), 'fragmented'],
  'with a length in a long form': [frame(kinds.text, hello, { lengthSize: 8 }), 'bad_frame'],
  'that is a Ping of 126 bytes': [frame(kinds.ping, Buffer.alloc(126)), 'bad_frame'],
  'that never ends': [frame(kinds.text, hello, { lengthSize: 8, length: 2 ** 40 }), 'message_too_long'],
  'of data that nobody wants': [frame(kinds.data, Buffer.alloc(100)), 'unexpected_data'],
};

test('a frame that breaks the rules ends the session by name', async () => {
  await withDevice({ image: first.path }, async (device) => {
    for (const [what, [bytes, name]] of Object.entries(broken)) {
      const wire = await Wire.upgrade(device);
      wire.send(bytes);
      wire.send(frame(kinds.text, hello));
      await wire.isEnded();
      assert.ok(wire.text.includes(`"${name}"`), `${what}: ${wire.text.split('\r\n\r\n')[1]}`);
    }
    const client = await Client.connect(device);
    await client.close();
  });
});

test('a Ping is answered, a Close too, and ends the connection', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const wire = await Wire.upgrade(device);
    wire.send(frame(kinds.ping, Buffer.from('are you there')));
    await wire.has('\x8a\x0dare you there');
    wire.send(frame(kinds.close, Buffer.from([0x03, 0xe9, 0x62, 0x79, 0x65])));
    await wire.isEnded();
    assert.ok(wire.text.endsWith('\x88\x02\x03\xe9'), wire.text);
  });
});
