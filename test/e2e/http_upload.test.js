// SPDX-License-Identifier: Apache-2.0
// Plain HTTP: curl as people use it, and clients that do what curl does not. Real devices, real TLS.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Client, Device, freshPath, makeImage, readOtadata, request, root, run, until, withDevice } from './harness.js';
import { ask, askOffset, authMessage, curl, hex, isProved, prove, put, send } from './plain_http.js';
import { tlsOptions } from './wire.js';

const first = makeImage({ version: '1.0.0' });
const second = makeImage({ version: '2.0.0', size: '300K', seed: 3 });
const third = makeImage({ version: '3.0.0', size: '1200K', seed: 4 }); // curl asks before it sends so much
const foreign = makeImage({ version: '2.0.0', chip: 'esp32s3' });

const holds = (device, bytes) => device.partition('ota_1').subarray(0, bytes.length).equals(bytes);
const user = (device, password = device.pairingCode) => ['-u', `ota:${password}`];

/** The device runs version `version` after a restart, and says so itself. */
async function restartInto(device, version) {
  const boots = device.boots;
  assert.equal((await ask(device, 'POST', { type: 'restart' })).json.type, 'restarting');
  await device.started(boots + 1);
  const state = await until(() => ask(device, 'GET').then(({ json }) => json, () => undefined), 'an answer after it');
  assert.equal(state.version, version);
  return state;
}

// ---- curl

test('curl over https: a file, then restart and confirm', async () => {
  await withDevice({ image: first.path, options: tlsOptions() }, async (device) => {
    for (const image of [second, third]) {
      const { status, json } = await curl(device, ...user(device), '-T', image.path);
      assert.equal(status, 200, JSON.stringify(json));
      assert.equal(json.type, 'done');
      assert.ok(holds(device, image.bytes));
      if (image === second) {
        assert.equal((await curl(device, ...user(device), '-d', '{"type":"cancel"}')).status, 200);
      }
    }
    await restartInto(device, '3.0.0');
    const confirmed = await curl(device, ...user(device), '-H', 'Content-Type: application/json', '-d', '{"type":"confirm"}');
    assert.equal(confirmed.status, 200, confirmed.text);
    assert.equal(confirmed.json.image, 'valid');
    const state = await curl(device, ...user(device), '-H', 'Accept: application/json');
    assert.equal(state.json.last_outcome, 'confirmed');
    const back = await curl(device, ...user(device), '-d', '{"type":"rollback"}');
    assert.equal(back.status, 200, back.text);
  });
});

test('curl over http is refused, and the sentence says why', async () => {
  await withDevice({ image: first.path }, async (device) => {
    for (const image of [second, third]) {
      const { status, json } = await curl(device, ...user(device), '-T', image.path);
      assert.equal(status, 403);
      assert.equal(json.name, 'needs_https');
      assert.match(json.text, /https/);
    }
    const { status, json } = await curl(device, '-T', second.path);
    assert.equal(status, 401);
    assert.equal(json.name, 'needs_login');
    assert.ok(!/update: \d+ bytes/.test(device.log), 'an update began');
  });
});

test('curl: wrong password, wrong file, no length, two at once', async () => {
  await withDevice({ image: first.path, options: { ...tlsOptions(), timing: 'w25q32jv' } }, async (device) => {
    const wrong = await curl(device, ...user(device, 'AAAA-AAAA-AAAA'), '-T', second.path);
    assert.equal(wrong.status, 401);
    assert.equal(wrong.json.name, 'wrong_password');
    const early = await until(async () => { // each failure doubles the wait: at last one comes too early
      const again = await curl(device, ...user(device, 'AAAA-AAAA-AAAA'), '-T', second.path);
      return again.json.name === 'try_later' && again;
    }, 'a guess that comes too early');
    assert.equal(early.status, 429, early.text);
    assert.ok(early.json.wait_s > 0);
    await until(async () => (await curl(device, ...user(device), '-H', 'Accept: application/json')).status === 200, 'the wait');
    const chip = await curl(device, ...user(device), '-T', foreign.path);
    assert.equal(chip.status, 422);
    assert.equal(chip.json.name, 'wrong_chip');
    const chunked = await curl(device, ...user(device), '-H', 'Transfer-Encoding: chunked', '-T', second.path);
    assert.equal(chunked.status, 411, chunked.text);
    const digest = await curl(device, ...user(device), '-H', `OTA-SHA256: ${hex('another file')}`, '-T', second.path);
    assert.equal(digest.status, 422, digest.text);
    assert.equal(digest.json.name, 'digest_mismatch');
    const both = await Promise.all([curl(device, ...user(device), '-T', second.path), curl(device, ...user(device), '-T', second.path)]);
    assert.deepEqual(both.map(({ status }) => status).sort(), [200, 409], both.map(({ text }) => text).join());
    assert.equal(both.find(({ status }) => status === 409).json.name, 'busy');
    assert.ok(holds(device, second.bytes));
  });
});

