// SPDX-License-Identifier: Apache-2.0
// From update to update: trial, confirmation, going back, power off, restarts, TLS, timing like that of a real chip.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { test } from 'node:test';
import { Client, freshPath, makeImage, until, withDevice } from './harness.js';

const first = makeImage({ version: '1.0.0' });
const second = makeImage({ version: '2.0.0', seed: 2, size: '200K' });

/** Updates and restarts; the client of the next boot. */
async function restartInto(device, image) {
  const boots = device.boots;
  const client = await Client.connect(device);
  const answer = await client.update(image.bytes);
  assert.equal(answer.type, 'done', answer.text);
  await client.restart();
  return connectAfter(device, boots);
}

async function connectAfter(device, boots) {
  await device.started(boots + 1);
  return Client.connect(device);
}

test('a new image is on trial, counts down, and stays once confirmed', async () => {
  await withDevice({ image: first.path, options: { trialTimeout: 200 } }, async (device) => {
    const client = await restartInto(device, second);
    const { image, version, slot, trial_left_s: left, can_roll_back: canRollBack } = client.firstState;
    assert.deepEqual({ image, version, slot, canRollBack }, { image: 'trial', version: '2.0.0', slot: 'ota_1', canRollBack: true });
    assert.ok(left > 100 && left <= 200, `${left} s left`);
    client.begin(first.bytes);
    await client.fails('on_trial');
    client.say({ type: 'confirm' });
    await until(() => client.state.image === 'valid', 'the confirmation');
    assert.equal(client.state.trial_left_s, undefined);
    client.say({ type: 'confirm' });
    await client.fails('not_on_trial');
    const boots = device.boots;
    await client.restart();
    const again = await connectAfter(device, boots);
    assert.equal(again.firstState.version, '2.0.0');
    assert.equal(again.firstState.image, 'valid');
    assert.notEqual(again.firstState.boot, client.firstState.boot);
    await again.close();
  });
});

test('go back runs the old image again', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const client = await restartInto(device, second);
    const { boots } = device;
    client.say({ type: 'rollback' });
    await client.next('restarting');
    const again = await connectAfter(device, boots);
    assert.equal(again.firstState.version, '1.0.0');
    assert.equal(again.firstState.image, 'valid');
    assert.equal(again.firstState.other_image, 'rolled_back');
    assert.equal(again.firstState.other_version, '2.0.0');
    await again.close();
  });
});

test('a restart without confirming runs the old image again', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const client = await restartInto(device, second);
    const { boots } = device;
    await client.restart();
    const again = await connectAfter(device, boots);
    assert.equal(again.firstState.version, '1.0.0');
    assert.equal(again.firstState.other_image, 'aborted');
    await again.close();
  });
});

test('a power cut during the trial runs the old image again', async () => {
  const flash = freshPath('.flash');
  await withDevice({ image: first.path, flash }, async (device) => {
    await (await restartInto(device, second)).close();
    await device.kill();
  });
  await withDevice({ flash }, async (device) => {
    const client = await Client.connect(device);
    assert.equal(client.firstState.version, '1.0.0');
    assert.equal(client.firstState.other_image, 'aborted');
    await client.close();
  });
});

test('a trial that nobody decides goes back by itself', async () => {
  await withDevice({ image: first.path, options: { trialTimeout: 1 } }, async (device) => {
    const client = await Client.connect(device);
    assert.equal((await client.update(second.bytes)).type, 'done');
    await client.restart(); // into the new image
    const again = await connectAfter(device, 2); // and by itself into the old one
    assert.equal(again.firstState.version, '1.0.0');
    assert.equal(again.firstState.other_image, 'rolled_back');
    await again.close();
  });
});

test('the application decides by itself that it is well, or that it is not', async () => {
  for (const [finding, version, state] of [
    ['good', '2.0.0', 'valid'],
    ['bad', '1.0.0', 'valid'],
  ]) {
    const health = freshPath('.txt');
    await withDevice({ image: first.path, options: { health } }, async (device) => {
      const client = await restartInto(device, second);
      assert.equal(client.firstState.image, 'trial');
      const { boots } = device;
      fs.writeFileSync(health, finding);
      let last = client;
      if (finding === 'good') {
        await until(() => client.state.image === 'valid', 'the confirmation');
      } else {
        await client.next('restarting');
        last = await connectAfter(device, boots);
        assert.equal(last.firstState.last_outcome, 'rolled_back');
      }
      assert.equal(last.state.version, version);
      assert.equal(last.state.image, state);
      await last.close();
    });
  }
});

