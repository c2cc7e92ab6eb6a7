// SPDX-License-Identifier: Apache-2.0
// docs/protocol.md, as far as it can be checked: its example, and which names come as `failed` and which as `error`.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { mac, prove } from '../../web/src/scram.js';
import { seal } from '../../web/src/seal.js';
import { secretOf } from '../../web/src/secret.js';
import { root } from '../e2e/harness.js';
import { documentPath, example, renewed } from '../protocol_example.js';

const text = fs.readFileSync(documentPath, 'utf8');
const scramOf = (message) => JSON.parse(message).scram;

test('the example is the one that the script writes', () => {
  assert.equal(text, renewed(text), 'node test/protocol_example.js writes it anew');
});

test('the page calculates the values of the example', () => {
  const it = example();
  const proof = prove(secretOf(it.password), scramOf(it.hello), scramOf(it.challenge));
  assert.equal(proof.message, scramOf(it.proof));
  assert.equal(proof.answer, scramOf(it.welcome));
  assert.deepEqual(Buffer.from(proof.keyOf('client')), it.clientMacKey);
  assert.deepEqual(Buffer.from(proof.keyOf('device')), it.deviceMacKey);
  for (const [key, message] of [[it.clientMacKey, it.ping], [it.clientMacKey, it.begin], [it.deviceMacKey, it.pong]]) {
    const covered = message.slice(0, message.lastIndexOf(',"mac"'));
    assert.equal(mac(key, covered), JSON.parse(message).mac);
  }
});

/** The row of this name behind a sentence of the document, as bytes. */
function row(name, behind) {
  const [, digits] = new RegExp(`^${name} +([0-9a-f]+)$`, 'm').exec(text.split(behind)[1]) ?? [];
  assert.ok(digits, `${name} behind "${behind}"`);
  return Uint8Array.from(Buffer.from(digits, 'hex'));
}

test("the page's seal gives the rows of the document", () => {
  const key = row('DataKey', 'upload, sealed');
  for (const [behind, offset] of [['upload, sealed', 0], ['If `ready` said', 16]]) {
    const [nonce, keystream, file, sealed] = ['nonce', 'keystream', 'file', 'sealed'].map((name) => row(name, behind));
    const [begin, start, zero] = new Uint32Array(nonce.buffer);
    assert.deepEqual([begin, start, zero], [2, offset, 0]);
    assert.deepEqual(seal(key, begin, start, offset, new Uint8Array(16)), keystream);
    assert.deepEqual(seal(key, begin, start, offset, file), sealed);
    assert.equal(keystream.length, 16);
  }
  const [, message] = /^{"type":"sealed","message":"(.+?)"/m.exec(text);
  const opened = seal(row('AnswerKey', 'A sealed answer'), 3, 0, 0, Uint8Array.from(Buffer.from(message, 'base64')));
  assert.ok(text.split(message)[1].includes(`\n${Buffer.from(opened)}\n`));
});

/** What the document says: name -> how it comes. */
function documented() {
  const rows = [...text.split('## 7.')[1].split('\n## ')[0].matchAll(/^\| `(\w+)` \|.*\| ([^|]+) \|$/gm)];
  return new Map(rows.map(([, name, how]) => [name, how]));
}

test('every name has a row that says how it comes', () => {
  const rows = documented();
  const source = fs.readFileSync(path.join(root, 'src/schema.def'), 'utf8');
  const names = [...source.matchAll(/^STATUS\(\w+, "(\w+)"/gm)].map(([, name]) => name);
  assert.ok(names.length > 60);
  for (const name of names.filter((name) => name !== 'ok')) {
    assert.match(rows.get(name) ?? `${name} has no row`, /^(`failed`|`error`|403|not sent)/);
  }
});

// The end-to-end tests run against real devices: what they wait for there is true.
test('names come as the tests on real devices see them come', () => {
  const rows = documented();
  const seen = [];
  for (const file of fs.readdirSync(path.join(root, 'test/e2e')).filter((name) => name.endsWith('.js'))) {
    const source = fs.readFileSync(path.join(root, 'test/e2e', file), 'utf8');
    for (const [, way, name] of source.matchAll(/\.(fails|ends)\('(\w+)'\)/g)) {
      seen.push(name);
      const type = way === 'fails' ? '`failed`' : '`error`';
      assert.ok(rows.get(name)?.includes(type), `${file}: ${name} comes as ${type}, document: ${rows.get(name)}`);
    }
  }
  assert.ok(new Set(seen).size > 10);
});
