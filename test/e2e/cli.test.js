// SPDX-License-Identifier: Apache-2.0
// ota-ws as people and scripts use it: against real devices, through a wire that can be cut or forged, and against
// servers that only pretend to be a device.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import { once } from 'node:events';
import { askPretender, assertEnds, cli, cliOn, environment, EXIT, first, history, hostOf, lastLine, objects, PASSWORD, passwordFile, pretender, protectedBy, push, second, send, state, welcome, wire, withFirst, test } from './cli_tools.js';
import { Client, defects, Device, freshPath, helloWorldChips, makeImage, realImage, request, root, run, tools, until, withDevice } from './harness.js';

// ---- updates

for (const chip of [...helloWorldChips, 'psychic']) {
  const name = chip === 'psychic' ? 'psychichttp_ota-esp32s3' : `hello_world-${chip}`;
  test(`push: ${name} arrives byte for byte on a device of its chip`, async () => {
    const kind = chip === 'psychic' ? 'esp32s3' : chip;
    const image = realImage(name, { chip: kind, project: 'hello_world' });
    const factory = makeImage({ chip: kind, version: '0.0.1', minRevision: 0 });
    await withDevice({ image: factory.path, options: { ...protectedBy, anyProject: true, chip: kind } }, async (device) => {
      const result = await push(device, image);
      assert.equal(result.code, EXIT.ok, result.stdout + result.stderr);
      assert.match(lastLine(result.stdout), /^running .+ from ota_1, on trial$/);
      assert.ok(device.partition('ota_1').subarray(0, image.bytes.length).equals(image.bytes));
    });
  });

  test(`push: ${name} is refused on a device of another chip, and flash stays as it was`, async () => {
    const image = realImage(name, { chip: chip === 'psychic' ? 'esp32s3' : chip, project: 'hello_world' });
    const other = chip === 'esp32c3' ? 'esp32c6' : 'esp32c3';
    const factory = makeImage({ chip: other, version: '0.0.1' });
    await withDevice({ image: factory.path, options: { ...protectedBy, anyProject: true } }, async (device) => {
      const before = device.flash();
      const here = await push(device, image);
      assert.match(lastLine(here.stdout), /^still 0\.0\.1: This image is for ESP32\S*, this device is an ESP32-C[36]\.$/);
      assert.equal(here.code, EXIT.file);
      const there = await push(device, image, '--no-check');
      assert.equal(lastLine(there.stdout), lastLine(here.stdout));
      assert.equal(there.code, EXIT.device);
      assert.ok(device.flash().equals(before), 'flash has changed');
    });
  });
}

test('push --confirm: the new image stays over a restart', async () => {
  await withFirst(async (device) => {
    assertEnds(await push(device, second, '--confirm'), EXIT.ok, 'running 2.0.0 from ota_1, confirmed');
    assertEnds(await cliOn(device, 'restart'), EXIT.ok, 'running 2.0.0 from ota_1, confirmed');
  });
});

test('confirm twice ends well twice', async () => {
  await withFirst(async (device) => {
    await push(device, second);
    for (let i = 0; i < 2; i++) {
      assertEnds(await cliOn(device, 'confirm'), EXIT.ok, 'running 2.0.0 from ota_1, confirmed');
    }
  });
});

test('confirm of an image that was given up is no success', async () => {
  await withFirst(async (device) => {
    await push(device, second);
    await cliOn(device, 'restart');
    const late = await cliOn(device, 'confirm');
    assertEnds(late, EXIT.old, 'rolled back: running 1.0.0 from ota_0; 2.0.0 restarted (software) before it was confirmed');
  });
});

test('the same firmware again is not sent, unless by --force', async () => {
  await withFirst(async (device) => {
    await push(device, second, '--confirm');
    const boots = device.boots;
    const again = await push(device, second, '--confirm');
    assertEnds(again, EXIT.ok, 'runs already: 2.0.0 from ota_1, confirmed; nothing was sent');
    assert.match(again.stderr, /next: the same command with --force/);
    const json = objects((await push(device, second, '--json')).stdout);
    assert.deepEqual(json.map(({ type, outcome, code }) => [type, outcome, code]), [['result', 'unchanged', 0]]);
    assert.equal(device.boots, boots);
    assertEnds(await push(device, second, '--force', '--confirm'), EXIT.ok, 'running 2.0.0 from ota_0, confirmed');
  });
});

test('the same firmware on trial is confirmed, or left on trial', async () => {
  await withFirst(async (device) => {
    await push(device, second);
    const again = await push(device, second);
    assertEnds(again, EXIT.ok, 'runs already: 2.0.0 from ota_1, on trial; nothing was sent');
    assert.match(again.stderr, /next: 'ota-ws confirm \S+' keeps it/);
    assert.equal((await push(device, second, '--force')).code, EXIT.device);
    assertEnds(await push(device, second, '--confirm'), EXIT.ok, 'running 2.0.0 from ota_1, confirmed');
    assert.equal(device.boots, 2);
  });
});

test('a push onto a trial is refused before it announces itself', async () => {
  await withFirst(async (device) => {
    await push(device, second);
    const third = makeImage({ version: '3.0.0', seed: 3 });
    const refused = await push(device, third);
    assertEnds(refused, EXIT.device, 'still 2.0.0: The running firmware is on trial. Confirm it or go back before the next update.');
    assert.equal(refused.stderr, `next: 'ota-ws confirm ${hostOf(device)}' keeps the running firmware, 'ota-ws rollback ${hostOf(device)}' goes back\n`);
  });
});

test('rollback: the old image runs again', async () => {
  await withFirst(async (device) => {
    await push(device, second);
    assertEnds(await cliOn(device, 'rollback'), EXIT.ok, 'rolled back: running 1.0.0 from ota_0');
    const nothing = await cliOn(device, 'rollback');
    assert.equal(nothing.code, EXIT.device);
    assert.equal(lastLine(nothing.stdout), 'still 1.0.0: The other slot holds no image to go back to.');
  });
});

test('restart without confirming: the old image runs, and that is said', async () => {
  await withFirst(async (device) => {
    await push(device, second);
    const result = await cliOn(device, 'restart');
    assert.equal(result.code, EXIT.old);
    assert.match(lastLine(result.stdout), /^rolled back: running 1\.0\.0 from ota_0/);
    assert.match((await cliOn(device, 'info')).stdout, /^runs +demo 1\.0\.0 from ota_0, confirmed$/m);
  });
});

