// SPDX-License-Identifier: Apache-2.0
// A walk through all states of the page that checks the layout in each (layout.js), in the browser that BROWSER names.
// SCREENSHOTS names a folder for pictures of them, beside an index.html that shows all.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import { once } from 'node:events';
import path from 'node:path';
import test from 'node:test';

import { Cable } from './cable.js';
import { Client, Device, makeImage, request, until, withDevice } from './harness.js';
import { engine, inScheme, Visitor } from './visitor.js';

const folder = process.env.SCREENSHOTS;

// Russian has the longer words: without pictures it stands for English on the phone, too.
const allLooks = [
  { size: 'phone', locale: 'en-US', colorScheme: 'light', scheme: 'http', forPictures: true },
  { size: 'desktop', locale: 'en-US', colorScheme: 'dark', scheme: 'https' },
  { size: 'phone', locale: 'ru-RU', colorScheme: 'light', scheme: 'https' },
  { size: 'phone', locale: 'en-US', colorScheme: 'dark', scheme: 'http', page: 'small' },
  { size: 'desktop', locale: 'en-US', colorScheme: 'light', scheme: 'http', page: 'small', forPictures: true },
].filter(({ forPictures }) => !forPictures || folder !== undefined);
const looks = allLooks.filter(({ page }) => page !== 'small');

const running = makeImage({ version: '1.0.0', size: '100K' });
const next = makeImage({ version: '2.0.0-rc1-10-g1a2b3c4', size: '1100K', seed: 2 });
const third = makeImage({ version: '3.0.0', size: '60K', seed: 3 });
const older = makeImage({ version: '0.9.0', size: '60K', seed: 4 });
const failing = makeImage({ version: '4.0.0', size: '60K', seed: 5, fault: 'panic 42008a3c 42008a10' });
const otherChip = makeImage({ version: '2.0.0', chip: 'esp32s3' });
const noImage = makeImage({ defect: 'text' });

/** Looks at what each state shows: pictures for people, the layout for the test. */
class Camera {
  constructor({ size, locale, colorScheme, page = 'full' }) {
    this.name = `${engine}-${size}-${locale.slice(0, 2)}-${colorScheme}-${page}`;
    this.options = { size, locale, colorScheme };
  }

  come(address) {
    return Visitor.come(address, this.options);
  }

  async take(state, visitor) {
    await visitor.look();
    if (folder !== undefined) {
      fs.mkdirSync(path.join(folder, state), { recursive: true });
      await visitor.screenshot(path.join(folder, state, `${this.name}.png`));
    }
  }
}

/** Waits for words there that are others than before, and no mere promise of more. */
const saysNew = (visitor, id, before) =>
  until(async () => {
    const words = await visitor.read(id);
    return ![before, ''].includes(words) && !words.includes('…') && words;
  }, `something new in ${id}`);

async function logIn(visitor, device) {
  await until(async () => (await visitor.isSeen('login')) || (await visitor.isSeen('choice')), 'the page');
  if (await visitor.isSeen('login')) await visitor.login(device.pairingCode);
  await visitor.see('choice');
}

async function walkLogin(camera, visitor, device) {
  await visitor.see('login');
  await camera.take('01-login', visitor);
  const locked = await visitor.read('notice');
  await visitor.login('AAAA-AAAA-AAAA');
  await saysNew(visitor, 'notice', locked);
  await camera.take('02-wrong-password', visitor);
  // The second wrong one is in time to be put off, or it doubles the time for the third.
  const isPutOff = async () => /\d/.test(await visitor.read('notice'));
  let answer = '';
  for (let i = 0; i < 4 && !/\d/.test(answer); i++) {
    await visitor.login('AAAA-AAAA-AAAB');
    answer = await saysNew(visitor, 'notice', '');
  }
  assert.match(answer, /\d/, 'no time to wait');
  await camera.take('03-waiting', visitor);
  await until(async () => !(await isPutOff()), 'the end of the wait'); // what is typed before that is selected then
  await visitor.login(device.pairingCode);
  await visitor.see('choice');
  await camera.take('04-idle', visitor);
}

/** The small page judges no file. */
async function walkOneFile(camera, visitor) {
  await visitor.choose(next.path);
  await visitor.see('upload');
  await camera.take('08-file-chosen', visitor);
}

async function walkFiles(camera, visitor) {
  const files = { '05-other-chip': otherChip, '06-no-image': noImage, '07-downgrade': older, '08-file-chosen': next };
  let verdict = '';
  for (const [state, { path: file }] of Object.entries(files)) {
    await visitor.choose(file);
    verdict = await saysNew(visitor, 'verdict', verdict);
    await camera.take(state, visitor);
  }
}

async function walkUpload(camera, visitor, viewer, cable) {
  const isMoving = (who) => until(async () => (await who.valueOf('done')) > 0.1, 'the progress');
  await visitor.click('upload');
  await isMoving(visitor);
  await camera.take('09-uploading', visitor);
  await isMoving(viewer);
  await camera.take('10-viewer', viewer);
  cable.cut();
  await until(async () => (await visitor.read('notice')) !== '', 'the lost connection');
  await camera.take('11-connection-lost', visitor);
  cable.mend();
  await visitor.see('ready');
  await camera.take('12-ready', visitor);
  await viewer.see('ready');
  await camera.take('13-viewer-ready', viewer);
}

