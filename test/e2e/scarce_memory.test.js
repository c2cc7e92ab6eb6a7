// SPDX-License-Identifier: Apache-2.0
// Each allocation of the virtual device fails once, one after the other (test/faults/scarce.c), in a life of a page, a
// login, a long message and an update: what it was for fails, by its name or by a closed link, and the device takes the
// update when it is asked again.
import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import { Client, Device, buildDir, explain, makeImage, request, until } from './harness.js';

const running = makeImage({ version: '1.0.0', size: '64K' });
const update = makeImage({ version: '2.0.0', size: '64K' });
const longText = JSON.stringify({ type: 'ping', no_such_name: 'x'.repeat(900) });

/** The page, a message that is too long for the buffer before the login, and the whole update; throws where memory was missing. */
async function serveAndUpdate(device) {
  const page = await request(device);
  assert.equal(page.status, 200);
  const client = await Client.connect(device);
  try {
    client.say({ type: 'history' });
    await client.next('history');
    if (client.firstState.update !== 'ready') { // a link that was lost at the end cost nothing
      const answer = await client.update(update.bytes);
      assert.equal(answer.type, 'done', answer.name);
    }
    client.say({ type: 'cancel' });
    await client.fails('cancelled');
    client.sendText(longText);
    await client.ends('unknown_member');
  } finally {
    client.terminate();
  }
}

/** A login that was cut off counts as a guess: then there is a second to wait. What it has begun may still end, and may be
 * ready only after the next client has come. */
async function serveAgain(device) {
  await until(async () => {
    const error = await serveAndUpdate(device).catch((thrown) => thrown);
    assert.ok(error === undefined || /try_later|busy|restart_pending/.test(error.message), error);
    return error === undefined;
  }, 'the update');
}

/** How the n-th failure ends; undefined when there is no n-th allocation. */
async function lifeWithout(n) {
  const device = await Device.start({ image: running.path, executable: path.join(buildDir, 'test/faults/ota-ws-device-scarce'), env: { FAIL_ALLOCATION: String(n) } });
  if (device.ended) {
    assert.notEqual(device.code, 0, device.log);
    assert.equal(device.signal, null, device.log);
    assert.match(device.log, /memory/, 'it does not say why it does not start');
    return 'refused to start';
  }
  try {
    const failure = await serveAndUpdate(device).catch((error) => error);
    if (failure !== undefined) {
      await serveAgain(device);
    }
    await device.stop();
    const failed = device.log.includes(`allocation ${n} fails`);
    assert.ok(failed || failure === undefined, failure);
    return failed ? (failure === undefined ? 'not noticed' : 'asked again') : undefined;
  } catch (error) {
    explain(error, `without allocation ${n}\n--- console\n${device.log}`);
    await device.kill();
    throw error;
  }
}

test('each allocation of the device fails once', async (t) => {
  const counts = {};
  let n = 0;
  for (let end = await lifeWithout(n); end !== undefined; end = await lifeWithout(++n)) {
    counts[end] = (counts[end] ?? 0) + 1;
  }
  assert.ok(n > 5, `only ${n} allocations`);
  t.diagnostic(`${n} allocations, each failed once: ${JSON.stringify(counts)}`);
});
