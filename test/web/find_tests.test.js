// SPDX-License-Identifier: Apache-2.0
// What `make test T=name N='part of a name'` finds (test/find_tests.py).
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const script = path.join(path.dirname(fileURLToPath(import.meta.url)), '../find_tests.py');

function find(...words) {
  const { status, stdout, stderr } = spawnSync(script, words, { input: 'test_esp_mdns_plain\nreplay_message\n', encoding: 'utf8' });
  return { status, stderr, files: stdout.trim().split('\n').map((line) => line.split(' ').slice(1).join(' ')) };
}

test('a whole name means that file, not one that contains it', () => {
  assert.deepEqual(find('page').files, ['page test/e2e/page.test.js', 'page test/web/page.test.js']);
  assert.deepEqual(find('ring').files, ['test_ring test/unit/flow/test_ring.c']);
});

test('a part of a path, a folder and a program are found', () => {
  assert.deepEqual(find('flow/test_ri').files, ['test_ring test/unit/flow/test_ring.c']);
  assert.ok(find('login').files.includes('test_scram test/unit/login/test_scram.c'));
  assert.deepEqual(find('esp').files, ['test_esp_mdns_plain test/esp/test_esp_mdns.c']);
  assert.deepEqual(find('cuts').files, ['cuts']);
});

test('a name that matches nothing ends with near names', () => {
  const { status, stderr } = find('test_core_session_login');
  assert.equal(status, 1);
  assert.match(stderr, /No test has 'test_core_session_login' in its path\. Near names:[^]*\n {2}test_session_login\n/);
});

test('a test inside a file is found by words of its name', () => {
  assert.deepEqual(find('session', 'serves one hello').files, ['test_session_login test/unit/session/test_session_login.c']);
  assert.deepEqual(find('e2e/cli.test.js', 'SIGINT during a push').files, ['cli test/e2e/cli.test.js']); // `${signal} during ...`
  const { status, stderr } = find('session_login', 'a tikket');
  assert.equal(status, 1);
  assert.match(stderr, /has 'a tikket' in its name\. Near names:\n {2}a_ticket/);
});
