// SPDX-License-Identifier: Apache-2.0
// The login: the example of RFC 7677, the keys and macs of docs/protocol.md, and every challenge that is not in order.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import test from 'node:test';

import { firstMessage, mac, prove } from '../../web/src/scram.js';
import { secretOf } from '../../web/src/secret.js';
import { Scram } from '../e2e/harness.js';

globalThis.crypto ??= crypto.webcrypto; // Node 18 has it here only

const NONCE = 'rOprNGfwEbeRWgbNEkqO';
const CHALLENGE = `r=${NONCE}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`;

test('the login of RFC 7677', () => {
  const first = `n,,n=user,r=${NONCE}`;
  const proof = prove(secretOf('pencil'), first, CHALLENGE);
  assert.equal(
    proof.message,
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  );
  assert.equal(proof.answer, 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=');
});

test('the keys of the session are those that another implementation derives', () => {
  const scram = new Scram('K7MQ-2RTX-9WPD');
  const proof = prove(secretOf('K7MQ-2RTX-9WPD'), scram.first(), CHALLENGE.replace(NONCE, scram.bare.slice(8)));
  assert.equal(proof.message, scram.final(CHALLENGE.replace(NONCE, scram.bare.slice(8))));
  assert.equal(proof.answer, scram.signature);
  assert.deepEqual(Buffer.from(proof.keyOf('client')), scram.clientMacKey);
  assert.deepEqual(Buffer.from(proof.keyOf('device')), scram.deviceMacKey);
});

test('the mac of a message is the first half of its HMAC in hex', () => {
  const key = crypto.randomBytes(32);
  const text = '{"type":"ping","count":7';
  assert.equal(mac(key, text), crypto.createHmac('sha256', key).update(text).digest('hex').slice(0, 32));
  assert.match(mac(key, '{"device":"Gerät"'), /^[0-9a-f]{32}$/);
});

test('a nonce has 18 to 40 characters, no comma, and is never the same', () => {
  const nonces = new Set(Array.from({ length: 100 }, () => /^n,,n=ota,r=(.*)$/.exec(firstMessage())[1]));
  assert.equal(nonces.size, 100);
  for (const nonce of nonces) assert.match(nonce, /^[!-+\--~]{18,40}$/);
});

test('a challenge that is not in order is not answered', () => {
  const first = `n,,n=ota,r=${NONCE}`;
  const wrong = {
    'a nonce of somebody else': CHALLENGE.replace(NONCE, 'xOprNGfwEbeRWgbNEkqO'),
    'nothing added to the nonce': `r=${NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`,
    'too few iterations': CHALLENGE.replace('4096', '4095'),
    'iterations for hours': CHALLENGE.replace('4096', '400000000'),
    'no salt': CHALLENGE.replace(/s=[^,]*/, 's='),
    'an extension': `${CHALLENGE},m=1`,
    'something before': `m=1,${CHALLENGE}`,
    nothing: '',
  };
  assert.ok(prove(secretOf('pencil'), first, CHALLENGE));
  for (const [what, challenge] of Object.entries(wrong))
    assert.equal(prove(secretOf('pencil'), first, challenge), undefined, what);
});

test('what was kept of a password lets in without it, with the same salt only', () => {
  const secret = secretOf('pencil');
  const first = `n,,n=user,r=${NONCE}`;
  const proof = prove(secret, first, CHALLENGE);
  assert.ok(!secret.kept.includes('pencil'));
  const again = prove(secretOf('', secret.kept), first, CHALLENGE);
  assert.deepEqual([again.message, again.answer], [proof.message, proof.answer]);
  assert.deepEqual(again.keyOf('client'), proof.keyOf('client'));
  assert.equal(prove(secretOf('', secret.kept), first, CHALLENGE.replace(/s=./, 's=x')), undefined);
});
