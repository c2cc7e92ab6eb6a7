// SPDX-License-Identifier: Apache-2.0
// Plain HTTP on an emulated chip: PUT, cuts, commands, curl over TLS; other handlers answer meanwhile; its time beside a
// WebSocket's; nothing is left on the heap.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { until } from '../e2e/harness.js';
import { ask, askOffset, curl, isProved, put } from '../e2e/plain_http.js';
import { newImage, newImagePath, oldImage, withChip } from './chip.js';

const askUntil = (chip, check) => until(async () => check((await ask(chip, 'GET')).json), 'the state');

test('a PUT, cut off and gone on with, then restart and confirm', async () => {
  await withChip(async (chip) => {
    const half = newImage.subarray(0, newImage.length >> 1);
    await put(chip, newImage, { cut: true, pieces: [half, () => askUntil(chip, ({ received }) => received >= half.length - 0x10000)] });
    await askUntil(chip, ({ update }) => update === 'idle');
    const from = await askOffset(chip, newImage);
    assert.ok(from > 0x10000, `${from}`);
    const { status, text, key } = await put(chip, newImage, { from });
    assert.equal(status, 200, text);
    assert.ok(isProved(text, key), text);
    assert.ok(chip.holds('ota_1', newImage));
    const before = chip.starts;
    assert.equal((await ask(chip, 'POST', { type: 'restart' })).json.type, 'restarting');
    await chip.started(before);
    const confirmed = await ask(chip, 'POST', { type: 'confirm' });
    assert.equal(confirmed.json.image, 'valid', confirmed.text);
    const older = await put(chip, oldImage);
    assert.equal(older.json.name, 'older_version');
    assert.equal(older.status, 422);
  });
});

test('other handlers answer while a PUT runs; its time; the heap', async () => {
  await withChip(async (chip) => {
    const cancel = async () => {
      await ask(chip, 'POST', { type: 'cancel' });
      await askUntil(chip, ({ update }) => update === 'idle');
    };
    // By the chip's own clock, up to the verified image.
    const byWebSocket = async () => {
      await chip.get('/erase');
      const client = await chip.connect();
      assert.equal((await client.update(newImage)).type, 'done');
      client.terminate();
      return (await chip.info()).took_us;
    };
    const byPut = async () => {
      await chip.get('/erase');
      assert.equal((await put(chip, newImage)).status, 200);
      return (await chip.info()).took_us;
    };
    await byWebSocket();
    await cancel();
    const socket = await byWebSocket();
    await cancel();
    const plain = await byPut();
    await cancel();
    console.log(`# ${newImage.length} bytes: WebSocket ${(socket / 1000).toFixed(0)} ms, PUT ${(plain / 1000).toFixed(0)} ms, ${(plain / socket).toFixed(3)}`);

    await chip.get('/probe?start');
    assert.equal((await put(chip, newImage)).status, 200);
    const probe = await chip.json('/probe');
    assert.equal(probe.failed, 0);
    console.log(`# while a PUT runs another page answers within ${probe.longest_ms} ms, ${probe.asked} requests`);
    await cancel();
    // What TCP keeps of a connection that the chip has closed, for two minutes, is all that is taken.
    const heap = (await chip.info()).heap;
    for (let i = 0; i < 10; i++) {
      assert.equal((await ask(chip, 'GET')).status, 200);
    }
    const each = (heap - (await chip.info()).heap) / 10;
    assert.ok(each < 400, `${each} bytes for each request`);
  });
});

test('curl over TLS, and over http', async () => {
  await withChip(async (chip) => {
    const refused = await curl(chip, '-u', `ota:${chip.pairingCode}`, '-T', newImagePath);
    assert.deepEqual([refused.status, refused.json?.name], [403, 'needs_https']);
    assert.equal((await chip.get('/tls')).body.toString(), 'ESP_OK');
    const tls = { ...chip.overTls, page: chip.overTls.url.href };
    const wrong = await curl(tls, '-u', 'ota:AAAA-AAAA-AAAA', '-T', newImagePath);
    assert.deepEqual([wrong.status, wrong.json?.name], [401, 'wrong_password']);
    await until(async () => (await curl(tls, '-u', `ota:${chip.pairingCode}`, '-H', 'Accept: application/json')).status === 200, 'the wait');
    const { status, text } = await curl(tls, '-u', `ota:${chip.pairingCode}`, '-T', newImagePath);
    assert.equal(status, 200, text);
    assert.ok(chip.holds('ota_1', newImage));
  });
});
