// SPDX-License-Identifier: Apache-2.0
// Somebody with a browser: the page in Chromium, read and clicked by the names of its elements. CHROMIUM names the browser.
import assert from 'node:assert/strict';
import test from 'node:test';

import { chromium } from 'playwright-core';

import { GIVE_UP_MS, until } from './harness.js';

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export let browser;
test.before(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
});
test.after(() => browser.close());

/** One user with one tab. */
export class Visitor {
  /** Opens the page; fails the test at its end when a script has failed or anything came from elsewhere. */
  static async come(address, options = {}) {
    const visitor = new Visitor();
    visitor.context = await browser.newContext({ locale: 'en-US', ...options });
    visitor.page = await visitor.context.newPage();
    visitor.page.setDefaultTimeout(GIVE_UP_MS);
    visitor.page.on('pageerror', (error) => visitor.errors.push(error.stack));
    visitor.page.on('request', (request) => visitor.requests.push(new URL(request.url())));
    await visitor.page.goto(address);
    return visitor;
  }

  errors = [];
  requests = [];

  async leave() {
    await this.context.close();
    assert.deepEqual(this.errors, []);
    const hosts = new Set(this.requests.filter(({ protocol }) => protocol !== 'data:').map(({ host }) => host));
    assert.equal(hosts.size, 1, `requests to ${[...hosts]}`);
  }

  see(id) {
    return this.page.waitForSelector(`#${id}`, { state: 'visible' });
  }

  isSeen(id) {
    return this.page.isVisible(`#${id}`);
  }

  async read(id) {
    return (await this.page.textContent(`#${id}`)).trim();
  }

  /** Waits until the element says what matches. */
  says(id, words) {
    const pattern = words instanceof RegExp ? words : new RegExp(`^${words.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);
    return until(async () => pattern.test(await this.read(id)), `${id} saying ${words}`).catch(async (error) => {
      error.stack += `; it says: ${await this.read(id)}`;
      throw error;
    });
  }

  async login(password) {
    await this.see('login');
    await this.page.fill('#password', password);
    await this.page.click('#connect');
  }

  choose(file) {
    return this.page.setInputFiles('#picker', file);
  }

  async upload(file) {
    await this.choose(file);
    await this.see('upload');
    await this.page.click('#upload');
  }

  async update(file) {
    await this.upload(file);
    await this.see('ready');
    await this.page.click('#restart');
  }

  async goBack() {
    this.page.once('dialog', (dialog) => dialog.accept());
    await this.page.click('#rollback');
  }
}