/** The history of a device that has seen something: updates that somebody made ready and gave up. */
async function fillHistory(device, visitor) {
  const client = await Client.connect(device);
  for (let i = 0; i < 6; i++) {
    await client.update(third.bytes);
    client.say({ type: 'cancel' });
    await client.fails('cancelled');
  }
  await client.close();
  await visitor.see('choice');
}

async function walkTrial(camera, visitor, device) {
  await visitor.click('restart');
  await visitor.see('trial');
  await camera.take('14-trial', visitor);
  await visitor.click('confirm');
  await visitor.see('choice');
  await camera.take('15-confirmed', visitor);
  await fillHistory(device, visitor);
  await visitor.evaluate(() => scrollTo(0, document.body.scrollHeight));
  await camera.take('16-history', visitor);
  await visitor.evaluate(() => scrollTo(0, 0));
  await visitor.update(third.path);
  await visitor.see('trial');
  await camera.take('17-trial-with-history', visitor);
  await visitor.goBack();
  await visitor.see('choice');
  await camera.take('18-rolled-back', visitor);
}

/** An update that was left in its middle, as the page shows it afterwards. */
async function walkUnfinished(camera, device) {
  const client = await Client.connect(device);
  client.begin(third.bytes);
  await client.send(third.bytes, await client.next('ready'), 0, 16384);
  await until(() => client.received >= 16384, 'the first bytes');
  client.terminate();
  const visitor = await camera.come(device.page);
  await logIn(visitor, device);
  await camera.take('19-unfinished', visitor);
  await visitor.leave();
}

/** An image that crashes on trial: why, in its last lines and its core dump. */
async function walkFailed(camera, device) {
  const visitor = await camera.come(device.page);
  await logIn(visitor, device);
  await visitor.update(failing.path);
  await visitor.see('trace');
  await until(async () => (await visitor.read('lines')).startsWith('main, 0x42008a3c'), 'the core dump');
  await visitor.evaluate(() => scrollTo(0, document.body.scrollHeight));
  await camera.take('24-failed-trial', visitor);
  await visitor.leave();
}

for (const look of allLooks) {
  test(`the layout is right in all states [${engine}, ${Object.values(look).join(', ')}]`, async () => {
    const camera = new Camera(look);
    const isSmall = look.page === 'small';
    const options = { timing: 'w25q32jv', trialTimeout: 300, anyProject: true, ...(isSmall && { smallPage: true }) };
    await withDevice(inScheme({ image: running.path, scheme: look.scheme, options }), async (device) => {
      const cable = await Cable.lay(device);
      const visitor = await camera.come(cable.address);
      await walkLogin(camera, visitor, device);
      const viewer = await camera.come(device.page);
      await logIn(viewer, device);
      await (isSmall ? walkOneFile : walkFiles)(camera, visitor);
      await walkUpload(camera, visitor, viewer, cable);
      await viewer.leave();
      await walkTrial(camera, visitor, device);
      await visitor.leave();
      await walkUnfinished(camera, device);
      if (!isSmall) await walkFailed(camera, device);
      cable.take();
    });
  });
}

/** Answers the page's question for a ticket as a proxy or a server may that is none of ours. */
async function startWrongServer(page, { status, type = 'text/plain', body = '' }) {
  const server = http.createServer(({ method }, response) => {
    if (method === 'POST') {
      response.writeHead(status, { 'content-type': type }).end(body);
    } else {
      response.writeHead(200, page.headers).end(page.body);
    }
  });
  server.listen(0, '127.0.0.1').unref();
  await once(server, 'listening');
  return server;
}

test(`errors that come before the login can be read [${engine}]`, async () => {
  const answers = {
    '20-http-431': { status: 431 },
    '21-http-502': { status: 502 },
    '22-html': { status: 200, type: 'text/html', body: '<h1>Router</h1>' },
  };
  const device = await Device.start({ image: running.path });
  const page = await request(device);
  await device.stop();
  for (const [state, answer] of Object.entries(answers)) {
    const server = await startWrongServer(page, answer);
    for (const look of looks) {
      const camera = new Camera(look);
      const visitor = await camera.come(`http://127.0.0.1:${server.address().port}/ota`);
      await until(async () => (await visitor.read('notice')) !== '', 'a word on it');
      await camera.take(state, visitor);
      await visitor.leave();
    }
    server.closeAllConnections();
    server.close();
  }
});

test(`a device without a password looks right [${engine}]`, async () => {
  await withDevice({ image: running.path, options: { unprotected: true } }, async (device) => {
    for (const look of looks) {
      const camera = new Camera(look);
      const visitor = await camera.come(device.page);
      await visitor.see('choice');
      await camera.take('23-unprotected', visitor);
      await visitor.leave();
    }
  });
});