test('push --no-restart leaves the new image ready; restart runs it', async () => {
  await withFirst(async (device) => {
    assertEnds(await push(device, second, '--no-restart'), EXIT.ok, 'still 1.0.0; 2.0.0 is ready in ota_1 and runs after a restart');
    assert.equal(device.boots, 1);
    const other = await push(device, makeImage({ version: '3.0.0', seed: 3 }));
    assertEnds(other, EXIT.device, 'still 1.0.0: A new image is ready. Restart into it or cancel it before the next update.');
    assertEnds(await cliOn(device, 'restart'), EXIT.ok, 'running 2.0.0 from ota_1, on trial');
  });
});

test('a file that is ready already is not sent again', async () => {
  await withFirst(async (device) => {
    await push(device, second, '--no-restart');
    assertEnds(await push(device, second, '--no-restart'), EXIT.ok, 'still 1.0.0; 2.0.0 is ready in ota_1 and runs after a restart');
    const result = await push(device, second);
    assertEnds(result, EXIT.ok, 'running 2.0.0 from ota_1, on trial');
    assert.match(result.stderr, /2\.0\.0 is verified in ota_1 already: nothing more has to be sent/);
  });
});

test('cancel takes back an update that is ready', async () => {
  await withFirst(async (device) => {
    await push(device, second, '--no-restart');
    assertEnds(await cliOn(device, 'cancel'), EXIT.ok, 'running 1.0.0 from ota_0, confirmed');
    assertEnds(await cliOn(device, 'cancel'), EXIT.device, 'still 1.0.0: There is no update to cancel.');
    assertEnds(await cliOn(device, 'restart'), EXIT.ok, 'running 1.0.0 from ota_0, confirmed');
  });
});

test('--wait=0 does not wait for the restart', async () => {
  await withFirst(async (device) => {
    assertEnds(await push(device, second, '--wait=0'), EXIT.ok, 'restarting, not waited for');
    await device.started(2);
    assertEnds(await cliOn(device, 'confirm'), EXIT.ok, 'running 2.0.0 from ota_1, confirmed');
  });
});

test('a lower version needs --allow-downgrade', async () => {
  await withDevice({ image: second.path, options: protectedBy }, async (device) => {
    const refused = await push(device, first);
    assertEnds(refused, EXIT.file, 'still 2.0.0: Version 1.0.0 is older than 2.0.0, which runs. Allow the downgrade if you want it.');
    assertEnds(await push(device, first, '--no-check'), EXIT.device, lastLine(refused.stdout));
    assertEnds(await push(device, first, '--allow-downgrade'), EXIT.ok, 'running 1.0.0 from ota_1, on trial');
    assert.match(device.log, /that is a downgrade from 2\.0\.0 to 1\.0\.0, as the client allowed/);
    const [, update] = objects((await cliOn(device, 'info', '--json')).stdout);
    assert.deepEqual([update.from, update.to], ['2.0.0', '1.0.0'], 'the history says so');
  });
});

test('a device that is gone after the restart is called unreachable', async () => {
  await withDevice({ image: first.path, options: { ...protectedBy, bootTime: 60000 } }, async (device) => {
    assertEnds(await push(device, second, '--wait=2'), EXIT.unreachable, 'unreachable: The device has not come back within 2 s.');
  });
});

// ---- several devices

test('several devices, one after the other, each with its own line', async () => {
  await withFirst(async (one) => {
    await withFirst(async (two) => {
      const result = await cli(['push', second.path, hostOf(one), hostOf(two)]);
      assert.equal(result.stdout, `${hostOf(one)}: running 2.0.0 from ota_1, on trial\n${hostOf(two)}: running 2.0.0 from ota_1, on trial\n`);
      assert.equal(result.code, EXIT.ok);
      const info = await cli(['info', '--json', hostOf(one), hostOf(two)]);
      const perDevice = (host) => ['state', 'update', 'result'].map((type) => [type, host]);
      assert.deepEqual(objects(info.stdout).map(({ type, host }) => [type, host]), [...perDevice(hostOf(one)), ...perDevice(hostOf(two))]);
    });
  });
});

test('a device that refuses does not keep the next from its update; the exit code is that of the first failure', async () => {
  await withFirst(async (device) => {
    const result = await cli(['push', second.path, '127.0.0.1:1', hostOf(device)]);
    assert.equal(result.code, EXIT.unreachable);
    assert.deepEqual(result.stdout.trimEnd().split('\n'), [
      '127.0.0.1:1: unreachable: Nothing answers at 127.0.0.1:1. Is the device on, and are name and port right?',
      `${hostOf(device)}: running 2.0.0 from ota_1, on trial`,
    ]);
  });
});

test('after a device that took the image and was not seen again the others are left alone, unless --keep-going', async () => {
  await withDevice({ image: first.path, options: { ...protectedBy, bootTime: 60000 } }, async (gone) => {
    await withFirst(async (device) => {
      const stopped = await cli(['push', '--wait=1', second.path, hostOf(gone), hostOf(device)]);
      assert.equal(stopped.code, EXIT.unreachable);
      assert.equal(lastLine(stopped.stdout), `${hostOf(device)}: not tried`);
      assert.equal(device.boots, 1);
    });
  });
  await withDevice({ image: first.path, options: { ...protectedBy, bootTime: 60000 } }, async (gone) => {
    await withFirst(async (device) => {
      const result = await cli(['push', '--wait=1', '--keep-going', second.path, hostOf(gone), hostOf(device)]);
      assert.equal(result.code, EXIT.unreachable);
      assert.match(lastLine(result.stdout), /running|not come back/);
      assert.ok(!result.stdout.includes('not tried'));
    });
  });
});

// ---- what is printed

