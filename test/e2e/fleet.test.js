// SPDX-License-Identifier: Apache-2.0
// ota-ws fleet: rollouts to real devices, whose own word is the proof; the process that runs one is killed at each state.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { cli, cliOn, objects, PASSWORD } from './cli_tools.js';
import { allRun, EXIT, finishes, fleetCli, NEW, OLD, OTHER_CHIP, PASSWORD_FILE, runsOf, start, statesOf, withFleet, withPatients, writePlan } from './fleets.js';
import { Client, Device, freshPath, makeImage } from './harness.js';

// ---- the whole of it

test('a rollout in waves: some refuse, one is away, one is done', async () => {
  await withFleet([OLD, OLD, OTHER_CHIP, OLD, NEW, OLD], async (fleet) => {
    await fleet.devices[5].kill();
    writePlan(fleet, { waves: [{ count: 1 }, { percent: 50 }, { percent: 100 }] });
    const dry = await fleetCli('plan', fleet, '--json');
    assert.equal(dry.code, EXIT.device);
    const verdicts = objects(dry.stdout).map(({ wave, verdict }) => [wave, verdict]);
    assert.deepEqual(verdicts, [[1, 'update'], [2, 'update'], [2, 'refuses'], [3, 'update'], [3, 'already'], [3, 'no_answer']]);
    const run = start(fleet);
    assert.equal(await finishes(run), EXIT.device);
    const { states, rollout } = await statesOf(fleet);
    assert.deepEqual(states, ['confirmed', 'confirmed', 'refused', 'confirmed', 'already', 'unreachable']);
    assert.equal(rollout.phase, 'finished');
    const leases = run.events.filter(({ event }) => event === 'lease').map(({ host }) => fleet.hosts.indexOf(host));
    assert.deepEqual([leases[0], new Set(leases.slice(1, 3))], [0, new Set([1, 2])]);
    const runs = await Promise.all(fleet.devices.slice(0, 5).map(runsOf));
    assert.deepEqual(runs, ['2.0.0 valid', '2.0.0 valid', '1.0.0 valid', '2.0.0 valid', '2.0.0 valid']);
    assert.deepEqual(fleet.devices.slice(0, 5).map(({ boots }) => boots), [2, 2, 1, 2, 1]);
  });
});

test('again: nothing is done twice', async () => {
  await withFleet([OLD, OLD], async (fleet) => {
    writePlan(fleet);
    assert.equal(await finishes(start(fleet)), EXIT.ok);
    const again = start(fleet);
    assert.equal(await finishes(again), EXIT.ok);
    assert.deepEqual(again.events.filter(({ event }) => event === 'lease'), []);
    assert.deepEqual(fleet.devices.map(({ boots }) => boots), [2, 2]);
    fs.rmSync(path.join(fleet.folder, 'lamp.journal')); // a rollout that has forgotten everything asks the devices
    assert.equal(await finishes(start(fleet)), EXIT.ok);
    assert.deepEqual((await statesOf(fleet)).states, ['already', 'already']);
    assert.deepEqual(fleet.devices.map(({ boots }) => boots), [2, 2]);
  });
});

test('a device is confirmed after its soak, and not before', async () => {
  await withFleet([OLD], async (fleet) => {
    writePlan(fleet, { confirm: 'soak', waves: [{ percent: 100, soak_s: 2 }] });
    const run = start(fleet);
    const trial = await run.sees(({ event }) => event === 'trial', 'the trial');
    assert.equal(await finishes(run), EXIT.ok);
    const confirm = run.events.find(({ event }) => event === 'confirm');
    assert.ok(confirm.time - trial.time >= 2, `${confirm.time - trial.time} s`);
    await allRun(fleet, ['2.0.0 valid']);
  });
});

test('a trial that is shorter than the soak is refused, and stops the rollout', async () => {
  await withFleet([OLD, OLD], async (fleet) => {
    writePlan(fleet, { confirm: 'soak', waves: [{ count: 1, soak_s: 600 }, { percent: 100 }], takeover_s: 30 });
    assert.equal(await finishes(start(fleet)), EXIT.stopped);
    const { devices } = await statesOf(fleet);
    assert.deepEqual([devices[0].state, devices[0].reason, devices[1].state], ['refused', 'trial_too_short', 'queued']);
    assert.deepEqual(fleet.devices[1].boots, 1);
  });
});

