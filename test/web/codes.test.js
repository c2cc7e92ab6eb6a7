// SPDX-License-Identifier: Apache-2.0
// The page reads a pairing code as ota-ws and the Python client do: the table that all three read.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { pairingCode } from '../../web/src/secret.js';
import { root } from '../e2e/harness.js';

test('every typed code of the table is sent as it says', () => {
  const rows = fs.readFileSync(path.join(root, 'test/vectors/codes.txt'), 'utf8').split('\n').filter((line) => line.startsWith('"'));
  assert.ok(rows.length > 15);
  for (const row of rows) {
    const [typed, sent] = row.split('\t').map((text) => JSON.parse(text));
    assert.equal(pairingCode(typed), sent, row);
  }
});
