// SPDX-License-Identifier: Apache-2.0
// A listener between each client and a device on plain http, who keeps every byte: nothing of the image is in what was
// recorded, two uploads of one image have nothing in common, and who knows one half of the image learns nothing of the
// other half.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Client, freshPath, makeImage, root, run, tools, until, withDevice } from './harness.js';
import { listen, open, uploadOf } from './listener.js';
import { ask, put } from './plain_http.js';
import { tlsOptions } from './wire.js';
import { Visitor } from './visitor.js';

const RUN = 8; // bytes in a row that would tell something
const first = makeImage({ version: '1.0.0' });
const image = makeImage({ version: '2.0.0', size: '300K', seed: 7 });
const bytes = image.bytes;

/** Every run of the image. */
const runs = new Set();
for (let at = 0; at + RUN <= bytes.length; at++) runs.add(bytes.toString('latin1', at, at + RUN));

const countRuns = (recorded) => {
  let count = 0;
  for (let at = 0; at + RUN <= recorded.length; at++) count += runs.has(recorded.toString('latin1', at, at + RUN));
  return count;
};

const PASSWORD = 'a word of 16 letters';
const passwordFile = freshPath('.txt');
fs.writeFileSync(passwordFile, PASSWORD);
const environment = { ...process.env, OTA_WS_PASSWORD: PASSWORD, PYTHONPATH: path.join(root, 'python'), PYTHONDONTWRITEBYTECODE: '1' };
const push = async (program, args, host, ...options) => {
  const result = await run(program, [...args, 'push', '--no-restart', '--compress', 'never', ...options, image.path, host], { env: environment });
  assert.equal(result.code, 0, result.stderr);
  return result.stderr;
};

/** By every client: what it says of the seal. */
const clients = {
  'ota-ws': (host) => push(tools.cli, [], host),
  Python: (host) => push('python3', ['-m', 'ota_ws'], host),
  PUT: async (host) => {
    const device = { url: new URL(host), pairingCode: PASSWORD };
    assert.equal((await ask(device, 'GET')).json.seals, true);
    assert.equal((await put(device, bytes, { sealed: true })).json.type, 'done');
    return 'sealed';
  },
  page: async (host) => {
    const visitor = await Visitor.come(host);
    await visitor.login(PASSWORD);
    await visitor.see('firmware');
    await visitor.upload(image.path);
    await visitor.see('ready');
    const numbers = await visitor.evaluate(() => document.getElementById('numbers').textContent);
    await visitor.leave();
    return numbers;
  },
};

const settings = { image: first.path, options: { passwordFile } };

async function takeBack(device) {
  const client = await Client.connect(device, PASSWORD);
  client.say({ type: 'cancel' });
  await client.fails('cancelled');
  await client.close();
}

for (const [name, upload] of Object.entries(clients)) {
  test(`${name}: no 8 bytes of the image are on the cable, and the same image is other bytes each time`, () =>
    withDevice(settings, async (device) => {
      const cable = await listen(device);
      const bodies = [];
      for (let time = 0; time < 2; time++) {
        assert.match(await upload(cable.address), /sealed/);
        assert.ok(device.partition('ota_1').subarray(0, bytes.length).equals(bytes));
        const recorded = cable.take();
        const frames = open(uploadOf(recorded));
        for (const part of [...recorded, ...frames.all]) assert.equal(countRuns(part), 0);
        bodies.push(frames.data.length > 0 ? Buffer.concat(frames.data.map((frame) => frame.bytes)) : frames.all[0]);
        assert.ok(bodies[time].length >= (name === 'page' ? 10_000 : bytes.length)); // the page may compress
        await takeBack(device);
      }
      const before = new Set();
      for (let at = 0; at + RUN <= bodies[0].length; at++) before.add(bodies[0].toString('latin1', at, at + RUN));
      let common = 0;
      for (let at = 0; at + RUN <= bodies[1].length; at++) common += before.has(bodies[1].toString('latin1', at, at + RUN));
      assert.equal(common, 0);
      cable.cut();
    }));
}

test('the check finds the image where it is not sealed, and clients say so', () =>
  withDevice(settings, async (device) => {
    const cable = await listen(device);
    for (const [program, args] of [[tools.cli, []], ['python3', ['-m', 'ota_ws']]]) {
      assert.match(await push(program, args, cable.address, '--no-seal'), /^not sealed: everybody on the network can read the image$/m);
      const count = open(uploadOf(cable.take())).all.reduce((sum, part) => sum + countRuns(part), 0);
      assert.ok(count > bytes.length * 0.9, `${count}`);
      await takeBack(device);
    }
    cable.cut();
  }));