test('a device that goes back is no success', async () => {
  const health = freshPath('.health');
  fs.writeFileSync(health, 'wait');
  await withFleet([OLD], async (fleet) => {
    writePlan(fleet, { confirm: 'soak', waves: [{ percent: 100, soak_s: 500 }] });
    const run = start(fleet);
    await run.sees(({ event }) => event === 'trial', 'the trial');
    fs.writeFileSync(health, 'bad');
    assert.equal(await finishes(run), EXIT.old);
    const { states } = await statesOf(fleet);
    assert.deepEqual(states, ['rolled_back']);
    await allRun(fleet, ['1.0.0 valid']);
  }, { health });
});

test('a trial that nobody ends in time has expired', async () => {
  await withFleet([OLD], async (fleet) => {
    writePlan(fleet, { confirm: 'device' });
    assert.equal(await finishes(start(fleet)), EXIT.old);
    assert.deepEqual((await statesOf(fleet)).states, ['expired']);
  }, { trialTimeout: 2 });
});

// ---- a process that dies

/** Kills the run when it has seen this event of a device, and runs again. */
async function killAt(wanted, plan = {}, options = {}) {
  await withFleet([OLD, OLD, OLD], async (fleet) => {
    writePlan(fleet, { waves: [{ count: 1 }, { percent: 100 }], ...plan });
    const run = start(fleet);
    await run.sees(wanted, 'the event');
    await run.kill();
    const again = start(fleet);
    assert.equal(await finishes(again), EXIT.ok, again.text + again.errors);
    const { states } = await statesOf(fleet);
    assert.ok(states.every((state) => ['confirmed', 'already'].includes(state)), states.join());
    await allRun(fleet, Array(3).fill('2.0.0 valid'));
    assert.deepEqual(fleet.devices.map(({ boots }) => boots), [2, 2, 2]); // nobody got the image twice
  }, options);
}

for (const state of ['leased', 'checking', 'sending', 'verifying', 'ready', 'restarting', 'on_trial', 'confirmed']) {
  test(`kill -9 at '${state}': the next run brings it to its end`, () => killAt((event) => event.state === state));
}

test("kill -9 at 'restarting', and the device starts slowly: it is waited for", () =>
  killAt((event) => event.state === 'restarting', {}, { bootTime: 3000 }));

for (const event of ['confirm', 'next_wave']) {
  test(`kill -9 after the decision '${event}': the next run brings it to its end`, () => killAt((seen) => seen.event === event));
}

test('kill -9 during a soak: the soak goes on', async () => {
  await withFleet([OLD], async (fleet) => {
    writePlan(fleet, { confirm: 'soak', waves: [{ percent: 100, soak_s: 3 }] });
    const run = start(fleet);
    await run.sees(({ event }) => event === 'trial', 'the trial');
    await run.kill();
    const again = start(fleet);
    assert.equal(await finishes(again), EXIT.ok);
    assert.deepEqual(again.events.filter(({ event }) => event === 'lease'), []);
    await allRun(fleet, ['2.0.0 valid']);
  });
});

test('a trial that expired while nobody ran is tried again', async () => {
  await withFleet([OLD], async (fleet) => {
    writePlan(fleet, { confirm: 'device' });
    const run = start(fleet);
    await run.sees(({ event }) => event === 'trial', 'the trial');
    await run.kill();
    const [device] = fleet.devices;
    await device.waitFor(/boot: slot[^]*boot: slot[^]*boot: slot/);
    await device.kill();
    const health = freshPath('.health');
    fs.writeFileSync(health, 'good');
    const options = { passwordFile: PASSWORD_FILE, port: device.url.port, trialTimeout: 600, health };
    fleet.devices[0] = await Device.start({ flash: device.flashPath, options });
    const again = start(fleet);
    assert.equal(await finishes(again), EXIT.ok, again.text);
    assert.ok(again.events.some(({ event }) => event === 'timed_out'), again.text);
    assert.deepEqual((await statesOf(fleet)).states, ['confirmed']);
    await allRun(fleet, ['2.0.0 valid']);
  }, { trialTimeout: 3 });
});

