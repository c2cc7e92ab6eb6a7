// SPDX-License-Identifier: Apache-2.0
// A run of tests comes to its end whatever hangs: a test file that is not done after FILE_LIMIT seconds fails, and says in
// which test it was and what it waited for. No file needs that long on a slow machine.
import { afterEach, beforeEach } from 'node:test';

const limit = Number(process.env.FILE_LIMIT ?? 2400);
const running = new Set();
beforeEach((test) => running.add(test.name));
afterEach((test) => running.delete(test.name));

setTimeout(() => {
  const waits = [...new Set(process.getActiveResourcesInfo())].join(', ');
  console.error(`${process.argv[1]}: not done after ${limit} s, in "${[...running].join('", "')}"; it waits for ${waits}`);
  process.exit(1);
}, limit * 1000).unref();