test('info says what runs and what lies in the other slot', async () => {
  await withFirst(async (device) => {
    const fresh = await cliOn(device, 'info');
    assert.equal(fresh.code, EXIT.ok);
    assert.match(fresh.stdout, /^chip +ESP32-C3, revision \d+\.\d+$/m);
    assert.match(fresh.stdout, /^runs +demo 1\.0\.0 from ota_0, confirmed$/m);
    assert.match(fresh.stdout, /^other +ota_1 holds no valid image$/m);
    assert.match(fresh.stdout, /^room +\d+ bytes for an update$/m);
    assert.match(fresh.stdout, /^update +idle$/m);
    await push(device, second);
    const trial = await cliOn(device, 'info');
    assert.match(trial.stdout, /^runs +demo 2\.0\.0 from ota_1, on trial$/m);
    assert.match(trial.stdout, /^trial +ends in \d+ s/m);
    assert.match(trial.stdout, /^other +demo 1\.0\.0 in ota_0, confirmed$/m);
    assert.match(trial.stdout, /^history +2\.0\.0 is on trial\n +sent on .+ UTC by 127\.0\.0\.1 over 1\.0\.0$/m);
    await cliOn(device, 'restart');
    const after = await cliOn(device, 'info');
    assert.match(after.stdout, /^history +2\.0\.0 restarted \(software\) before it was confirmed$/m);
    const [state, update, ...rest] = objects((await cliOn(device, 'info', '--json')).stdout);
    assert.deepEqual([state.type, update.type, rest.at(-1).type], ['state', 'update', 'result']);
    assert.ok(rest.length > 1 && rest.slice(0, -1).every((line) => line.type === 'log')); // what the image that was given up has logged
    assert.ok(update.when > 1.7e9);
    assert.deepEqual({ ...update, when: 0 }, {
      type: 'update', host: hostOf(device), updates: 1, index: 0, outcome: 'aborted', from: '1.0.0', to: '2.0.0', slot: 'ota_1', when: 0, peer: '127.0.0.1', reset: 'software',
      elf_sha256: update.elf_sha256,
    });
    for (const { stdout } of [fresh, trial, after]) {
      assert.ok(stdout.split('\n').every((line) => line.length <= 80), stdout);
    }
  });
});

test('--json: every line is an object, and the last one is the result', async () => {
  await withFirst(async (device) => {
    const result = await push(device, second, '--json');
    const lines = objects(result.stdout);
    assert.equal(result.stderr, '');
    assert.ok(lines.every(({ type, host }) => ['note', 'progress', 'result'].includes(type) && host === hostOf(device)));
    const progress = lines.filter(({ type }) => type === 'progress');
    assert.ok(progress.length > 0);
    assert.ok(progress.every(({ size, sent, received, written }) => size === second.bytes.length && sent >= received && received >= written));
    assert.equal(progress.at(-1).written, second.bytes.length);
    const { text, elf_sha256: elf, trial_left_s: left, ...rest } = lines.at(-1);
    assert.equal(text, 'running 2.0.0 from ota_1, on trial');
    assert.equal(elf.length, 16);
    assert.ok(left > 0);
    assert.deepEqual(rest, {
      type: 'result',
      host: hostOf(device),
      outcome: 'running',
      code: 0,
      device: rest.device,
      project: 'demo',
      version: '2.0.0',
      slot: 'ota_1',
      image: 'trial',
    });
    const state = objects((await cliOn(device, 'info', '--json')).stdout)[0];
    assert.equal(state.type, 'state');
    assert.equal(state.version, '2.0.0');
    assert.equal(state.other_version, '1.0.0');
  });
});

test('--json: a failure has outcome, code, name and sentence', async () => {
  const [refused] = objects((await cli(['info', '--json', '127.0.0.1:1'])).stdout);
  assert.deepEqual(refused, {
    type: 'result',
    host: '127.0.0.1:1',
    outcome: 'unreachable',
    code: EXIT.unreachable,
    text: 'unreachable: Nothing answers at 127.0.0.1:1. Is the device on, and are name and port right?',
    error: 'no_connection',
    next: "'ota-ws info 127.0.0.1:1' when the device is on and in this network",
  });
});

test('in a pipe progress is plain lines, ten at most, and nothing that steers a terminal', async () => {
  await withFirst(async (device) => {
    const result = await push(device, makeImage({ version: '2.0.0', seed: 5, size: '1M' }));
    const lines = result.stderr.split('\n').filter((line) => /^ *\d+ %, /.test(line));
    assert.ok(lines.length >= 5 && lines.length <= 11, result.stderr);
    assert.match(lines.at(-1), /^100 %, 1049 KB of 1049 KB, \S+ [KM]B\/s, 0:00 left$/);
    // eslint-disable-next-line no-control-regex
    assert.ok(!/[\x00-\x09\x0b-\x1f\x7f]/.test(result.stderr + result.stdout));
  });
});

test('--quiet prints the result and nothing else', async () => {
  await withFirst(async (device) => {
    const result = await push(device, second, '--quiet');
    assert.equal(result.stderr, '');
    assert.equal(result.stdout, 'running 2.0.0 from ota_1, on trial\n');
    const json = await push(device, makeImage({ version: '3.0.0' }), '--quiet', '--json');
    assert.equal(objects(json.stdout).length, 1);
    assert.equal(objects(json.stdout)[0].error, 'on_trial');
  });
});

test('a full standard output is not taken for success', async () => {
  await withFirst(async (device) => {
    const command = `exec "${tools.cli}" info ${hostOf(device)} > /dev/full`;
    const result = await run('sh', ['-c', command], { env: environment({ OTA_WS_PASSWORD: PASSWORD }) });
    assert.equal(result.code, 1);
  });
});

// ---- a terminal

/** Runs ota-ws on a terminal of its own; `screen` is all that it has written there. */
function onTerminal(args, env = {}) {
  const quoted = [tools.cli, ...args].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['-qefc', quoted, '/dev/null'], { env: environment({ ...env, TERM: 'xterm' }) });
  const terminal = { screen: '', type: (text) => child.stdin.write(text) };
  child.stdout.on('data', (text) => (terminal.screen += text));
  terminal.exited = once(child, 'close').then(([code]) => (terminal.code = code));
  return terminal;
}

