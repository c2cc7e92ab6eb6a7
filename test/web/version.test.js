// SPDX-License-Identifier: Apache-2.0
// The page's order of versions is the core's: the table that both read, and many pairs that nobody has chosen.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { compareVersions } from '../../web/src/policy.js';
import { buildDir, root } from '../e2e/harness.js';

const PAIRS = 40000;
const WANTED = { '<': -1, '=': 0, '?': 2 };
const rows = fs
  .readFileSync(path.join(root, 'test/vectors/versions.txt'), 'utf8')
  .split('\n')
  .map((line, i) => [i + 1, ...line.split('\t')])
  .filter(([, , order]) => order !== undefined);

test('every pair of the table is in its order', () => {
  assert.ok(rows.length > 100);
  for (const [line, left, order, right] of rows) {
    const wanted = WANTED[order];
    assert.equal(compareVersions(left, right), wanted, `line ${line}`);
    assert.equal(compareVersions(right, left), wanted === 2 ? 2 : 0 - wanted || 0, `line ${line}, the other way round`);
  }
});

/** Numbers from 0 to `below` - 1, the same in each run. @param {number} seed */
function makeDice(seed) {
  return (below) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
}

/** A version, or what is nearly one: parts of versions in mostly the right order. */
function anyVersion(dice) {
  const pick = (...choices) => choices[dice(choices.length)];
  const few = (most, make) => Array.from({ length: dice(most + 1) }, make).join('');
  const number = () => pick('0', '1', '2', '9', '10', '01', '123456789', '1234567890');
  const identifier = () => pick(number(), 'rc', 'rc1', 'rc.1', 'beta', 'a-b', 'A', 'dirty', '', '_', '2-g1', 'g12');
  const describe = () => pick('', `-${number()}-g${few(7, () => pick('0', '5', 'a', 'f'))}`, `-${number()}-gx`, '-g0');
  const core = number() + few(3, () => `.${number()}`);
  const pre = pick('', `-${identifier()}`, `-${identifier()}.${identifier()}`, `-${identifier()}-${identifier()}`);
  const build = pick('', '', '', `+${identifier()}`);
  return pick('', 'v') + pick(core, core, core, '0296947') + pre + describe() + pick('', '', '-dirty') + build;
}

test('page and core agree on 40,000 pairs at random', () => {
  const dice = makeDice(9);
  const pairs = Array.from({ length: PAIRS }, () => [anyVersion(dice), anyVersion(dice)]);
  // A second half that differs little: most pairs of the first are decided by their first number.
  for (let i = 0; i < PAIRS / 2; i++) pairs[i][1] = pairs[i][0].replace(/[\da-f](?!.*[\da-f].{9})/, () => `${dice(12)}`);
  const input = pairs.map((pair) => `${pair.join('\t')}\n`).join('');
  const output = execFileSync(path.join(buildDir, 'test/compare_versions'), { input, maxBuffer: 1 << 24 });
  const core = output.toString().trimEnd().split('\n').map(Number);
  const differing = pairs.filter(([left, right], i) => compareVersions(left, right) !== core[i]);
  assert.equal(core.length, PAIRS);
  assert.deepEqual(differing, []);
  const counts = [-1, 0, 1, 2].map((order) => core.filter((result) => result === order).length);
  assert.ok(counts.every((count) => count > 1000), `${counts}`); // each result is common among them
});
