// SPDX-License-Identifier: Apache-2.0
// The page against real devices: everything a user can do and see there, in the browser that BROWSER names.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import zlib from 'node:zlib';

import {
  Client,
  Device,
  firmwareIsReal,
  freshPath,
  helloWorldChips,
  makeImage,
  realImage,
  request,
  root,
  tools,
  until,
  withDevice as withPlainDevice,
} from './harness.js';
import { Cable } from './cable.js';
import { RECOVERY_TABLE } from './recovery_layout.js';
import { ManInTheMiddle } from './man_in_the_middle.js';
import { engine, inScheme, pageTest as test, visitBoth, Visitor, visitSmall } from './visitor.js';

const withDevice = (settings, body) => withPlainDevice(inScheme(settings), body);

/** A device and somebody who is logged in; both are gone afterwards. */
async function withPage({ visitor: visitorOptions, ...settings }, body) {
  await withDevice({ image: demo1.path, ...settings }, async (device) => {
    const visitor = await Visitor.come(device.page, visitorOptions);
    await visitor.login(device.pairingCode);
    await visitor.see('versions');
    await body(visitor, device);
    await visitor.leave();
  });
}

const demo1 = makeImage({ version: '1.0.0', size: '100K' });
const demo2 = makeImage({ version: '2.0.0', size: '300K', seed: 2 });
const demo09 = makeImage({ version: '0.9.0', size: '60K', seed: 3 });
const large = makeImage({ version: '3.0.0', size: '900K', seed: 4 });

/** From now on `window.notices` has all that the page says in its notice. */
const keepNotices = (visitor) =>
  visitor.evaluate(() => {
    window.notices = [];
    const watched = document.getElementById('notice');
    new MutationObserver(() => window.notices.push(watched.textContent)).observe(watched, { childList: true });
  });

const isInSlot = (device, label, bytes) => device.partition(label).subarray(0, bytes.length).equals(bytes);

// ---- updates

for (const chip of helloWorldChips) {
  test(`the image of hello_world for ${chip} goes through the page, byte for byte, and is confirmed`, async () => {
    const image = makeImage({ chip, project: 'hello_world', version: 'v1.0.0' });
    const file = realImage(`hello_world-${chip}`, { chip, project: 'hello_world', version: 'v1.4.1' });
    await withPage({ image: image.path }, async (visitor, device) => {
      await visitor.choose(file.path);
      await visitor.says('verdict', 'The file is sound and fits this device.');
      await visitor.says('versions', /^v1\.0\.0 → v1\./);
      const version = (await visitor.read('versions')).split(' → ')[1];
      await visitor.click('upload');
      await visitor.see('ready');
      assert.ok(isInSlot(device, 'ota_1', file.bytes));
      await visitor.says('restart', `Restart into ${version}`);
      await visitor.click('restart');
      await visitor.says('keep', `${version} is running. Keep it?`);
      await visitor.click('confirm');
      await visitor.says('notice', `v1.0.0 → ${version}: confirmed`);
      await visitor.see('choice');
      assert.equal(await visitor.read('versions'), `${version} runs from ota_1.`);
      assert.equal(await visitor.read('verdict'), ''); // the file that was chosen is done with
      assert.equal(device.boots, 2);
    });
  });
}

test(
  'the Arduino image of 867 KB goes through the page',
  { skip: !firmwareIsReal && 'no real images beside the repository' },
  async () => {
    const image = makeImage({ chip: 'esp32s3' });
    const file = realImage('psychichttp_ota-esp32s3');
    await withPage({ image: image.path, options: { anyProject: true } }, async (visitor, device) => {
      await visitor.upload(file.path);
      await visitor.see('ready');
      assert.ok(isInSlot(device, 'ota_1', file.bytes));
    });
  },
);

test('the large chunks of a fast device pass, too', async () => {
  await withPage({ options: { chunk: 65536, credit: 262144 } }, async (visitor, device) => {
    await visitor.upload(large.path);
    await visitor.see('ready');
    assert.ok(isInSlot(device, 'ota_1', large.bytes));
    assert.doesNotMatch(device.log, /session: 2/); // in one go
  });
});

test('the page may be at /', async () => {
  await withPage({ options: { uri: '/' } }, async (visitor) => {
    await visitor.upload(demo2.path);
    await visitor.see('ready');
  });
});

test('old and new stand side by side before the upload', async () => {
  await withPage({ options: { anyProject: true } }, async (visitor) => {
    assert.equal(await visitor.read('versions'), '1.0.0 runs from ota_0.');
    assert.deepEqual([await visitor.read('projects'), await visitor.read('slots')], ['demo', 'ota_0']);
    const other = makeImage({ version: '2.0.0', project: 'lamp', idf: 'v5.5', size: 200_000 });
    await visitor.choose(other.path);
    await visitor.says('versions', '1.0.0 → 2.0.0');
    await visitor.says('projects', 'demo → lamp');
    assert.equal(await visitor.read('idfs'), 'v5.4.1 → v5.5');
    assert.equal(await visitor.read('slots'), 'ota_0 → ota_1');
    assert.match(await visitor.read('drop'), /^200 kB, 1\/1\/2026/);
    assert.match(await visitor.read('chips'), /^ESP32-C3 v\d\.\d$/);
  });
});

test('progress is shown in bytes that are in flash, and by a progress element', async () => {
  await withPage({ options: { timing: 'w25q32jv' } }, async (visitor) => {
    await visitor.upload(large.path);
    await visitor.see('progress');
    await visitor.says('what', 'Uploading 3.0.0');
    await visitor.says('numbers', /^[1-9]\d* kB of 9\d\d kB · \d+ kB\/s · \d+:\d\d left( · sealed)?$/);
    const { name, value } = await visitor.evaluate(() => ({
      name: document.querySelector('progress').labels[0].textContent,
      value: document.querySelector('progress').value,
    }));
    assert.equal(name, 'Uploading 3.0.0');
    assert.ok(value > 0 && value < 1);
    await visitor.see('ready');
  });
});

// ---- trial

