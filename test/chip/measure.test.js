// SPDX-License-Identifier: Apache-2.0
// What an update costs a chip, beside a plain upload of the same image to the same firmware. Nothing here can fail but
// the updates themselves: the figures depend on the machine that emulates, so they are printed.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { newImage, withChip } from './chip.js';

const ROUNDS = Number(process.env.CHIP_ROUNDS ?? 3);
const kib = (bytes) => (bytes / 1024).toFixed(1);

async function timed(body) {
  const since = performance.now();
  await body();
  return (performance.now() - since) / 1000;
}

test('figures', (t) =>
  withChip(async (chip) => {
    const perMib = (seconds) => ((seconds * 1048576) / newImage.length).toFixed(2);
    const idle = await chip.info();
    t.diagnostic(`image of ${newImage.length} bytes`);
    t.diagnostic(`heap: ${idle.without} without the component, ${idle.with} with it (${idle.without - idle.with} bytes), ${idle.heap} idle`);
    for (let i = 0; i < ROUNDS; i++) {
      await chip.get('/reset');
      const plain = await timed(async () => assert.equal((await chip.get('/plain', { method: 'POST', body: newImage })).body.toString(), 'ESP_OK'));
      const plainHeap = (await chip.info()).lowest;
      const client = await chip.connect();
      await chip.get('/reset');
      let over = false;
      let longest = 0;
      const others = (async () => {
        while (!over) {
          longest = Math.max(longest, await timed(() => chip.get('/')));
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      })();
      const ours = await timed(async () => {
        client.begin(newImage);
        const ready = await client.next('ready');
        const { heap } = await chip.info();
        t.diagnostic(`heap: ${kib(idle.heap - heap)} KiB taken by a session and an update before its first data`);
        await client.send(newImage, ready);
        assert.equal((await client.next('done', 'failed')).type, 'done');
      });
      over = true;
      await others;
      const info = await chip.info();
      t.diagnostic(
        `plain upload ${perMib(plain)} s/MiB (${kib(idle.heap - plainHeap)} KiB of heap), ours ${perMib(ours)} s/MiB, ratio ${(ours / plain).toFixed(2)}; ` +
          `another page took ${Math.round(longest * 1000)} ms at most`,
      );
      t.diagnostic(
        `stack left: server ${info.httpd_stack_left}, writer ${info.writer_stack_left}; lowest heap since the start ${info.minimum}: ${kib(idle.heap - info.minimum)} KiB below idle`,
      );
      client.say({ type: 'cancel' });
      await client.next('failed');
      client.terminate();
    }
  }));
