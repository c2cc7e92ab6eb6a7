// SPDX-License-Identifier: Apache-2.0
// A failed trial explains itself, on an emulated chip: an image that crashes on trial, one that hangs with interrupts off,
// and one that runs out of memory. Then the old image runs. It sends the last lines of the failed image from RTC memory,
// and the summary of the core dump that ESP-IDF has written to flash. On the cable both are sealed.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { run, tools } from '../e2e/harness.js';
import { countRuns, listen, readingsOf, unseal } from '../e2e/listener.js';
import { install, newElfPath, newImage, newImagePath, withChip } from './chip.js';

/** On trial, the chip does what `target` makes it do. */
async function fail(chip, target) {
  await install(chip, newImage);
  const before = chip.starts;
  chip.get(target).catch(() => {}); // the answer does not come
  await chip.started(before);
}

async function ask(chip, message) {
  const client = await chip.connect();
  const answers = [];
  client.say(message);
  do {
    const answer = await client.next(message.sealed ? 'sealed' : message.type);
    answers.push(message.sealed ? JSON.parse(unseal(answer, client.scram.answerKey)) : answer);
  } while (answers.at(-1).more);
  client.checkMacs();
  client.terminate();
  return answers;
}

/** The answer in one piece: sealed, it comes in shorter ones. */
const whole = (answers) =>
  answers.reduce((all, { count, mac, more, text = '', stack = '', ...rest }) => ({ ...all, ...rest, text: all.text + text, stack: all.stack + stack }), { text: '', stack: '' });
const linesOf = (answers) => answers.map(({ text = '' }) => text).join('').trimEnd().split('\n');
const failures = {
  'a crash': { target: '/crash', reset: 'panic', line: /sensor: no answer, the rest follows:$/, reason: /^abort\(\) was called at PC 0x42[0-9a-f]{6}/, frame: 'crash' },
  'a hang': { target: '/crash?hang', reset: 'watchdog', line: /sensor: no answer, the rest follows: hang$/, frame: 'hang' },
  'no memory': { target: '/crash?memory', reset: 'panic', line: /history: no memory, ESP_ERR_NO_MEM$/, reason: /abort\(\) was called at PC/, frame: 'run_out_of_memory' },
};

for (const [what, { target, reset, line, reason, frame }] of Object.entries(failures)) {
  test(`${what} on trial: the old image has the last lines and the crash`, () =>
    withChip(
      async (chip) => {
        await fail(chip, target);
        const state = await chip.state();
        assert.deepEqual([state.version, state.last_outcome, state.last_reset, state.logs], ['1.0.0', 'aborted', reset, true]);
        const answers = await ask(chip, { type: 'logs' });
        assert.ok(answers.every(({ newest }) => newest));
        const lines = linesOf(answers);
        assert.match(lines.at(-1), line);
        assert.ok(lines.some((text) => text.includes('ota_ws: Update page:')), lines.join('\n'));
        const info = (await chip.cli('info')).stdout;
        assert.match(info, new RegExp(`2\\.0\\.0 restarted \\(${reset}\\) before it was confirmed`));
        assert.ok(info.includes('its last lines:\n  | ') && info.includes(lines.at(-1)), info);

        const [crash] = await ask(chip, { type: 'crash' });
        assert.equal(crash.newest, true);
        for (const request of [{ type: 'logs' }, { type: 'crash', stack: true }]) {
          assert.deepEqual(whole(await ask(chip, { ...request, sealed: true })), whole(await ask(chip, request)));
        }
        assert.equal(crash.elf_sha256, newImage.subarray(0xb0, 0xd0).toString('hex').slice(0, crash.elf_sha256.length));
        assert.match(crash.reason ?? '', reason ?? /^/);
        const shown = await chip.cli('crash', '--elf', newElfPath);
        assert.equal(shown.code, 0, shown.stdout + shown.stderr);
        assert.match(shown.stdout, new RegExp(`(crashed|called by|on stack) +0x[0-9a-f]{8} +${frame} at .*main\\.c:\\d+`));
      },
      { crashes: null },
    ));
}

test('a listener reads nothing of the last lines and the crash', () =>
  withChip(
    async (chip) => {
      await fail(chip, '/crash');
      const [{ reason, pc }] = await ask(chip, { type: 'crash' });
      const secrets = ['sensor: no answer, the rest follows:', reason, pc];
      const cable = await listen(chip);
      const learned = [];
      for (const command of ['info', 'crash']) {
        const { code, stdout, stderr } = await run(tools.cli, [command, cable.address], { env: { ...process.env, OTA_WS_PASSWORD: chip.pairingCode } });
        assert.equal(code, 0, stdout + stderr);
        learned.push(stdout);
      }
      assert.ok(learned[0].includes(secrets[0]) && learned[1].includes(pc), learned.join(''));
      const readings = readingsOf(cable);
      cable.cut();
      assert.ok(readings.some((text) => text.includes('"type":"sealed"')), 'the listener has heard the answers');
      assert.equal(countRuns(readings, ...secrets), 0);
    },
    { crashes: null },
  ));

test('the lines go with the next trial that is confirmed', () =>
  withChip(
    async (chip) => {
      await fail(chip, '/crash');
      assert.ok((await chip.state()).logs);
      const push = await chip.cli('push', '--confirm', newImagePath);
      assert.equal(push.code, 0, push.stdout + push.stderr);
      assert.equal((await chip.state()).logs, undefined);
      assert.deepEqual(linesOf(await ask(chip, { type: 'logs' })), ['']);
    },
    { crashes: null },
  ));
