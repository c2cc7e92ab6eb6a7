// SPDX-License-Identifier: Apache-2.0
// A failed trial explains itself: images that crash, hang and run out of memory on trial, and what the device, ota-ws and a
// client without a password learn of it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import { test } from 'node:test';
import { cliOn, EXIT, hostOf, objects, push, pythonOn, withFirst } from './cli_tools.js';
import { Client, freshPath, makeImage, until } from './harness.js';

const sha256 = (file) => crypto.createHash('sha256').update(fs.readFileSync(file)).digest('hex');

/** A file with the head of an ELF file for RISC-V, and nothing else. @param {string} more */
function bareElf(more) {
  const head = Buffer.alloc(52);
  head.write('\x7fELF\x01\x01\x01', 'latin1');
  head.writeUInt16LE(2, 16);
  head.writeUInt16LE(243, 18);
  const file = freshPath('.elf');
  fs.writeFileSync(file, Buffer.concat([head, Buffer.from(more)]));
  return file;
}

const elf = bareElf('of the image that fails');
const failing = {
  panic: makeImage({ version: '2.0.0', seed: 2, elfSha256: sha256(elf), fault: 'panic 42008a3c 42008a10 4200123e' }),
  hang: makeImage({ version: '2.1.0', seed: 3, fault: 'hang' }),
  memory: makeImage({ version: '2.2.0', seed: 4, elfSha256: sha256(elf), fault: 'memory 42008a3c 42008a10' }),
};
const resets = { panic: 'panic', hang: 'watchdog', memory: 'panic' };
const lastLines = {
  panic: 'app: sensor: no answer, reading its calibration all the same',
  hang: 'app: sensor: waiting until it is ready',
  memory: 'app: history: no memory, ESP_ERR_NO_MEM',
};

/** All messages of one type that answer a request. */
async function ask(client, message) {
  const answers = [];
  client.say(message);
  do {
    answers.push(await client.next(message.type));
  } while (answers.at(-1).more);
  return answers;
}

