// SPDX-License-Identifier: Apache-2.0
// Encrypted images on an emulated chip whose firmware was built with OTA_PRE_ENCRYPTED_MODE and the key that CHIP_KEY
// names (encrypted.sh). The figures are printed; the emulator has no AES or RSA hardware, so times mean nothing.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { freshPath, root, tools, until } from '../e2e/harness.js';
import { decide, install, newImage, newImagePath, withChip } from './chip.js';

const ours = process.env.CHIP_KEY;
const other = path.join(root, 'test/vectors/rsa_other.pem');
const FAILURES = Number(process.env.CHIP_FAILURES ?? 10);
const kib = (bytes) => (bytes / 1024).toFixed(1);

function encrypt(file, key) {
  const to = freshPath('_secure.bin');
  execFileSync(tools.cli, ['encrypt', file, key, '--output', to]);
  return fs.readFileSync(to);
}

const secure = encrypt(newImagePath, ours);

const slot = (chip) => chip.partition('ota_1');

/** Refused by this name, and the old image stays selected. */
async function assertRefused(chip, bytes, name, { untouched }) {
  const before = slot(chip);
  const client = await chip.connect();
  const answer = await client.update(bytes);
  assert.equal(answer.type, 'failed', 'it was activated');
  assert.equal(answer.name, name);
  assert.equal(slot(chip).equals(before), untouched);
  client.terminate();
}

function changed(bytes, at) {
  const copy = Buffer.from(bytes);
  copy[at] ^= 1;
  return copy;
}

test('what the build has made of the project is taken, run and confirmed', () =>
  withChip(async (chip) => {
    const made = fs.readFileSync(newImagePath.replace(/\.bin$/, '_secure.bin'));
    assert.equal(made.length, newImage.length + 512);
    await install(chip, made);
    const state = await chip.state();
    assert.deepEqual([state.version, state.slot, state.image, state.encrypted], ['2.0.0', 'ota_1', 'trial', true]);
    assert.ok(chip.holds('ota_1', newImage));
    assert.equal((await decide(chip, 'confirm')).image, 'valid');
  }));

test('what ota-ws has encrypted is taken; the device names what comes', () =>
  withChip(async (chip) => {
    const client = await chip.connect();
    client.begin(secure);
    const ready = await client.next('ready');
    await client.send(secure, ready, 0, 8192);
    await until(() => client.state.new_version === '2.0.0', 'the new version');
    await client.send(secure, ready, 8192);
    assert.equal((await client.next('done', 'failed')).type, 'done');
    client.terminate();
  }));

test('five failures, five names; four of them change no byte of flash', () =>
  withChip(async (chip) => {
    await assertRefused(chip, newImage, 'not_encrypted', { untouched: true });
    await assertRefused(chip, encrypt(newImagePath, other), 'wrong_key', { untouched: true });
    await assertRefused(chip, encrypt(newImagePath, path.join(root, 'test/vectors/ecies_public.pem')), 'wrong_key', { untouched: true });
    await assertRefused(chip, changed(secure, 390), 'wrong_key', { untouched: true }); // another IV: noise
    await assertRefused(chip, secure.subarray(0, secure.length - 1000), 'truncated', { untouched: true });
    await assertRefused(chip, Buffer.concat([secure, Buffer.alloc(16)]), 'trailing_bytes', { untouched: true });
    await assertRefused(chip, changed(secure, 408), 'bad_tag', { untouched: false });
    assert.equal((await chip.state()).version, '1.0.0');
    await install(chip, secure);
    assert.equal((await chip.state()).version, '2.0.0');
  }));

test('a drop in the middle leaves the next update free, from 0', () =>
  withChip(async (chip) => {
    for (const place of [3, 200, 512, 800, 100_000, secure.length - 1]) {
      const client = await chip.connect();
      client.begin(secure);
      const ready = await client.next('ready');
      assert.equal(ready.offset, 0);
      await client.send(secure, ready, 0, place);
      client.terminate();
    }
    await install(chip, secure);
    assert.equal((await chip.state()).version, '2.0.0');
  }));

test('failures leave no memory taken; figures', (t) =>
  withChip(async (chip) => {
    const files = [encrypt(newImagePath, other), changed(secure, 500_000), newImage, secure.subarray(0, 512)];
    const idle = (await chip.info()).heap;
    const after = [];
    for (let i = 0; i < FAILURES; i++) {
      const client = await chip.connect();
      assert.equal((await client.update(files[i % files.length])).type, 'failed');
      client.terminate();
      after.push(await until(async () => (await chip.state()).update === 'idle' && (await chip.info()).heap, 'idle'));
    }
    t.diagnostic(`heap after each of ${FAILURES} failed updates: ${after.join(' ')} (idle at first ${idle})`);
    assert.ok(after.at(-1) > after[3] - 512, 'heap is lost');
    // First what opening the key takes, then what the rest of an update takes.
    const client = await chip.connect();
    await chip.get('/reset');
    client.begin(secure);
    const ready = await client.next('ready');
    await client.send(secure, ready, 0, 8192);
    await until(() => client.state.new_version !== undefined, 'the key is open');
    const withKey = (await chip.info()).lowest;
    await chip.get('/reset');
    await client.send(secure, ready, 8192);
    assert.equal((await client.next('done', 'failed')).type, 'done');
    client.terminate();
    const info = await chip.info();
    const lowest = Number(/event: verified , heap \d+, lowest (\d+)/.exec(chip.log)[1]); // since the reset
    t.diagnostic(`heap below idle at the peak: ${kib(idle - lowest)} KiB in an update, ${kib(lowest - withKey)} KiB more while its key is opened`);
    t.diagnostic(`stack left: server ${info.httpd_stack_left}, writer ${info.writer_stack_left}`);
  }));
