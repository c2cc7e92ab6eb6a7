// SPDX-License-Identifier: Apache-2.0
// The dashboard as a person sees it, in the browser that BROWSER names, on a phone and on a desktop: a real rollout to
// real devices is watched and led from the page. Each look at the page checks its layout too.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test as nodeTest } from 'node:test';
import { startWithDashboard } from './dashboards.js';
import { EXIT, finishes, NEW, OLD, OTHER_CHIP, runsOf, statesOf, withFleet, writePlan } from './fleets.js';
import { freshPath, makeImage, until } from './harness.js';
import { engine, Visitor } from './visitor.js';

const looks = {
  phone: { size: 'phone', viewport: { width: 390, height: 844 }, locale: 'en-US', colorScheme: 'light' },
  desktop: { size: 'desktop', viewport: { width: 1280, height: 800 }, locale: 'en-US', colorScheme: 'dark' },
  'phone, Russian': { size: 'phone', viewport: { width: 390, height: 844 }, locale: 'ru-RU', colorScheme: 'dark' },
};

/** The test at each size. */
function test(name, body, names = ['phone', 'desktop']) {
  for (const look of names) nodeTest(`${name} [${engine}, ${look}]`, () => body(looks[look], look));
}

/** A rollout with its dashboard; the process ends with the test. */
async function withRun(images, plan, body, options) {
  await withFleet(images, async (fleet) => {
    writePlan(fleet, plan);
    const run = await startWithDashboard(fleet);
    try {
      await body(fleet, run);
    } finally {
      run.child.kill('SIGKILL');
      await run.ended;
    }
  }, options);
}

const come = (run, look) => Visitor.come(run.dashboard.link, look);

/** The page has the words, in any place. */
const reads = (visitor, words) => until(async () => words.test(await visitor.readAll()), `${words} on the page`);

test('login: a wrong code, then the right one; a reload needs none, a new tab does', async (look) => {
  await withRun([OLD], { approve: [1] }, async (fleet, run) => {
    const visitor = await Visitor.come(`${run.dashboard.origin}/`, look);
    await visitor.see('login');
    assert.ok(!(await visitor.readAll()).includes(fleet.hosts[0]));
    let answer = '';
    for (let i = 0; i < 4 && !/Next try in \d s/.test(answer); i++) { // on a slow machine the first wait is over by now
      await visitor.fill('code', `AAAA-AAAA-AAA${i}`);
      await visitor.click('connect');
      answer = await until(() => visitor.read('notice'), 'an answer');
    }
    assert.match(answer, /^This is not the right code\. Next try in \d s\.$/);
    await until(async () => (await visitor.read('notice')) === 'This is not the right code.', 'the end of the wait');
    await visitor.fill('code', run.dashboard.code.toLowerCase().replaceAll('-', ' '));
    await visitor.click('connect');
    await visitor.says('phase', 'Wave 1 waits for approval');
    assert.equal(await visitor.isSeen('login'), false);
    await visitor.reload();
    await visitor.says('phase', 'Wave 1 waits for approval');
    await visitor.click('logout');
    await visitor.see('login');
    await visitor.reload();
    await visitor.see('login');
    await visitor.leave();
  });
});

test('the code in the link logs in, and leaves the address', async (look) => {
  await withRun([OLD], { approve: [1] }, async (fleet, run) => {
    const visitor = await come(run, look);
    await visitor.says('phase', 'Wave 1 waits for approval');
    assert.equal(await visitor.address(), `${run.dashboard.origin}/`);
    assert.ok((await visitor.readAll()).includes(fleet.hosts[0]));
    await visitor.leave();
  });
});

const slow = makeImage({ version: '2.0.0-rc1-10-g1a2b3c4', seed: 3, size: '1500K' });

/** Devices that take their time, and whose health says `health.value`: "good" confirms the image, "wait" does not. */
async function withSlow(images, plan, body) {
  const health = freshPath('.health');
  const say = (word) => fs.writeFileSync(health, word);
  say('good');
  await withRun(images, { image: slow.path, confirm: 'device', ...plan }, (fleet, run) => body(fleet, run, say), { timing: 'w25q32jv', health });
}

/** Stops the device while it is sent to, until the page has shown it. */
async function watchSending(fleet, run, visitor, number, words) {
  await run.sees(({ state, host }) => state === 'sending' && host === fleet.hosts[number], 'the first bytes');
  fleet.devices[number].process.kill('SIGSTOP');
  await reads(visitor, words);
  await visitor.look();
  fleet.devices[number].process.kill('SIGCONT');
}