test('one process at a time runs a rollout', async () => {
  await withFleet([OLD], async (fleet) => {
    writePlan(fleet, { confirm: 'soak', waves: [{ percent: 100, soak_s: 300 }] });
    const run = start(fleet);
    await run.sees(({ event }) => event === 'lease', 'the lease');
    const second = await fleetCli('run', fleet, '--json');
    assert.deepEqual([second.code, objects(second.stdout).at(-1).error], [EXIT.trouble, 'already_run']);
    await run.kill();
  });
});

// ---- the stop rule, operators

test('the stop rule: nothing begins after the event that crosses it', async () => {
  await withFleet([OTHER_CHIP, OTHER_CHIP, OLD, OLD, OLD, OLD], async (fleet) => {
    writePlan(fleet, { stop: { failed_count: 2 }, limits: { per_gateway: 1 } });
    const run = start(fleet);
    assert.equal(await finishes(run), EXIT.stopped);
    const names = run.events.filter(({ type }) => type === 'event').map(({ event }) => event);
    const crossed = names.lastIndexOf('refusal');
    assert.deepEqual(names.slice(crossed + 1), ['stop']);
    const { states, rollout } = await statesOf(fleet);
    assert.deepEqual(states, ['refused', 'refused', 'queued', 'queued', 'queued', 'queued']);
    assert.deepEqual([rollout.phase, rollout.reason, rollout.code], ['stopped', 'failed_count', EXIT.stopped]);
    await allRun(fleet, Array(6).fill('1.0.0 valid'));
    assert.equal((await fleetCli('resume', fleet)).code, EXIT.ok);
    assert.equal(await finishes(start(fleet)), EXIT.device);
    assert.deepEqual((await statesOf(fleet)).states.slice(2), Array(4).fill('confirmed'));
  });
});

test('a stop takes back what is being sent', async () => {
  await withFleet([OTHER_CHIP], async (fleet) => {
    const silent = net.createServer(() => {}).listen(0, '127.0.0.1').unref(); // never answers: under way for long
    await once(silent, 'listening');
    fleet.list([`127.0.0.1:${silent.address().port}`, fleet.hosts[0]]);
    writePlan(fleet, { stop: { failed_count: 1 } });
    const run = start(fleet);
    assert.equal(await finishes(run), EXIT.stopped);
    const states = objects((await fleetCli('status', fleet, '--json')).stdout).filter(({ type }) => type === 'device');
    // On a slow machine the first one may be given up before the second has refused; the rule acts all the same.
    const [first, second] = states.map(({ state }) => state);
    assert.ok(first === 'cancelled' ? second === 'refused' : first === 'unreachable' && second === 'cancelled', run.text);
  });
});

test('approve: the run ends with 9 before the wave, and goes on after it', async () => {
  await withFleet([OLD, OLD], async (fleet) => {
    writePlan(fleet, { waves: [{ count: 1 }, { percent: 100 }], approve: [2] });
    assert.equal(await finishes(start(fleet)), EXIT.approval);
    await allRun(fleet, ['2.0.0 valid', '1.0.0 valid']);
    assert.equal((await fleetCli('approve', fleet, '1')).code, EXIT.usage);
    assert.equal((await fleetCli('approve', fleet)).code, EXIT.ok);
    assert.equal((await fleetCli('status', fleet)).code, EXIT.approval); // the order waits for a run
    assert.equal(await finishes(start(fleet)), EXIT.ok);
    await allRun(fleet, Array(2).fill('2.0.0 valid'));
  });
});

test('pause, resume: no device begins in between', async () => {
  await withPatients(2, async (fleet, recover) => {
    writePlan(fleet, { confirm: 'device', waves: [{ count: 1 }, { percent: 100 }] });
    const run = start(fleet);
    await run.sees(({ event }) => event === 'trial', 'the trial');
    assert.equal((await fleetCli('pause', fleet)).code, EXIT.ok);
    await run.sees(({ event }) => event === 'pause', 'the pause');
    assert.match((await fleetCli('pause', fleet)).stdout, /makes no sense now: the rollout lamp is paused/);
    recover();
    await run.sees(({ event, state }) => event === 'done' && state === 'confirmed', 'the end of the trial');
    assert.equal((await statesOf(fleet)).states[1], 'queued');
    assert.equal((await fleetCli('resume', fleet)).code, EXIT.ok);
    assert.equal(await finishes(run), EXIT.ok);
    const names = run.events.map(({ event }) => event);
    assert.ok(names.lastIndexOf('lease') > names.indexOf('resume'));
  });
});

