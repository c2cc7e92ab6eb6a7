// SPDX-License-Identifier: Apache-2.0
// Applications as people write them, on an emulated chip (test_apps/chip/main/application.h): where they register, what
// they confirm, what they do to NVS, which slots they have. trial.test.js and life.test.js confirm before, after, never;
// two_servers.test.js serves http and https.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import { test } from 'node:test';

import { freshPath, readPartitionTable, run, tools, until } from '../e2e/harness.js';
import { Chip, decide, install, newImage, newImagePath, oldImage, withChip } from './chip.js';

const AS = { fewSockets: 2, wildcardBefore: 4, wildcardAfter: 8, twice: 16, fewHandlers: 32, pageAtRoot: 64 };

/** A chip whose application is written so. */
function withApplication(bits, body) {
  return withChip(async (chip) => {
    await chip.get(`/as?${bits}`);
    await chip.powerOff();
    await chip.powerOn();
    await body(chip);
  });
}

const push = (chip, ...args) => chip.cli('push', '--confirm', newImagePath, ...args);

async function assertPushed(chip) {
  const { code, stdout, stderr } = await push(chip);
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /2\.0\.0/);
  assert.equal((await chip.state()).image, 'valid');
}

const text = async (chip, target) => (await chip.get(target)).body.toString();

test('a page at / is served there, and ota-ws finds it', () =>
  withApplication(AS.pageAtRoot, async (chip) => {
    assert.equal((await chip.get('/')).headers['content-encoding'], 'gzip');
    assert.equal(await text(chip, '/hello'), 'hello\n');
    const env = { ...process.env, OTA_WS_PASSWORD: chip.pairingCode };
    const { code, stdout, stderr } = await run(tools.cli, ['push', '--confirm', newImagePath, `http://${chip.url.host}/`], { env });
    assert.equal(code, 0, stdout + stderr);
  }));

test('a wildcard handler before the page: the log says so', () =>
  withApplication(AS.wildcardBefore, async (chip) => {
    assert.match(chip.log, /No update page .*another handler stands.* Register before a handler with a wildcard/);
    assert.equal(await text(chip, '/ota'), 'the application\n');
  }));

test('a wildcard handler after the page gets the rest', () =>
  withApplication(AS.wildcardAfter, async (chip) => {
    assert.equal(await text(chip, '/anything'), 'the application\n');
    await assertPushed(chip);
  }));

test('a page that is registered twice works; the log says so', () =>
  withApplication(AS.twice, async (chip) => {
    assert.match(chip.log, /No update page .*another handler stands/);
    await assertPushed(chip);
  }));

test('no room for handlers: the log says so, the rest works', () =>
  withApplication(AS.fewHandlers, async (chip) => {
    assert.match(chip.log, /Raise max_uri_handlers/);
    assert.equal((await chip.get('/ota')).status, 404);
    assert.equal(await text(chip, '/'), 'hello\n');
  }));

test('three sockets, the least used one makes room: a push ends well', () =>
  withApplication(AS.fewSockets, async (chip) => {
    let over = false;
    const pushed = assertPushed(chip).finally(() => (over = true));
    let asked = 0;
    while (!over) {
      const answered = chip.get('/').then(() => asked++, () => {});
      await Promise.race([answered, pushed]); // a request that the restart cuts off may get no answer
    }
    await pushed;
    assert.ok(asked > 10, `${asked} requests beside it`);
  }));

const PER_SECOND = 20;
const STREAM_S = Number(process.env.CHIP_STREAM_S ?? 30);

/** New connections without end, of which none is closed: some say nothing, some stop in a request, some are WebSockets. */
async function stream(chip) {
  const said = ['', 'GET / HTTP/1.1\r\nHost: x', `GET /ota/ws HTTP/1.1\r\nHost: ${chip.url.host}\r\nUpgrade: websocket\r\n` +
    'Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n'];
  const sockets = [];
  for (let i = 0; i < PER_SECOND * STREAM_S; i++) {
    const socket = net.connect(chip.port, chip.host, () => socket.write(said[i % said.length]));
    socket.on('error', () => {});
    sockets.push(socket);
    await new Promise((resolve) => setTimeout(resolve, 1000 / PER_SECOND));
  }
  return sockets;
}