test('over https nothing is sealed', async () => {
  await withDevice({ ...settings, options: { ...settings.options, ...tlsOptions() } }, async (device) => {
    assert.doesNotMatch(await push(tools.cli, [], device.page, '--insecure'), /sealed/);
  });
});

/** Keystream from what was sent and what is known: from each frame `bytes` XOR the file. */
const keystreamOf = ({ offset, bytes: sealed }, file) => Buffer.from(sealed.map((byte, i) => byte ^ file[offset + i]));

test('a listener who knows half of the image, and more uploads of it, learns nothing of the other half', () =>
  withDevice(settings, async (device) => {
    const cable = await listen(device);
    const streams = [];
    const note = (data, file) => data.forEach((frame) => streams.push({ ...frame, file, stream: keystreamOf(frame, file) }));
    // Uploads of all kinds: whole, cut off and gone on, begun again in the same session, compressed with early data.
    for (let time = 0; time < 3; time++) {
      await push(tools.cli, [], cable.address);
      note(open(uploadOf(cable.take())).data, bytes);
      await takeBack(device);
    }
    // The frames whose plaintext he knows give him keystream; does any of it open another frame?
    const known = new Set();
    const half = bytes.length / 2;
    for (const { offset, stream } of streams.filter(({ offset }) => offset < half)) {
      assert.ok(offset >= 0);
      for (let at = 0; at + RUN <= stream.length; at++) known.add(stream.toString('latin1', at, at + RUN));
    }
    let opened = 0;
    for (const { stream } of streams.filter(({ offset }) => offset >= half)) {
      for (let at = 0; at + RUN <= stream.length; at++) opened += known.has(stream.toString('latin1', at, at + RUN));
    }
    assert.ok(known.size > 400_000, `${known.size}`);
    assert.equal(opened, 0);
    console.log(`# ${known.size} runs of keystream known, ${opened} of them open another byte`);
    cable.cut();
  }));

test('a second begin, early data that are lost and a compressed rest share no keystream', () =>
  withDevice(settings, async (device) => {
    const cable = await listen(device);
    const line = { url: new URL(cable.address), pairingCode: PASSWORD };
    const client = await Client.connect(line, PASSWORD);
    // A part of the file is left in the slot.
    client.begin(bytes);
    await client.send(bytes, await client.next('ready'), 0, 200_000);
    await until(() => client.received >= 150_000, 'the acknowledgement');
    client.terminate();
    await until(async () => (await ask(line, 'GET')).json.kept > 0, 'what is kept');
    cable.take();
    const result = await run(tools.cli, ['push', '--no-restart', '--compress', 'always', image.path, cable.address], { env: environment });
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stderr, /going on after/);
    const recorded = open(uploadOf(cable.take()));
    const begin = recorded.text.map((text) => JSON.parse(text)).find(({ type }) => type === 'begin');
    assert.ok(begin.sealed && begin.deflate && begin.early > 0);
    const [early, ...rest] = recorded.data;
    assert.equal(early.offset, 0);
    assert.equal(rest[0].offset, 0, 'the same offsets once more');
    // Both are deflate streams, whose XOR would tell much; here it is noise: as many bits as chance gives.
    const both = rest[0].bytes.subarray(0, early.bytes.length).map((byte, i) => byte ^ early.bytes[i]);
    const ones = both.reduce((sum, byte) => sum + [...byte.toString(2)].filter((bit) => bit === '1').length, 0);
    assert.ok(Math.abs(ones / (8 * both.length) - 0.5) < 0.05, `${ones} of ${8 * both.length}`);
    cable.cut();
  }));

test('the word that seals is under the mac, and so is the answer', () =>
  withDevice(settings, async (device) => {
    const password = PASSWORD;
    assert.equal((await put(device, bytes, { password, sealed: true, more: { 'OTA-Sealed': 'false' } })).json.name, 'bad_value');
    assert.equal((await put(device, bytes, { password, more: { 'OTA-Sealed': 'true' } })).json.name, 'wrong_password');
  }));

test('random bytes are what they are', () => assert.equal(countRuns(crypto.randomBytes(300_000)), 0));
