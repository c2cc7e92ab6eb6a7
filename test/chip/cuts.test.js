// SPDX-License-Identifier: Apache-2.0
// The emulator is killed at random moments of an update, CHIP_CUTS times, on one flash: each time the device starts, runs
// one of the two images, reports the result of the update, and takes the next one; the same file goes on where flash
// has it.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { until } from '../e2e/harness.js';
import { decide, newImage, oldImage, withChip } from './chip.js';

const CUTS = Number(process.env.CHIP_CUTS ?? 100);
const BLOCK = 0x10000;

/** An update and its restart, as far as it gets; `seen` says how far that was. */
async function update(chip, bytes, seen) {
  const client = await chip.connect();
  client.begin(bytes, { allow_downgrade: true });
  seen.client = client;
  const ready = await client.next('ready', 'failed');
  assert.equal(ready.type, 'ready', ready.name);
  seen.offset = ready.offset;
  await client.send(bytes, ready);
  seen.answer = await client.next('done', 'failed');
  assert.equal(seen.answer.type, 'done', seen.answer.name);
  const before = chip.starts;
  client.say({ type: 'restart' });
  await until(() => chip.starts > before || seen.cut, 'the start');
  seen.restarted = !seen.cut;
}

/** What the device says after the cut fits to how far the update had come. */
function assertTrue(state, seen, isOld) {
  assert.ok(['1.0.0', '2.0.0'].includes(state.version), state.version);
  assert.equal(state.image, isOld ? 'valid' : 'trial');
  if (!isOld) {
    assert.equal(state.last_outcome, 'trial');
  }
  if (isOld && seen.restarted) {
    assert.deepEqual([state.last_outcome, state.last_reset], ['aborted', 'power_on']);
  }
}

/**
 * What is kept after a cut before `ready`. Of a file whose head was in flash already, the first sector is written again
 * then, without the head; a cut in the middle of that costs all of the file (docs/design.md, "Resume").
 */
function stillKept(kept) {
  const last = Math.floor(Math.min(newImage.length, oldImage.length) / BLOCK) * BLOCK;
  return kept >= last ? undefined : kept;
}

test(`${CUTS} power cuts`, (t) =>
  withChip(async (chip) => {
    const outcomes = {};
    let span = 4000; // how long an update with its restart takes here; learnt
    let resumed = 0;
    let kept; // so many bytes must be there for the next update
    for (let i = 0; i < CUTS; i++) {
      const { version: running } = await chip.state();
      const seen = {};
      const since = performance.now();
      let failure;
      const over = update(chip, running === '1.0.0' ? newImage : oldImage, seen).then(
        () => (span = (performance.now() - since) * 1.2),
        (error) => (failure = error),
      );
      await Promise.race([over, new Promise((resolve) => setTimeout(resolve, Math.random() * span))]);
      span *= 1.05; // as long as no update comes to its end
      if (failure) {
        throw failure;
      }
      seen.cut = true;
      await chip.powerOff();
      await over;
      if (kept !== undefined && seen.offset !== undefined) {
        assert.ok(seen.offset >= kept, `went on at ${seen.offset} of ${kept} bytes`);
        resumed += seen.offset > 0;
      }
      kept = seen.offset === undefined ? stillKept(kept) : Math.floor((seen.client.written ?? 0) / BLOCK) * BLOCK;
      await chip.powerOn();
      let state = await chip.state();
      const isOld = state.version === running;
      assertTrue(state, seen, isOld);
      const outcome = `${isOld ? 'old' : 'new'}, ${state.last_outcome ?? 'no update yet'}`;
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      if (state.image === 'trial') {
        state = await decide(chip, i % 2 ? 'confirm' : 'rollback');
        assert.equal(state.last_outcome, i % 2 ? 'confirmed' : 'rolled_back');
      }
      if (!isOld || seen.answer) {
        kept = undefined; // the next file is another one, or this one is complete
      }
      assert.equal(state.image, 'valid', `after cut ${i + 1}`);
    }
    t.diagnostic(`what ran after the cuts, and what it said of the update: ${JSON.stringify(outcomes)}`);
    t.diagnostic(`${resumed} updates went on from what flash had`);
  }));