test('on a terminal the password is asked for without echo, and progress is a bar', async () => {
  await withFirst(async (device) => {
    const terminal = onTerminal(['push', second.path, hostOf(device)]);
    await until(() => terminal.screen.includes('Password or pairing code of'), 'the question');
    terminal.type(`${PASSWORD}\n`);
    await terminal.exited;
    assert.equal(terminal.code, EXIT.ok, terminal.screen);
    assert.ok(!terminal.screen.includes(PASSWORD), terminal.screen);
    assert.match(terminal.screen, /\[#+\] 100 % /);
    assert.match(terminal.screen, /running 2\.0\.0 from ota_1, on trial\r\n$/);
    const note = /sent (as it is: .+\r\n.*save no time|compressed: .+)\r\n/; // compressed where the answers take long
    assert.match(terminal.screen, note, 'a long note is broken between words');
    for (const line of terminal.screen.split(/[\r\n]+/)) {
      assert.ok(line.replaceAll('\x1b[K', '').length <= 80, line);
    }
  });
});

test('Ctrl-C at the password question leaves, and the terminal echoes again', async () => {
  await withFirst(async (device) => {
    const command = `trap : INT; ${tools.cli} info ${hostOf(device)}; echo code $?; stty -a`;
    const child = spawn('script', ['-qefc', command, '/dev/null'], { env: environment() });
    let screen = '';
    child.stdout.on('data', (text) => (screen += text));
    await until(() => screen.includes('Password or pairing code of'), 'the question');
    child.stdin.write('\x03');
    await once(child, 'close');
    assert.match(screen, /code 130/);
    assert.match(screen, / echo /);
  });
});

// ---- interrupting

/** A push that gets `signal` when a third of the image is on its way: it has the signal before the rest is acknowledged. */
async function interrupt(device, signal) {
  const image = makeImage({ version: '3.0.0', seed: 3, size: '900K' });
  let bytes = 0;
  let child;
  const line = await wire(device, { sent: (data) => (bytes += data.length) > 300_000 && !child.killed && child.kill(signal) });
  child = spawn(tools.cli, ['push', '--compress', 'never', image.path, line.host], { env: environment({ OTA_WS_PASSWORD: PASSWORD }) });
  let stdout = '', stderr = '';
  child.stdout.on('data', (text) => (stdout += text));
  child.stderr.on('data', (text) => (stderr += text));
  const [code] = await once(child, 'close');
  line.close();
  return { code, stdout, stderr };
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  test(`${signal} during a push cancels the update on the device, and says so`, async () => {
    await withFirst(async (device) => {
      const result = await interrupt(device, signal);
      assertEnds(result, EXIT.interrupted, 'still 1.0.0: Interrupted, the update was cancelled.');
      const { stdout } = await cliOn(device, 'info', '--json');
      assert.equal(objects(stdout)[0].update, 'idle');
      assertEnds(await push(device, second), EXIT.ok, 'running 2.0.0 from ota_1, on trial');
    });
  });
}

test('Ctrl-C while waiting for the restart ends the wait, and the devices behind it are not tried', async () => {
  await withDevice({ image: first.path, options: { ...protectedBy, bootTime: 60000 } }, async (device) => {
    const child = spawn(tools.cli, ['push', second.path, hostOf(device), '127.0.0.1:1'], { env: environment({ OTA_WS_PASSWORD: PASSWORD }) });
    let stdout = '', stderr = '';
    child.stdout.on('data', (text) => (stdout += text));
    child.stderr.on('data', (text) => (stderr += text));
    await until(() => stderr.includes('restarting'), 'the restart');
    child.kill('SIGINT');
    const [code] = await once(child, 'close');
    assert.equal(code, EXIT.interrupted);
    assert.deepEqual(stdout.trimEnd().split('\n'), [`${hostOf(device)}: restarting, not waited for: Interrupted. 2.0.0 may be on trial now: unless somebody confirms it, the device goes back to 1.0.0.`, '127.0.0.1:1: not tried']);
  });
});

// ---- a wire that breaks, or lies

test('a connection that breaks in the middle is made again, and the update goes on', async () => {
  await withFirst(async (device) => {
    const image = makeImage({ version: '2.0.0', seed: 6, size: '900K' });
    let bytes = 0, cuts = 0;
    const line = await wire(device, {
      sent: (data) => {
        bytes += data.length;
        if (bytes > 300_000 && cuts === 0) {
          cuts++;
          setImmediate(() => line.cut());
        }
      },
    });
    const result = await cli(['push', image.path, line.host]);
    line.close();
    assert.equal(cuts, 1);
    assertEnds(result, EXIT.ok, 'running 2.0.0 from ota_1, on trial');
    assert.match(result.stderr, /The connection to \S+ was lost\. Trying again in 1 s \(1 of 5\)\./);
    assert.ok(device.partition('ota_1').subarray(0, image.bytes.length).equals(image.bytes));
  }, { timing: 'w25q32jv' });
});

test('a connection that keeps breaking is given up after --retry attempts', async () => {
  await withFirst(async (device) => {
    const image = makeImage({ version: '2.0.0', seed: 6, size: '900K' });
    let bytes = 0;
    const line = await wire(device, {
      sent: (data) => {
        bytes += data.length;
        if (bytes > 50_000) {
          setImmediate(() => line.cut());
        }
      },
    });
    const result = await cli(['push', image.path, line.host, '--retry', '2']);
    line.close();
    assertEnds(result, EXIT.unreachable, lastLine(result.stdout));
    assert.match(lastLine(result.stdout), /^unreachable: /);
    assert.equal(result.stderr.match(/Trying again/g).length, 2);
  });
});

test('an image that crashes on its trial is seen to be rolled back', async () => {
  await withFirst(async (device) => {
    const line = await wire(device);
    const pushing = spawn(tools.cli, ['push', second.path, line.host], { env: environment({ OTA_WS_PASSWORD: PASSWORD }) });
    let stdout = '', stderr = '';
    pushing.stdout.on('data', (text) => (stdout += text));
    pushing.stderr.on('data', (text) => (stderr += text));
    await until(() => stderr.includes('restarting'), 'the restart');
    line.open = false; // ota-ws does not see the new image before it is gone
    line.cut();
    await until(() => device.boots === 2 && /on trial[^]*page: /.test(device.log), 'the trial');
    await (await Client.connect(device, PASSWORD)).restart();
    await device.started(3);
    line.open = true;
    const [code] = await once(pushing, 'close');
    line.close();
    assert.match(lastLine(stdout), /^rolled back: running 1\.0\.0 from ota_0/);
    assert.equal(code, EXIT.old);
  });
});

test('a link that drops before the last word costs nothing', async () => {
  await withFirst(async (device) => {
    let cuts = 0;
    const line = await wire(device, {
      pass: (socket, bytes) => {
        if (cuts === 0 && bytes.includes('"type":"done"')) {
          cuts++;
          line.cut();
        } else {
          socket.write(bytes);
        }
      },
    });
    const result = await cli(['push', '--confirm', second.path, line.host]);
    line.close();
    assert.equal(cuts, 1);
    assertEnds(result, EXIT.ok, 'running 2.0.0 from ota_1, confirmed');
    assert.match(result.stderr, /2\.0\.0 is verified in ota_1 already/);
  });
});

/** A push of which a byte is changed behind 150,000 and whose wire is cut at 300,000. */
async function pushDamaged(device, image, ...options) {
  let bytes = 0, cuts = 0, isChanged = false;
  const line = await wire(device, {
    sent: (data) => {
      bytes += data.length;
      if (!isChanged && bytes > 150_000) {
        isChanged = true; // once, in the middle of the first segment: no header of a segment is hit
        data[data.length - 1] ^= 1;
      }
      if (bytes > 300_000 && cuts++ === 0) {
        setImmediate(() => line.cut());
      }
    },
  });
  const result = await cli(['push', '--compress', 'never', ...options, image.path, line.host]);
  line.close();
  return result;
}

test('a resumed update that was damaged begins again by itself', async () => {
  await withFirst(async (device) => {
    const result = await pushDamaged(device, makeImage({ version: '2.0.0', seed: 6, size: '900K' }));
    assertEnds(result, EXIT.ok, 'running 2.0.0 from ota_1, on trial');
    assert.match(result.stderr, /going on after \d+ bytes/);
    assert.match(result.stderr, /what the device had kept of an earlier try was damaged: the file is sent from its start/);
  }, { timing: 'w25q32jv' });
});

test('info shows an unfinished upload and its file', async () => {
  await withFirst(async (device) => {
    const image = makeImage({ version: '2.0.0', seed: 6, size: '900K' });
    let bytes = 0;
    const line = await wire(device, { sent: (data) => (bytes += data.length) > 400_000 && setImmediate(() => line.cut()) });
    await cli(['push', '--compress', 'never', '--retry', '0', image.path, line.host]);
    line.close();
    const digest = execFileSync('sha256sum', [image.path], { encoding: 'utf8' }).slice(0, 16);
    const kept = await until(async () => objects((await cliOn(device, 'info', '--json')).stdout).find((state) => state.kept > 0), 'what is kept');
    assert.deepEqual([kept.kept_sha256, kept.kept_size, kept.kept_version, kept.kept_project], [digest, image.bytes.length, '2.0.0', 'demo']);
    const { stdout } = await cliOn(device, 'info');
    assert.match(stdout, new RegExp(`^update +unfinished: \\d+ of ${image.bytes.length} bytes of demo 2\\.0\\.0 are kept\n +push the same file to go on \\(its SHA-256: ${digest}\\.\\.\\.\\)$`, 'm'));
    assert.ok(stdout.split('\n').every((text) => text.length <= 80), stdout);
    const result = await push(device, image);
    assert.match(result.stderr, /going on after \d+ bytes/);
  }, { timing: 'w25q32jv' });
});

test('a device that is busy with its own work is asked again', async () => {
  let begins = 0, confirms = 0;
  const says = (message, socket) => {
    if (message.type === 'hello') {
      send(socket, welcome, { ...state, image: 'trial', early: 1000 });
    } else if (message.type === 'begin') {
      begins++;
      send(socket, { type: 'failed', name: begins === 1 ? 'device_busy' : 'on_trial' });
    } else if (message.type === 'confirm') {
      confirms++;
      send(socket, ...(confirms === 1 ? [{ type: 'failed', name: 'device_busy' }] : [{ ...state, image: 'valid' }]));
    }
  };
  assert.equal((await askPretender({ says }, ['confirm', '--json'])).code, EXIT.ok);
  assert.equal((await askPretender({ says }, ['push', '--json', second.path])).last.error, 'on_trial');
  assert.deepEqual([begins, confirms], [2, 2]);
});

test('a message that was changed on the way ends the session', async () => {
  await withFirst(async (device) => {
    const line = await wire(device, { pass: (socket, bytes) => socket.write(Buffer.from(bytes.toString('latin1').replace('"slot":"ota_0"', '"slot":"ota_1"'), 'latin1')) });
    const result = await cli(['info', '--json', line.host]);
    line.close();
    assert.equal(result.code, EXIT.login);
    assert.equal(objects(result.stdout).at(-1).error, 'bad_mac');
  });
});

test('what is sent and not acknowledged never exceeds the credit', async () => {
  await withFirst(async (device) => {
    const image = makeImage({ version: '2.0.0', seed: 7, size: '300K' });
    const result = await cli(['push', image.path, hostOf(device), '--json', '--no-restart']);
    const progress = objects(result.stdout).filter(({ type }) => type === 'progress');
    assert.ok(progress.length > 0);
    assert.ok(progress.every(({ sent, received }) => sent - received <= 3000));
    assert.equal(objects(result.stdout).at(-1).code, EXIT.ok);
  }, { chunk: 1000, credit: 3000 });
});

// ---- those who only pretend to be a device

test('what answers but is no device has another name than silence', async () => {
  const cases = [
    { status: 404 },
    { ticket: '<html>' },
    { ticket: 'x'.repeat(100_000) },
    { ticket: '' },
    { ticket: {} },
    { ticket: { version: 1, ticket: 'T', login: 'none', ws: 'http://elsewhere/' } },
    ...['/ws\r\nX-Evil: 1', '/ws x', '/\u00e9', '', 5].map((ws) => ({ ticket: { type: 'ticket', version: 1, ticket: 'T', login: 'none', ws } })),
  ];
  for (const settings of cases) {
    const { code, last } = await askPretender(settings);
    assert.equal(code, EXIT.unreachable);
    assert.equal(last.error, 'no_device', JSON.stringify(settings));
  }
  const newer = await askPretender({ ticket: { type: 'ticket', version: 2, ticket: 'T', login: 'none', ws: '/ws' } });
  assert.equal(newer.last.error, 'wrong_version');
});

test('a refused ticket is reported in the words of the device', async () => {
  const { code, last } = await askPretender({ status: 403, ticket: { type: 'error', name: 'foreign_host', text: 'Not this host.' } });
  assert.equal(code, EXIT.device);
  assert.equal(last.error, 'foreign_host');
  assert.equal(last.text, 'failed: Not this host.');
});

test('a device that does not know the password is not believed', async () => {
  const login = { ticket: { type: 'ticket', version: 1, ticket: 'T', login: 'scram-sha-256', ws: '/ws' } };
  const nonce = (message) => message.scram.split('r=')[1];
  const says = (message, socket) => {
    if (message.type === 'hello') {
      send(socket, { type: 'challenge', version: 1, scram: `r=${nonce(message)}DEVICE,s=${Buffer.alloc(16).toString('base64')},i=4096` });
    } else if (message.type === 'proof') {
      send(socket, { ...welcome, scram: `v=${Buffer.alloc(32).toString('base64')}` }, state);
    }
  };
  const liar = await askPretender({ ...login, says }, ['info', '--json'], { OTA_WS_PASSWORD: PASSWORD });
  assert.equal(liar.code, EXIT.login);
  assert.equal(liar.last.error, 'device_not_proved');
  const bold = await askPretender({ ...login, says: (message, socket) => send(socket, welcome, state) }, ['info', '--json'], { OTA_WS_PASSWORD: PASSWORD });
  assert.equal(bold.last.error, 'device_not_proved');
});

test('a device that asks for no password although one was given is not talked to', async () => {
  let messages = 0;
  const { code, last } = await askPretender({ says: () => messages++ }, ['info', '--json'], { OTA_WS_PASSWORD: PASSWORD });
  assert.equal(code, EXIT.login);
  assert.equal(last.error, 'no_login');
  assert.equal(messages, 0);
});

test('nonsense instead of messages ends in a named error', async () => {
  const cases = ['', '{', '[]', '{"type":{}}', '{"type":"state"}', `{"type":"${'x'.repeat(2000)}"}`, Buffer.from('binary')];
  for (const nonsense of cases) {
    const { code, last } = await askPretender({ says: (message, socket) => socket.send(nonsense) });
    assert.equal(code, EXIT.unreachable, JSON.stringify(last));
    assert.equal(last.error, 'nonsense', String(nonsense).slice(0, 40));
  }
  const stateless = await askPretender({ says: (message, socket) => send(socket, welcome, { type: 'state' }) });
  assert.equal(stateless.last.error, 'nonsense');
});

test('what a device says of itself cannot steer the terminal', async () => {
  const says = (message, socket) => send(socket, ...(message.type === 'hello' ? [welcome] : [history]), { ...state, version: '1.0\u001b[2J\u009b', device: 'a\nb' });
  const server = await pretender({ says });
  const { code, stdout } = await cli(['info', server.host], {});
  server.close();
  assert.equal(code, EXIT.ok);
  assert.match(stdout, /1\.0\?\[2J\?/);
  assert.match(stdout, /^device +a\?b /m);
});

test('a device that acknowledges nothing gets no more than its credit, and a cancel', async () => {
  let bytes = 0, cancelled = false;
  const says = (message, socket) => {
    if (Buffer.isBuffer(message)) {
      bytes += message.length - 4;
      if (bytes === 10_000) {
        socket.emit('whole credit');
      }
    } else if (message.type === 'hello') {
      send(socket, welcome, state);
    } else if (message.type === 'begin') {
      send(socket, { type: 'ready', offset: 0, chunk: 4096, credit: 10_000 });
    } else if (message.type === 'cancel') {
      cancelled = true;
      send(socket, { type: 'failed', name: 'cancelled' });
    }
  };
  const server = await pretender({ says });
  const child = spawn(tools.cli, ['push', second.path, server.host], { env: environment() });
  await until(() => bytes >= 10_000, 'the credit to be used up');
  await new Promise((resolve) => setTimeout(resolve, 300)); // time for what must not come
  child.kill('SIGINT');
  const [code] = await once(child, 'close');
  server.close();
  assert.equal(code, EXIT.interrupted);
  assert.equal(bytes, 10_000);
  assert.ok(cancelled);
});

test('figures of a device that make no sense end the update', async () => {
  for (const progress of [{ received: 999_999_999, written: 0 }, { received: 0, written: 1 }]) {
    const says = (message, socket) => {
      if (message.type === 'hello') {
        send(socket, welcome, state);
      } else if (message.type === 'begin') {
        send(socket, { type: 'ready', offset: 0, chunk: 4096, credit: 10_000 }, { type: 'progress', size: 1, ...progress });
      } else if (message.type === 'cancel') {
        send(socket, { type: 'failed', name: 'cancelled' });
      }
    };
    const { code, last } = await askPretender({ says }, ['push', '--json', second.path]);
    assert.equal(code, EXIT.unreachable);
    assert.equal(last.error, 'nonsense');
  }
});

test('a device without sentences is given ours', async () => {
  const says = (message, socket) => (message.type === 'hello' ? send(socket, welcome, { ...state, image: 'factory' }) : send(socket, { type: 'failed', name: 'not_on_trial' }));
  const { last } = await askPretender({ says }, ['confirm', '--json']);
  assert.equal(last.text, 'still 1.0.0: The running firmware is not on trial; there is nothing to confirm.');
});

// ---- files

test('every kind of bad file is refused here with its name', async () => {
  const judge = async ({ name, status }) => {
    const { path } = makeImage({ defect: name, size: 20000 });
    const result = await cli(['inspect', '--json', '--chip', 'esp32c3', path], {});
    const last = objects(result.stdout).at(-1);
    assert.equal(result.code, EXIT.file, name);
    assert.equal(last.error, status, name);
    assert.ok(last.text.length > 20 && !/[{}]/.test(last.text), last.text);
  };
  await Promise.all(defects().filter(({ name }) => name !== 'padded').map(judge));
});

test('a bad file is refused without asking any device', async () => {
  const result = await cli(['push', '--json', makeImage({ defect: 'bad-digest' }).path, '127.0.0.1:1'], {});
  assert.equal(result.code, EXIT.file);
  assert.deepEqual(objects(result.stdout).map(({ outcome, error }) => [outcome, error]), [['refused', 'bad_image_digest']]);
});

test('bad files are refused by the device too, and it is ready for the next', async () => {
  await withFirst(async (device) => {
    for (const defect of ['text', 'bootloader', 'truncated', 'one-byte-more', 'bad-digest']) {
      const result = await push(device, makeImage({ defect, version: '2.0.0' }), '--no-check');
      assert.equal(result.code, EXIT.device, `${defect}: ${result.stdout}`);
      assert.match(lastLine(result.stdout), /^still 1\.0\.0: .+\.$/);
    }
    assertEnds(await push(device, second), EXIT.ok, 'running 2.0.0 from ota_1, on trial');
  });
});

test('inspect shows what is in a real image', async () => {
  const image = realImage('hello_world-esp32c3', { chip: 'esp32c3', project: 'hello_world' });
  const { code, stdout } = await cli(['inspect', image.path], {});
  assert.equal(code, EXIT.ok);
  for (const line of [/^size +\d+ bytes$/m, /^SHA-256 +[0-9a-f]{64}$/m, /^chip +ESP32-C3 \(id 0x0005\)/m, /^project +hello_world$/m, /^checksum +0x[0-9a-f]{2}, right$/m, /^digest +right$/m, /^signature +none$/m, /^verdict +accepted by ESP32-C3 of revision \d+\.\d+ (or later|to \d+\.\d+); needs \d+ bytes$/m]) {
    assert.match(stdout, line);
  }
  const digest = execFileSync('sha256sum', [image.path], { encoding: 'utf8' }).slice(0, 64);
  assert.ok(stdout.includes(digest));
  assert.ok(stdout.split('\n').slice(1).every((line) => line.length <= 80), stdout);
});

test('inspect names signed, undigested and encrypted images, and why a device would refuse', async () => {
  assert.match((await cli(['inspect', makeImage({ signature: true }).path], {})).stdout, /^signature +Secure Boot v2/m);
  assert.match((await cli(['inspect', makeImage({ noDigest: true }).path], {})).stdout, /^digest +none appended$/m);
  assert.match((await cli(['inspect', makeImage({ defect: 'encrypted' }).path], {})).stdout, /^format +ESP Encrypted Image/m);
  assert.equal((await cli(['inspect', first.path, '--chip', 'esp32c3'], {})).code, EXIT.ok);
  const wrong = await cli(['inspect', first.path, '--chip', 'esp32s3'], {});
  assertEnds(wrong, EXIT.file, 'verdict    refused: This image is for ESP32-C3, not for ESP32-S3.');
  await withDevice({ image: second.path, options: protectedBy }, async (device) => {
    const older = await cli(['inspect', first.path, '--for', hostOf(device)]);
    assertEnds(older, EXIT.file, 'verdict    refused: Version 1.0.0 is older than 2.0.0, which runs. Allow the downgrade if you want it.');
    assertEnds(await cli(['inspect', second.path, '--for', hostOf(device)]), EXIT.ok, `verdict    accepted by ${hostOf(device)} (ota-demo), which runs 2.0.0`);
    const both = await cli(['inspect', first.path, second.path, '--for', hostOf(device)]);
    assert.equal(both.code, EXIT.file);
    assert.deepEqual(both.stdout.match(/^verdict +\w+/gm).map((line) => line.split(/ +/)[1]), ['refused', 'accepted']);
  });
  const nobody = await cli(['inspect', first.path, '--for', '127.0.0.1:1'], {});
  assertEnds(nobody, EXIT.unreachable, 'verdict    unreachable: Nothing answers at 127.0.0.1:1. Is the device on, and are name and port right?');
});

test('a file that is not there, or no file, is refused', async () => {
  for (const command of [['inspect'], ['push', '--json']]) {
    for (const file of ['/nowhere/x.bin', root]) {
      const result = await cli([...command, file, ...(command[0] === 'push' ? ['127.0.0.1:1'] : [])], {});
      assert.equal(result.code, EXIT.file);
      assert.match(lastLine(result.stdout), /cannot be read/);
    }
  }
});

test('inspect of several files ends with the first failure', async () => {
  const result = await cli(['inspect', '--json', first.path, '/nowhere/x.bin', makeImage({ defect: 'truncated' }).path, second.path], {});
  assert.equal(result.code, EXIT.file);
  const results = objects(result.stdout).filter(({ type }) => type === 'result');
  assert.deepEqual(results.map(({ outcome, error }) => [outcome, error]), [['accepted', undefined], ['refused', 'cannot_read'], ['refused', 'truncated'], ['accepted', undefined]]);
});

// ---- passwords

test('wrong password, none, one that cannot be: each has its name', async () => {
  await withFirst(async (device) => {
    const ask = async (env, ...options) => {
      // No terminal to ask on: a session of its own.
      const result = await run('setsid', ['-w', tools.cli, 'info', '--json', '--retry', '0', hostOf(device), ...options], { env: environment(env) });
      assert.equal(result.code, EXIT.login, result.stdout + result.stderr);
      return objects(result.stdout).at(-1).error;
    };
    const guess = () => ask({ OTA_WS_PASSWORD: 'sesame 43' });
    let answer = await guess();
    assert.equal(answer, 'wrong_password');
    while (answer === 'wrong_password') answer = await guess(); // each one doubles the wait, until even a slow machine comes too early
    assert.equal(answer, 'try_later');
    assert.equal(await ask({}), 'no_password');
    assert.equal(await ask({ OTA_WS_PASSWORD: 'abc' }), 'bad_password');
    assert.equal(await ask({}, '--password-file', '/nowhere'), 'no_password');
  });
});

test('who must wait after wrong passwords waits, and then comes in', async () => {
  await withFirst(async (device) => {
    let wrong = 0;
    await until(async () => {
      wrong++; // a slow machine may come after the wait: then one more wrong password makes the next wait longer
      for (let i = 0; i < wrong; i++) {
        await cli(['info', hostOf(device)], { OTA_WS_PASSWORD: 'sesame 43' });
      }
      const result = await cli(['info', hostOf(device)]);
      assert.equal(result.code, EXIT.ok, result.stdout);
      return /Too many wrong passwords\. Wait \d+ s and try again\. Trying again in \d+ s \(1 of 5\)\./.test(result.stderr);
    }, 'a wait');
  });
});

test('the password comes from a file, or is the pairing code of the console', async () => {
  await withFirst(async (device) => {
    assert.equal((await cli(['info', hostOf(device), '--password-file', passwordFile], {})).code, EXIT.ok);
  });
  await withDevice({ image: first.path }, async (device) => {
    assert.equal((await cli(['info', hostOf(device)], { OTA_WS_PASSWORD: device.pairingCode })).code, EXIT.ok);
  });
  await withDevice({ image: first.path, options: { unprotected: true } }, async (device) => {
    assert.equal((await cli(['info', hostOf(device)], {})).code, EXIT.ok);
  });
});

test('a pairing code is taken as people type it, at the first try', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const code = device.pairingCode;
    const typed = [code.toLowerCase(), code.replaceAll('-', ''), ` ${code} `, code.replaceAll('0', 'o').replaceAll('1', 'l').replaceAll('-', ' ')];
    for (const word of typed) {
      const result = await cli(['info', '--retry', '0', hostOf(device)], { OTA_WS_PASSWORD: word });
      assert.equal(result.code, EXIT.ok, `${word}: ${result.stdout}`);
    }
    assert.doesNotMatch(device.log, /wrong_password/);
  });
});

