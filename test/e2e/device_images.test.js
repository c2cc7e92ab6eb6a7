// SPDX-License-Identifier: Apache-2.0
// Files that a device must take, and files that it must refuse by name: pushed to real devices with the raw client.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, defects, helloWorldChips, makeImage, realImage, run, tools, withDevice } from './harness.js';

/** An update from a new client works at once; afterwards it is taken back. */
async function assertUpdates(device, image) {
  const client = await Client.connect(device);
  const answer = await client.update(image.bytes, { allow_downgrade: true });
  assert.equal(answer.type, 'done', answer.text);
  assert.deepEqual(device.partition(answer.slot).subarray(0, image.bytes.length), image.bytes);
  client.say({ type: 'cancel' });
  await client.fails('cancelled');
  client.checkMacs();
  await client.close();
}

/** The device refuses the file by this name; not one byte of flash has changed, or the old image is still selected. */
async function assertRefused(device, bytes, names, { untouched }) {
  const before = device.flash();
  const client = await Client.connect(device);
  const answer = await client.update(bytes);
  assert.equal(answer.type, 'failed');
  assert.ok([names].flat().includes(answer.name), `${answer.name}: ${answer.text}`);
  assert.ok(answer.text.length > 10 && !/[{}]/.test(answer.text), answer.text);
  const after = device.flash();
  if (untouched) {
    assert.ok(after.equals(before), 'flash has changed');
  } else {
    const slot = 0x10000 + 0x1f0000; // of the running image and all before it nothing has changed
    assert.ok(after.subarray(0, slot).equals(before.subarray(0, slot)), 'the running image or the boot record has changed');
  }
  client.checkMacs();
  await client.close();
  return answer;
}

const HEAD = 288;
const sound = makeImage({ version: '2.0.0', size: '150K', seed: 7 });
const other = makeImage({ version: '2.0.1', size: '90K', seed: 8 });
const first = makeImage({ version: '1.0.0' });

test('each real image is pushed to a device of its chip, byte for byte, and refused by one of another chip', async (t) => {
  for (const chip of helloWorldChips) {
    await t.test(chip, async () => {
      const image = realImage(`hello_world-${chip}`, { chip, project: 'hello_world', version: '2.0.0' });
      const old = makeImage({ chip, project: 'hello_world', version: '0.0.1' });
      await withDevice({ image: old.path, options: { chip } }, async (device) => {
        await assertUpdates(device, image);
      });
      const foreign = chip === 'esp32' ? 'esp32c3' : 'esp32';
      const foreignOld = makeImage({ chip: foreign, project: 'hello_world', version: '0.0.1' });
      await withDevice({ image: foreignOld.path, options: { chip: foreign } }, async (device) => {
        const answer = await assertRefused(device, image.bytes, 'wrong_chip', { untouched: true });
        const name = (id) => id.toUpperCase().replace(/^(ESP32)(.)/, '$1-$2');
        assert.equal(answer.image, name(chip));
        assert.equal(answer.device, name(foreign));
        assert.ok(answer.text.includes(answer.image) && answer.text.includes(answer.device), answer.text);
      });
    });
  }
});

test('a large Arduino application is pushed byte for byte', async () => {
  const image = realImage('psychichttp_ota-esp32s3', { chip: 'esp32s3', size: 867072 });
  const old = makeImage({ chip: 'esp32s3' });
  await withDevice({ image: old.path, options: { anyProject: true } }, async (device) => {
    await assertUpdates(device, image);
  });
});

test('what is no application is refused before any erase', async (t) => {
  await withDevice({ image: first.path }, async (device) => {
    const files = [
      ['hello_world-esp8266', 'esp8266_image', { defect: 'esp8266' }],
      ['bootloader-esp32c3', 'bootloader_image', { defect: 'bootloader', size: 19152 }],
      ['partition-table-single-app', 'not_an_image', { defect: 'text', size: 3072 }],
      ['littlefs-1536k', 'not_an_image', { defect: 'text', size: '1536K' }],
    ];
    for (const [name, status, instead] of files) {
      await t.test(name, () => assertRefused(device, realImage(name, instead).bytes, status, { untouched: true }));
    }
    await assertUpdates(device, sound);
  });
});

test('each defect is refused by its name, and the next update works at once', async (t) => {
  // What lies behind the head is found while or after the bytes are written: the slot has changed, nothing else.
  const late = ['bad-checksum', 'bad-digest', 'two-flips', 'truncated', 'end-missing', 'one-byte-more', 'garbage', 'padded', 'secure-boot-v1'];
  await withDevice({ image: first.path }, async (device) => {
    for (const { name, status } of defects()) {
      await t.test(name, async () => {
        const size = name === 'bootloader' ? 20000 : 150000;
        const { bytes } = makeImage({ defect: name, version: '2.0.0', size, seed: 9 });
        await assertRefused(device, bytes, status, { untouched: !late.includes(name) });
        await assertUpdates(device, other);
      });
    }
  });
});

test('an image cut off at many places is refused', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const size = sound.bytes.length;
    const places = [1, 23, 24, 31, 32, 287, HEAD, HEAD + 1, 4095, 4096, 65536, 65537, 100000, size - 33, size - 32, size - 1];
    for (const place of places) {
      const names = place < HEAD ? ['too_short', 'not_an_image'] : 'truncated';
      await assertRefused(device, sound.bytes.subarray(0, place), names, { untouched: place < HEAD });
    }
    await assertUpdates(device, sound);
  });
});

