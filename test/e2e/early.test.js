// SPDX-License-Identifier: Apache-2.0
// Data that follow `begin` at once, on real sockets: by a client of our own that also does what no honest one does, and
// by ota-ws, which sends them whenever the device is at rest.
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import zlib from 'node:zlib';
import { Client, makeImage, root, run, tools, until, withDevice } from './harness.js';
import { ManInTheMiddle } from './man_in_the_middle.js';

const first = makeImage({ version: '1.0.0' });
const image = makeImage({ version: '2.0.0', size: '200K', seed: 5 });
const foreign = makeImage({ version: '2.0.0', chip: 'esp32s3' });
const device = { image: first.path };

const slotOf = (it) => it.partition('ota_1').subarray(0, image.bytes.length);

/** Says `begin` with `early` bytes of `bytes` behind it, which are those of `from`. */
function beginEarly(client, { bytes = image.bytes, early = client.state.early, from = bytes, more = {} } = {}) {
  client.received = 0;
  client.begin(bytes, { early, ...more });
  client.data(0, from.subarray(0, early));
}

/** Begins by `begin`; again while the device is finishing what an earlier session has left. */
async function beginUntilTaken(client, begin) {
  for (;;) {
    begin();
    const answer = await until(() => client.messages.find(({ type }) => type === 'ready' || type === 'failed'), 'an answer to begin');
    if (answer.name !== 'device_busy') return;
    await client.fails('device_busy');
  }
}

/** What follows the early data, up to `done`; the offset that the device has said. */
async function goOn(client) {
  const ready = await client.next('ready');
  await client.send(image.bytes, ready, ready.offset === 0 ? client.state.early : ready.offset);
  await client.next('done');
  return ready.offset;
}

/** A whole update, taken back in the end. */
async function assertUpdates(it, client) {
  await beginUntilTaken(client, () => beginEarly(client));
  const offset = await goOn(client);
  assert.ok(slotOf(it).equals(image.bytes));
  client.say({ type: 'cancel' });
  await client.fails('cancelled');
  return offset;
}

/** A part of the image lies in the slot, by a client whose link is lost. */
async function leaveHalf(it) {
  const client = await Client.connect(it);
  await beginUntilTaken(client, () => client.begin(image.bytes));
  const ready = await client.next('ready');
  await client.send(image.bytes, ready, 0, 100_000);
  await until(() => client.received >= 90_000, 'the acknowledgement');
  client.terminate();
  const again = await Client.connect(it);
  await until(() => again.state.update === 'idle', 'the end of the update');
  return again;
}

test('early data count when the file begins at its start, and are thrown away when the device goes on', () =>
  withDevice(device, async (it) => {
    const client = await Client.connect(it);
    assert.ok(client.state.early >= 4096, `${client.state.early}`);
    assert.equal(await assertUpdates(it, client), 0);
    await client.close();
    const again = await leaveHalf(it);
    beginEarly(again, { from: Buffer.alloc(again.state.early) });
    const offset = await goOn(again);
    assert.ok(offset > 50_000, `went on at ${offset}`);
    assert.ok(slotOf(it).equals(image.bytes));
    again.checkMacs();
    await again.close();
  }));

test('a begin that is refused, or an image, takes its early data with it; the next begin has its own', () =>
  withDevice(device, async (it) => {
    const client = await Client.connect(it);
    const refused = { too_large: { more: { size: 0x7fffffff } }, empty: { more: { size: 0, deflate: true } }, wrong_chip: { bytes: foreign.bytes } };
    for (const [name, settings] of Object.entries(refused)) {
      beginEarly(client, settings);
      if (name === 'wrong_chip') await client.next('ready');
      await client.fails(name);
      await assertUpdates(it, client);
    }
    const other = await Client.connect(it);
    client.begin(image.bytes);
    const ready = await client.next('ready');
    beginEarly(other);
    await other.fails('busy');
    other.say({ type: 'ping' });
    await other.next('pong');
    await client.send(image.bytes, ready);
    await client.next('done');
    client.say({ type: 'cancel' });
    await client.fails('cancelled');
    await assertUpdates(it, other);
  }));

test('compression that is declined takes the early bytes of the stream with it', () =>
  withDevice({ ...device, options: { encryptedKey: path.join(root, 'test/vectors/rsa_private.pem') } }, async (it) => {
    const client = await Client.connect(it);
    for (let i = 0; i < 3; i++) {
      beginEarly(client, { from: zlib.deflateRawSync(image.bytes), more: { deflate: true } });
      await client.fails('compression_declined');
    }
    beginEarly(client); // and a plain one, which this device does not take
    await client.next('ready');
    await client.fails('not_encrypted');
    await client.close();
  }));