test('a chosen password in the form of a code is not changed', async () => {
  const file = freshPath('.pw');
  fs.writeFileSync(file, 'password1234\n');
  await withDevice({ image: first.path, options: { passwordFile: file } }, async (device) => {
    assert.equal((await cli(['info', '--retry', '0', hostOf(device), '--password-file', file], {})).code, EXIT.ok);
  });
});

test('a byte order mark in the password file is named', async () => {
  const file = freshPath('.pw');
  fs.writeFileSync(file, `\ufeff${PASSWORD}\n`);
  const result = await cli(['info', '--json', '127.0.0.1:1', '--password-file', file], {});
  assert.equal(result.code, EXIT.login);
  assert.equal(objects(result.stdout).at(-1).error, 'byte_order_mark');
});

// ---- https

test('https: a certificate is trusted by --ca, or not at all, or by --insecure', async () => {
  const [certificate, key] = [freshPath('.crt'), freshPath('.key')];
  const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1';
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', certificate, '-days', '3650', '-subj', '/CN=localhost', '-addext', names], { stdio: 'ignore' });
  await withFirst(async (device) => {
    const { port } = device.url;
    const outsider = await cli(['info', '--json', `https://127.0.0.1:${port}`]);
    assert.equal(outsider.code, EXIT.unreachable);
    assert.equal(objects(outsider.stdout).at(-1).error, 'untrusted');
    assert.equal((await cli(['info', `https://127.0.0.1:${port}/ota`, '--ca', certificate])).code, EXIT.ok);
    assert.equal((await cli(['info', `https://127.0.0.1:${port}`, '--insecure'])).code, EXIT.ok);
    const system = { OTA_WS_PASSWORD: PASSWORD, SSL_CERT_FILE: certificate };
    assert.equal((await cli(['info', `https://127.0.0.1:${port}`], system)).code, EXIT.ok, 'what the system trusts');
    const plain = await cli(['info', `http://127.0.0.1:${port}`]);
    assert.equal(plain.code, EXIT.unreachable);
    assertEnds(await cli(['push', second.path, `https://127.0.0.1:${port}`, '--ca', certificate]), EXIT.ok, 'running 2.0.0 from ota_1, on trial');
    const nothing = await cli(['info', `https://127.0.0.1:${port}`, '--ca', '/nowhere']);
    assert.equal(nothing.code, 1);
  }, { cert: certificate, key });
  await withFirst(async (device) => {
    const result = await cli(['info', '--json', `https://${hostOf(device)}`]);
    assert.equal(objects(result.stdout).at(-1).error, 'no_tls');
  });
});