visitBoth('a new image is on trial with a countdown; going back runs the old one again', async () => {
  await withPage({ options: { trialTimeout: 300 } }, async (visitor, device) => {
    await visitor.update(demo2.path);
    await visitor.says('keep', '2.0.0 is running. Keep it?');
    await visitor.says('countdown', /^4:[45]\d$/);
    assert.equal(await visitor.isSeen('choice'), false);
    assert.ok(await visitor.evaluate(() => ['keep', 'confirm', 'rollback'].every((id) => document.getElementById(id).closest('.trial'))), 'one card');
    await visitor.goBack();
    await visitor.says('notice', '1.0.0 → 2.0.0: rolled back');
    assert.equal(device.boots, 3);
    await visitor.see('choice');
  });
});

test('who has scrolled down sees the whole card of the trial', async () => {
  await withPage({ visitor: { viewport: { width: 390, height: 300 } } }, async (visitor) => {
    await visitor.upload(demo2.path);
    await visitor.see('ready');
    await visitor.evaluate(() => scrollTo(0, 1e4));
    await visitor.click('restart');
    await visitor.see('confirm');
    assert.equal(await visitor.evaluate(() => scrollY), 0);
  });
});

test('good news goes after a while, bad news stays', async () => {
  await withPage({}, async (visitor) => {
    await visitor.update(demo2.path);
    await visitor.see('confirm');
    await visitor.evaluate(() => {
      const real = setTimeout;
      window.setTimeout = (run, ms) => (ms === 25000 ? (window.forget = run) : real(run, ms));
    });
    await visitor.click('confirm');
    await visitor.says('notice', '1.0.0 → 2.0.0: confirmed');
    await visitor.evaluate(() => window.forget());
    await visitor.says('notice', '');
    await visitor.says('versions', '2.0.0 runs from ota_1.');
    await visitor.goBack();
    await visitor.says('notice', '1.0.0 → 2.0.0: rolled back');
    assert.notEqual(await visitor.attribute('notice', 'class'), 'good');
  });
});

test('a restart without confirming is shown as what it is', async () => {
  await withPage({}, async (visitor, device) => {
    await visitor.update(demo2.path);
    await visitor.see('trial');
    const client = await Client.connect(device);
    await client.restart();
    const fate = 'rolled back: restart before it was confirmed (software)';
    await visitor.says('notice', `1.0.0 → 2.0.0: ${fate}`);
    assert.equal(await visitor.attribute('notice', 'class'), 'bad');
    await until(async () => (await visitor.read('updates')).startsWith(`1.0.0 → 2.0.0: ${fate}, `), 'the record');
    assert.equal(await visitor.isSeen('trial'), false);
  });
});

visitBoth('the countdown goes back by itself, and the page says so', async () => {
  await withPage({ options: { trialTimeout: 1 } }, async (visitor) => {
    await visitor.update(demo2.path);
    await visitor.says('notice', '1.0.0 → 2.0.0: rolled back: nobody confirmed it in time');
  });
});

test('a trial without limit has no countdown', async () => {
  await withPage({ options: { trialTimeout: 0 } }, async (visitor) => {
    await visitor.update(demo2.path);
    await visitor.see('trial');
    assert.equal(await visitor.isSeen('countdown'), false);
    await visitor.click('confirm');
    await visitor.says('notice', /^\S+ → 2\.0\.0: confirmed$/);
  });
});

visitBoth('after a confirmed update the older image can be had again', async () => {
  await withPage({}, async (visitor) => {
    await visitor.update(demo2.path);
    await visitor.see('trial');
    await visitor.click('confirm');
    await visitor.says('rollback', 'Go back to 1.0.0');
    await visitor.see('choice');
    await visitor.goBack();
    await visitor.says('versions', '1.0.0 runs from ota_0.');
    await visitor.says('notice', '1.0.0 → 2.0.0: rolled back');
  });
});

test('the page says who signed what runs and what was chosen', async () => {
  const key = (name) => path.join(root, 'test/vectors/signed', name);
  await withPage({ options: { signingKey: key('rsa-a.pem') } }, async (visitor) => {
    assert.equal(await visitor.isSeen('signers'), false);
    await visitor.choose(key('ecdsa.bin'));
    await visitor.see('signers');
    await visitor.says('signers', '– → 826180bd93bb77d5');
    await visitor.update(key('rsa.bin'));
    await visitor.see('trial');
    await visitor.says('signers', 'f805153611c06b96');
  });
});

test('the last updates are shown, the newest one first, also to who comes later', async () => {
  await withPage({}, async (visitor, device) => {
    await visitor.update(demo2.path);
    await visitor.goBack();
    await visitor.says('notice', /: rolled back$/);
    await visitor.says('updates', /^1\.0\.0 → 2\.0\.0: rolled back, this minute, 127\.0\.0\.1$/);
    await visitor.see('choice');
    await visitor.upload(demo2.path);
    await visitor.see('ready');
    await visitor.click('discard');
    const shown = /^1\.0\.0 → 2\.0\.0: cancelled, .*1\.0\.0 → 2\.0\.0: rolled back, .*$/;
    await visitor.says('updates', shown);
    const other = await Visitor.come(device.page);
    await other.login(device.pairingCode);
    await other.says('updates', shown);
    await other.leave();
  });
});

visitBoth('an update that is ready can be discarded', async () => {
  await withPage({}, async (visitor, device) => {
    await visitor.upload(demo2.path);
    await visitor.see('ready');
    await visitor.click('discard');
    await visitor.says('notice', 'Cancelled. The firmware stays as it was.');
    await visitor.see('choice');
    const client = await Client.connect(device);
    await client.restart();
    await device.started(2);
    await visitor.says('versions', '1.0.0 → 2.0.0'); // the file is chosen still
    await visitor.see('upload');
  });
});

// ---- refusals

