// SPDX-License-Identifier: Apache-2.0
// The two built pages: up to date, small, of one piece; and their words: complete in both languages.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { gunzipSync } from 'node:zlib';

import { wordsIn } from '../../web/src/words.js';
import { root } from '../e2e/harness.js';

globalThis.navigator ??= { language: 'en' }; // what text.js finds in a browser
globalThis.document = { documentElement: {} };
const { sentence } = await import('../../web/src/text.js');

const web = path.join(root, 'web');
const pages = [
  { name: 'full', file: 'ota.html.gz', limit: 13312 },
  { name: 'small', file: 'small/ota.html.gz', limit: 8192 },
].map((variant) => ({ ...variant, bytes: fs.readFileSync(path.join(web, 'dist', variant.file)) }));

test('the pages in the repository are what their sources make', () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'ota-ws-page-'));
  try {
    execFileSync(process.execPath, [path.join(web, 'build.js'), directory]);
    for (const { file, bytes } of pages) {
      assert.ok(bytes.equals(fs.readFileSync(path.join(directory, file))), 'run: make page');
    }
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
});

for (const { name, bytes, limit } of pages) {
  test(`the ${name} page has at most ${limit} bytes`, () => assert.ok(bytes.length <= limit, `${bytes.length}`));

  test(`the ${name} page holds no time of its making`, () => assert.equal(bytes.readUInt32LE(4), 0));

  test(`the ${name} page loads nothing and writes no markup`, () => {
    const html = new TextDecoder('windows-1251').decode(gunzipSync(bytes));
    assert.doesNotMatch(
      html,
      /\b(src|href)=(?!"data:,")|@import|url\(|innerHTML|insertAdjacent|document\.write|\beval\b/,
    );
    assert.doesNotMatch(html.replace(/https?( or| или|:)/g, ''), /https?:\/\//);
  });
}

const [english, russian] = [wordsIn(0), wordsIn(1)];

test('all words are there in both languages, with the same values in them', () => {
  const values = (words) => (words.match(/{\w+}/g) ?? []).sort();
  for (const name of Object.keys(english)) {
    assert.ok(english[name] && russian[name], name);
    assert.deepEqual(values(russian[name]), values(english[name]), name);
    assert.doesNotMatch(english[name] + russian[name], /\n|\|/, name); // build.js packs them so
    assert.doesNotMatch(english[name], /[А-Яа-яЁё]/, name);
  }
});

test('no words are left over', () => {
  const sources = fs
    .readdirSync(path.join(web, 'src'))
    .filter((name) => /\.(js|html)$/.test(name) && name !== 'words.js');
  const used = sources.map((name) => fs.readFileSync(path.join(web, 'src', name), 'utf8')).join('\n');
  const statuses = fs.readFileSync(path.join(root, 'src/schema.def'), 'utf8');
  for (const name of Object.keys(english)) {
    const stem = name.replace(/^(was|reset)_/, '');
    assert.match(
      used + statuses + fs.readFileSync(path.join(root, 'docs/protocol.md'), 'utf8'),
      new RegExp(`["'\`]${stem}["'\`]|\\b${stem}:`),
      name,
    );
  }
});

test('the small page has a sentence for all that a device may answer', () => {
  const small = wordsIn(0, false);
  const statuses = fs.readFileSync(path.join(root, 'src/schema.def'), 'utf8');
  for (const [, name] of statuses.matchAll(/^STATUS\(\w+, "(\w+)"/gm)) {
    if (name in english) assert.ok(name in small, name);
  }
  for (const family of ['flash', 'damaged', 'mismatch']) assert.ok(family in small, family);
  assert.ok(!('nameless' in small) && !('details' in small));
});

test('what can befall a user has a sentence', () => {
  const protocol = fs.readFileSync(path.join(root, 'docs/protocol.md'), 'utf8');
  const names = [...protocol.split('## 7.')[1].split('\n## ')[0].matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
  assert.ok(names.length > 60);
  // What only a client that breaks the protocol gets, or what the page does not ask for.
  const others =
    /^(no_update|not_on_trial|on_trial|restart_pending|nothing_to_go_back_to|recovery_needed|no_recovery|no_slot|message_too_long|not_json|not_utf8|nested|escaped|duplicate_member|unknown_\w+|missing_member|bad_value|fragmented|bad_frame|frame_too_long|unexpected_\w+|wrong_offset|too_many_bytes|bad_mac|silent|foreign_origin|bad_ticket|bad_login|delta_base|bad_patch|needs_\w+|link_lost|\w+_compression|compression_\w+)$/;
  for (const name of names) assert.ok(sentence({ name }) !== name || others.test(name), name);
});

test('a browser whose language is C reads English', async () => {
  Object.defineProperty(globalThis, 'navigator', { value: { language: 'C' }, configurable: true });
  const { ago, date, volume } = await import('../../web/src/text.js?language=C');
  assert.equal(document.documentElement.lang, 'en');
  assert.match(date('Jan 1 2026 12:00:00'), /^1\/1\/2026/);
  assert.equal(volume(1_250_000), '1.25 MB');
  assert.equal(ago(Date.now() / 1000), 'this minute');
});
