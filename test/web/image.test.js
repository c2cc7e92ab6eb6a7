// SPDX-License-Identifier: Apache-2.0
// The page's image parser: real images, each kind of broken one, every cut and every flipped byte of a small one.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import zlib from 'node:zlib';

import { inspect as fill } from '../../web/src/image.js';
import { chipName } from '../../web/src/policy.js';
import {
  defects,
  firmwareIsReal,
  helloWorldChips,
  makeImage,
  realImage,
  root,
} from '../e2e/harness.js';

/** All that the page learns of a file. */
async function inspect(bytes) {
  const chosen = { file: ArrayBuffer.isView(bytes) ? new Blob([bytes]) : bytes };
  await fill(chosen, () => (chosen.early = { ...chosen }));
  return chosen;
}

const sha256 = (bytes) => crypto.createHash('sha256').update(bytes).digest('hex');
const skip = firmwareIsReal ? false : 'no real images beside the repository';

for (const chip of helloWorldChips) {
  test(`the image of hello_world for ${chip} is sound`, { skip }, async () => {
    const { bytes } = realImage(`hello_world-${chip}`);
    const { image, problem, sha256: digest } = await inspect(bytes);
    assert.equal(problem, undefined);
    assert.equal(digest, sha256(bytes));
    assert.equal(chipName(image.chip_id).toLowerCase().replace('-', ''), chip);
    assert.equal(image.project, 'hello_world');
    assert.match(image.version, /^v1\.\d+\.\d+-\d+-g[0-9a-f]{7}(-dirty)?$/);
    assert.match(image.idf, /^v\d/);
    assert.match(image.built, /^[A-Z][a-z]{2} [ \d]\d 20\d\d \d\d:\d\d:\d\d$/);
    assert.match(image.elf_sha256, /^[0-9a-f]{64}$/);
    assert.equal(image.length, bytes.length);
    assert.equal(image.signed_by, '');
  });
}

test('the Arduino image is sound, and its strings are what they are', { skip }, async () => {
  const { image, problem } = await inspect(realImage('psychichttp_ota-esp32s3').bytes);
  assert.equal(problem, undefined);
  assert.equal(image.project, 'arduino-lib-builder');
  assert.equal(image.version, 'esp-idf: v4.4.7 38eeba213a');
});

test('what is no application is named by its kind', { skip }, async () => {
  const kinds = {
    'hello_world-esp8266': 'esp8266_image',
    'bootloader-esp32c3': 'bootloader_image',
    'partition-table-single-app': 'not_an_image',
    'littlefs-1536k': 'not_an_image',
  };
  for (const [name, problem] of Object.entries(kinds))
    assert.equal((await inspect(realImage(name).bytes)).problem, problem);
});

test('an image of the builder is described as it was ordered', async () => {
  const spec = { chip: 'esp32s3', version: '1.2.3-rc.4', project: 'lamp', idf: 'v5.5', secureVersion: 7 };
  const elf = 'ab'.repeat(32);
  const { bytes } = makeImage({
    ...spec,
    minRevision: 101,
    maxRevision: 199,
    segments: 16,
    elfSha256: elf,
    size: '90K',
  });
  const { image, problem, sha256: digest } = await inspect(bytes);
  assert.equal(problem, undefined);
  assert.equal(digest, sha256(bytes));
  assert.deepEqual(
    [image.chip_id, image.version, image.project, image.idf, image.secure_version, image.elf_sha256],
    [9, '1.2.3-rc.4', 'lamp', 'v5.5', 7, elf],
  );
  assert.deepEqual([image.min_revision, image.max_revision], [101, 199]);
});

test('an image without digest, and one with a signature sector, are sound', async () => {
  const plain = await inspect(makeImage({ noDigest: true }).bytes);
  assert.deepEqual([plain.problem, plain.image.hash_appended], [undefined, false]);
  const signed = makeImage({ signature: true, size: '50K' }).bytes;
  const { problem, image } = await inspect(signed);
  assert.deepEqual([problem, image.signed_by.length, signed.length % 4096], [undefined, 16, 0]);
  const onSector = await inspect(makeImage({ signature: true, size: '64K' }).bytes);
  assert.match(onSector.image.signed_by, /^[0-9a-f]{16}$/);
  assert.equal(onSector.problem, undefined);
});

test('the key of a signed image has the name that Espressif gives it', async () => {
  for (const [name, signer] of [['rsa', 'f805153611c06b96'], ['ecdsa', '826180bd93bb77d5'], ['unsigned', '']]) {
    const bytes = fs.readFileSync(path.join(root, `test/vectors/signed/${name}.bin`));
    const { problem, image } = await inspect(bytes);
    assert.deepEqual([problem, image.signed_by], [undefined, signer], name);
  }
});

test('a signature sector that is cut, follows nothing or is followed by something, is not taken for one', async () => {
  const signed = makeImage({ signature: true, size: '50K' }).bytes;
  assert.equal((await inspect(signed.subarray(0, -1))).problem, 'trailing_bytes');
  assert.equal((await inspect(Buffer.concat([signed, Buffer.alloc(1)]))).problem, 'trailing_bytes');
  const gap = Buffer.from(signed);
  gap[signed.length - 4097] = 0;
  assert.equal((await inspect(gap)).problem, 'trailing_bytes');
});

for (const { name, status } of defects().filter((defect) => defect.name !== 'padded')) {
  test(`the defect ${name} is ${status}`, async () => {
    for (const size of ['9K', '200K'])
      assert.equal((await inspect(makeImage({ defect: name, size }).bytes)).problem, status);
  });
}