test('files of the wrong kind are refused before the upload, with the flash untouched', async () => {
  const s3 = makeImage({ chip: 'esp32s3' });
  const files = [
    [s3.path, 'Chip: the image needs ESP32-S3, this device has ESP32-C3.'],
    [
      makeImage({ project: 'lamp', version: '2.0.0' }).path,
      'Project: the image needs lamp, this device has demo.',
    ],
    [makeImage({ minRevision: 9900 }).path, /^Chip revision: the image needs 99\.0\+, this device has \d\.\d\.$/],
    [makeImage({ size: '3M' }).path, /^Bytes: the image needs 3145728, this device has \d+\.$/],
    [makeImage({ defect: 'empty' }).path, 'The file is empty.'],
    [makeImage({ defect: 'text' }).path, "This is no ESP32 firmware. Choose the application's .bin file."],
    [makeImage({ defect: 'esp8266' }).path, 'This is firmware for ESP8266, another chip.'],
    [makeImage({ defect: 'bootloader' }).path, "This is a bootloader. Choose the application's .bin file."],
    [makeImage({ defect: 'merged' }).path, "This is the whole flash. Choose the application's .bin file."],
    [makeImage({ defect: 'encrypted' }).path, 'The image is encrypted, this device takes plain ones.'],
    [makeImage({ defect: 'truncated' }).path, 'The image is cut off: its end is missing.'],
    [makeImage({ defect: 'garbage' }).path, 'Something follows the image.'],
    [makeImage({ defect: 'bad-checksum' }).path, 'The image is damaged (bad_checksum).'],
    [makeImage({ defect: 'two-flips' }).path, 'The image is damaged (bad_image_digest).'],
  ];
  await withPage({}, async (visitor, device) => {
    const before = device.flash();
    for (const [file, sentence] of files) {
      await visitor.choose(file);
      await visitor.says('verdict', sentence);
      assert.equal(await visitor.isSeen('upload'), false, String(sentence));
      assert.equal(await visitor.isSeen('downgrade'), false, String(sentence));
    }
    assert.ok(device.flash().equals(before));
    await visitor.upload(demo2.path);
    await visitor.see('ready');
  });
});

visitSmall('what the device refuses is said in a sentence, with the flash untouched', async () => {
  const files = [
    [makeImage({ chip: 'esp32s3' }).path, 'Chip: the image needs ESP32-S3, this device has ESP32-C3.'],
    [makeImage({ project: 'lamp', version: '2.0.0' }).path, 'Project: the image needs lamp, this device has demo.'],
    [makeImage({ size: '3M' }).path, /^Bytes: the image needs 3145728, this device has \d+\.$/],
    [makeImage({ defect: 'text' }).path, "This is no ESP32 firmware. Choose the application's .bin file."],
    [makeImage({ defect: 'encrypted' }).path, 'The image is encrypted, this device takes plain ones.'],
  ];
  await withPage({}, async (visitor, device) => {
    const before = device.flash();
    await visitor.choose(makeImage({ defect: 'empty' }).path);
    await visitor.says('verdict', 'The file is empty.');
    assert.equal(await visitor.isSeen('upload'), false);
    for (const [file, sentence] of files) {
      await visitor.upload(file);
      await visitor.says('notice', sentence);
    }
    assert.ok(device.flash().equals(before));
    await visitor.upload(makeImage({ defect: 'two-flips' }).path); // the digest that the image has in it is wrong
    await visitor.says('notice', 'The image is damaged (bad_image_digest).');
    await visitor.upload(demo2.path);
    await visitor.says('versions', '1.0.0 → 2.0.0');
    await visitor.see('ready');
  });
});

visitSmall('a downgrade wants a tick', async () => {
  await withPage({}, async (visitor) => {
    await visitor.upload(demo09.path);
    await visitor.says('verdict', '0.9.0 is older than 1.0.0.');
    assert.equal(await visitor.isSeen('upload'), false);
    await visitor.tick('allowBox');
    await visitor.click('upload');
    await visitor.see('ready');
  });
});

test('a downgrade wants a tick, for each file anew', async () => {
  await withPage({}, async (visitor) => {
    await visitor.choose(demo09.path);
    await visitor.says('verdict', '0.9.0 is older than 1.0.0.');
    assert.equal(await visitor.isSeen('upload'), false);
    await visitor.tick('allowBox');
    await visitor.see('upload');
    await visitor.choose(demo09.path);
    assert.equal(await visitor.isChecked('allowBox'), false);
    await visitor.tick('allowBox');
    await visitor.click('upload');
    await visitor.see('ready');
    await visitor.click('restart');
    await visitor.says('keep', '0.9.0 is running. Keep it?');
  });
});

// Of an encrypted file the page sees no version.
test('a downgrade that only the device finds wants a tick, too', async () => {
  const key = path.join(root, 'test/vectors/ecies_');
  const encrypted = freshPath('.bin');
  execFileSync(tools.cli, ['encrypt', demo09.path, `${key}public.pem`, '--output', encrypted], { stdio: 'ignore' });
  await withPage({ options: { encryptedKey: `${key}private.pem` } }, async (visitor, device) => {
    await visitor.upload(encrypted);
    await visitor.says('verdict', '0.9.0 is older than 1.0.0.');
    assert.equal(await visitor.isSeen('upload'), false);
    await visitor.tick('allowBox');
    await visitor.click('upload');
    await visitor.see('ready');
    assert.ok(isInSlot(device, 'ota_1', demo09.bytes));
  });
});

test('what only the device finds is shown in the same words', async () => {
  await withPage({ options: { secureVersion: 0 } }, async (visitor, device) => {
    await visitor.choose(demo2.path);
    await visitor.see('upload');
    const client = await Client.connect(device);
    client.begin(large.bytes);
    await client.next('ready');
    await visitor.says('what', /^127\.0\.0\.1 uploads \?\.$/);
    client.terminate();
    await visitor.see('choice');
    await visitor.click('upload');
    await visitor.see('ready');
  });
});

visitBoth('a file that changes after it was chosen is not uploaded', async () => {
  const path = freshPath('.bin');
  fs.writeFileSync(path, demo2.bytes);
  await withPage({}, async (visitor) => {
    await visitor.choose(path);
    await visitor.see('upload');
    fs.writeFileSync(path, large.bytes);
    fs.utimesSync(path, new Date(), new Date(Date.now() + 60000)); // WebKit compares whole seconds
    await visitor.click('upload');
    // Firefox reads on, from the file as it is now; then the device compares the digest.
    await visitor.says('notice', engine === 'firefox' ? /digest|changed/ : 'The file cannot be read.');
    await visitor.upload(demo2.path);
    await visitor.see('ready');
  });
});

