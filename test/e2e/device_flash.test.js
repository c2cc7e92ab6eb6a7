// SPDX-License-Identifier: Apache-2.0
// The flash file: its bytes against ESP-IDF's formats, what a device does with a file or a table that it cannot use, and
// a disk that is full.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { test } from 'node:test';
import { Client, Device, freshPath, makeImage, readOtadata, readPartitionTable, realImage, firmwareIsReal, run, tools, until, withDevice } from './harness.js';

const first = makeImage({ version: '1.0.0' });
const second = makeImage({ version: '2.0.0', seed: 2 });
const third = makeImage({ version: '3.0.0', seed: 3 });
const STATE = { NEW: 0, PENDING: 1, VALID: 2, INVALID: 3, ABORTED: 4 };
const CRC = { 1: 0x4743989a, 2: 0x55f63774, 3: 0xed4a5011, 4: 0x709d68a8 }; // of the sequence numbers, ESP-IDF's formats

function writeText(text) {
  const file = freshPath('.csv');
  fs.writeFileSync(file, text);
  return file;
}

/** One row of a binary partition table. */
function row(type, subtype, offset, size, label, flags = 0) {
  const bytes = Buffer.alloc(32);
  bytes.writeUInt16LE(0x50aa, 0);
  bytes[2] = type;
  bytes[3] = subtype;
  bytes.writeUInt32LE(offset, 4);
  bytes.writeUInt32LE(size, 8);
  bytes.write(label, 12, 'latin1');
  bytes.writeUInt32LE(flags, 28);
  return bytes;
}

/** The whole table as gen_esp32part.py writes it: rows, MD5 row, 0xFF. */
function table(rows) {
  const body = Buffer.concat(rows);
  const md5 = Buffer.concat([Buffer.from([0xeb, 0xeb]), Buffer.alloc(14, 0xff), crypto.createHash('md5').update(body).digest()]);
  const whole = Buffer.alloc(0xc00, 0xff);
  Buffer.concat([body, md5]).copy(whole);
  return whole;
}

async function startsAndEnds(settings, code, pattern) {
  const device = await Device.start(settings);
  if (!device.ended) {
    await device.kill();
  }
  assert.equal(device.code, code, device.log);
  assert.match(device.log, pattern);
  return device;
}

test('the partition table is, byte for byte, what ESP-IDF makes of the same CSV', async () => {
  const csv = `# Name,   Type, SubType, Offset,  Size, Flags
nvs,      data, nvs,     0x9000,  0x4000,
otadata,  data, ota,     0xd000,  8K,
phy_init, data, phy,     ,        0x1000,
ota_0,    app,  ota_0,   ,        1M,
ota_1,    0,    0x11,    ,        1024K,   encrypted
storage,  data, spiffs,  ,        0xF0000,
user,     0x40, 0x01,    ,        4K,
`;
  const expected = table([
    row(1, 0x02, 0x9000, 0x4000, 'nvs'),
    row(1, 0x00, 0xd000, 0x2000, 'otadata'),
    row(1, 0x01, 0xf000, 0x1000, 'phy_init'),
    row(0, 0x10, 0x10000, 0x100000, 'ota_0'),
    row(0, 0x11, 0x110000, 0x100000, 'ota_1', 1),
    row(1, 0x82, 0x210000, 0xf0000, 'storage'),
    row(0x40, 0x01, 0x300000, 0x1000, 'user'),
  ]);
  await withDevice({ image: first.path, options: { partitions: writeText(csv) } }, async (device) => {
    const flash = device.flash();
    assert.deepEqual(flash.subarray(0x8000, 0x8c00), expected);
    assert.equal(flash.length, 4 << 20);
    assert.ok(flash.subarray(0x10000, 0x10000 + first.bytes.length).equals(first.bytes));
    assert.ok(flash.subarray(0x110000).every((byte) => byte === 0xff));
  });
});

// What is expected above comes from table(): this is the same for a table that Espressif's tool has made.
test('the expectation is right for a real table', { skip: !firmwareIsReal && 'no real table beside the repository' }, () => {
  const rows = [
    row(1, 0x02, 0x9000, 0x6000, 'nvs'),
    row(1, 0x01, 0xf000, 0x1000, 'phy_init'),
    row(0, 0x00, 0x10000, 0x100000, 'factory'),
  ];
  assert.deepEqual(table(rows), realImage('partition-table-single-app').bytes);
});

async function restartInto(device, image) {
  const boots = device.boots;
  const client = await Client.connect(device);
  const answer = await client.update(image.bytes);
  assert.equal(answer.type, 'done', answer.text);
  await client.restart();
  await device.started(boots + 1);
  return answer.slot;
}

