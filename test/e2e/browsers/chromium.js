// SPDX-License-Identifier: Apache-2.0
// Tabs in Chromium, driven over its own protocol by playwright-core. CHROMIUM names another one.
import { chromium } from 'playwright-core';

import { GIVE_UP_MS } from '../harness.js';
import { descendants } from './processes.js';

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

let browser;
let root; // its first process

class Tab {
  errors = [];
  #requests = [];

  static async open({ locale, colorScheme, viewport }) {
    const tab = new Tab();
    tab.context = await browser.newContext({ locale, colorScheme, viewport, ignoreHTTPSErrors: true });
    tab.page = await tab.context.newPage();
    tab.page.setDefaultTimeout(GIVE_UP_MS);
    tab.page.on('pageerror', (error) => tab.errors.push(error.stack));
    tab.page.on('request', (request) => tab.#requests.push(request.url()));
    return tab;
  }

  goto(address) {
    return this.page.goto(address);
  }

  reload() {
    return this.page.reload();
  }

  run(script) {
    return this.page.evaluate(script);
  }

  async #element(locator, action) {
    const handle = await this.page.evaluateHandle(locator);
    await action(handle);
    await handle.dispose();
  }

  click(locator) {
    return this.#element(locator, (element) => element.click());
  }

  setFile(locator, file) {
    return this.#element(locator, (element) => element.setInputFiles(file));
  }

  type(text) {
    return this.page.keyboard.type(text);
  }

  press(key) {
    return this.page.keyboard.press(key);
  }

  /** Accepts the dialog that comes of what `action` does. */
  async acceptDialog(action) {
    const dialog = this.page.waitForEvent('dialog').then((shown) => shown.accept());
    await Promise.all([dialog, action()]);
  }

  /** What `action` does opens the browser's dialog for files; there this one is chosen. */
  async chooseInDialog(action, locator, file) {
    const chooser = this.page.waitForEvent('filechooser');
    await this.run('1'); // a round trip: from now on the browser hands its dialogs over
    await action();
    await (await chooser).setFiles(file);
  }

  screenshot() {
    return this.page.screenshot();
  }

  async requests() {
    return this.#requests;
  }

  close() {
    return this.context.close();
  }
}

export async function open(options) {
  if (browser === undefined) {
    const before = descendants(process.pid);
    browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
    root = descendants(process.pid).find((pid) => !before.includes(pid));
  }
  return Tab.open(options);
}

/** The browser's processes. */
export const processes = () => [root, ...descendants(root)];

export const version = async () => browser.version();

export const close = () => browser?.close();
