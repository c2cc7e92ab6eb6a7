// SPDX-License-Identifier: Apache-2.0
// The built page: up to date, small, of one piece; and its words: complete in both languages.
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
const page = fs.readFileSync(path.join(web, 'dist/ota.html.gz'));
const html = new TextDecoder('windows-1251').decode(gunzipSync(page));

test('the page in the repository is what its sources make', () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'ota-ws-page-'));
  try {
    const file = path.join(directory, 'page.gz');
    execFileSync(process.execPath, [path.join(web, 'build.js'), file]);
    assert.ok(page.equals(fs.readFileSync(file)), 'run: npm --prefix web run build');
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
});

test('the page has at most 12 KiB', () => assert.ok(page.length <= 12288, `${page.length}`));

test('the page tells no time of its making', () => assert.equal(page.readUInt32LE(4), 0));

test('the page loads nothing and writes no markup', () => {
  assert.doesNotMatch(
    html,
    /\b(src|href)=(?!"data:,")|@import|url\(|innerHTML|insertAdjacent|document\.write|\beval\b/,
  );
  assert.doesNotMatch(html.replace(/https?( or| или|:)/g, ''), /https?:\/\//);
});

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
  const statuses = fs.readFileSync(path.join(root, 'src/status.c'), 'utf8');
  for (const name of Object.keys(english)) {
    const stem = name.replace(/^(was|reset)_/, '');
    assert.match(
      used + statuses + fs.readFileSync(path.join(root, 'docs/protocol.md'), 'utf8'),
      new RegExp(`["'\`]${stem}["'\`]|\\b${stem}:`),
      name,
    );
  }
});

test('what can befall a user has a sentence', () => {
  const protocol = fs.readFileSync(path.join(root, 'docs/protocol.md'), 'utf8');
  const names = [...protocol.split('## 7.')[1].matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
  assert.ok(names.length > 60);
  // What only a client that breaks the protocol hears, or what the page does not ask for.
  const others =
    /^(no_update|not_on_trial|on_trial|restart_pending|nothing_to_go_back_to|no_slot|message_too_long|not_json|not_utf8|nested|escaped|duplicate_member|unknown_\w+|missing_member|bad_value|fragmented|bad_frame|frame_too_long|unexpected_\w+|wrong_offset|too_many_bytes|bad_mac|silent|foreign_origin|bad_ticket|bad_login|link_lost|\w+_compression|compression_\w+)$/;
  for (const name of names) assert.ok(sentence({ name }) !== name || others.test(name), name);
});