test('a form, another path and other methods are never 200', async () => {
  await withDevice({ image: first.path, options: tlsOptions() }, async (device) => {
    const form = await curl(device, ...user(device), '-F', `firmware=@${second.path}`);
    assert.equal(form.status, 415, form.text);
    const short = await curl(device, ...user(device), '-d', 'restart=1');
    assert.equal(short.status, 400, short.text);
    assert.equal(short.json.name, 'not_json');
    const plain = await curl(device, '--data-binary', `@${second.path}`);
    assert.equal(plain.status, 415, plain.text);
    for (const method of ['PATCH', 'DELETE', 'OPTIONS']) {
      assert.equal((await curl(device, ...user(device), '-X', method)).status, 405, method);
    }
    for (const path of ['/ota/app.bin', '/', '/ota/ws', '/otax', '/ota/../x']) {
      const { status, error } = await send(device, { method: 'PUT', path, headers: { 'Content-Length': 4 }, pieces: ['\xe9abc'] });
      assert.ok(error !== undefined || status >= 400, `${path}: ${status}`);
    }
    assert.ok(!/update: \d+ bytes/.test(device.log), 'an update began');
  });
});

// ---- over http, with a proof

test('over http: an update, proved by both sides', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const { status, text, json, key } = await put(device, second.bytes);
    assert.equal(status, 200, text);
    assert.equal(json.version, '2.0.0');
    assert.ok(isProved(text, key));
    const state = await ask(device, 'GET');
    assert.equal(state.json.update, 'ready');
    assert.ok(isProved(state.text, state.key));
    await restartInto(device, '2.0.0');
    const confirmed = await ask(device, 'POST', { type: 'confirm' });
    assert.ok(isProved(confirmed.text, confirmed.key));
    assert.equal(confirmed.json.image, 'valid');
    const back = await put(device, first.bytes);
    assert.equal(back.json.name, 'older_version');
    assert.equal(back.status, 422);
    const allowed = await put(device, first.bytes, { downgrade: true });
    assert.equal(allowed.status, 200, allowed.text);
  });
});

test('cut off at every 64 KiB, it goes on and ends well', async () => {
  await withDevice({ image: first.path }, async (device) => {
    let least = 0;
    for (let cut = 0x10000; cut < second.bytes.length; cut += 0x10000) {
      const from = await askOffset(device, second.bytes);
      assert.ok(from >= least, `${from} < ${least}`);
      least = Math.max(from, cut - 0x11000);
      await put(device, second.bytes, {
        from,
        cut: true,
        pieces: [second.bytes.subarray(from, cut), () => until(async () => (await ask(device, 'GET')).json.received >= cut, 'the bytes')],
      });
      await until(async () => (await ask(device, 'GET')).json.update === 'idle', 'the end of the update');
    }
    const from = await askOffset(device, second.bytes);
    assert.ok(from >= 0x30000, `${from}`);
    const beyond = await put(device, second.bytes, { from: from + 4096 });
    assert.equal(beyond.status, 308);
    assert.equal(beyond.headers.range, `bytes=0-${from - 1}`);
    const done = await put(device, second.bytes, { from });
    assert.equal(done.status, 200, done.text);
    assert.ok(holds(device, second.bytes));
  });
});

test('curl again after a cut: what flash holds is skipped', async () => {
  await withDevice({ image: first.path, options: { ...tlsOptions(), timing: 'w25q32jv' } }, async (device) => {
    const half = second.bytes.subarray(0, 0x28000);
    await put(device, second.bytes, { cut: true, pieces: [half, () => until(async () => (await ask(device, 'GET')).json.received >= half.length, 'the half')] });
    await until(async () => (await ask(device, 'GET')).json.kept > 0x20000, 'what is kept');
    const { status, text } = await curl(device, ...user(device), '-H', `OTA-SHA256: ${hex(second.bytes)}`, '-T', second.path);
    assert.equal(status, 200, text);
    assert.ok(holds(device, second.bytes));
  });
});

// ---- beside WebSockets