test('abort: what has not begun is cancelled, for good', async () => {
  await withPatients(2, async (fleet, recover) => {
    writePlan(fleet, { confirm: 'device', waves: [{ count: 1 }, { percent: 100 }] });
    const run = start(fleet);
    await run.sees(({ event }) => event === 'trial', 'the trial');
    assert.equal((await fleetCli('abort', fleet)).code, EXIT.ok);
    await run.sees(({ event }) => event === 'abort', 'the abort');
    recover();
    assert.equal(await finishes(run), EXIT.stopped);
    assert.deepEqual((await statesOf(fleet)).states, ['confirmed', 'cancelled']); // a trial goes on to its end
    assert.equal((await fleetCli('resume', fleet)).code, EXIT.usage);
    assert.equal(await finishes(start(fleet)), EXIT.stopped);
    await allRun(fleet, ['2.0.0 valid', '1.0.0 valid']);
  });
});

test('retry: a device that had failed is updated', async () => {
  await withFleet([OLD, OLD], async (fleet) => {
    const wrong = freshPath('.pw');
    fs.writeFileSync(wrong, 'not the password\n', { mode: 0o600 });
    writePlan(fleet, { passwords: { file: PASSWORD_FILE, device: { [fleet.hosts[1]]: wrong } } });
    assert.equal(await finishes(start(fleet)), EXIT.device);
    const { devices } = await statesOf(fleet);
    assert.deepEqual([devices[1].state, devices[1].reason], ['refused', 'wrong_password']);
    fs.writeFileSync(wrong, `${PASSWORD}\n`);
    assert.match((await fleetCli('retry', fleet, '127.0.0.1:1')).stdout, /no device of this rollout/);
    assert.equal((await fleetCli('retry', fleet, fleet.hosts[1])).code, EXIT.ok);
    assert.equal(await finishes(start(fleet)), EXIT.ok);
    await allRun(fleet, Array(2).fill('2.0.0 valid'));
  });
});

test('a sleeping device is updated when it wakes up', async () => {
  await withFleet([OLD, OLD], async (fleet) => {
    const sleeper = fleet.devices[1];
    const port = sleeper.url.port;
    await sleeper.kill();
    writePlan(fleet, { asleep: { wait_s: 3600, look_s: 1 } });
    const run = start(fleet);
    await run.sees(({ event, host }) => event === 'silent' && host === fleet.hosts[1], 'its silence');
    await run.sees(({ event, host }) => event === 'done' && host === fleet.hosts[0], 'the other one');
    fleet.devices[1] = await Device.start({ flash: sleeper.flashPath, options: { passwordFile: PASSWORD_FILE, port } });
    assert.equal(await finishes(run), EXIT.ok);
    await allRun(fleet, Array(2).fill('2.0.0 valid'));
  });
});

// ---- devices that are not what they should be

test('a device that changes its id is not touched', async () => {
  await withFleet([OLD, OLD], async (fleet) => {
    writePlan(fleet, { confirm: 'soak', waves: [{ percent: 100, soak_s: 500 }] });
    fleet.list([fleet.hosts[0]]);
    const run = start(fleet);
    await run.sees(({ event }) => event === 'trial', 'the trial');
    const port = fleet.devices[0].url.port;
    await fleet.devices[0].kill();
    await fleet.devices[1].kill();
    const other = await Device.start({ flash: fleet.devices[1].flashPath, options: { passwordFile: PASSWORD_FILE, port } });
    fleet.devices.push(other);
    assert.equal(await finishes(run), EXIT.device);
    const [device] = (await statesOf(fleet)).devices;
    assert.deepEqual([device.state, device.reason], ['refused', 'id_changed']);
    assert.equal(await runsOf(other), '1.0.0 valid');
  });
});