test('a device that wants encrypted images gets one, and no other', async () => {
  const key = path.join(root, 'test/vectors/ecies_');
  const encrypted = freshPath('.bin');
  execFileSync(tools.cli, ['encrypt', demo2.path, `${key}public.pem`, '--output', encrypted], { stdio: 'ignore' });
  await withPage({ options: { encryptedKey: `${key}private.pem` } }, async (visitor, device) => {
    await visitor.choose(demo2.path);
    await visitor.says('verdict', 'The image is not encrypted, this device takes such only.');
    assert.equal(await visitor.isSeen('upload'), false);
    await visitor.choose(encrypted);
    await visitor.says('verdict', 'The file is encrypted: the device will check it.');
    assert.equal(await visitor.read('versions'), '1.0.0 runs from ota_0.');
    await visitor.click('upload');
    await visitor.see('ready');
    await visitor.says('restart', 'Restart into 2.0.0');
    assert.ok(isInSlot(device, 'ota_1', demo2.bytes));
    await visitor.click('restart');
    await visitor.says('keep', '2.0.0 is running. Keep it?');
  });
});

test('the firmware that runs is not sent again, unless it is wanted', async () => {
  await withPage({}, async (visitor) => {
    await visitor.choose(demo1.path);
    await visitor.says('verdict', '1.0.0 runs already.');
    assert.match(await visitor.read('versions'), /^1\.0\.0 \(.+, [\da-f]{8}\)$/);
    assert.equal(await visitor.isSeen('upload'), false);
    await visitor.tick('allowBox');
    await visitor.click('upload');
    await visitor.see('ready');
  });
});

test('equal versions show date and hash, and a tool name is no right project', async () => {
  const names = { project: 'arduino-lib-builder', version: 'esp-idf: v4.4.4' };
  await withPage({ image: makeImage(names).path }, async (visitor) => {
    await visitor.choose(makeImage({ ...names, size: '60K', seed: 2 }).path);
    await visitor.says('verdict', 'The file is sound. It does not name its project.');
    assert.match(await visitor.read('versions'), /^1\/1\/2026.*, [\da-f]{8} → 1\/1\/2026.*, [\da-f]{8}$/);
  });
});

test('a refused file does not look like a plan', async () => {
  await withPage({}, async (visitor) => {
    for (const options of [{ chip: 'esp32s3', version: '2.0.0' }, { defect: 'text' }]) {
      await visitor.choose(makeImage(options).path);
      await until(async () => (await visitor.attribute('verdict', 'class')) === 'bad', 'the refusal');
      assert.equal(await visitor.read('versions'), '1.0.0 runs from ota_0.');
      assert.equal(await visitor.read('slots'), 'ota_0');
    }
  });
});

// ---- cancel, viewers, links

visitBoth('cancel ends an update; the next one works at once', async () => {
  await withPage({ options: { timing: 'w25q32jv' } }, async (visitor) => {
    await visitor.upload(large.path);
    await visitor.says('numbers', /^[1-9]/);
    await visitor.click('cancel');
    await visitor.says('notice', 'Cancelled. The firmware stays as it was.');
    await visitor.see('choice');
    await visitor.upload(demo2.path);
    await visitor.see('ready');
  });
});

test('a second visitor sees the progress and can touch nothing', async () => {
  await withPage({ options: { timing: 'w25q32jv' } }, async (owner, device) => {
    const viewer = await Visitor.come(device.page);
    await viewer.login(device.pairingCode);
    await viewer.see('choice');
    await viewer.choose(demo2.path);
    await viewer.see('upload');
    await owner.upload(large.path);
    await viewer.says('what', /^\S+ uploads 3\.0\.0\.$/);
    await viewer.says('versions', '1.0.0 → 3.0.0'); // not those of the file that was chosen here
    assert.ok((await viewer.title()).includes(await viewer.read('device')));
    await viewer.says('numbers', /^[1-9]\d* kB of 9\d\d kB/);
    for (const id of ['cancel', 'choice', 'ready', 'rollback']) assert.equal(await viewer.isSeen(id), false, id);
    await owner.see('ready');
    await viewer.see('ready');
    await viewer.says('restart', 'Restart into 3.0.0');
    await owner.click('restart');
    await viewer.says('keep', '3.0.0 is running. Keep it?');
    await viewer.leave();
  });
});

visitBoth('a lost connection is mended by the page, and the update goes on', async () => {
  await withDevice({ image: demo1.path, options: { timing: 'w25q32jv' } }, async (device) => {
    const cable = await Cable.lay(device);
    const visitor = await Visitor.come(cable.address);
    await visitor.login(device.pairingCode);
    await visitor.see('choice');
    await visitor.upload(large.path);
    await visitor.says('numbers', /^[1-9]\d\d kB/);
    cable.cut();
    await visitor.says('notice', /^Connection lost at \d+ %\. The update goes on by itself\.$/);
    assert.ok(await visitor.isSeen('cancel'));
    cable.mend();
    await visitor.see('ready');
    assert.ok(isInSlot(device, 'ota_1', large.bytes));
    assert.equal(await visitor.read('notice'), '');
    await visitor.leave();
    cable.take();
  });
});

test('an upload goes on by itself after the browser has slept', async () => {
  await withPage({ options: { timing: 'w25q32jv', stallTimeout: 1 } }, async (visitor, device) => {
    await visitor.upload(large.path);
    await visitor.says('numbers', /^[1-9]\d\d kB/);
    await visitor.fallAsleep();
    await until(() => device.log.includes('stalled'), 'the device giving the update up');
    await visitor.wakeUp();
    await visitor.see('ready');
    assert.ok(isInSlot(device, 'ota_1', large.bytes));
  });
});

test('what is left of an unfinished upload is said, with the file that it needs', async () => {
  await withPage({ options: { timing: 'w25q32jv' } }, async (visitor, device) => {
    const client = await Client.connect(device);
    client.begin(large.bytes);
    client.send(large.bytes, await client.next('ready')).catch(() => {}); // it is cut off
    await until(() => client.written > 200_000, 'a part in flash');
    client.terminate();
    await visitor.says('kept', /^The upload of 3\.0\.0 stopped at \d+ %\. Choose the same file \(9\d\d kB\) to go on\.$/);
    await visitor.see('kept');
    await visitor.choose(demo2.path);
    await visitor.see('upload');
    assert.equal(await visitor.isSeen('kept'), false);
    await visitor.upload(large.path);
    await visitor.see('ready');
    assert.ok(isInSlot(device, 'ota_1', large.bytes));
  });
});