test('a stream of new connections: the chip is there when it ends', (t) =>
  withApplication(AS.fewSockets, async (chip) => {
    const before = await chip.info();
    await chip.get('/ledger?start');
    const sockets = await stream(chip);
    sockets.forEach((socket) => socket.destroy());
    const after = await until(() => chip.info().catch(() => false), 'an answer');
    const peaks = await chip.json('/ledger');
    t.diagnostic(`heap ${before.heap} before, ${after.heap} after, lowest ${after.minimum}; by lwIP and the driver ` +
      `${peaks.network} bytes at most, by others ${peaks.others}`);
    assert.equal(peaks.lost, 0);
    assert.ok(!/no mem/.test(chip.log), 'the driver ran out of memory');
    await assertPushed(chip);
  }));

/** A WebSocket of the application's own that is sent frames of one byte, as fast as they are echoed. */
async function flood(chip) {
  const frames = Buffer.concat(Array(200).fill(Buffer.from([0x82, 0x81, 0, 0, 0, 0, 0x41])));
  const socket = net.connect(chip.port, chip.host);
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.setNoDelay(true);
  socket.write(
    `GET /echo HTTP/1.1\r\nHost: ${chip.url.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n',
  );
  await once(socket, 'data');
  socket.echoed = 0;
  socket.on('data', (bytes) => (socket.echoed += bytes.length / 3));
  const more = () => socket.destroyed || socket.write(frames, () => setImmediate(more));
  more();
  return socket;
}

test("an application's own WebSocket that is flooded costs time only", (t) =>
  withChip(async (chip) => {
    const update = async () => {
      await chip.get('/erase');
      const client = await chip.connect();
      assert.equal((await client.update(newImage)).type, 'done');
      const { took_us: took } = await chip.info();
      client.say({ type: 'cancel' });
      await client.next('failed');
      client.terminate();
      return took / 1e6;
    };
    const alone = await update();
    const flooded = await flood(chip);
    await until(() => flooded.echoed > 1000, 'the echoes');
    const beside = await update();
    t.diagnostic(`alone ${alone.toFixed(2)} s, beside the flood ${beside.toFixed(2)} s by the chip's clock`);
    flooded.destroy();
    assert.ok(beside < 5 * alone, `${beside} s in place of ${alone} s`);
  }, { crashes: null })); // the idle task never runs: the watchdog says so

test('a restart of the application in the middle costs nothing', () =>
  withChip(async (chip) => {
    const client = await chip.connect();
    client.begin(newImage);
    await client.send(newImage, await client.next('ready'), 0, newImage.length / 2);
    const before = chip.starts;
    chip.get('/restart').catch(() => {});
    await chip.started(before);
    const { version, image } = await chip.state();
    assert.deepEqual([version, image], ['1.0.0', 'valid']);
    await assertPushed(chip);
  }));

// ---- flash of other kinds ----

/** The 32 bytes of a row; type and subtype as ESP-IDF counts them. */
function row(label, [type, subtype, offset, size]) {
  const bytes = Buffer.alloc(32);
  bytes.writeUInt16LE(0x50aa, 0);
  bytes.set([type, subtype], 2);
  bytes.writeUInt32LE(offset, 4);
  bytes.writeUInt32LE(size, 8);
  bytes.write(label, 12, 'latin1');
  return bytes;
}

/** Flash with another partition table, and the old image in its first slot. */
function flashWith(rows) {
  const flash = fs.readFileSync(newImagePath.replace('2.0.0.bin', 'flash.bin'));
  const table = Buffer.alloc(0xc00, 0xff);
  const body = Buffer.concat(Object.entries(rows).map(([label, numbers]) => row(label, numbers)));
  body.copy(table);
  Buffer.concat([Buffer.from([0xeb, 0xeb]), Buffer.alloc(14, 0xff), createHash('md5').update(body).digest()]).copy(table, body.length);
  flash.fill(0xff, 0x9000);
  table.copy(flash, 0x8000);
  oldImage.copy(flash, Object.values(readPartitionTable(flash)).find(({ type }) => type === 0).offset);
  const file = freshPath('.flash');
  fs.writeFileSync(file, flash);
  return file;
}