test('otadata follows ESP-IDF through a whole life', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const entries = () => readOtadata(device.flash()).map(({ sequence, state, crc }) => ({ sequence, state, crc }));
    const entry = (sequence, state) => ({ sequence, state, crc: CRC[sequence] });
    const erased = { sequence: 0xffffffff, state: 0xffffffff, crc: 0xffffffff };
    assert.deepEqual(entries(), [entry(1, STATE.VALID), erased]);

    assert.equal(await restartInto(device, second), 'ota_1');
    assert.deepEqual(entries(), [entry(1, STATE.VALID), entry(2, STATE.PENDING)]);
    const client = await Client.connect(device);
    assert.equal(client.firstState.image, 'trial');
    client.say({ type: 'confirm' });
    await until(() => client.state.image === 'valid', 'the confirmation');
    assert.deepEqual(entries(), [entry(1, STATE.VALID), entry(2, STATE.VALID)]);
    await client.close();

    assert.equal(await restartInto(device, third), 'ota_0');
    assert.deepEqual(entries(), [entry(3, STATE.PENDING), entry(2, STATE.VALID)]);
    const again = await Client.connect(device);
    again.say({ type: 'rollback' });
    await again.next('restarting');
    await device.started(4);
    assert.match(device.log.split('boot: slot ').at(-1), /^ota_1, demo 2.0.0/);
    assert.deepEqual(entries(), [entry(3, STATE.INVALID), entry(2, STATE.VALID)]);
    for (const { label } of readOtadata(device.flash())) {
      assert.ok(label.every((byte) => byte === 0xff) || label.every((byte) => byte === 0), 'seq_label');
    }
  });
});

test('a flash file of another size, of no size, or in use is not touched', async () => {
  const options = { flashSize: '4M' };
  const odd = freshPath('.flash');
  fs.writeFileSync(odd, Buffer.alloc(1000000, 0xaa));
  await startsAndEnds({ flash: odd }, 3, /1000000 bytes/);
  await startsAndEnds({ flash: odd, options }, 3, /1000000 bytes/);
  assert.ok(fs.readFileSync(odd).equals(Buffer.alloc(1000000, 0xaa)));
  const empty = freshPath('.flash');
  fs.writeFileSync(empty, '');
  await startsAndEnds({ flash: empty, image: first.path }, 3, /0 bytes/);
  await startsAndEnds({ flash: '/dev/null', image: first.path }, 3, /no regular file/);
  await withDevice({ image: first.path, options: { flashSize: '2M' } }, async (device) => {
    await startsAndEnds({ flash: device.flashPath }, 3, /in use/);
    const before = device.flash();
    await device.stop();
    await startsAndEnds({ flash: device.flashPath, options }, 3, /2097152 bytes/);
    assert.ok(device.flash().equals(before));
  });
});

test('a table without two OTA slots, without otadata or without sense is refused with a sentence, and no file is left', async (t) => {
  const cases = {
    'no OTA slot': 'nvs,data,nvs,0x9000,0x6000\nfactory,app,factory,0x10000,1M\n',
    'one OTA slot': 'otadata,data,ota,0xd000,0x2000\nota_0,app,ota_0,0x10000,1M\n',
    'no otadata': 'ota_0,app,ota_0,0x10000,1M\nota_1,app,ota_1,0x110000,1M\n',
    overlap: 'otadata,data,ota,0xd000,0x2000\nota_0,app,ota_0,0x10000,1M\nota_1,app,ota_1,0x100000,1M\n',
    'beyond the flash': 'otadata,data,ota,0xd000,0x2000\nota_0,app,ota_0,0x10000,1M\nota_1,app,ota_1,0x310000,1M\n',
    'not aligned': 'otadata,data,ota,0xd000,0x2000\nota_0,app,ota_0,0x11000,1M\nota_1,app,ota_1,0x120000,1M\n',
    'no such type': 'otadata,dada,ota,0xd000,0x2000\n',
    'no number': 'otadata,data,ota,0xd000,many\n',
    'too few fields': 'otadata,data\n',
    empty: '# nothing\n',
    'the same name twice': 'otadata,data,ota,0xd000,0x2000\nota_0,app,ota_0,,1M\nota_0,app,ota_1,,1M\n',
  };
  for (const [what, csv] of Object.entries(cases)) {
    await t.test(what, async () => {
      const device = await startsAndEnds({ image: first.path, options: { partitions: writeText(csv) } }, 4, /flash: .{20,}/);
      assert.ok(!fs.existsSync(device.flashPath), 'a flash file was left');
    });
  }
});

test('a partition table at another offset is written and read there', async () => {
  const flash = freshPath('.flash');
  const options = { partitionTableOffset: '0x10000' };
  await withDevice({ image: first.path, flash, options }, async (device) => {
    assert.equal(device.flash().readUInt16LE(0x10000), 0x50aa);
    assert.equal(device.flash().readUInt16LE(0x8000), 0xffff);
    assert.equal(device.flash().readUInt32LE(0x10004), 0x11000); // nvs lies behind the table
  });
  await startsAndEnds({ flash }, 4, /there is one at 0x10000: --partition-table-offset 0x10000/);
  await withDevice({ flash, options }, async (device) => assert.match(device.log, /slot ota_0, demo 1\.0\.0/));
  await startsAndEnds({ flash, options: { partitionTableOffset: '0x10001' } }, 2, /partition-table-offset/);
});