test('of a slot that was read back only the image is taken', async () => {
  const erased = Buffer.alloc(70_000, 0xff);
  for (const spec of [{}, { noDigest: true }, { signature: true, size: '50K' }, { signature: true, size: '64K' }]) {
    const { bytes } = makeImage(spec);
    const file = new File([bytes, erased], 'slot.bin');
    const chosen = await inspect(file);
    assert.deepEqual([chosen.problem, chosen.left_out, chosen.sha256], [undefined, 70_000, sha256(bytes)]);
    assert.deepEqual([chosen.file.size, chosen.file.name], [bytes.length, 'slot.bin']);
    assert.equal(chosen.image.signed_by.length, spec.signature ? 16 : 0);
  }
  const unsigned = makeImage({ signature: true, size: '50K' }).bytes.subarray(0, -4096);
  assert.equal((await inspect(unsigned)).problem, undefined); // padded for a signature that has not come
});

test('one other byte among the 0xFF behind an image is refused', async () => {
  const { bytes } = makeImage({});
  for (const at of [0, 1, 4096, 69_999]) {
    const behind = Buffer.alloc(70_000, 0xff);
    behind[at] = 0xfe;
    assert.equal((await inspect(Buffer.concat([bytes, behind]))).problem, 'trailing_bytes', `byte ${at}`);
  }
});

test('a signature of Secure Boot V1 has its own name', async () => {
  const { bytes } = makeImage({});
  const signature = Buffer.concat([Buffer.alloc(4), Buffer.alloc(64, 0x5a)]);
  assert.equal((await inspect(Buffer.concat([bytes, signature]))).problem, 'secure_boot_v1');
  assert.equal((await inspect(Buffer.concat([bytes, signature.subarray(0, 67)]))).problem, 'trailing_bytes');
  assert.equal((await inspect(Buffer.concat([bytes, Buffer.alloc(68)]))).problem, 'trailing_bytes');
});

test('what was encrypted for a flash looks random, and is called so', async () => {
  const key = Buffer.alloc(32, 7);
  const encrypt = (bytes) => crypto.createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(bytes);
  const { bytes } = makeImage({ size: '90K' });
  assert.equal((await inspect(encrypt(bytes))).problem, 'flash_encrypted');
  assert.equal((await inspect(zlib.gzipSync(bytes))).problem, 'not_an_image'); // it says itself what it is
});

test('a merged image is found by its table, wherever that lies', async () => {
  const old = makeImage({ defect: 'merged-old' }).bytes;
  const bootloader = old.subarray(0, 20000);
  const makeMerged = ({ start, table }) => {
    const merged = Buffer.alloc(0x60000, 0xff);
    merged.set(bootloader, 0);
    merged.set(old.subarray(0x8000, 0x9000), table - start);
    return merged;
  };
  for (const start of [0, 0x1000, 0x2000])
    for (const table of [0x8000, 0x9000, 0x10000, 0x40000]) {
      const merged = makeMerged({ start, table });
      assert.equal((await inspect(merged)).problem, 'merged_image', `${start}, ${table}`);
      merged.fill(0xff, table - start, table - start + 4096);
      assert.equal((await inspect(merged)).problem, 'no_description', `${start}, ${table}: no table`);
    }
  assert.equal((await inspect(bootloader)).problem, 'bootloader_image');
});

test('a small image that is cut anywhere is never sound', async () => {
  const { bytes } = makeImage({ size: 1500, segments: 3 });
  assert.equal((await inspect(bytes)).problem, undefined);
  for (let length = 0; length < bytes.length; length++) {
    const { problem } = await inspect(bytes.subarray(0, length));
    const expected = length === 0 ? 'empty' : length < 288 ? 'too_short' : 'truncated';
    assert.equal(problem, expected, `${length} bytes`);
  }
});

test('a small image with any byte changed is never sound', async () => {
  const { bytes } = makeImage({ size: 1500, segments: 3 });
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at] ^= 0x40;
    assert.ok((await inspect(changed)).problem, `byte ${at}`);
  }
});

test('what follows a segment and is no data does not count for the checksum', async () => {
  const { bytes } = makeImage({ noDigest: true, seed: 3 });
  const changed = Buffer.from(bytes);
  changed[bytes.length - 2] ^= 0xff; // the builder leaves 4 to 16 bytes of padding
  assert.equal((await inspect(changed)).problem, undefined);
});

test('strings of the description are shown as printable ASCII', async () => {
  const bytes = Buffer.from(makeImage({ noDigest: true, version: '1.0.0', project: 'demo' }).bytes);
  bytes.fill(0x41, 48, 80); // not terminated
  bytes.write('a\x1b<b>\xff\0hidden', 80, 'latin1');
  const { image } = await inspect(bytes);
  assert.equal(image.version, 'A'.repeat(32));
  assert.equal(image.project, 'a?<b>?');
});

test('no read is longer than 64 KiB', async () => {
  const { path: name, bytes } = makeImage({ size: '700K' });
  let longest = 0;
  const file = {
    size: fs.statSync(name).size,
    slice(from, to) {
      longest = Math.max(longest, to - from);
      return new Blob([bytes.subarray(from, to)]);
    },
  };
  const { sha256: digest, problem } = await inspect(file);
  assert.deepEqual([digest, problem], [sha256(bytes), undefined]);
  assert.ok(longest <= 65536, `${longest}`);
});

test('what the head holds is shown before the whole file is read', async () => {
  const { early, ...late } = await inspect(makeImage({ defect: 'bad-checksum', size: '700K' }).bytes);
  assert.ok(early.image);
  assert.deepEqual([early.sha256, early.problem], [undefined, undefined]);
  assert.deepEqual([late.sha256?.length, late.problem], [64, 'bad_checksum']);
});
