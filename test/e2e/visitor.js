// SPDX-License-Identifier: Apache-2.0
// Somebody with a browser: the page in Chromium, Firefox or WebKit, read and clicked by the names of its elements or by
// the words on its buttons. BROWSER names the engine. Each engine has a file in browsers/ that opens tabs, all of them
// with the same methods: goto, reload, run (a script), click, setFile, type, press, acceptDialog, chooseInDialog,
// screenshot, requests, close.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { freshPath, root, until } from './harness.js';
import { signalAll } from './browsers/processes.js';
import { layoutFaults } from './layout.js';

export const engines = ['chromium', 'firefox', 'webkit'];
export const engine = process.env.BROWSER ?? 'chromium';
const browser = await import(`./browsers/${engine}.js`);

export const sizes = { phone: { width: 390, height: 664 }, desktop: { width: 1280, height: 800 } };
const FINGER_SIZE = 44;

/** Faults of the layout that are known and not mended yet. */
const KNOWN_FAULTS = [];

/** A test's screen and scheme: all four pairs in each engine, and each test sees both of both in the three engines. */
const variants = [
  { size: 'phone', scheme: 'http' },
  { size: 'desktop', scheme: 'https' },
  { size: 'phone', scheme: 'https' },
  { size: 'desktop', scheme: 'http' },
];
let variant = variants[0];
let count = engines.indexOf(engine);

function addTest(name, smallPage, [...rest]) {
  const body = rest.pop();
  const own = { ...variants[count++ % variants.length], smallPage };
  test(`${name} [${engine}, ${own.size}, ${own.scheme}${smallPage ? ', small page' : ''}]`, ...rest, (t) => {
    variant = own;
    return body(t);
  });
}

/** A test of the page. */
export function pageTest(name, ...rest) {
  addTest(name, false, rest);
}

/** A test of the full page, and the same test of the small one. */
export function visitBoth(name, ...rest) {
  addTest(name, false, rest);
  addTest(name, true, rest);
}

/** A test of the small page alone. */
export function visitSmall(name, ...rest) {
  addTest(name, true, rest);
}

let certificate;

function selfSigned() {
  const [key, cert] = [freshPath('.key'), freshPath('.pem')];
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  execFileSync('openssl', [...request, '-subj', '/CN=127.0.0.1', '-keyout', key, '-out', cert], { stdio: 'ignore' });
  return { key, cert };
}

/** Settings of a device that speaks the test's scheme, or the one that they name, and serves the test's page. */
export function inScheme({ scheme = variant.scheme, options = {}, ...settings }) {
  const own = { ...(variant.smallPage && { smallPage: true }), ...options };
  if (scheme === 'http') return { ...settings, options: own };
  certificate ??= selfSigned();
  return { ...settings, options: { ...certificate, ...own } };
}

const openTabs = new Set();

/** Of a test that has failed: what was on the screen. */
async function keepScreen(name) {
  for (const [i, visitor] of [...openTabs].entries()) {
    const file = path.join(root, 'build/log', `failed-${engine}-${name.replace(/\W+/g, '-').slice(0, 60)}-${i}.png`);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    await visitor.screenshot(file).catch(() => {}); // the screen is a help, not the failure
    await visitor.close().catch(() => {});
  }
}

test.afterEach((t) => keepScreen(t.name));
test.after(() => browser.close());

/** Looks an element up in the browser: by its id, or as what can be clicked and says what matches. */
function find(target) {
  if (!(target instanceof RegExp)) return `document.getElementById(${JSON.stringify(target)})`;
  const byWords = (pattern) =>
    [...document.querySelectorAll('button, a, summary, label')].find(
      (element) => element.checkVisibility() && pattern.test(element.innerText.trim()),
    );
  return `(${byWords})(${target})`;
}

/** Runs in the browser: what is known now is painted afterwards. No frame comes where nobody would see it. */
const twoFrames = () =>
  Promise.race([
    new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
    new Promise((resolve) => setTimeout(resolve, 500)),
  ]);

/** One user with one tab. */
export class Visitor {
  /** Opens the page; leave() fails when a script has failed, anything came from elsewhere or the page was ugly. */
  static async come(address, { size = variant.size, viewport = sizes[size], locale = 'en-US', colorScheme = 'light' } = {}) {
    const visitor = new Visitor();
    visitor.tab = await browser.open({ locale, colorScheme, viewport });
    visitor.isPhone = viewport.width < 600;
    openTabs.add(visitor);
    await visitor.tab.goto(address);
    return visitor;
  }

  faults = new Set();

  async leave() {
    const requests = await this.tab.requests();
    await this.look();
    const { errors } = this.tab;
    await this.close();
    assert.deepEqual(errors, []);
    const hosts = new Set(requests.map((address) => new URL(address)).filter(({ protocol }) => /^(http|ws)/.test(protocol)).map(({ host }) => host));
    assert.equal(hosts.size, 1, `requests to ${[...hosts]}`);
    assert.deepEqual([...this.faults], []);
  }