test('a dump without its erased end is filled up', async () => {
  const flash = freshPath('.flash');
  await withDevice({ image: first.path, flash }, async () => {});
  const whole = fs.readFileSync(flash);
  const end = 0x10000 + first.bytes.length + 4; // as esptool's merge-bin leaves it
  for (const [flashSize, size] of [[undefined, 0], ['4M', 4 << 20]]) {
    const dump = freshPath('.flash');
    fs.writeFileSync(dump, whole.subarray(0, end));
    const options = flashSize ? { flashSize } : {};
    const { stdout } = await run(tools.device, ['--flash', dump, '--show']);
    assert.match(stdout, /ota_0\s+demo 1\.0\.0/); // which changes nothing
    assert.equal(fs.statSync(dump).size, end);
    if (!flashSize) {
      await startsAndEnds({ flash: dump, options }, 4, /behind the end of the flash/); // the slots need 4 MiB
      assert.equal(fs.statSync(dump).size, end);
      continue;
    }
    await withDevice({ flash: dump, options }, async (device) => {
      assert.match(device.log, /is filled up with 0xFF to 4096 KiB/);
      assert.equal(device.flash().length, size);
      assert.ok(device.flash().subarray(end + 16).every((byte) => byte === 0xff));
    });
  }
});

test('a flash whose table is damaged does not start, and is not changed', async () => {
  const flash = freshPath('.flash');
  await withDevice({ image: first.path, flash }, async () => {});
  for (const place of [0x8000, 0x8005, 0x8020, 0x80b5]) {
    const bytes = fs.readFileSync(flash);
    bytes[place] ^= 0x10;
    const damaged = freshPath('.flash');
    fs.writeFileSync(damaged, bytes);
    await startsAndEnds({ flash: damaged }, 4, /flash: .{10,}/);
    assert.ok(fs.readFileSync(damaged).equals(bytes));
  }
});

test('a flash without any image that starts says so', async () => {
  await startsAndEnds({}, 5, /image/);
  const wrong = makeImage({ chip: 'esp32s3' });
  const device = await startsAndEnds({ image: wrong.path, options: { chip: 'esp32c3' } }, 5, /wrong_chip|does not start/);
  assert.ok(!fs.existsSync(device.flashPath));
});

test('a flash file goes on where it was, and --show prints what is in it', async () => {
  const flash = freshPath('.flash');
  let code;
  await withDevice({ image: first.path, flash }, async (device) => {
    await restartInto(device, second);
    code = device.pairingCode;
  });
  const { stdout } = await run(tools.device, ['--flash', flash, '--show']);
  assert.match(stdout, /ota_0\s+demo 1.0.0/);
  assert.match(stdout, /ota_1\s+demo 2.0.0/);
  await withDevice({ flash }, async (device) => {
    assert.equal(device.pairingCode, code, 'the pairing code stays');
    assert.match(device.log, /slot ota_0, demo 1.0.0/); // the power was off during the trial
    const client = await Client.connect(device);
    assert.equal(client.firstState.other_image, 'aborted');
    await client.close();
  });
});

test('where there is no room for the flash file the device says so and leaves none behind', async () => {
  const limited = ['bash', '-c', 'ulimit -f 1024; trap "" XFSZ; exec "$@"', 'limited'];
  const device = await startsAndEnds({ image: first.path, wrap: limited }, 3, /no room|cannot be written/);
  assert.ok(!fs.existsSync(device.flashPath), 'half a flash file was left');
});

// A limit on the size of files stands for a full disk: from then on the slot cannot be written.
test('a disk that is full in the middle fails the update, not the device', async () => {
  const patient = ['bash', '-c', 'trap "" XFSZ; exec "$@"', 'patient'];
  await withDevice({ image: first.path, wrap: patient }, async (device) => {
    const limit = (bytes) => execFileSync('prlimit', ['--pid', String(device.process.pid), `--fsize=${bytes}:`]);
    const { offset } = readPartitionTable(device.flash()).ota_1;
    const client = await Client.connect(device);
    const large = makeImage({ version: '2.0.0', size: '300K', seed: 4 });
    limit(offset + 131072);
    const answer = await client.update(large.bytes);
    assert.ok(['flash_erase', 'flash_program'].includes(answer.name), answer.name);
    limit('unlimited');
    const retried = await client.update(large.bytes);
    assert.equal(retried.type, 'done', retried.text);
    assert.ok(device.partition('ota_1').subarray(0, large.bytes.length).equals(large.bytes));
    client.checkMacs();
    await client.close();
  });
});
