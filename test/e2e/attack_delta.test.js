// SPDX-License-Identifier: Apache-2.0
// A man in the middle of an update by a patch. The patch's bytes are not under the mac, so he may change them: the update
// ends with a named error, nothing of the running image or of the boot record is touched, no byte of the slot may boot,
// and the next update is taken at once.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Client, freshPath, makeImage, run, tools, withDevice } from './harness.js';
import { ManInTheMiddle } from './man_in_the_middle.js';
import { baseOf, pack, patchOf, updateByPatch } from './patches.js';

const PLACES = 24; // of the patch where he changes a byte: the first ones, the last ones, and evenly between
const first = makeImage({ version: '1.0.0', size: '60K' });
const other = makeImage({ version: '1.0.0', size: '60K', seed: 9 });
const second = makeImage({ version: '2.0.0', size: '62K', seed: 5 }); // so that each byte of the patch counts
const evil = makeImage({ version: '2.0.0', size: '62K', seed: 666 });
const honest = pack(patchOf(first.bytes, second.bytes));
const NAMES = ['bad_patch', 'bad_compression', 'digest_mismatch'];

const look = (device) => ({ boots: device.boots, otadata: device.partition('otadata'), running: device.partition('ota_0') });

function assertUntouched(device, before, what) {
  assert.equal(device.boots, before.boots, `${what}: it has restarted`);
  assert.ok(device.partition('ota_0').equals(before.running), `${what}: the running image has changed`);
  assert.ok(device.partition('otadata').equals(before.otadata), `${what}: the boot record has changed`);
  const slot = device.partition('ota_1').subarray(0, second.bytes.length);
  assert.ok(slot.equals(second.bytes) || slot[0] !== 0xe9, `${what}: what lies in the slot may boot`);
}

/** Passes all on; data frames become what `change` makes of their bytes, which lie in the stream from `from` on. */
const changing = (change) => ({ toDevice, frame, pass }) => {
  if (!toDevice || !frame.binary) {
    return pass();
  }
  const bytes = change(Buffer.from(frame.data.subarray(4)), frame.data.readUInt32LE(0));
  return pass({ data: Buffer.concat([frame.data.subarray(0, 4), bytes]), binary: true });
};

const changingByte = (place) => changing((bytes, from) => {
  if (place >= from && place < from + bytes.length) bytes[place - from] ^= 0x10;
  return bytes;
});

const update = (client, patch, base = baseOf(first)) => updateByPatch(client, second.bytes, patch, base);

/** The honest client goes through him; the next update, past him, is taken at once and taken back. */
async function strike(device, seeFrame, patch, what) {
  const before = look(device);
  const man = await ManInTheMiddle.start(device, { seeFrame });
  const client = await Client.connect(man.disguise);
  const answer = await update(client, patch);
  assert.equal(answer.type, 'failed', what);
  assert.ok(NAMES.includes(answer.name), `${what}: ${answer.name}`);
  assertUntouched(device, before, what);
  await client.close();
  man.stop();
  const owner = await Client.connect(device);
  assert.equal(owner.firstState.update, 'idle', what);
  assert.equal((await update(owner, honest)).type, 'done', what);
  assert.ok(device.partition('ota_1').subarray(0, second.bytes.length).equals(second.bytes), what);
  owner.say({ type: 'cancel' });
  await owner.next('failed');
  await owner.close();
  return answer.name;
}

test('a patch that a man in the middle changes ends by name', () =>
  withDevice({ image: first.path }, async (device) => {
    const counts = {};
    for (let i = 0; i < PLACES; i++) {
      const end = honest.length - 2; // the last byte ends in bits that mean nothing
      const place = i < 8 ? i : i < 16 ? end - (i - 8) : Math.floor((end * (i - 15)) / (PLACES - 15));
      const name = await strike(device, changingByte(place), honest, `byte ${place} of ${honest.length}`);
      counts[name] = (counts[name] ?? 0) + 1;
    }
    console.log(`patches: ${PLACES} of ${PLACES} that were changed on the way were refused, ${JSON.stringify(counts)}`);
  }));

test('a patch of his own, and one for another base, end by name', () =>
  withDevice({ image: first.path }, async (device) => {
    const stored = pack(patchOf(first.bytes, second.bytes), 0); // without compression both have one length
    const his = pack(patchOf(first.bytes, evil.bytes), 0);
    assert.equal(his.length, stored.length);
    const swapping = changing((bytes, from) => his.subarray(from, from + bytes.length));
    assert.equal(await strike(device, swapping, stored, 'a patch that gives his own image'), 'digest_mismatch');
    const passing = ({ pass }) => pass();
    const forOther = pack(patchOf(other.bytes, second.bytes));
    assert.equal(await strike(device, passing, forOther, 'a patch for another base'), 'digest_mismatch');
  }));

test('a name of the base that was exchanged ends the session', () =>
  withDevice({ image: first.path }, async (device) => {
    const before = look(device);
    const exchange = ({ toDevice, frame, pass }) => {
      const text = frame.data.toString('latin1');
      pass(toDevice && !frame.binary ? { data: Buffer.from(text.replace(baseOf(first), baseOf(other)), 'latin1'), binary: false } : frame);
    };
    const man = await ManInTheMiddle.start(device, { seeFrame: exchange });
    const client = await Client.connect(man.disguise);
    client.begin(second.bytes, { delta: true, base: baseOf(first) });
    await client.ends('bad_mac');
    assertUntouched(device, before, 'another name');
    man.stop();
    const owner = await Client.connect(device);
    assert.equal((await update(owner, honest, baseOf(other))).name, 'delta_base');
    assert.equal((await update(owner, honest)).type, 'done');
    await owner.close();
  }));

test('ota-ws sends the whole image when its patch was changed on the way', () =>
  withDevice({ image: first.path }, async (device) => {
    const running = device.partition('ota_0');
    let changed = 0;
    const once = changing((bytes) => {
      if (changed++ === 0) bytes[bytes.length >> 1] ^= 1;
      return bytes;
    });
    const man = await ManInTheMiddle.start(device, { seeFrame: once });
    const env = { ...process.env, OTA_WS_PASSWORD: device.pairingCode, XDG_CACHE_HOME: path.dirname(freshPath('.cache')) };
    const result = await run(tools.cli, ['push', '--delta', '--no-cache', '--base', first.path, '--no-restart', second.path, man.disguise.url.host], { env });
    man.stop();
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stderr, /^the device cannot use the patch \((bad_patch|bad_compression|digest_mismatch)\): the whole image is sent$/m);
    assert.ok(device.partition('ota_1').subarray(0, second.bytes.length).equals(second.bytes));
    assert.ok(device.partition('ota_0').equals(running));
  }));
