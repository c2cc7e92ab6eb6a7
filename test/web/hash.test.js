// SPDX-License-Identifier: Apache-2.0
// SHA-256 of the library as the page uses it, HMAC and PBKDF2 on top of it: the standards' examples, and OpenSSL's answers
// (node:crypto).
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import test from 'node:test';

import { base64, hex, sha256, unbase64, utf8 } from '../../web/src/bytes.js';
import { hmac, pbkdf2 } from '../../web/src/scram.js';
import { SHA256 } from '../../web/src/sha256.js';

const expected = (bytes) => crypto.createHash('sha256').update(bytes).digest('hex');

test('SHA-256 gives the digests of FIPS 180-4', () => {
  const examples = {
    '': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    abc: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq:
      '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
    abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu:
      'cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1',
    ['a'.repeat(1_000_000)]: 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0',
  };
  for (const [text, digest] of Object.entries(examples)) assert.equal(hex(sha256(utf8(text))), digest);
});

test('SHA-256 of every length up to four blocks is what OpenSSL says', () => {
  for (let length = 0; length <= 256; length++) {
    const bytes = crypto.randomBytes(length);
    assert.equal(hex(sha256(bytes)), expected(bytes), `${length} bytes`);
  }
});

test('SHA-256 grows in pieces, and a digest in between changes nothing', () => {
  const bytes = crypto.randomBytes(200);
  const whole = crypto.createHash('sha256').update(bytes).digest('hex');
  for (let cut = 0; cut <= bytes.length; cut++) {
    const hash = new SHA256().update(bytes.subarray(0, cut));
    assert.equal(hex(hash.digest()), crypto.createHash('sha256').update(bytes.subarray(0, cut)).digest('hex'));
    assert.equal(hex(hash.update(bytes.subarray(cut)).digest()), whole);
  }
});

test('HMAC gives the answers of RFC 4231', () => {
  const cases = [
    [Buffer.alloc(20, 0x0b), 'Hi There', 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
    [
      Buffer.from('Jefe'),
      'what do ya want for nothing?',
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    ],
    [
      Buffer.alloc(20, 0xaa),
      Buffer.alloc(50, 0xdd),
      '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe',
    ],
  ];
  for (const [key, message, mac] of cases) assert.equal(hex(hmac(key, Buffer.from(message))), mac);
});

test('HMAC is what OpenSSL says for keys up to a block', () => {
  for (let length = 1; length <= 64; length++) {
    const [key, message] = [crypto.randomBytes(length), crypto.randomBytes(3 * length)];
    assert.equal(hex(hmac(key, message)), crypto.createHmac('sha256', key).update(message).digest('hex'));
  }
});

test('PBKDF2 gives the answers of RFC 7914 and of OpenSSL', () => {
  const known = '55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc';
  assert.equal(hex(pbkdf2(utf8('passwd'), utf8('salt'), 1)), known);
  for (const iterations of [2, 4096]) {
    const salt = crypto.randomBytes(16);
    const key = crypto.pbkdf2Sync('K7MQ-2RTX-9WPD', salt, iterations, 32, 'sha256').toString('hex');
    assert.equal(hex(pbkdf2(utf8('K7MQ-2RTX-9WPD'), salt, iterations)), key);
  }
});

test('base 64 goes both ways', () => {
  for (let length = 0; length < 70; length++) {
    const bytes = crypto.randomBytes(length);
    assert.equal(base64(bytes), bytes.toString('base64'));
    assert.deepEqual(Buffer.from(unbase64(base64(bytes))), bytes);
  }
});