/** What `info` shows of the last lines, for people or for programs. */
const linesShown = (text) => text.slice(text.search(/^its last lines|^{"type":"log"/m));

const linesOf = (answers) => answers.map(({ text = '' }) => text).join('').trimEnd().split('\n');

for (const [kind, image] of Object.entries(failing)) {
  test(`${kind}: the old firmware has the reset reason and the last lines`, async () => {
    await withFirst(async (device) => {
      const pushed = await push(device, image);
      assert.equal(pushed.code, EXIT.old, pushed.stdout + pushed.stderr);
      const client = await Client.connect(device, 'sesame 42');
      const { version, last_outcome: outcome, last_reset: reset, logs } = client.firstState;
      assert.deepEqual({ version, outcome, reset, logs }, { version: '1.0.0', outcome: 'aborted', reset: resets[kind], logs: true });
      const answers = await ask(client, { type: 'logs' });
      assert.ok(answers.every(({ newest }) => newest));
      const lines = linesOf(answers);
      assert.match(lines[0], /boot: slot ota_1, demo 2\.\d\.0, on trial/);
      assert.ok(lines.at(-1).endsWith(lastLines[kind]), lines.at(-1));
      const [crash] = await ask(client, { type: 'crash' });
      assert.equal(crash.pc, kind === 'hang' ? undefined : '0x42008a3c');
      assert.equal(crash.newest, kind === 'hang' ? undefined : true);
      assert.equal(crash.reason, kind === 'memory' ? 'abort() was called at PC 0x42008a3c on core 0' : undefined);
      client.checkMacs();
      await client.close();

      const info = await cliOn(device, 'info');
      assert.match(info.stdout, new RegExp(`restarted \\(${resets[kind]}\\) before it was confirmed`));
      assert.ok(info.stdout.includes('its last lines:\n  | ') && info.stdout.includes(lastLines[kind]), info.stdout);
      const found = objects((await cliOn(device, 'info', '--json')).stdout).filter(({ type }) => type === 'log');
      assert.ok(found.at(-1).text.endsWith(lastLines[kind]));
      for (const form of [[], ['--json']]) {
        const byPython = await pythonOn(device, 'info', ...form);
        assert.equal(linesShown(byPython.stdout), linesShown((await cliOn(device, 'info', ...form)).stdout), byPython.stderr);
      }
    });
  });
}

test('a client without the password learns nothing', async () => {
  await withFirst(async (device) => {
    await push(device, failing.panic);
    for (const type of ['logs', 'crash']) {
      for (const [more, name] of [[{}, 'unexpected_message'], [{ count: 1, mac: '0'.repeat(32) }, 'bad_mac']]) {
        const client = await Client.open(device);
        client.sendText({ type, ...more });
        const said = await client.ends(name);
        assert.deepEqual(Object.keys(said).sort(), ['name', 'text', 'type']);
        client.terminate();
      }
    }
  });
});

test('the lines are there after another restart, and go with the next trial', async () => {
  await withFirst(async (device) => {
    await push(device, failing.hang);
    const client = await Client.connect(device, 'sesame 42');
    await client.restart();
    await device.started(4);
    const again = await Client.connect(device, 'sesame 42');
    assert.ok(linesOf(await ask(again, { type: 'logs' })).at(-1).endsWith(lastLines.hang));
    await again.close();
    await push(device, failing.memory);
    const last = await Client.connect(device, 'sesame 42');
    const lines = linesOf(await ask(last, { type: 'logs' }));
    assert.ok(lines.at(-1).endsWith(lastLines.memory) && !lines.join().includes('2.1.0'), lines.join('\n'));
    await last.close();
    const good = makeImage({ version: '3.0.0', seed: 9 });
    await push(device, good, '--confirm');
    const after = await Client.connect(device, 'sesame 42');
    assert.equal(after.firstState.logs, undefined);
    assert.deepEqual(linesOf(await ask(after, { type: 'logs' })), ['']);
    await after.close();
  });
});

test('crash: the summary, and what an ELF file must be', async () => {
  await withFirst(async (device) => {
    const none = await cliOn(device, 'crash');
    assert.equal(none.code, EXIT.device);
    assert.match(none.stdout, /The device has no core dump\./);
    await push(device, failing.panic);
    const plain = await cliOn(device, 'crash');
    assert.equal(plain.code, EXIT.ok, plain.stdout + plain.stderr);
    assert.equal(
      plain.stdout,
      `task      main\nexception 5 (load access fault), about address 0x00000000\n` +
        `ELF       ${sha256(elf).slice(0, 16)}... (SHA-256), the image of the newest update\n` +
        'crashed   0x42008a3c\ncalled by 0x42008a10\n',
    );
    const [summary, ...frames] = objects((await cliOn(device, 'crash', '--json')).stdout);
    assert.deepEqual(summary, {
      type: 'crash',
      host: hostOf(device),
      elf_sha256: sha256(elf).slice(0, 16),
      newest: true,
      task: 'main',
      pc: '0x42008a3c',
      backtrace: '0x42008a10',
      cause: 5,
      address: '0x00000000',
    });
    assert.deepEqual(frames.map(({ type, kind, address }) => [type, kind, address]), [
      ['frame', 'pc', '0x42008a3c'],
      ['frame', 'caller', '0x42008a10'],
    ]);
    const wrong = await cliOn(device, 'crash', '--elf', bareElf('of another image'));
    assert.equal(wrong.code, EXIT.file);
    assert.match(wrong.stdout, /is not the ELF file of the image that has crashed: the core dump names SHA-256/);
    for (const file of [failing.panic.path, freshPath('.absent')]) {
      assert.equal((await cliOn(device, 'crash', '--elf', file)).code, EXIT.file);
    }
    const without = await cliOn(device, 'crash', '--elf', elf, '--addr2line', '/nowhere/addr2line');
    assert.equal(without.code, 1);
    assert.match(without.stdout, /crashed {3}0x42008a3c\n/);
    assert.match(without.stdout, /\/nowhere\/addr2line cannot be run/);
  });
});

// ---- with a toolchain

const source = `struct sensor { const int *calibration; };
__attribute__((noinline)) int read_calibration(const struct sensor *sensor) {
    return sensor->calibration[0] + 1;
}
__attribute__((noinline)) int probe_sensor(struct sensor *sensor) {
    return read_calibration(sensor) * 2;
}
__attribute__((noinline)) int app_main(void) {
    struct sensor sensor = {0};
    return probe_sensor(&sensor) + 3;
}
int main_task(void) { return app_main() + 1; }
`;

/** Builds the firmware of the source above: its ELF file, where it crashes, and the return addresses on its stack. */
function buildFirmware() {
  const [c, file] = [freshPath('.c'), freshPath('.elf')];
  fs.writeFileSync(c, source);
  const options = ['-march=rv32imc', '-mabi=ilp32', '-Og', '-g', '-nostdlib', '-Wl,-Ttext=0x42000020,-e,main_task'];
  execFileSync('riscv64-unknown-elf-gcc', [...options, c, '-o', file]);
  const code = execFileSync('riscv64-unknown-elf-objdump', ['-d', '-M', 'no-aliases', file], { encoding: 'utf8' });
  const pc = /([0-9a-f]+):\s+\S+\s+c\.lw\s+\S+,0\(a5\)/.exec(code)[1];
  const calls = [...code.matchAll(/(?:c\.)?jal\s[^\n]*\n\s*([0-9a-f]+):/g)].map(([, address]) => address);
  return { file, pc, calls, c };
}

const toolchain = ['riscv64-unknown-elf-gcc', 'riscv64-unknown-elf-addr2line'].every((name) => {
  try {
    return execFileSync(name, ['--version']).length > 0;
  } catch {
    return false;
  }
});

test('crash --elf: functions and lines, by the toolchain', { skip: !toolchain && 'no RISC-V toolchain' }, async () => {
  const { file, pc, calls, c } = buildFirmware();
  assert.equal(calls.length, 3);
  const image = makeImage({ version: '2.0.0', seed: 2, elfSha256: sha256(file), fault: `panic ${pc} ${calls.join(' ')}` });
  await withFirst(async (device) => {
    await push(device, image);
    const { code, stdout, stderr } = await cliOn(device, 'crash', '--elf', file);
    assert.equal(code, EXIT.ok, stdout + stderr);
    const shown = stdout.trimEnd().split('\n').slice(3).map((line) => line.replace(c, 'app.c'));
    assert.deepEqual(shown, [
      `crashed   0x${pc}  read_calibration at app.c:3`,
      `called by 0x${calls[0]}  probe_sensor at app.c:6`,
      `on stack  0x${calls[1]}  app_main at app.c:10`,
      `on stack  0x${calls[2]}  main_task at app.c:12`,
    ]);
  });
});