async function withFlash(flash, body) {
  const chip = await Chip.start({ flash });
  try {
    await body(chip);
    assert.ok(!chip.crashed, 'it has crashed');
  } catch (error) {
    error.stack += `\n--- console\n${chip.log.slice(-6000)}`;
    throw error;
  } finally {
    await chip.powerOff();
  }
}

test('from a factory image to the slots, and on', () =>
  withFlash(
    flashWith({
      nvs: [1, 2, 0x9000, 0x4000],
      otadata: [1, 0, 0xd000, 0x2000],
      factory: [0, 0, 0x10000, 0x110000],
      ota_0: [0, 0x10, 0x120000, 0x110000],
      ota_1: [0, 0x11, 0x230000, 0x110000],
    }),
    async (chip) => {
      const first = await chip.state();
      assert.deepEqual([first.version, first.slot, first.image], ['1.0.0', 'factory', 'factory']);
      await install(chip, newImage);
      const back = await decide(chip, 'rollback');
      assert.deepEqual([back.version, back.slot], ['1.0.0', 'factory']);
      await install(chip, newImage);
      await decide(chip, 'confirm');
      assert.equal((await chip.state()).slot, 'ota_0');
      await install(chip, oldImage);
      const state = await decide(chip, 'confirm');
      assert.deepEqual([state.version, state.slot, state.image], ['1.0.0', 'ota_1', 'valid']);
    },
  ));

test('without an NVS partition a push works, and going back too', () =>
  withFlash(
    flashWith({
      otadata: [1, 0, 0xd000, 0x2000],
      ota_0: [0, 0x10, 0x10000, 0x1e0000],
      ota_1: [0, 0x11, 0x1f0000, 0x1e0000],
    }),
    async (chip) => {
      assert.match(chip.log, /without NVS/);
      await install(chip, newImage);
      assert.equal((await chip.state()).image, 'trial');
      assert.equal((await decide(chip, 'rollback')).version, '1.0.0');
      await install(chip, newImage);
      assert.equal((await decide(chip, 'confirm')).image, 'valid');
    },
  ));

test('with NVS full a push works, and the trial is watched', () =>
  withChip(async (chip) => {
    assert.equal(await text(chip, '/fill'), 'ESP_ERR_NVS_NOT_ENOUGH_SPACE');
    await install(chip, newImage);
    assert.equal((await chip.state()).image, 'trial');
    assert.equal((await decide(chip, 'rollback')).version, '1.0.0');
    await install(chip, newImage);
    assert.equal((await decide(chip, 'confirm')).image, 'valid');
  }));

/** The first page of NVS as a later version would write it: its version byte counts down. */
function writeLaterNvs(flashPath) {
  const flash = fs.readFileSync(flashPath);
  const { offset } = readPartitionTable(flash).nvs;
  const page = flash.subarray(offset, offset + 4096);
  page.fill(0xff);
  page.writeUInt32LE(0xfffffffe, 0); // active
  page.writeUInt32LE(0, 4);
  page[8] = 0xfc;
  page.writeUInt32LE(crc32(page.subarray(4, 28)), 28);
  fs.writeFileSync(flashPath, flash);
}

// As NVS has it: begun with 0.
function crc32(bytes) {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let i = 0; i < 8; i++) {
      crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    }
  }
  return ~crc >>> 0;
}

test('NVS of a later version is begun anew, and a push works', () =>
  withChip(async (chip) => {
    const code = chip.pairingCode;
    await chip.powerOff();
    writeLaterNvs(chip.flash);
    await chip.powerOn();
    assert.notEqual(chip.pairingCode, code); // it was in NVS
    await assertPushed(chip);
  }));
