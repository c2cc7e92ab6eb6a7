// SPDX-License-Identifier: Apache-2.0
// Windows of WebKitGTK's MiniBrowser, driven over W3C WebDriver (JSON over http), on a screen that nobody sees (Xvfb).
// WEBKIT names another browser. Language and colour scheme are settings of a whole process: each pair has its own.
//
// What is special here: a driver has one session and a session one current window, so commands wait for each other;
// there is no event for errors, so the browser writes its console to its output; a window cannot be narrower than the
// browser's own buttons, so a style sheet for GTK takes their room away.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

import { freshPath, until } from '../harness.js';
import { descendants, freePort, Program } from './processes.js';

const KEYS = { Tab: '\uE004', Enter: '\uE007', Backspace: '\uE003', Space: ' ', Escape: '\uE00C' };
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';
const SMALL_BUTTONS = `* { min-width: 0; min-height: 0; padding: 0; margin: 0; border-width: 0; font-size: 1px; }
image { -gtk-icon-transform: scale(0); }`;

function findBrowser() {
  const libraries = fs.readdirSync('/usr/lib').map((name) => path.join('/usr/lib', name, 'webkit2gtk-4.1/MiniBrowser'));
  return process.env.WEBKIT ?? libraries.find((file) => fs.existsSync(file)) ?? 'MiniBrowser';
}

/** Debian has no language but English unless somebody asked for it: it is made for this process alone. */
function makeLanguage(locale) {
  const folder = freshPath('.locales');
  const name = locale.replace('-', '_');
  fs.mkdirSync(folder);
  execFileSync('localedef', ['-i', name, '-f', 'UTF-8', path.join(folder, `${name}.UTF-8`)], { stdio: 'pipe' });
  return { LOCPATH: folder, LC_ALL: `${name}.UTF-8` };
}

function makeStyle() {
  const folder = freshPath('.config');
  fs.mkdirSync(path.join(folder, 'gtk-3.0'), { recursive: true });
  fs.writeFileSync(path.join(folder, 'gtk-3.0/gtk.css'), SMALL_BUTTONS);
  return folder;
}

let screen;

async function display() {
  const args = ['-displayfd', '1', '-screen', '0', '1600x1200x24', '-nolisten', 'tcp'];
  screen ??= await Program.start('Xvfb', args, { ready: /^(\d+)$/m });
  return `:${screen.ready[1]}`;
}

class WebKit {
  #last = Promise.resolve();
  #current;

  static async start({ locale, colorScheme }) {
    const webkit = new WebKit();
    const port = await freePort();
    const env = {
      ...makeLanguage(locale),
      DISPLAY: await display(),
      GDK_BACKEND: 'x11',
      XDG_CONFIG_HOME: makeStyle(),
      GTK_THEME: colorScheme === 'dark' ? 'Adwaita:dark' : 'Adwaita',
    };
    webkit.address = `http://127.0.0.1:${port}`;
    webkit.program = await Program.start('WebKitWebDriver', [`--port=${port}`], { env });
    await until(() => fetch(`${webkit.address}/status`).catch(() => webkit.program.assertRuns('WebKitWebDriver')), 'WebKitWebDriver');
    const args = ['--automation', '--enable-write-console-messages-to-stdout=true'];
    const capabilities = {
      acceptInsecureCerts: true,
      unhandledPromptBehavior: 'ignore',
      'webkitgtk:browserOptions': { binary: findBrowser(), args },
    };
    const session = await webkit.#send('POST', '/session', { capabilities: { alwaysMatch: capabilities } });
    webkit.session = `/session/${session.sessionId}`;
    webkit.version = session.capabilities.browserVersion;
    webkit.home = await webkit.#send('GET', `${webkit.session}/window`); // stays open: the session ends with the last one
    return webkit;
  }

