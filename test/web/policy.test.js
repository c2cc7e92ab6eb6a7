// SPDX-License-Identifier: Apache-2.0
// Refused before the upload: the page's copy of the device's rules. The versions are those of
// test/unit/image/test_version.c.
import assert from 'node:assert/strict';
import test from 'node:test';

import { chipName, isOlder, judge, revisionName } from '../../web/src/policy.js';

const rising = [
  ['1.0.0', '2.0.0', '2.1.0', '2.1.1'],
  [
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0',
  ],
  ['0.0.1', '0.0.9', '0.0.10', '0.9.0', '0.10.0', '9.0.0', '10.0.0'],
  ['1.0.0-1', '1.0.0-2', '1.0.0-10', '1.0.0-999', '1.0.0-Alpha', '1.0.0-alpha'],
  ['1.0.0-a', '1.0.0-a.b', '1.0.0-aa', '1.0.0-x', '1.0.0-xy'],
  ['1.2.3', 'v1.2.4', '1.3', '2'],
  ['v1.4.0-rc.1', 'v1.4.0', 'v1.4.0-2-g0296947', 'v1.4.0-21-g9422dc3-dirty', 'v1.4.1-rc.1', 'v1.4.1'],
];

test('versions come in the order of semver.org and of git describe', () => {
  for (const versions of rising) {
    for (const [i, lower] of versions.entries()) {
      for (const [k, higher] of versions.entries()) {
        assert.equal(isOlder(lower, higher), i < k, `${lower} < ${higher}`);
      }
    }
  }
});

test('what means the same version is not older', () => {
  const equal = [
    ['1.0.0+1', '1.0.0+2'],
    ['1.0.0', '1.0.0+20130313144700'],
    ['1.0.0-beta+exp.sha.5114f85', '1.0.0-beta'],
    ['v1.2.3', '1.2.3'],
    ['1', '1.0.0'],
    ['v1.4.1', 'v1.4.1-dirty'],
  ];
  for (const [a, b] of equal) assert.ok(!isOlder(a, b) && !isOlder(b, a), `${a} = ${b}`);
});

test('what is no version has no order', () => {
  const wrong = [
    '',
    'v',
    'vv1',
    'a.b.c',
    '1.',
    '1..2',
    '1.2.x',
    '.1',
    '-1.0.0',
    ' 1.0.0',
    '1.0.0 ',
    '1.2.3.4',
    '1.0.0-',
  ];
  for (const version of [...wrong, 'esp-idf: v4.4.7 38eeba213a', '99999999999999999999.0.0', 'master']) {
    assert.ok(!isOlder(version, '1.0.0') && !isOlder('1.0.0', version), version);
  }
});

test('chips and revisions have their names', () => {
  assert.equal(chipName(0x0005), 'ESP32-C3');
  assert.equal(chipName(37), 'chip 37');
  assert.equal(revisionName(301), '3.1');
});

const device = {
  chip: 'ESP32-C3',
  chip_id: 5,
  revision: 301,
  secure_version: 2,
  slot_size: 1_000_000,
  check_project: true,
  project: 'demo',
  version: '1.0.0',
};
const image = {
  chip_id: 5,
  min_revision: 300,
  max_revision: 399,
  secure_version: 2,
  project: 'demo',
  version: '2.0.0',
};

/** @param {object} change of the image @param {object} [deviceChange] */
const verdict = (change, deviceChange) =>
  judge({ file: { size: change.size ?? 500_000 }, image: { ...image, ...change } }, { ...device, ...deviceChange });

test('an image that fits is not refused', () => {
  assert.equal(verdict({}), undefined);
  assert.equal(verdict({ size: 1_000_000 }), undefined);
  assert.equal(verdict({ version: '1.0.0' }), undefined);
  assert.equal(verdict({ version: 'something else' }), undefined);
  assert.equal(verdict({ max_revision: 0 }), undefined);
  assert.equal(verdict({ max_revision: 0xffff }), undefined);
  assert.equal(verdict({ project: 'other' }, { check_project: false }), undefined);
});

test('each refusal carries the two values that do not agree', () => {
  assert.deepEqual(verdict({ size: 1_000_001 }), { name: 'too_large', image: 1_000_001, device: 1_000_000 });
  assert.deepEqual(verdict({ chip_id: 9 }), { name: 'wrong_chip', image: 'ESP32-S3', device: 'ESP32-C3' });
  assert.deepEqual(verdict({ min_revision: 302 }), { name: 'wrong_revision', image: '3.2–3.99', device: '3.1' });
  for (const max_revision of [0, 0xffff]) {
    const failure = { name: 'wrong_revision', image: '4.0+', device: '3.1' };
    assert.deepEqual(verdict({ min_revision: 400, max_revision }), failure);
  }
  assert.deepEqual(verdict({ min_revision: 0, max_revision: 300 }), {
    name: 'wrong_revision',
    image: '0.0–3.0',
    device: '3.1',
  });
  assert.deepEqual(verdict({ secure_version: 1 }), { name: 'older_secure_version', image: 1, device: 2 });
  assert.deepEqual(verdict({ project: 'other' }), { name: 'wrong_project', image: 'other', device: 'demo' });
  assert.deepEqual(verdict({ version: '0.9.0' }), { name: 'older_version', image: '0.9.0', device: '1.0.0' });
});

test('the refusal that the user may lift comes last', () => {
  assert.equal(verdict({ version: '0.9.0', project: 'other' }).name, 'wrong_project');
  assert.equal(verdict({ version: '0.9.0', chip_id: 9 }).name, 'wrong_chip');
});

test('a damaged image is refused for that', () => {
  assert.deepEqual(judge({ file: { size: 1 }, image, problem: 'truncated' }, device), { name: 'truncated' });
  assert.deepEqual(judge({ file: { size: 1 }, problem: 'empty' }, device), { name: 'empty' });
});

test('an encrypted image is for a device that takes those, and nothing else is', () => {
  const encrypted = { file: { size: 1 }, problem: 'encrypted_image' };
  assert.deepEqual(judge(encrypted, device), { name: 'encrypted_image' });
  assert.equal(judge(encrypted, { ...device, encrypted: true }), undefined);
  assert.equal(judge({ ...encrypted, file: { size: 2e6 } }, { ...device, encrypted: true }).name, 'too_large');
  assert.deepEqual(verdict({}, { encrypted: true }), { name: 'not_encrypted' });
  assert.deepEqual(judge({ file: { size: 1 }, problem: 'not_an_image' }, { ...device, encrypted: true }), {
    name: 'not_encrypted',
  });
});

test('a file that is still being read is not judged by what is not known', () => {
  assert.equal(judge({ file: { size: 1 } }, device), undefined);
  assert.equal(judge({ file: { size: 1 } }, { ...device, encrypted: true }), undefined);
});
