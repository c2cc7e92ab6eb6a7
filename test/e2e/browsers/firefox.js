// SPDX-License-Identifier: Apache-2.0
// Tabs in Firefox as its makers ship it, driven over WebDriver BiDi (w3.org/TR/webdriver-bidi): JSON over a WebSocket.
// FIREFOX names another one. A language and a colour scheme are settings of a whole Firefox: each pair has its own.
import fs from 'node:fs';
import path from 'node:path';
import WebSocket from 'ws';

import { GIVE_UP_MS, freshPath, until } from '../harness.js';
import { descendants, Program } from './processes.js';

const KEYS = { Tab: '\uE004', Enter: '\uE007', Backspace: '\uE003', Space: ' ', Escape: '\uE00C' };

/** Nothing goes out of this machine: whatever is not on it goes to a proxy that does not exist. */
const PREFERENCES = {
  'remote.prefs.recommended': true,
  'network.proxy.type': 1,
  'network.proxy.http': '127.0.0.1',
  'network.proxy.http_port': 9,
  'network.proxy.ssl': '127.0.0.1',
  'network.proxy.ssl_port': 9,
  'network.proxy.no_proxies_on': '127.0.0.1,localhost,[::1]',
  'app.normandy.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'browser.shell.checkDefaultBrowser': false,
};

function makeProfile(preferences) {
  const profile = freshPath('.firefox');
  fs.mkdirSync(profile);
  const lines = Object.entries(preferences).map((pair) => `user_pref(${pair.map((value) => JSON.stringify(value)).join(', ')});\n`);
  fs.writeFileSync(path.join(profile, 'user.js'), lines.join(''));
  return profile;
}

class Firefox {
  #count = 0;
  #waiting = new Map(); // by the number of the command
  #tabs = new Map(); // by the name of the browsing context

  static async start({ locale, colorScheme }) {
    const firefox = new Firefox();
    const profile = makeProfile({
      ...PREFERENCES,
      'intl.accept_languages': locale,
      'layout.css.prefers-color-scheme.content-override': colorScheme === 'dark' ? 0 : 1,
    });
    const args = ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0'];
    const ready = /WebDriver BiDi listening on (\S+)/;
    firefox.program = await Program.start(process.env.FIREFOX ?? 'firefox-esr', args, { ready });
    try {
      await firefox.connect();
    } catch (error) {
      await firefox.stop();
      throw error;
    }
    return firefox;
  }

  async connect() {
    this.socket = new WebSocket(`${this.program.ready[1]}/session`, { perMessageDeflate: false });
    this.socket.on('message', (text) => this.#receive(JSON.parse(text)));
    this.socket.on('close', () => this.#waiting.forEach(({ reject }) => reject(new Error('Firefox has closed'))));
    await until(() => this.socket.readyState === WebSocket.OPEN, 'the connection to Firefox');
    const capabilities = { acceptInsecureCerts: true, unhandledPromptBehavior: { default: 'ignore' } };
    const session = await this.command('session.new', { capabilities: { alwaysMatch: capabilities } });
    this.version = session.capabilities.browserVersion;
    const subscribe = (...events) => this.command('session.subscribe', { events });
    await subscribe('log.entryAdded', 'network.beforeRequestSent', 'browsingContext.userPromptOpened');
    // Firefox 140 has no such event, 153 has it.
    this.saysFileDialogs = await subscribe('input.fileDialogOpened').then(() => true, () => false);
  }

  #receive(message) {
    if (message.type === 'event') {
      const { context, source } = message.params;
      this.#tabs.get(context ?? source?.context)?.take(message.method, message.params);
      return;
    }
    const { resolve, reject } = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.type === 'success') {
      resolve(message.result);
    } else {
      reject(new Error(`${message.error}: ${message.message}`));
    }
  }

  command(method, params) {
    return new Promise((resolve, reject) => {
      const id = ++this.#count;
      this.#waiting.set(id, { resolve, reject });
      this.socket.send(JSON.stringify({ id, method, params }));
    });
  }

  async open(viewport) {
    const { userContext } = await this.command('browser.createUserContext', {});
    const { context } = await this.command('browsingContext.create', { type: 'tab', userContext });
    const tab = new Tab(this, context, userContext);
    this.#tabs.set(context, tab);
    await tab.command('browsingContext.setViewport', { viewport });
    return tab;
  }