test('a device that has not noticed the loss yet is asked again until it has', async () => {
  await withDevice({ image: demo1.path, options: { timing: 'w25q32jv' } }, async (device) => {
    const cable = await Cable.lay(device);
    const visitor = await Visitor.come(cable.address);
    await visitor.login(device.pairingCode);
    await visitor.see('choice');
    await visitor.upload(large.path);
    await visitor.says('numbers', /^[1-9]\d\d kB/);
    const grave = cable.cutNearby();
    cable.mend();
    await visitor.says('notice', 'Another client is updating this device.');
    grave.bury();
    await visitor.see('ready');
    assert.ok(isInSlot(device, 'ota_1', large.bytes));
    assert.equal(await visitor.read('notice'), '');
    await visitor.leave();
    cable.take();
  });
});

/** A page whose frames pass a proxy that may change them: over http, to a device with a password or `open` to all. */
async function withProxy({ open = false, seeFrame, ...options }, body) {
  const own = { image: demo1.path, scheme: 'http', options: { ...options, ...(open && { unprotected: true }) } };
  await withDevice(own, async (device) => {
    const man = await ManInTheMiddle.start(device, { seeFrame });
    const visitor = await Visitor.come(man.disguise.url.href);
    if (!open) await visitor.login(device.pairingCode);
    await visitor.see('choice');
    await body(visitor, device, man);
    await visitor.leave();
    man.stop();
  });
}

visitBoth('bytes changed before a cut: the file goes from its start', async () => {
  let bytes = 0;
  let cuts = 0;
  let isChanged = false;
  let man;
  const seeFrame = ({ toDevice, frame, pass }) => {
    bytes += toDevice && frame.binary ? frame.data.length : 0;
    if (toDevice && frame.binary && !isChanged && bytes > 150_000) {
      isChanged = true; // once, in the middle of the first segment: no header of a segment is hit
      frame.data[frame.data.length - 1] ^= 1;
    }
    pass();
    if (bytes > 400_000 && cuts++ === 0) man.cut();
  };
  await withProxy({ timing: 'w25q32jv', seeFrame }, async (visitor, device, own) => {
    man = own;
    await keepNotices(visitor);
    await visitor.upload(large.path);
    await visitor.see('ready');
    assert.ok((await visitor.evaluate(() => window.notices)).includes('The kept part was damaged.'));
    assert.ok(isInSlot(device, 'ota_1', large.bytes));
    assert.equal(await visitor.read('notice'), '');
  });
});

// The first `begin` does not reach the device; `device_busy` comes back in its place.
test('a device that is busy with its own work is asked again', async () => {
  let begins = 0;
  const seeFrame = ({ toDevice, frame, pass, back }) => {
    begins += toDevice && !frame.binary && frame.data.includes('"begin"');
    if (toDevice && begins === 1) {
      if (!frame.binary) back({ data: Buffer.from('{"type":"failed","name":"device_busy"}'), binary: false });
    } else {
      pass();
    }
  };
  await withProxy({ open: true, seeFrame }, async (visitor, device) => {
    await visitor.upload(demo2.path);
    await visitor.see('ready');
    assert.equal(begins, 2);
    assert.ok(isInSlot(device, 'ota_1', demo2.bytes));
    assert.equal(await visitor.read('notice'), '');
  });
});

test('without a connection an update can be given up', async () => {
  await withDevice({ image: demo1.path, options: { timing: 'w25q32jv' } }, async (device) => {
    const cable = await Cable.lay(device);
    const visitor = await Visitor.come(cable.address);
    await visitor.login(device.pairingCode);
    await visitor.see('choice');
    await visitor.upload(large.path);
    await visitor.says('numbers', /^[1-9]/);
    cable.cut();
    await visitor.says('notice', /^Connection lost at \d+ %\. The update goes on by itself\.$/);
    await visitor.click('cancel');
    cable.mend();
    await visitor.see('choice');
    await until(async () => visitor.isEnabled('picker'), 'the connection');
    assert.match(device.log, /update/);
    await visitor.leave();
    cable.take();
  });
});

visitBoth('a device that loses its power in the middle gets the whole image after all', async () => {
  const flash = freshPath('.flash');
  let device = await Device.start(inScheme({ image: demo1.path, flash, options: { timing: 'w25q32jv' } }));
  const cable = await Cable.lay(device);
  const visitor = await Visitor.come(cable.address);
  await visitor.login(device.pairingCode);
  await visitor.see('choice');
  await visitor.upload(large.path);
  await visitor.says('numbers', /^[1-9]\d\d kB/);
  await device.kill();
  await visitor.says('notice', /^Connection lost at \d+ %\. The update goes on by itself\.$/);
  device = await Device.start(inScheme({ flash }));
  cable.port = device.url.port;
  await visitor.see('ready');
  assert.ok(isInSlot(device, 'ota_1', large.bytes));
  await visitor.says('versions', '1.0.0 → 3.0.0');
  await visitor.leave();
  cable.take();
  await device.stop();
});

visitBoth('a page that is opened during a trial says so', async () => {
  await withPage({}, async (visitor, device) => {
    await visitor.update(demo2.path);
    await visitor.see('trial');
    await visitor.reload(); // no new login
    await visitor.says('keep', '2.0.0 is running. Keep it?');
    await visitor.see('confirm');
  });
});

test('a page that is opened while an update is ready offers the restart', async () => {
  await withPage({}, async (visitor, device) => {
    await visitor.upload(demo2.path);
    await visitor.see('ready');
    await visitor.reload();
    await visitor.says('verified', /^2\.0\.0 from \S+ is verified\.$/);
    await visitor.click('restart');
    await visitor.says('keep', '2.0.0 is running. Keep it?');
  });
});

// ---- login

visitBoth('a wrong password is refused by name, the right one lets in', async () => {
  await withDevice({ image: demo1.path }, async (device) => {
    const visitor = await Visitor.come(device.page);
    await visitor.says('notice', 'This device is locked.');
    assert.equal(await visitor.isSeen('versions'), false);
    assert.doesNotMatch(await visitor.readAll(), /1\.0\.0/);
    await visitor.login('AAAA-AAAA-AAAA');
    await visitor.says('notice', 'The password or pairing code is wrong.');
    await visitor.login(device.pairingCode);
    await visitor.see('versions'); // after the time that a wrong one costs, which the page waits for by itself
    assert.equal(await visitor.read('versions'), '1.0.0 runs from ota_0.');
    await visitor.leave();
  });
});