  async #send(method, target, body) {
    const response = await fetch(this.address + target, { method, body: body && JSON.stringify(body) });
    const { value } = await response.json();
    if (!response.ok) {
      throw new Error(`${value.error}: ${value.message}`);
    }
    return value;
  }

  /** A command to a window, after those before it. */
  command(window, method, target, body) {
    const answer = this.#last.then(async () => {
      if (window !== this.#current) {
        await this.#send('POST', `${this.session}/window`, { handle: window });
        this.#current = window;
      }
      return this.#send(method, this.session + target, body);
    });
    this.#last = answer.catch(() => {});
    return answer;
  }

  async open(viewport) {
    const { handle } = await this.command(this.home, 'POST', '/window/new', { type: 'window' });
    const tab = new Tab(this, handle);
    await tab.resize(viewport);
    return tab;
  }

  async stop() {
    await this.#send('DELETE', this.session).catch(() => {}); // a browser that has crashed is gone already
    await this.program.stop();
  }
}

class Tab {
  constructor(webkit, window) {
    Object.assign(this, { webkit, window });
    this.logStart = webkit.program.log.length;
  }

  get errors() {
    const lines = this.webkit.program.log.slice(this.logStart).split('\n');
    return lines.filter((line) => /CONSOLE JS ERROR/.test(line));
  }

  command(method, target, body = {}) {
    return this.webkit.command(this.window, method, target, method === 'POST' ? body : undefined);
  }

  async resize({ width, height }) {
    const size = () => this.run('(async () => JSON.stringify([innerWidth, innerHeight, outerHeight - innerHeight]))()');
    const frame = JSON.parse(await size())[2];
    await this.command('POST', '/window/rect', { x: 0, y: 0, width, height: height + frame });
    const isSo = async () => JSON.parse(await size()).slice(0, 2).join() === `${width},${height}`;
    await until(isSo, `a window of ${width}x${height} (it is ${await size()})`);
  }

  goto(url) {
    return this.command('POST', '/url', { url });
  }

  reload() {
    return this.command('POST', '/refresh');
  }

  async run(script) {
    const answer = await this.command('POST', '/execute/async', {
      script: `const [done] = arguments; (async () => { try { done([await (${script})]); } catch (e) { done(String(e)); } })()`,
      args: [],
    });
    if (!Array.isArray(answer)) {
      throw new Error(answer);
    }
    return answer[0];
  }

  async #element(locator) {
    const element = await this.command('POST', '/execute/sync', { script: `return ${locator}`, args: [] });
    return `/element/${element[ELEMENT]}`;
  }

  async click(locator) {
    await this.command('POST', `${await this.#element(locator)}/click`);
  }

  async setFile(locator, file) {
    await this.command('POST', `${await this.#element(locator)}/value`, { text: file });
  }

  async type(text) {
    const actions = [...text].flatMap((value) => [
      { type: 'keyDown', value },
      { type: 'keyUp', value },
    ]);
    await this.command('POST', '/actions', { actions: [{ type: 'key', id: 'keyboard', actions }] });
  }

  press(key) {
    return this.type(KEYS[key]);
  }

  async acceptDialog(action) {
    await action();
    const accept = () => this.command('POST', '/alert/accept').then(() => true);
    await until(() => accept().catch((error) => /no such alert/.test(error.message) ? false : Promise.reject(error)), 'the dialog');
  }

  /** An automated WebKit shows no dialog for files; it answers at once, with no file. The page learns of it as `cancel`. */
  async chooseInDialog(action, locator, file) {
    await this.run(`void ${locator}.addEventListener('cancel', (event) => (event.target.dataset.cancelled = ''))`);
    await action();
    await until(() => this.run(`'cancelled' in ${locator}.dataset`), 'the dialog for files');
    await this.setFile(locator, file);
  }

  async screenshot() {
    return Buffer.from(await this.command('GET', '/screenshot'), 'base64');
  }

  async requests() {
    const own = "[location.href, ...performance.getEntriesByType('resource').map(({ name }) => name)]";
    return JSON.parse(await this.run(`JSON.stringify(${own})`));
  }

  close() {
    return this.command('DELETE', '/window');
  }
}

const all = new Map(); // by language and colour scheme

export async function open({ locale, colorScheme, viewport }) {
  const name = `${locale} ${colorScheme}`;
  if (!all.has(name)) {
    all.set(name, await WebKit.start({ locale, colorScheme }));
  }
  return all.get(name).open(viewport);
}

export const processes = () =>
  [...all.values()].flatMap(({ program }) => descendants(program.process.pid));

export const version = async () => all.values().next().value.version;

export async function close() {
  await Promise.all([...all.values()].map((webkit) => webkit.stop()));
  await screen?.stop();
}