test('a device that is in the list twice is updated once', async () => {
  await withFleet([OLD], async (fleet) => {
    const port = fleet.devices[0].url.port;
    fleet.list([`127.0.0.1:${port}`, `localhost:${port}`]);
    writePlan(fleet, { limits: { per_gateway: 1 } });
    assert.equal(await finishes(start(fleet)), EXIT.device);
    const { devices } = await statesOf(fleet);
    assert.deepEqual(devices.slice(0, 2).map(({ state, reason }) => [state, reason]), [['confirmed', undefined], ['refused', 'duplicate_device']]);
    assert.equal(fleet.devices[0].boots, 2);
  });
});

test('a device that somebody else updates meanwhile is superseded', async () => {
  await withFleet([OLD], async (fleet) => {
    const third = makeImage({ version: '3.0.0', seed: 3 });
    writePlan(fleet, { confirm: 'soak', waves: [{ percent: 100, soak_s: 500 }] });
    const run = start(fleet);
    await run.sees(({ event }) => event === 'trial', 'the trial');
    await run.kill();
    await cliOn(fleet.devices[0], 'confirm');
    await cli(['push', third.path, fleet.hosts[0], '--confirm']);
    await cli(['push', makeImage({ version: '4.0.0', seed: 4 }).path, fleet.hosts[0], '--confirm']); // the other slot too
    assert.equal(await finishes(start(fleet)), EXIT.device);
    assert.deepEqual((await statesOf(fleet)).states, ['superseded']);
    assert.equal(await runsOf(fleet.devices[0]), '4.0.0 valid');
  });
});

// ---- bad input

const refusals = [
  ['an unknown member', { wave: [] }, 'plan_unknown_member', /"wave" is not known/],
  ['an unknown member inside', { stop: { failed_percents: 5 } }, 'plan_unknown_member', /"stop\.failed_percents"/],
  ['percent over 100', { waves: [{ percent: 101 }] }, 'plan_bad_value', /"waves\[1\]\.percent" must be a whole number from 1 to 100/],
  ['a rest that no wave has', { waves: [{ count: 1 }] }, 'plan_bad_value', /must end with a wave of 100 percent/],
  ['an approval of no wave', { approve: [3] }, 'plan_bad_value', /a wave that is not in "waves"/],
  ['a time that is none', { window: { from: '25:00', to: '05:00' } }, 'plan_bad_value', /"window\.from"/],
  ['no image', { image: undefined }, 'plan_missing_member', /"image" is missing/],
  ['no devices', { select: { devices: 'nobody.txt' } }, 'plan_no_devices', /chooses no device/],
  ['a list that is not there', { select: { devices: 'missing.txt' } }, 'list_unreadable', /cannot be read/],
  ['a bad line of the list', { select: { devices: 'bad.txt' } }, 'list_bad_line', /Line 2/],
  ['an image that is cut off', { image: 'cut.bin' }, 'truncated', /cut off/],
];

test('bad plans are refused by name, before anybody is asked', async () => {
  await withFleet([], async (fleet) => {
    fs.writeFileSync(path.join(fleet.folder, 'nobody.txt'), '# nobody\n');
    fs.writeFileSync(path.join(fleet.folder, 'bad.txt'), '127.0.0.1\nhttp://\n');
    fs.writeFileSync(path.join(fleet.folder, 'cut.bin'), NEW.bytes.subarray(0, 50_000));
    for (const [what, more, name, sentence] of refusals) {
      writePlan(fleet, more);
      const result = await fleetCli('run', fleet, '--json');
      const last = objects(result.stdout).at(-1);
      assert.deepEqual([result.code, last.error], [EXIT.file, name], `${what}: ${result.stdout}`);
      assert.match(last.text, sentence);
      assert.equal(fs.existsSync(path.join(fleet.folder, 'lamp.journal')), false, what);
    }
    fs.writeFileSync(fleet.plan, '{"rollout": "lamp",');
    assert.match((await fleetCli('run', fleet, '--json')).stdout, /"plan_not_json"/);
    fs.rmSync(fleet.plan);
    assert.match((await fleetCli('run', fleet, '--json')).stdout, /"plan_unreadable"/);
  });
});

