// SPDX-License-Identifier: Apache-2.0
// Pages of others in Chromium, which runs whatever a site sends it: from another origin, and by DNS rebinding, where
// the attacker's name leads to the device's address. None gets a ticket; none starts, confirms or restarts anything.
import assert from 'node:assert/strict';
import http from 'node:http';
import { once } from 'node:events';
import test from 'node:test';

import { chromium } from 'playwright-core';

import { Client, makeImage, request, ticketOf, until, withDevice } from './harness.js';

const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--host-resolver-rules=MAP evil.example 127.0.0.1', '--disable-features=LocalNetworkAccessChecks'];
const first = makeImage({ version: '1.0.0' });

let browser;
test.before(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
});
test.after(() => browser.close());

/** Runs in the foreign page: all that it may try against the device. What it has got to read. */
async function tryEverything({ target, stolen }) {
  const answers = [];
  const attempt = async (name, action) => {
    try {
      answers.push([name, await action()]);
    } catch (error) {
      answers.push([name, `refused: ${error.name}`]);
    }
  };
  const read = async (response) => `${response.status} ${response.type} ${(await response.text()).slice(0, 200)}`;
  await attempt('fetch', async () => read(await fetch(target, { method: 'POST' })));
  await attempt('fetch without cors', async () => read(await fetch(target, { method: 'POST', mode: 'no-cors' })));
  await attempt('fetch with a body', async () => read(await fetch(target, { method: 'POST', body: 'x', headers: { 'content-type': 'application/json' } })));
  await attempt('beacon', () => navigator.sendBeacon(target, 'x'));
  await attempt('request', () => new Promise((resolve, reject) => {
    const asked = new XMLHttpRequest();
    asked.open('POST', target);
    asked.onload = () => resolve(asked.responseText);
    asked.onerror = () => reject(new Error('no'));
    asked.send();
  }));
  await attempt('form', () => new Promise((resolve) => {
    document.body.insertAdjacentHTML('beforeend', `<iframe name="hidden"></iframe><form id="attack" method="post" action="${target}" target="hidden"></form>`);
    document.querySelector('#attack').submit();
    setTimeout(() => {
      try {
        resolve(document.querySelector('iframe').contentDocument?.body?.textContent ?? 'unreadable');
      } catch {
        resolve('unreadable');
      }
    }, 250);
  }));
  const messages = [{ type: 'hello', version: 1, ticket: '00000000000000000000000000000000' }, { type: 'hello', version: 1, ticket: stolen }, { type: 'restart' }, { type: 'confirm' },
    { type: 'rollback' }, { type: 'begin', size: 65536, sha256: 'ab'.repeat(32) }];
  for (const message of messages) {
    await attempt(`WebSocket: ${message.type}`, () => new Promise((resolve) => {
      const socket = new WebSocket(`${target.replace('http', 'ws')}/ws`);
      socket.onopen = () => socket.send(JSON.stringify(message));
      socket.onmessage = ({ data }) => resolve(data);
      socket.onclose = () => resolve('closed');
    }));
  }
  return answers;
}

async function attack(device, address, stolen) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(address);
  const answers = await page.evaluate(tryEverything, { target: address.includes(':' + device.url.port) ? `${new URL(address).origin}/ota` : device.url.href, stolen });
  await context.close();
  for (const [name, answer] of answers) {
    assert.ok(!/"ticket":"|"type":"(welcome|state|restarting|ready|challenge)"/.test(String(answer)), `${name}: ${answer}`);
  }
  return answers;
}

for (const mode of ['locked', 'open']) {
  test(`foreign pages get no ticket and start nothing, ${mode}`, async () => {
    await withDevice({ image: first.path, options: { ...(mode === 'open' && { unprotected: true }) } }, async (device) => {
      const site = http.createServer((_, response) => response.end('<!doctype html><title>cats</title><body>')).listen(0, '127.0.0.1');
      site.unref();
      await once(site, 'listening');
      const { port } = site.address();
      const before = device.flash();
      let tries = 0;
      for (const address of [`http://127.0.0.1:${port}/`, `http://evil.example:${port}/`, `http://evil.example:${device.url.port}/ota`]) {
        const { ticket } = await ticketOf(device); // guessed but for one character
        const answers = await attack(device, address, `${ticket.slice(0, -1)}${ticket.endsWith('0') ? '1' : '0'}`);
        tries += answers.length;
        const isRebound = new URL(address).port === device.url.port; // then the browser says the attacker's name in Host
        const headers = { host: isRebound ? new URL(address).host : device.url.host, origin: new URL(address).origin };
        assert.equal((await request(device, { method: 'POST', headers })).status, 403);
      }
      site.closeAllConnections();
      site.close();
      assert.equal(device.boots, 1);
      assert.ok(device.flash().equals(before));
      console.log(`${mode}: ${tries} attempts of 2 foreign origins and a rebound name in Chromium: 0 tickets, 0 sessions`);

      // The very same from the device's own page works: what was refused was the origin.
      const context = await browser.newContext();
      const page = await context.newPage();
      await page.goto(device.url.href);
      const own = await page.evaluate(async () => (await fetch('/ota', { method: 'POST' })).status);
      assert.equal(own, 200);
      await context.close();
      const client = await Client.connect(device);
      await client.close();
      await until(() => client.closed);
    });
  });
}

test('no page may show the device in a frame, and none learns of it', async () => {
  await withDevice({ image: first.path }, async (device) => {
    const { headers } = await request(device);
    assert.equal(headers['x-frame-options'], 'DENY');
    assert.equal(headers['access-control-allow-origin'], undefined);
    assert.equal(headers['referrer-policy'], 'no-referrer');
    assert.equal(headers['x-content-type-options'], 'nosniff');
  });
});
