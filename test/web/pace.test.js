// SPDX-License-Identifier: Apache-2.0
// The rate that the page shows.
import assert from 'node:assert/strict';
import test from 'node:test';

import { makePace } from '../../web/src/pace.js';

test('nothing is known at first', () => assert.equal(makePace()(0, 1000), 0));

test('an even pace is told as it is', () => {
  const pace = makePace();
  let rate;
  for (let ms = 0; ms <= 20000; ms += 100) rate = pace(ms * 200, ms);
  assert.equal(rate, 200_000);
});

test('what was longer ago than 5 s does not count', () => {
  const pace = makePace();
  for (let ms = 0; ms <= 10000; ms += 100) pace(ms * 200, ms);
  for (let ms = 10100; ms < 15000; ms += 100) pace(2_000_000, ms);
  assert.ok(pace(2_000_000, 15000) < 5000);
});

test('it is never negative, also when an update starts anew', () => {
  const pace = makePace();
  for (let ms = 0; ms <= 1000; ms += 100) pace(5000 + ms * 200, ms);
  assert.equal(pace(0, 1100), 0);
  assert.equal(pace(100, 1200), 1000);
});