test('a plan or an image that changes during its rollout is refused', async () => {
  await withFleet([OLD], async (fleet) => {
    const image = path.join(fleet.folder, 'app.bin');
    fs.copyFileSync(NEW.path, image);
    writePlan(fleet, { image: 'app.bin' });
    assert.equal(await finishes(start(fleet)), EXIT.ok);
    fs.copyFileSync(makeImage({ version: '2.0.1', seed: 9 }).path, image);
    assert.match((await fleetCli('run', fleet, '--json')).stdout, /"image_changed"/);
    writePlan(fleet, { image: 'app.bin', limits: { per_gateway: 3 } });
    assert.match((await fleetCli('run', fleet, '--json')).stdout, /"plan_changed"/);
  });
});

test('a password file that others may read is refused', async () => {
  await withFleet([OLD], async (fleet) => {
    const open = path.join(fleet.folder, 'open.pw');
    fs.writeFileSync(open, `${PASSWORD}\n`, { mode: 0o644 });
    writePlan(fleet, { passwords: { file: 'open.pw' } });
    const result = await fleetCli('run', fleet, '--json');
    assert.deepEqual([result.code, objects(result.stdout).at(-1).error], [EXIT.login, 'password_file_open']);
    assert.equal(fleet.devices[0].boots, 1);
  });
});

test('the password is in no file and no output', async () => {
  await withFleet([OLD], async (fleet) => {
    writePlan(fleet);
    const run = start(fleet);
    assert.equal(await finishes(run), EXIT.ok);
    assert.ok(!run.text.includes(PASSWORD) && !run.errors.includes(PASSWORD));
    for (const name of fs.readdirSync(fleet.folder)) {
      assert.ok(!fs.readFileSync(path.join(fleet.folder, name)).includes(PASSWORD), name);
    }
  });
});

// ---- the journal

const sqlite = (file, sql) => execFileSync('python3', ['-c', `import sqlite3,sys; d=sqlite3.connect(sys.argv[1]); d.executescript(sys.argv[2])`, file, sql]);

test('a journal of a newer version, a damaged one and none are named', async () => {
  await withFleet([OLD], async (fleet) => {
    const journal = path.join(fleet.folder, 'lamp.journal');
    writePlan(fleet);
    assert.match((await fleetCli('status', fleet, '--json')).stdout, /"journal_none"/);
    assert.equal(await finishes(start(fleet)), EXIT.ok);
    sqlite(journal, 'PRAGMA user_version = 2');
    const before = fs.readFileSync(journal);
    for (const verb of ['run', 'status', 'pause', 'report']) {
      const result = await fleetCli(verb, fleet, '--json');
      assert.deepEqual([result.code, objects(result.stdout).at(-1).error], [EXIT.trouble, 'journal_newer'], verb);
    }
    assert.ok(fs.readFileSync(journal).equals(before), 'it was changed');
    fs.writeFileSync(journal, 'this is no journal, and it is long enough to be taken for one by nobody at all'.repeat(20));
    assert.match((await fleetCli('status', fleet, '--json')).stdout, /"journal_damaged"/);
  });
});

// A small file system of its own; where none may be mounted the test says so.
test('a full disk under the journal: named, and nothing is lost', async (t) => {
  const small = freshPath('.small');
  fs.mkdirSync(small);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'none', small], { stdio: 'ignore' });
  } catch {
    t.skip('nothing can be mounted here');
    return;
  }
  try {
    await withPatients(2, async (fleet, recover) => {
      fleet.plan = path.join(small, 'plan.json');
      fs.copyFileSync(path.join(fleet.folder, 'devices.txt'), path.join(small, 'devices.txt'));
      writePlan(fleet, { waves: [{ percent: 100 }], confirm: 'device', approve: [1] });
      assert.equal(await finishes(start(fleet)), EXIT.approval);
      assert.equal((await fleetCli('approve', fleet)).code, EXIT.ok);
      const filler = path.join(small, 'filler');
      const fill = () => {
        const fd = fs.openSync(filler, 'w');
        try {
          for (;;) fs.writeSync(fd, Buffer.alloc(512));
        } catch {
          fs.closeSync(fd);
        }
      };
      fill();
      const full = start(fleet);
      assert.equal(await finishes(full), EXIT.trouble, full.text);
      assert.match(full.text, /"journal_full"/);
      await allRun(fleet, ['1.0.0 valid', '1.0.0 valid']);
      fs.rmSync(filler);
      const filling = start(fleet);
      for (const host of fleet.hosts) {
        await filling.sees((seen) => seen.event === 'trial' && seen.host === host, 'the trial');
      }
      fill(); // in the middle: what happens now cannot be written down
      recover();
      assert.equal(await finishes(filling), EXIT.trouble, filling.text);
      assert.match(filling.text, /"journal_full"/);
      fs.rmSync(filler);
      assert.equal(await finishes(start(fleet)), EXIT.ok);
      assert.deepEqual((await statesOf(fleet)).states, ['confirmed', 'confirmed']);
      await allRun(fleet, Array(2).fill('2.0.0 valid'));
    });
  } finally {
    execFileSync('umount', [small]);
  }
});