test('a rollout is led from the page: approve, pause, go on; failures, and the end', async (look) => {
  const plan = { waves: [{ count: 2 }, { percent: 100 }], approve: [1, 2], limits: { per_gateway: 1 } };
  await withSlow([OLD, OTHER_CHIP, OLD, OLD], plan, async (fleet, run, sayHealth) => {
    const visitor = await come(run, look);
    const second = await come(run, looks.desktop); // another tab sees the same
    await visitor.says('phase', 'Wave 1 waits for approval');
    await visitor.click(/^Approve wave 1$/);
    await watchSending(fleet, run, visitor, 0, /sending \d+ %/);
    await visitor.says('phase', 'Wave 2 waits for approval');
    await reads(visitor, /1 confirmed, 1 refused/);
    await visitor.says('reasons', /1 refused \(wrong_chip\)/);
    await visitor.says('left', '2 of 4 devices have ended');
    await second.says('phase', 'Wave 2 waits for approval');
    assert.deepEqual((await statesOf(fleet)).states, ['confirmed', 'refused', 'queued', 'queued']);
    sayHealth('wait');
    await visitor.click('approve');
    await second.says('phase', 'Running, wave 2 of 2');
    await second.click('pause');
    await visitor.says('phase', 'Paused');
    await run.sees(({ event }) => event === 'pause', 'the pause');
    await visitor.click('resume');
    await visitor.says('phase', 'Running, wave 2 of 2');
    await reads(visitor, /2 on trial/);
    sayHealth('good');
    await visitor.says('phase', 'Finished');
    await visitor.says('notice', /^ota-ws has ended/);
    assert.equal(await finishes(run), EXIT.device);
    assert.deepEqual((await statesOf(fleet)).states, ['confirmed', 'refused', 'confirmed', 'confirmed']);
    assert.equal(await runsOf(fleet.devices[3]), '2.0.0-rc1-10-g1a2b3c4 valid');
    await visitor.leave();
    await second.leave();
  });
});

test('abort asks once more, and then it is for good', async (look) => {
  await withRun([OLD, OLD], { waves: [{ count: 1 }, { percent: 100 }], approve: [2] }, async (fleet, run) => {
    const visitor = await come(run, look);
    await visitor.says('phase', 'Wave 2 waits for approval');
    await visitor.tab.acceptDialog(() => visitor.click('abort'));
    await visitor.says('phase', 'Aborted');
    assert.equal(await finishes(run), EXIT.stopped);
    assert.deepEqual((await statesOf(fleet)).states, ['confirmed', 'cancelled']);
    assert.equal(await runsOf(fleet.devices[1]), '1.0.0 valid');
    await visitor.leave();
  });
});

test('devices are found by words and by kind; failures lead to theirs, and are tried again', async (look) => {
  const plan = { image: NEW.path, waves: [{ count: 3 }, { percent: 100 }], approve: [2] };
  await withRun([OLD, OTHER_CHIP, OTHER_CHIP, OLD], plan, async (fleet, run) => {
    const visitor = await come(run, look);
    const rows = () => visitor.evaluate(() => [...document.querySelectorAll('#devices b')].map(({ textContent }) => textContent));
    const choose = (value) => visitor.evaluate((kind) => {
      const filter = document.getElementById('filter');
      filter.value = kind;
      filter.dispatchEvent(new Event('change'));
    }, value);
    await visitor.says('phase', 'Wave 2 waits for approval');
    assert.deepEqual(await rows(), fleet.hosts);
    await choose('failed');
    assert.deepEqual(await rows(), fleet.hosts.slice(1, 3));
    await choose('well');
    assert.deepEqual(await rows(), fleet.hosts.slice(0, 1));
    await choose('all');
    await visitor.fill('search', fleet.hosts[3].split(':')[1]);
    assert.deepEqual(await rows(), [fleet.hosts[3]]);
    await visitor.fill('search', 'nobody');
    await visitor.says('more', 'No device is like that.');
    await visitor.click(/^2 refused \(wrong_chip\)$/);
    assert.deepEqual(await rows(), fleet.hosts.slice(1, 3));
    await visitor.look();
    await visitor.click(/^Try again$/);
    await run.sees(({ event }) => event === 'retry', 'the retry');
    await until(() => run.events.filter(({ event }) => event === 'retry').length === 2 && run.events.filter(({ event }) => event === 'refusal').length === 4, 'the second refusals');
    await visitor.leave();
  });
});

test('a lost connection is said, and the page goes on when it is back', async (look) => {
  await withRun([OLD], { approve: [1] }, async (fleet, run) => {
    const visitor = await come(run, look);
    await visitor.says('phase', 'Wave 1 waits for approval');
    run.child.kill('SIGSTOP');
    await visitor.says('notice', /^The connection to ota-ws is lost/);
    assert.equal(await visitor.isEnabled('approve'), false);
    run.child.kill('SIGCONT');
    await visitor.says('notice', '');
    assert.equal(await visitor.isEnabled('approve'), true);
    await run.kill();
    await visitor.says('notice', /^The connection to ota-ws is lost/);
    await visitor.close();
  });
});

test('in Russian, the layout is as right', async (look) => {
  await withSlow([OLD, OTHER_CHIP, OLD], { waves: [{ count: 2 }, { percent: 100 }], approve: [2] }, async (fleet, run, sayHealth) => {
    const visitor = await come(run, look);
    await visitor.says('phase', 'Волна 2 ждёт разрешения');
    sayHealth('wait');
    await visitor.click(/^Разрешить волну 2$/);
    await watchSending(fleet, run, visitor, 2, /загрузка \d+ %/);
    await visitor.click(/^Приостановить$/);
    await visitor.says('phase', 'Приостановлено');
    await visitor.leave();
  });
}, ['phone, Russian']);