test('https: a certificate for another name is not trusted', async () => {
  const [certificate, key] = [freshPath('.crt'), freshPath('.key')];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', certificate, '-days', '3650', '-subj', '/CN=other', '-addext', 'subjectAltName=DNS:other'], { stdio: 'ignore' });
  await withFirst(async (device) => {
    const result = await cli(['info', '--json', `https://127.0.0.1:${device.url.port}`, '--ca', certificate]);
    assert.equal(result.code, EXIT.unreachable);
    assert.equal(objects(result.stdout).at(-1).error, 'untrusted');
  }, { cert: certificate, key });
});

// ---- usage

test('wrong usage has its exit code and a sentence on standard error', async () => {
  for (const args of [[], ['upload'], ['push', first.path], ['info', '--nothing', 'x'], ['info', 'ftp://x'], ['help', 'nothing'], ['info', '--password', 'x', 'y']]) {
    const result = await cli(args, {});
    assert.equal(result.code, EXIT.usage, args.join(' '));
    assert.equal(result.stdout, '');
    assert.match(result.stderr, /^ota-ws: .+[.?)]\nnext: 'ota-ws help( \w+)?' shows what there is\n$/);
  }
  assert.match((await cli(['push', first.path], {})).stderr, /next: 'ota-ws help push'/);
  assert.match((await cli(['help', 'psuh'], {})).stderr, /Did you mean 'push'\?/);
  assert.match((await cli(['push', 'lamp.local', first.path], {})).stderr, /Did you mean 'ota-ws push \S+ lamp\.local'\?/);
  const release = /^version: "(.+)"/m.exec(fs.readFileSync(`${root}/idf_component.yml`, 'utf8'))[1];
  assert.match((await cli(['--version'], {})).stdout, /^ota-ws(-update)? \S+ \(protocol version 1\)\n$/);
  assert.ok((await cli(['--version'], {})).stdout.includes(` ${release} (`));
  assert.match((await cli(['help'], {})).stdout, /^usage: ota-ws COMMAND/m);
  assert.match((await cli(['push', '--help'], {})).stdout, /--allow-downgrade/);
});

test('a proxy in the environment is not asked for a device on the local network', async () => {
  await withFirst(async (device) => {
    const result = await cli(['info', hostOf(device)], { OTA_WS_PASSWORD: PASSWORD, http_proxy: 'http://127.0.0.1:1', https_proxy: 'http://127.0.0.1:1' });
    assert.equal(result.code, EXIT.ok, result.stdout);
  });
});