test('one flipped byte is refused, whether it was flipped before or after the promise', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const size = sound.bytes.length;
    const heads = [0, 1, 12, 13, 32, 35]; // what the device looks at before the first erase
    const places = [...heads, 23, 24, 29, 100, 200, HEAD, 5000, 65535, 65536, 120000, size - 40, size - 33, size - 32, size - 1];
    for (const place of places) {
      const bytes = Buffer.from(sound.bytes);
      bytes[place] ^= 0x40;
      const before = device.flash();
      const client = await Client.connect(device);
      const answer = await client.update(bytes); // promised as it is
      assert.equal(answer.type, 'failed', `byte ${place}`);
      assert.notEqual(answer.name, 'digest_mismatch');
      if (heads.includes(place)) {
        assert.ok(device.flash().equals(before), `flash has changed (byte ${place}, ${answer.name})`);
      }
      client.begin(sound.bytes); // promised otherwise
      await client.send(bytes, { ...(await client.next('ready')), offset: 0 });
      const second = await client.next('failed');
      assert.ok(place < HEAD || second.name !== 'done', second.name);
      await client.close();
    }
    await assertUpdates(device, sound);
  });
});

test('sizes that cannot be are refused at once', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const before = device.flash();
    const client = await Client.connect(device);
    const { slot_size: room } = client.firstState;
    client.begin(Buffer.alloc(0));
    await client.fails('empty');
    client.say({ ...client.beginMessage(sound.bytes), size: room + 1 });
    const answer = await client.fails('too_large');
    assert.equal(answer.image, String(room + 1));
    assert.equal(answer.device, String(room));
    client.say({ ...client.beginMessage(sound.bytes), size: 4294967295 });
    await client.fails('too_large');
    assert.ok(device.flash().equals(before));
    await client.close();
    await assertUpdates(device, makeImage({ version: '2.0.0', size: room }));
  });
});

test('what ESP-IDF would refuse at the end is refused before the erase', async (t) => {
  const options = { efuseRevision: '1.3', mmuPageSize: '64K' };
  await withDevice({ image: first.path, options }, async (device) => {
    const client = await Client.connect(device);
    const { efuse_revision, mmu_page_size } = client.firstState;
    assert.deepEqual([efuse_revision, mmu_page_size], [103, 65536]);
    await client.close();
    const cases = [
      ['wrong_efuse_revision', { minEfuseRevision: 104 }, '1.4 to 1.99', '1.3'],
      ['wrong_efuse_revision', { maxEfuseRevision: 102 }, '0.0 to 1.2', '1.3'],
      ['wrong_mmu_page_size', { mmuPageSize: '32K' }, '32 KB', '64 KB'],
    ];
    for (const [name, image, theirs, ours] of cases) {
      await t.test(`${name} ${JSON.stringify(image)}`, async () => {
        const file = makeImage({ version: '2.0.0', ...image });
        const answer = await assertRefused(device, file.bytes, name, { untouched: true });
        assert.deepEqual([answer.image, answer.device], [theirs, ours]);
        const { stdout } = await run(tools.cli, ['inspect', file.path]);
        assert.match(stdout, name === 'wrong_mmu_page_size' ? /^MMU pages +32768 bytes$/m : /^eFuse +block revision /m);
      });
    }
    await assertUpdates(device, makeImage({ version: '2.0.0', minEfuseRevision: 103, maxEfuseRevision: 103, mmuPageSize: 1 }));
  });
});

test('policy: other project, older version, older secure version, wrong revision', async (t) => {
  const options = { chipRevision: '1.1', secureVersion: 2 };
  const running = makeImage({ version: '1.5.0', secureVersion: 2 });
  await withDevice({ image: running.path, options }, async (device) => {
    const cases = [
      ['wrong_project', { project: 'lamp', version: '2.0.0', secureVersion: 2 }, 'lamp', 'demo'],
      ['older_version', { version: '1.4.9', secureVersion: 2 }, '1.4.9', '1.5.0'],
      ['older_secure_version', { version: '2.0.0', secureVersion: 1 }, '1', '2'],
      ['wrong_revision', { version: '2.0.0', secureVersion: 2, minRevision: 102 }, undefined, '1.1'],
      ['wrong_revision', { version: '2.0.0', secureVersion: 2, maxRevision: 100 }, undefined, '1.1'],
    ];
    for (const [name, image, theirs, ours] of cases) {
      await t.test(`${name} ${JSON.stringify(image)}`, async () => {
        const answer = await assertRefused(device, makeImage(image).bytes, name, { untouched: true });
        assert.equal(answer.device, ours);
        assert.ok(theirs === undefined || answer.image === theirs, answer.image);
      });
    }
    await assertUpdates(device, makeImage({ version: '1.4.9', secureVersion: 2 })); // with allow_downgrade
  });
});

test('a signed image is taken with its signature', async () => {
  await withDevice({ image: first.path }, (device) => assertUpdates(device, makeImage({ version: '2.0.0', signature: true })));
});