test('a cancel right behind begin and early data is obeyed', () =>
  withDevice(device, async (it) => {
    const client = await Client.connect(it);
    for (let i = 0; i < 5; i++) {
      beginEarly(client);
      client.say({ type: 'cancel' });
      client.data(client.state.early, image.bytes.subarray(0, 1000));
      await until(() => client.messages.some(({ type }) => type === 'failed'), 'the end');
      client.messages = client.messages.filter(({ type }) => type === 'failed');
      await client.fails('cancelled');
    }
    await assertUpdates(it, client);
    await client.close();
  }));

const actions = {
  'more than the device takes': ['bad_value', (c) => c.begin(image.bytes, { early: c.state.early + 1 })],
  'no number': ['bad_value', (c) => c.begin(image.bytes, { early: true })],
  'a frame beyond them': ['too_many_bytes', (c) => {
    c.begin(image.bytes, { early: 1000 });
    c.data(0, image.bytes.subarray(0, 2000));
  }],
  'an offset that is not theirs': ['wrong_offset', (c) => {
    c.begin(image.bytes, { early: 1000 });
    c.data(1000, image.bytes.subarray(0, 1000));
  }],
  'too few, then what follows': ['wrong_offset', async (c) => {
    c.begin(image.bytes, { early: 1000 });
    c.data(0, image.bytes.subarray(0, 100));
    const { offset } = await c.next('ready');
    c.data(offset, image.bytes.subarray(offset, offset + 900));
  }],
  'another begin in their place': ['unexpected_message', (c) => {
    c.begin(image.bytes, { early: 1000 });
    c.begin(image.bytes, { early: 1000 });
  }],
};

test('what is not as announced ends the session by its name, and nothing is lost', async (t) => {
  await withDevice(device, async (it) => {
    for (const [what, [name, action]] of Object.entries(actions)) {
      await t.test(`${what}: ${name}`, async () => {
        const client = await leaveHalf(it);
        await action(client);
        await client.ends(name);
        const again = await Client.connect(it);
        await until(() => again.state.update === 'idle', 'the end of the update');
        const offset = await assertUpdates(it, again);
        assert.ok(offset > 50_000, `went on at ${offset}`);
        await again.close();
      });
    }
  });
});

// ---- ota-ws

/** Once, holds frames to the device from the one that `isFirst` on until one that `isDue`; then all pass in order. */
function holding(isFirst, isDue) {
  const held = [];
  let isOver = false;
  return (sight) => {
    if (sight.toDevice && !isOver && (held.length > 0 || isFirst(sight.frame))) held.push(sight);
    else sight.pass();
    if (held.length > 0 && isDue(sight.frame)) {
      isOver = true;
      held.splice(0).forEach((each) => each.pass());
    }
  };
}

const isOfType = (type) => ({ data }) => data.toString('latin1').startsWith(`{"type":"${type}"`);
const isData = ({ binary }) => binary;
const dataBeforeBegin = () => holding(isOfType('begin'), isData); // who waits for `ready` waits for ever
const dataAfterReady = () => holding(isData, isOfType('ready'));

for (const compress of ['never', 'always']) {
  test(`ota-ws waits for no answer before its first data, compressed: ${compress}`, () =>
    withDevice({ ...device, options: { unprotected: true } }, async (it) => {
      const man = await ManInTheMiddle.start(it, { seeFrame: dataBeforeBegin() });
      const result = await run(tools.cli, ['push', '--no-restart', '--compress', compress, image.path, man.disguise.url.host]);
      man.stop();
      assert.equal(result.code, 0, result.stderr);
      assert.ok(slotOf(it).equals(image.bytes));
      const at = man.frames.findIndex(isOfType('begin'));
      const { early } = JSON.parse(String(man.frames[at].data));
      const data = man.frames.slice(at + 1).find(({ toDevice }) => toDevice);
      assert.equal(data.data.length, early + 4);
    }));

  test(`ota-ws goes on where the device says although it sent early data, compressed: ${compress}`, async () => {
    for (const order of [dataBeforeBegin, dataAfterReady]) {
      await withDevice({ ...device, options: { unprotected: true } }, async (it) => {
        (await leaveHalf(it)).terminate();
        const man = await ManInTheMiddle.start(it, { seeFrame: order() });
        const result = await run(tools.cli, ['push', '--no-restart', '--compress', compress, image.path, man.disguise.url.host]);
        man.stop();
        assert.equal(result.code, 0, result.stderr);
        assert.match(result.stderr, /^going on after \d+ bytes/m);
        assert.ok(slotOf(it).equals(image.bytes));
      });
    }
  });
}