  async close() {
    openTabs.delete(this);
    await this.tab.close();
  }

  // ---- seeing

  /** The value of a function that runs in the page. */
  async evaluate(run, ...args) {
    const json = await this.tab.run(`(async () => JSON.stringify([await (${run})(...${JSON.stringify(args)})]))()`);
    return JSON.parse(json)[0];
  }

  async #ask(target, question) {
    const json = await this.tab.run(`(async () => JSON.stringify([(${question})(${find(target)})]))()`);
    return JSON.parse(json)[0];
  }

  isSeen(target) {
    return this.#ask(target, (element) => !!element?.checkVisibility({ checkVisibilityCSS: true }));
  }

  async see(target) {
    await until(() => this.isSeen(target), `${target} to be seen`).catch(async (error) => {
      error.stack += `; the page says: ${await this.readAll()}`;
      throw error;
    });
    await this.look();
  }

  read(target) {
    return this.#ask(target, (element) => element.textContent.trim());
  }

  /** All that can be read on the page. */
  readAll() {
    return this.evaluate(() => document.body.innerText);
  }

  attribute(target, name) {
    return this.#ask(target, `(element) => element.getAttribute(${JSON.stringify(name)})`);
  }

  valueOf(target) {
    return this.#ask(target, (element) => element.value);
  }

  isChecked(target) {
    return this.#ask(target, (element) => element.checked);
  }

  isEnabled(target) {
    return this.#ask(target, (element) => !element.matches(':disabled'));
  }

  address() {
    return this.evaluate(() => location.href);
  }

  title() {
    return this.evaluate(() => document.title);
  }

  /** The id of the element that has the focus. */
  focused() {
    return this.evaluate(() => document.activeElement.id);
  }

  /** Waits until the element says what matches. */
  async says(target, words) {
    const pattern = words instanceof RegExp ? words : new RegExp(`^${words.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);
    await until(async () => pattern.test(await this.read(target)), `${target} saying ${words}`).catch(async (error) => {
      error.stack += `; it says: ${await this.read(target)}`;
      throw error;
    });
    await this.look();
  }

  /** Keeps what is wrong with the layout, until leave(). */
  async look() {
    const found = await this.evaluate(layoutFaults, { fingerSize: FINGER_SIZE, isPhone: this.isPhone });
    for (const fault of found) {
      if (!KNOWN_FAULTS.some((known) => known.test(fault))) this.faults.add(fault);
    }
  }

  async screenshot(file) {
    await this.evaluate(twoFrames);
    fs.writeFileSync(file, await this.tab.screenshot());
  }

  // ---- doing

  /** As soon as it can be seen and nothing keeps it from being clicked. */
  async click(target) {
    const isReady = (element) => !!element?.checkVisibility({ checkVisibilityCSS: true }) && !element.matches(':disabled');
    await until(() => this.#ask(target, isReady), `${target} to be clicked`);
    await this.tab.click(find(target));
  }

  async tick(target) {
    if (!(await this.isChecked(target))) await this.click(target);
    assert.ok(await this.isChecked(target), `${target} has no tick`);
  }

  /** Real keys, in place of what the field held; again where they have gone astray (a new window of WebKit loses keys
   * until the screen has given it the focus). */
  async fill(target, text) {
    const tryOnce = async () => {
      await this.click(target);
      await this.#ask(target, (element) => element.select());
      await (text === '' ? this.tab.press('Backspace') : this.tab.type(text));
      return (await this.valueOf(target)) === text;
    };
    await until(tryOnce, `${text} in ${target}`);
  }

  type(text) {
    return this.tab.type(text);
  }

  /** Tab, Enter, Space, Backspace or Escape. */
  press(key) {
    return this.tab.press(key);
  }

  reload() {
    return this.tab.reload();
  }

  async login(password) {
    await this.see('login');
    await this.fill('password', password);
    await this.click('connect');
  }

  /** As soon as the page offers it: before that it takes no file. */
  async choose(file) {
    await this.see('choice');
    await this.tab.setFile(find('picker'), file);
  }

  /** With the keyboard: the dialog that Enter opens on what has the focus. */
  chooseByKey(file) {
    return this.tab.chooseInDialog(() => this.press('Enter'), find('picker'), file);
  }

  async upload(file) {
    await this.choose(file);
    await this.click('upload');
  }

  async update(file) {
    await this.upload(file);
    await this.see('ready');
    await this.click('restart');
  }

  goBack() {
    return this.tab.acceptDialog(() => this.click('rollback'));
  }

  // ---- sleep

  /** The browser stands still, as on a phone that sleeps: connections stay, nothing runs. Nothing can be asked meanwhile. */
  fallAsleep() {
    signalAll(browser.processes(), 'SIGSTOP');
  }

  wakeUp() {
    signalAll(browser.processes(), 'SIGCONT');
  }
}

export const engineVersion = () => browser.version();