  async stop() {
    this.socket.close();
    await this.program.stop();
  }
}

class Tab {
  errors = [];
  #requests = [];
  #dialogs = []; // that have opened

  constructor(firefox, context, userContext) {
    Object.assign(this, { firefox, context, userContext });
  }

  take(method, params) {
    if (method === 'network.beforeRequestSent') {
      this.#requests.push(params.request.url);
    } else if (method === 'log.entryAdded') {
      // A connection that breaks or cannot be made is none: Firefox logs it as one, without a place in a script.
      const isLost = /^The connection to \S+ was interrupted|^Firefox can.t establish a connection/.test(params.text);
      if (params.type === 'javascript' && params.level === 'error' && !isLost) {
        this.errors.push(`${params.text} ${JSON.stringify(params.stackTrace?.callFrames)}`);
      }
    } else {
      this.#dialogs.push(method);
    }
  }

  command(method, params) {
    return this.firefox.command(method, { context: this.context, ...params });
  }

  goto(url) {
    return this.command('browsingContext.navigate', { url, wait: 'complete' });
  }

  reload() {
    return this.command('browsingContext.reload', { wait: 'complete' });
  }

  async #evaluate(expression) {
    const target = { context: this.context };
    const answer = await this.firefox.command('script.evaluate', { expression, target, awaitPromise: true });
    if (answer.type === 'exception') {
      throw new Error(answer.exceptionDetails.text);
    }
    return answer.result;
  }

  async run(script) {
    return (await this.#evaluate(script)).value;
  }

  async #element(locator) {
    const { sharedId } = await this.#evaluate(locator);
    return { sharedId };
  }

  async click(locator) {
    await this.run(`void ${locator}.scrollIntoView({ block: 'nearest' })`);
    const origin = { type: 'element', element: await this.#element(locator) };
    const actions = [
      { type: 'pointerMove', x: 0, y: 0, origin },
      { type: 'pointerDown', button: 0 },
      { type: 'pointerUp', button: 0 },
    ];
    await this.command('input.performActions', { actions: [{ type: 'pointer', id: 'mouse', actions }] });
  }

  async setFile(locator, file) {
    await this.command('input.setFiles', { element: await this.#element(locator), files: [file] });
  }

  async type(text) {
    const strokes = [...text].flatMap((value) => [
      { type: 'keyDown', value },
      { type: 'keyUp', value },
    ]);
    await this.command('input.performActions', { actions: [{ type: 'key', id: 'keyboard', actions: strokes }] });
  }

  press(key) {
    return this.type(KEYS[key]);
  }

  async #opens(event, action) {
    const before = this.#dialogs.length;
    await Promise.all([action(), until(() => this.#dialogs.slice(before).includes(event), event, GIVE_UP_MS)]);
  }

  async acceptDialog(action) {
    const answer = async () => {
      await until(() => this.#dialogs.includes('browsingContext.userPromptOpened'), 'the dialog');
      this.#dialogs = [];
      await this.command('browsingContext.handleUserPrompt', { accept: true });
    };
    await Promise.all([action(), answer()]);
  }

  async chooseInDialog(action, locator, file) {
    await (this.firefox.saysFileDialogs ? this.#opens('input.fileDialogOpened', action) : action());
    await this.setFile(locator, file);
  }

  async screenshot() {
    const { data } = await this.command('browsingContext.captureScreenshot', {});
    return Buffer.from(data, 'base64');
  }

  async requests() {
    return this.#requests;
  }

  close() {
    return this.firefox.command('browser.removeUserContext', { userContext: this.userContext });
  }
}

const all = new Map(); // by language and colour scheme

export async function open({ locale, colorScheme, viewport }) {
  const name = `${locale} ${colorScheme}`;
  if (!all.has(name)) {
    all.set(name, await Firefox.start({ locale, colorScheme }));
  }
  return all.get(name).open(viewport);
}

export const processes = () =>
  [...all.values()].map(({ program }) => program.process.pid).flatMap((pid) => [pid, ...descendants(pid)]);

export const version = async () => all.values().next().value.version;

export const close = () => Promise.all([...all.values()].map((firefox) => firefox.stop()));