test('the password can be shown, and one that cannot be right is not sent', async () => {
  await withDevice({ image: demo1.path }, async (device) => {
    const visitor = await Visitor.come(device.page);
    await visitor.see('login');
    const type = () => visitor.attribute('password', 'type');
    assert.equal(await type(), 'password');
    await visitor.tick('showBox');
    assert.equal(await type(), 'text');
    for (const password of ['', 'abc', 'пароль', 'x'.repeat(65)]) {
      await visitor.login(password);
      assert.ok(await visitor.evaluate(() => document.querySelector('#password:invalid') !== null), password);
      assert.ok(await visitor.isSeen('login'));
    }
    assert.doesNotMatch(device.log, /session: 1/);
    await visitor.leave();
  });
});

test('a code in the address logs in by itself and leaves the address', async () => {
  await withDevice({ image: demo1.path }, async (device) => {
    const visitor = await Visitor.come(`${device.page}#code=${device.pairingCode}`);
    await visitor.see('firmware');
    assert.equal(await visitor.address(), device.page);
    const plain = await Visitor.come(device.page);
    const length = () => history.length;
    assert.equal(await visitor.evaluate(length), await plain.evaluate(length)); // no way back to the address with the code
    await plain.leave();
    await visitor.leave();
  });
});

visitBoth('a reload needs no new login, another tab and a log-out do', async () => {
  await withPage({}, async (visitor, device) => {
    await visitor.reload();
    await visitor.see('choice');
    const stored = await visitor.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
    assert.ok(!stored.includes(device.pairingCode), stored);
    assert.match(stored, /^\[\{\},\{"ota \/ota":"s=[^"]+"\},""\]$/);
    const other = await Visitor.come(device.page);
    await other.see('login');
    await other.leave();
    await visitor.click('logout');
    await visitor.see('login');
    await visitor.reload();
    await visitor.says('notice', 'This device is locked.');
  });
});

test('a pairing code is taken as people type it', async () => {
  await withDevice({ image: demo1.path }, async (device) => {
    const visitor = await Visitor.come(device.page);
    const typed = device.pairingCode.replaceAll('-', '').toLowerCase().replaceAll('0', 'o').replaceAll('1', 'l');
    await visitor.login(` ${typed} `);
    await visitor.see('firmware');
    assert.doesNotMatch(device.log, /wrong_password/);
    await visitor.leave();
  });
});

test('while a wrong password costs time, field and countdown stay', async () => {
  await withDevice({ image: demo1.path }, async (device) => {
    const visitor = await Visitor.come(device.page);
    await keepNotices(visitor);
    await visitor.login('AAAA-AAAA-AAAA');
    await visitor.says('notice', 'The password or pairing code is wrong.');
    await visitor.login('AAAA-AAAA-AAAB');
    await visitor.says('notice', /^(The password or pairing code is wrong\.|Wrong password: next try in 0:0[1-4]\.)$/);
    assert.ok(await visitor.isSeen('password'));
    await visitor.says('notice', 'The password or pairing code is wrong.');
    assert.doesNotMatch((await visitor.evaluate(() => window.notices)).join(), /0:00/);
    await visitor.leave();
  });
});

test('what is typed while a wrong password is tried is kept', async () => {
  await withDevice({ image: demo1.path, scheme: 'http' }, async (device) => {
    let release; // of the first proof, which is held back
    const seeFrame = ({ toDevice, frame, pass }) => {
      if (toDevice && !release && frame.data.includes('"proof"')) release = pass;
      else pass();
    };
    const man = await ManInTheMiddle.start(device, { seeFrame });
    for (const isSubmitted of [false, true]) {
      const visitor = await Visitor.come(man.disguise.url.href);
      await visitor.login('AAAA-AAAA-AAAA');
      await until(() => release, 'the proof');
      await (isSubmitted ? visitor.login(device.pairingCode) : visitor.fill('password', device.pairingCode));
      release();
      if (!isSubmitted) {
        await visitor.says('notice', 'The password or pairing code is wrong.');
        assert.equal(await visitor.valueOf('password'), device.pairingCode);
        await visitor.press('Enter');
      }
      await visitor.see('choice');
      await visitor.leave();
      release = undefined;
    }
    man.stop();
  });
});

test('beside the code stands what http is worth; an open device says so in red', async () => {
  await withDevice({ image: demo1.path, scheme: 'http' }, async (device) => {
    const visitor = await Visitor.come(device.page);
    await visitor.see('login');
    assert.match(await visitor.read('http'), /^Plain http: an attacker/);
    assert.ok(await visitor.isSeen('http'));
    assert.equal(await visitor.isSeen('unprotected'), false);
    await visitor.leave();
  });
  await withDevice({ image: demo1.path, options: { unprotected: true } }, async (device) => {
    const visitor = await Visitor.come(device.page);
    await visitor.see('choice');
    assert.ok(await visitor.isSeen('unprotected'));
    assert.equal(await visitor.isSeen('login'), false);
    assert.match(await visitor.read('unprotected'), /^Unprotected: anybody/);
    await visitor.update(demo2.path);
    await visitor.says('keep', '2.0.0 is running. Keep it?');
    await visitor.leave();
  });
});

test('over https the page uses wss and says nothing of http', async () => {
  await withPage({ scheme: 'https' }, async (visitor, device) => {
    assert.equal(device.url.protocol, 'https:');
    assert.ok(await visitor.evaluate(() => document.querySelector('#http').hidden));
    await visitor.update(demo2.path);
    await visitor.says('keep', '2.0.0 is running. Keep it?');
  });
});

// ---- what is in the way

const page = fs.readFileSync(path.join(root, 'web/dist/ota.html.gz'));

/** A server that has the page, and something else where the device's ticket would be. */
async function withStranger(status, body) {
  const server = http.createServer((request, response) => {
    const isPage = request.method === 'GET';
    const headers = { 'Content-Type': 'text/html', ...(isPage && { 'Content-Encoding': 'gzip' }), ...(status === 302 && { Location: '/login' }) };
    response.writeHead(isPage ? 200 : status, headers).end(isPage ? page : '<h1>no</h1>');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const visitor = await Visitor.come(`http://127.0.0.1:${server.address().port}/ota`);
  await body(visitor);
  await visitor.leave();
  server.closeAllConnections();
  server.close();
}

test('whatever comes in place of a ticket is named', async () => {
  for (const status of [200, 302, 401, 404, 405, 500, 502, 503]) {
    const name = status === 302 ? '3xx' : status;
    await withStranger(status, (visitor) =>
      visitor.says('notice', `Not the device: HTTP ${name}. Check address, login and proxy.`),
    );
  }
  await withStranger(431, (visitor) => visitor.says('notice', /^HTTP 431: .* CONFIG_HTTPD_MAX_REQ_HDR_LEN/));
});

visitBoth('nothing can be clicked or typed before the script runs', async () => {
  await withDevice({ image: demo1.path, scheme: 'http' }, async (device) => {
    const page = zlib.gunzipSync((await request(device)).body).toString('latin1');
    const soFar = page.slice(0, page.indexOf('<script')); // as much as a slow link has brought
    const server = http.createServer((_, response) => response.setHeader('content-type', 'text/html').end(soFar, 'latin1'));
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const visitor = await Visitor.come(`http://127.0.0.1:${server.address().port}/ota`);
    for (const id of ['card', 'password', 'connect', 'picker', 'restart']) assert.ok(!(await visitor.isSeen(id)), id);
    await visitor.leave();
    server.closeAllConnections();
    server.close();
  });
});

/** A proxy that serves the device below /devices/lamp/. */
async function withPrefix(device, body) {
  const relay = (request) => {
    const options = { port: device.url.port, method: request.method, path: request.url.replace('/devices/lamp', '') };
    return http.request({ ...options, headers: { ...request.headers, host: device.url.host, origin: device.url.origin } });
  };
  const proxy = http.createServer((request, response) => {
    const far = relay(request).on('response', (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    request.pipe(far);
  });
  proxy.on('upgrade', (request, socket) => {
    const far = relay(request).on('upgrade', (answer, other) => {
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`);
      other.pipe(socket).pipe(other);
      for (const end of [socket, other]) end.on('error', () => {});
    });
    far.on('response', () => socket.destroy()).end();
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  await body(`http://127.0.0.1:${proxy.address().port}/devices/lamp/ota`);
  proxy.closeAllConnections();
  proxy.close();
}

visitBoth('behind the prefix of a proxy the page works', async () => {
  await withDevice({ image: demo1.path, scheme: 'http' }, (device) =>
    withPrefix(device, async (address) => {
      const visitor = await Visitor.come(address);
      await visitor.login(device.pairingCode);
      await visitor.see('choice');
      await visitor.upload(demo2.path);
      await visitor.see('ready');
      await visitor.leave();
    }),
  );
});

// ---- people

test('a Russian browser gets a Russian page', async () => {
  await withPage({ visitor: { locale: 'ru-RU' } }, async (visitor) => {
    assert.equal(await visitor.evaluate(() => document.documentElement.lang), 'ru');
    assert.match(await visitor.title(), /, Обновление прошивки$/);
    await visitor.choose(makeImage({ chip: 'esp32s3' }).path);
    await visitor.says('verdict', 'Чип: у образа ESP32-S3, у устройства ESP32-C3.');
    await visitor.choose(demo2.path);
    await visitor.says('upload', 'Загрузить 2.0.0');
    assert.match(await visitor.read('drop'), /^307\sкБ, 01\.01\.2026/);
    await visitor.click('upload');
    await visitor.says('restart', 'Перезагрузить и запустить 2.0.0');
    await visitor.click('restart');
    await visitor.says('keep', 'Работает 2.0.0. Оставить?');
    await visitor.click('confirm');
    await visitor.says('notice', '1.0.0 → 2.0.0: подтверждено');
  });
});

test('the keyboard is enough', async () => {
  await withDevice({ image: demo1.path }, async (device) => {
    const visitor = await Visitor.come(device.page);
    const tabTo = async (id) => {
      for (let i = 0; (await visitor.focused()) !== id; i++) {
        assert.ok(i < 10, `${id} cannot be reached; the focus is on ${await visitor.focused()}`);
        await visitor.press('Tab');
      }
    };
    await visitor.see('login');
    assert.equal(await visitor.focused(), 'password');
    await visitor.type(device.pairingCode);
    await visitor.press('Enter');
    await visitor.see('choice');
    await tabTo('picker');
    await visitor.chooseByKey(demo09.path);
    await visitor.see('downgrade');
    await tabTo('allowBox');
    await visitor.press('Space');
    await tabTo('upload');
    await visitor.press('Enter');
    await visitor.see('ready');
    await tabTo('restart');
    await visitor.press('Enter');
    await visitor.see('trial');
    await tabTo('confirm');
    await visitor.press('Enter');
    await visitor.says('notice', /^\S+ → 0\.9\.0: confirmed$/);
    assert.notEqual(await visitor.focused(), ''); // not lost to the body
    await visitor.leave();
  });
});

test('everything that can be operated has a name, and what changes is announced', async () => {
  const nameless = (visitor) =>
    visitor.evaluate(() =>
      [...document.querySelectorAll('button, input, progress')]
        .filter((element) => element.checkVisibility())
        .filter((element) => ![element, ...(element.labels ?? [])].some(({ textContent }) => textContent.trim()))
        .map((element) => element.outerHTML),
    );
  await withDevice({ image: demo1.path }, async (device) => {
    const visitor = await Visitor.come(device.page);
    await visitor.see('login');
    assert.deepEqual(await nameless(visitor), []);
    await visitor.login(device.pairingCode);
    await visitor.see('choice');
    await visitor.choose(demo09.path);
    await visitor.see('downgrade');
    assert.deepEqual(await nameless(visitor), []);
    await visitor.choose(demo2.path);
    await visitor.see('upload');
    assert.deepEqual(await nameless(visitor), []);
    const live = await visitor.evaluate(() => [...document.querySelectorAll('[role=status]')].map(({ id }) => id));
    assert.deepEqual(live, ['notice', 'keep', 'verdict']);
    await visitor.leave();
  });
});

test('a file can be dropped on the page', async () => {
  await withPage({}, async (visitor) => {
    await visitor.evaluate((base64) => {
      const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      const transfer = new DataTransfer();
      transfer.items.add(new File([bytes], 'demo.bin'));
      document
        .querySelector('#zone')
        .dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
    }, demo2.bytes.toString('base64'));
    await visitor.says('upload', 'Upload 2.0.0');
  });
});

for (const colorScheme of ['light', 'dark']) {
  test(`on a phone in ${colorScheme} nothing overflows and all words can be read`, async () => {
    const visitorOptions = { viewport: { width: 320, height: 640 }, colorScheme, locale: 'ru-RU' };
    await withPage({ visitor: visitorOptions, options: { anyProject: true } }, async (visitor) => {
      await visitor.choose(
        makeImage({ version: `1.0.0-${'x'.repeat(26)}`, project: 'a_project_with_a_long_name_here_' }).path,
      );
      await visitor.says('verdict', /старее/);
      await visitor.says('versions', /x{26}$/);
      const { overflow, contrast } = await visitor.evaluate(() => {
        const rgb = (color) => color.match(/[\d.]+/g).map((part) => part * (color.startsWith('color(') ? 255 : 1));
        const luminance = (color) =>
          rgb(color)
            .slice(0, 3)
            .map((c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4))
            .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
        const card = luminance(getComputedStyle(document.querySelector('main')).backgroundColor);
        const ratio = (element) => {
          const text = luminance(getComputedStyle(element).color);
          return (Math.max(card, text) + 0.05) / (Math.min(card, text) + 0.05);
        };
        return {
          overflow: document.documentElement.scrollWidth - innerWidth,
          contrast: ['#versions', '#verdict', '#projects'].map((id) => ratio(document.querySelector(id))),
        };
      });
      assert.ok(overflow <= 0, `${overflow} px too wide`);
      for (const ratio of contrast) assert.ok(ratio >= 4.5, `${contrast}`);
    });
  });
}

// ---- a trial that has failed

/** A text that would do something in a page that takes it for HTML. */
const hostile = '<img src=x onerror="window.isOpen=1"> &amp; "quoted"';

for (const [fault, { reason, line }] of Object.entries({
  'panic 42008a3c 42008a10': { reason: 'crash', line: 'sensor: no answer, reading its calibration all the same' },
  hang: { reason: 'watchdog', line: 'sensor: waiting until it is ready' },
  'memory 42008a3c': { reason: 'crash', line: 'history: no memory, ESP_ERR_NO_MEM' },
})) {
  test(`the page says why the trial has ended: ${fault.split(' ')[0]}`, async () => {
    const image = makeImage({ version: '2.0.0', size: '60K', seed: 7, fault });
    await withPage({}, async (visitor) => {
      assert.ok(!(await visitor.isSeen('trace')));
      await visitor.update(image.path);
      await visitor.says('notice', `1.0.0 → 2.0.0: rolled back: restart before it was confirmed (${reason})`);
      await visitor.see('trace');
      assert.equal(await visitor.read('why'), 'Why the trial ended');
      await visitor.says('lines', new RegExp(`${line}\\s*$`));
      const first = (await visitor.read('lines')).split('\n')[0];
      const crashes = { panic: 'main, 0x42008a3c, 0x42008a10', memory: 'main, abort() was called at PC 0x42008a3c on core 0, 0x42008a3c' };
      const crash = crashes[fault.split(' ')[0]];
      await until(async () => crash === undefined || (await visitor.read('lines')).startsWith(`${crash}\n`), `${crash}, not ${first}`);
      await visitor.reload();
      await visitor.says('lines', new RegExp(`${line}\\s*$`)); // once, not twice
      assert.equal((await visitor.read('lines')).split(line).length, 2);
      await visitor.update(demo2.path);
      await visitor.click('confirm');
      await visitor.see('choice');
      assert.ok(!(await visitor.isSeen('trace')));
    });
  });
}

test('what an image has logged is text in the page, whatever it looks like', async () => {
  const image = makeImage({ version: hostile.slice(0, 31), size: '60K', seed: 7, fault: 'hang' });
  await withPage({}, async (visitor) => {
    await visitor.update(image.path);
    await visitor.see('trace');
    await visitor.says('lines', /<img src=x onerror="window/);
    const { images, isOpen, font } = await visitor.evaluate(() => ({
      images: document.images.length,
      isOpen: window.isOpen,
      font: getComputedStyle(document.getElementById('lines')).fontFamily,
    }));
    assert.deepEqual({ images, isOpen }, { images: 0, isOpen: undefined });
    assert.match(font, /mono/);
  });
});

// ---- the recovery layout

/** A device whose recovery application is `recovery`, version 0.9.0. */
async function withRecovery(body) {
  const partitions = freshPath('.csv');
  fs.writeFileSync(partitions, RECOVERY_TABLE);
  const { path: image } = makeImage({ project: 'recovery', version: '0.9.0', size: '60K', seed: 9 });
  await withPage({ image, options: { partitions } }, body);
}

test('a file goes through the recovery application by itself: restart, upload, restart', async () => {
  await withRecovery(async (visitor, device) => {
    await visitor.says('versions', /^Recovery\./);
    await visitor.update(demo1.path);
    await visitor.click('confirm');
    await visitor.says('versions', /1\.0\.0 runs from ota_0/);
    const { boots } = device;
    await visitor.choose(demo2.path);
    await visitor.click('upload');
    await visitor.see('trial');
    await visitor.says('keep', /2\.0\.0 is running/);
    assert.equal(device.boots, boots + 2);
    assert.ok(isInSlot(device, 'ota_0', demo2.bytes));
    await visitor.click('confirm');
    await visitor.says('versions', /2\.0\.0 runs from ota_0/);
    assert.equal(device.boots, boots + 2);
  });
});

test('a trial that fails ends in the recovery application, which says why; a button leads out of it and in', async () => {
  await withRecovery(async (visitor, device) => {
    await visitor.update(demo1.path);
    await visitor.see('trial');
    const client = await Client.connect(device);
    await client.restart();
    await visitor.says('versions', /^Recovery\. .*restart before it was confirmed \(software\)/);
    await visitor.says('rollback', 'Restart into 1.0.0');
    await visitor.goBack();
    await visitor.see('trial');
    await visitor.click('confirm');
    await visitor.says('rollback', 'Restart into recovery');
    await visitor.goBack();
    await visitor.says('versions', 'Recovery.');
  });
});