test('a WebSocket client watches a PUT, and the other way round', async () => {
  await withDevice({ image: first.path, options: { timing: 'w25q32jv' } }, async (device) => {
    const viewer = await Client.connect(device);
    const uploading = put(device, second.bytes);
    await until(() => viewer.state.update === 'receiving', 'the update');
    assert.equal(viewer.state.yours, undefined);
    assert.equal(viewer.state.peer, '127.0.0.1');
    await until(() => viewer.written > 0, 'progress');
    viewer.begin(second.bytes);
    await viewer.fails('busy');
    assert.equal((await uploading).status, 200);
    await until(() => viewer.state.update === 'ready', 'the end');
    assert.equal(viewer.state.sha256, hex(second.bytes).slice(0, 16));
    viewer.say({ type: 'cancel' });
    await viewer.fails('cancelled');

    viewer.begin(third.bytes);
    const ready = await viewer.next('ready');
    assert.equal((await put(device, second.bytes)).json.name, 'busy');
    const state = await ask(device, 'GET');
    assert.equal(state.json.update, 'receiving');
    assert.equal(state.json.size, third.bytes.length);
    assert.equal((await ask(device, 'POST', { type: 'cancel' })).json.name, 'busy');
    await viewer.send(third.bytes, ready);
    await viewer.next('done');
    viewer.checkMacs();
    const taken = await ask(device, 'POST', { type: 'cancel' });
    assert.equal(taken.status, 200, taken.text);
    await viewer.close();
  });
});

test('other requests are answered while a PUT runs', async () => {
  await withDevice({ image: first.path, options: { ...tlsOptions(), timing: 'w25q32jv' } }, async (device) => {
    let over = false;
    const uploading = curl(device, ...user(device), '-T', third.path).finally(() => (over = true));
    await device.waitFor(/are announced/); // from now on a server that the PUT holds would answer once, at its end
    let answers = 0;
    while (!over) {
      assert.equal((await request(device, { path: '/' })).status, 200);
      answers++;
    }
    assert.equal((await uploading).status, 200);
    assert.ok(answers > 2, `${answers} answers`);
  });
});

test('a device without a password takes curl over http', async () => {
  await withDevice({ image: first.path, options: { unprotected: true } }, async (device) => {
    const { status, text } = await curl(device, '-T', second.path);
    assert.equal(status, 200, text);
    assert.ok(holds(device, second.bytes));
    assert.equal((await curl(device, '-H', 'Origin: http://evil.example', '-T', second.path)).json.name, 'foreign_origin');
    assert.equal((await curl(device, '-H', 'Host: evil.example', '-T', second.path)).json.name, 'foreign_host');
    assert.equal(readOtadata(device.flash()).length, 2);
  });
});

test('a restart during a PUT ends it, and the next one goes on', async () => {
  const device = await Device.start({ image: first.path });
  const half = second.bytes.subarray(0, 0x28000);
  await put(device, second.bytes, {
    cut: true,
    pieces: [half, () => until(async () => (await ask(device, 'GET')).json.received >= half.length, 'the half'), () => device.stop()],
  });
  const again = await Device.start({ flash: device.flashPath });
  assert.ok((await askOffset(again, second.bytes)) > 0x10000);
  assert.equal((await put(again, second.bytes)).status, 200);
  await again.stop();
  fs.rmSync(again.flashPath);
});

test('the script of docs/cli.md sends a file over http', async () => {
  const [, script] = /```python\n(# usage: PASSWORD=CODE[^]*?)```/.exec(fs.readFileSync(path.join(root, 'docs/cli.md'), 'utf8'));
  const file = freshPath('.py');
  fs.writeFileSync(file, script);
  await withDevice({ image: first.path }, async (device) => {
    const wrong = await run('python3', [file, second.path, device.page], { env: { ...process.env, PASSWORD: 'AAAA-AAAA-AAAA' } });
    assert.equal(JSON.parse(wrong.stderr).name, 'wrong_password');
    await until(async () => (await ask(device, 'GET')).status === 200, 'the wait');
    const { code, stdout, stderr } = await run('python3', [file, second.path, device.page], { env: { ...process.env, PASSWORD: device.pairingCode } });
    assert.equal(code, 0, stderr);
    assert.equal(JSON.parse(stdout).type, 'done');
    assert.ok(holds(device, second.bytes));
  });
});

test('the example of docs/protocol.md, section 9, is right', () => {
  const text = fs.readFileSync(path.join(root, 'docs/protocol.md'), 'utf8').split('## 9.')[1];
  const [, message, authorization, key] = /```\n(\{"type":"PUT".*\})\nAuthorization: (.*)\nDeviceMacKey\s+([0-9a-f]{64})\n```/.exec(text);
  const { ticket, size, sha256 } = JSON.parse(message);
  const proved = prove({ ticket, salt: 'ASNFZ4mrze8BI0VniavN7w==', rounds: 4096 }, 'K7MQ-2RTX-9WPD', { method: 'PUT', size, sha256 });
  assert.equal(authMessage({ method: 'PUT', size, sha256, ticket }), message);
  assert.equal(proved.authorization, authorization);
  assert.equal(proved.key.toString('hex'), key);
});