// ---- what people see

test('lists, labels and reports', async () => {
  await withFleet([OLD, OTHER_CHIP], async (fleet) => {
    const list = path.join(fleet.folder, 'devices.txt');
    fs.appendFileSync(list, '# the rest is at home\n');
    assert.equal((await cli(['fleet', 'label', list, 'beta', fleet.hosts[0]], {})).code, EXIT.ok);
    assert.equal(fs.readFileSync(list, 'utf8'), `${fleet.hosts[0]}  beta\n${fleet.hosts[1]}\n# the rest is at home\n`);
    writePlan(fleet, { select: { devices: 'devices.txt', label: ['beta'] } });
    const listed = objects((await fleetCli('list', fleet, '--json')).stdout);
    assert.deepEqual(listed.map(({ host, version, labels }) => [host, version, labels]), [[fleet.hosts[0], '1.0.0', 'beta']]);
    assert.equal((await cli(['fleet', 'label', list, 'beta-', fleet.hosts[0]], {})).code, EXIT.ok);
    assert.match((await fleetCli('run', fleet, '--json')).stdout, /"plan_no_devices"/);
    assert.match((await cli(['fleet', 'label', list, 'beta', 'somebody'], {})).stdout, /is not in the list/);
    writePlan(fleet);
    await finishes(start(fleet));
    const csv = (await fleetCli('report', fleet)).stdout.split('\r\n');
    assert.match(csv[1], /^"lamp","127\.0\.0\.1:\d+","[0-9a-f]{12}","",1,confirmed,"",1,\d+$/);
    const junit = (await fleetCli('report', fleet, '--format', 'junit')).stdout;
    assert.match(junit, /tests="2" failures="1" errors="0" skipped="0"/);
    assert.match(junit, /<failure type="refused" message="wrong_chip"\/>/);
  });
});

test('a chip or a project that is not chosen stays out of the rollout', async () => {
  await withFleet([OLD, OTHER_CHIP], async (fleet) => {
    writePlan(fleet, { select: { devices: 'devices.txt', chip: 'ESP32-C3', project: 'demo' } });
    assert.equal(await finishes(start(fleet)), EXIT.ok);
    assert.equal((await statesOf(fleet)).rollout.devices, 1);
  });
});

test('in a pipe each step is a line, and the end is a table', async () => {
  await withFleet([OLD, OTHER_CHIP], async (fleet) => {
    writePlan(fleet);
    const result = await fleetCli('run', fleet);
    const lines = result.stdout.trimEnd().split('\n');
    assert.ok(lines.includes(`${fleet.hosts[0]}: on_trial`), result.stdout);
    assert.ok(lines.includes(`${fleet.hosts[1]}: refused (wrong_chip)`), result.stdout);
    assert.ok(lines.includes('lamp: 2 devices, finished'), result.stdout);
    assert.ok(lines.includes('wave 1  [############!!!!!!!!!!!!] 2 of 2  1 confirmed, 1 refused'), result.stdout);
    assert.ok(!result.stdout.includes('\x1b'));
  });
});

test('a client that updates a device of the fleet is waited for', async () => {
  await withFleet([OLD], async (fleet) => {
    writePlan(fleet, { retry: { attempts: 50, backoff_s: [1] } });
    const client = await Client.connect(fleet.devices[0], PASSWORD);
    client.begin(NEW.bytes);
    await client.next('ready');
    const run = start(fleet);
    await run.sees(({ event, name }) => event === 'lost' && name === 'busy', 'its refusal');
    await client.close();
    assert.equal(await finishes(run), EXIT.ok, run.text);
    await allRun(fleet, ['2.0.0 valid']);
  });
});
