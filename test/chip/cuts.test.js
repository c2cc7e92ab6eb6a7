// SPDX-License-Identifier: Apache-2.0
// The emulator is killed at random moments of an update, CHIP_CUTS times, on one flash: each time the device starts, runs
// one of the two images, and takes the next update.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { decide, newImage, oldImage, withChip } from './chip.js';

const CUTS = Number(process.env.CHIP_CUTS ?? 100);

async function updateForEver(chip, bytes) {
  const client = await chip.connect();
  const answer = await client.update(bytes, { allow_downgrade: true });
  if (answer.type === 'done') {
    client.say({ type: 'restart' });
    await client.next('restarting');
  }
}

test(`${CUTS} power cuts`, (t) =>
  withChip(async (chip) => {
    const seen = {};
    let span = 4000; // how long an update with its restart takes here; learnt
    for (let i = 0; i < CUTS; i++) {
      const running = (await chip.state()).version;
      const since = performance.now();
      const update = updateForEver(chip, running === '1.0.0' ? newImage : oldImage).catch(() => {});
      const over = new Promise((resolve) => setTimeout(resolve, Math.random() * span));
      await over;
      const finished = await Promise.race([update.then(() => true), Promise.resolve(false)]);
      if (finished) {
        span = (performance.now() - since) * 1.2;
      }
      await chip.powerOff();
      await chip.powerOn();
      let state = await chip.state();
      const outcome = `${state.version === running ? 'old' : 'new'} ${state.image}`;
      seen[outcome] = (seen[outcome] ?? 0) + 1;
      assert.ok(['1.0.0', '2.0.0'].includes(state.version));
      if (state.image === 'trial') {
        state = await decide(chip, i % 2 ? 'confirm' : 'rollback');
      }
      assert.equal(state.image, 'valid', `after cut ${i + 1}`);
    }
    t.diagnostic(`after the cuts: ${JSON.stringify(seen)}`);
  }));