test('without an image in the other slot there is nothing to go back to', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const client = await Client.connect(device);
    assert.equal(client.firstState.can_roll_back, undefined);
    client.say({ type: 'rollback' });
    await client.fails('nothing_to_go_back_to');
    client.say({ type: 'cancel' });
    await client.fails('no_update');
    await client.close();
  });
});

test('a cancelled update that was ready does not run after a restart', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const client = await Client.connect(device);
    assert.equal((await client.update(second.bytes)).type, 'done');
    client.begin(second.bytes);
    await client.fails('restart_pending');
    client.say({ type: 'cancel' });
    await client.fails('cancelled');
    const { boots } = device;
    await client.restart();
    const again = await connectAfter(device, boots);
    assert.equal(again.firstState.version, '1.0.0');
    assert.equal(again.firstState.image, 'valid');
    await again.close();
  });
});

test('cancel in the middle, and then the same file again', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const client = await Client.connect(device);
    client.begin(second.bytes);
    const ready = await client.next('ready');
    await client.send(second.bytes, ready, 0, 100000);
    client.say({ type: 'cancel' });
    await client.fails('cancelled');
    const answer = await client.update(second.bytes);
    assert.equal(answer.type, 'done', answer.text);
    client.checkMacs();
    await client.close();
  });
});

test('a power cut during an update loses at most a block of it', async () => {
  const flash = freshPath('.flash');
  const large = makeImage({ version: '2.0.0', size: '400K', seed: 3 });
  await withDevice({ image: first.path, flash }, async (device) => {
    const client = await Client.connect(device);
    client.begin(large.bytes);
    await client.send(large.bytes, await client.next('ready'), 0, 300000);
    await until(() => client.written >= 250000, 'the writing');
    await device.kill();
  });
  await withDevice({ flash }, async (device) => {
    const client = await Client.connect(device);
    assert.equal(client.firstState.version, '1.0.0');
    client.begin(large.bytes);
    const ready = await client.next('ready');
    assert.ok(ready.offset >= 250000 - 65536, `goes on at ${ready.offset}`);
    await client.send(large.bytes, ready);
    const { slot } = await client.next('done');
    assert.ok(device.partition(slot).subarray(0, large.bytes.length).equals(large.bytes));
    await client.close();
  });
});

test('twenty updates in a row, each into the other slot', async () => {
  await withDevice({ image: first.path }, async (device) => {
    for (let i = 2; i < 22; i++) {
      const client = await restartInto(device, makeImage({ version: `${i}.0.0`, seed: i }));
      assert.equal(client.firstState.version, `${i}.0.0`);
      assert.equal(client.firstState.slot, `ota_${(i + 1) % 2}`);
      client.say({ type: 'confirm' });
      await until(() => client.state.image === 'valid', 'the confirmation');
      await client.close();
    }
  });
});

function makeCertificate() {
  const key = freshPath('.key');
  const cert = freshPath('.pem');
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  execFileSync('openssl', ['req', '-x509', ...curve, '-days', '2', '-keyout', key, '-out', cert, ...subject], { stdio: 'ignore' });
  return { cert, key };
}

test('all of it over https and wss', async () => {
  await withDevice({ image: first.path, options: makeCertificate() }, async (device) => {
    assert.equal(device.url.protocol, 'https:');
    const client = await restartInto(device, second);
    assert.equal(client.firstState.version, '2.0.0');
    client.say({ type: 'confirm' });
    await until(() => client.state.image === 'valid', 'the confirmation');
    client.checkMacs();
    await client.close();
  });
});

test('a certificate that cannot be read ends the device with a sentence', async () => {
  const { cert } = makeCertificate();
  await assert.rejects(
    withDevice({ image: first.path, options: { cert, key: '/nonexistent' } }, async () => {}),
    /did not start/,
  );
});

test('flash as slow as a real chip: the credit holds the client back, and the bytes are right', async () => {
  await withDevice({ image: first.path, options: { timing: 'gd25q32' } }, async (device) => {
    const client = await Client.connect(device);
    const answer = await client.update(second.bytes);
    assert.equal(answer.type, 'done', answer.text);
    assert.ok(device.partition(answer.slot).subarray(0, second.bytes.length).equals(second.bytes));
    await client.close();
  });
});

test('other chunk sizes and credits', async (t) => {
  for (const options of [{ chunk: 512, credit: 1024 }, { chunk: 65536, credit: 131072 }, { chunk: 1000, credit: 5000 }]) {
    await t.test(JSON.stringify(options), () =>
      withDevice({ image: first.path, options }, async (device) => {
        const client = await Client.connect(device);
        const answer = await client.update(second.bytes);
        assert.equal(answer.type, 'done', answer.text);
        assert.ok(device.partition(answer.slot).subarray(0, second.bytes.length).equals(second.bytes));
        await client.close();
      }),
    );
  }
});
