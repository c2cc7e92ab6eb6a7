// SPDX-License-Identifier: Apache-2.0
// The page at work: events of user and device in, messages and a changed model out. What is shown is view.js; rules are
// in image.js, policy.js and update.js.

// In this order the page is smallest.
import { kindOf, list, newest, past, sentence, text } from './text.js';
import { isOurs, render, ui, wayOf } from './view.js';
import { glance, inspect } from './image.js';
import { kept, secretOf } from './secret.js';
import { makeUpdate } from './update.js';
import { model } from './model.js';
import { attend } from './connection.js';
import { FULL } from './variant.js';

/** @import { Crash, History, Logs, Message, Progress, State } from './protocol.js' */
/** @import { Chosen, Failure, Model, Session } from './types.js' */

const FIRST_WAIT_S = 0.5;
const LAST_WAIT_S = 4;
const AGAIN_WAIT_S = 1;
const GOOD_NEWS_MS = 25000;
const PATIENCE = 5; // failures in a row, about 12 s: a restart takes less

let secret = secretOf('', kept());
/** The user has typed a password. */
let submitted = () => {};
/** Asks the device again for what was asked last. @type {() => void} */
let askAgain = () => {};

/** @param {() => void} request */
const ask = (request) => (askAgain = request)();

/** It stays until something else happens; good news for a while. @param {string} words @param {string} [kind] good, bad
 * or note */
function say(words, kind = 'note') {
  const notice = (model.lastNotice = { words, kind });
  if (kind === 'good') setTimeout(() => model.lastNotice === notice && say(''), GOOD_NEWS_MS);
}

/** @param {Failure} failure */
const showFailure = (failure) => say(sentence(failure), failure.name === 'cancelled' ? 'note' : 'bad');

/** @param {number} seconds */
const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

// ---- what the device says ----------------------------------------------------------------------------------------

/** @param {Model['bar']} bar */
function takeBar(bar) {
  model.bar = bar;
  model.barAt = Date.now();
  model.firstBar ??= { written: bar.written, at: model.barAt };
}

/** A restart, and what has become of the newest update. Of a trial that begins the trial's own panel speaks.
 * @param {State} state @param {State | undefined} before */
function tellChange(state, before) {
  const outcome = state.last_outcome;
  const hasRestarted = before && before.boot !== state.boot;
  const isNews = before?.last_outcome !== outcome;
  if (hasRestarted && !model.ownUpdate && isOurs()) model.chosen = undefined;
  if (state.image === 'trial') return;
  if (isNews && (hasRestarted || before?.image === 'trial')) say(past(newest(state)), kindOf(outcome));
}

/** The first word in a session. @param {State} state @param {Session} session */
function arrive({ update }, session) {
  model.currentSession = session;
  model.asksPassword = model.isRestarting = false;
  ui.password.value = '';
  kept(secret.kept);
  // Ours goes on, unless it was finished before its session was lost.
  if (update === 'ready') model.ownUpdate = undefined;
  goOn();
}

/** Once in each start of the device: it may have failed a trial. @param {State} state @param {Session} session */
function askWhy({ boot, logs }, session) {
  if (model.deviceState?.boot === boot) return;
  model.lines = '';
  if (logs) {
    session.send({ type: 'logs' });
    session.send({ type: 'crash' });
  }
}

/** The recovery application speaks for the application, which a file is compared with. @param {State} state */
const inPlace = (state) =>
  FULL && state.mode === 'recovery'
    ? { ...state, project: state.other_project ?? '', version: state.other_version ?? '', elf_sha256: '' }
    : state;

/** @param {State} state @param {Session} session */
function takeState(state, session) {
  if (!model.currentSession) arrive(state, session);
  tellChange(state, model.deviceState);
  if (FULL) askWhy(state, session);
  model.deviceState = inPlace(state);
  if (FULL && /idle|ready/.test(state.update)) session.send({ type: 'history' });
  model.trialEnd = Date.now() + (state.trial_left_s ?? 0) * 1000;
  const { written = 0, size } = state;
  if (size) takeBar({ written, size });
  else model.firstBar = undefined;
  if (FULL && model.isBySelf && state.mode === 'recovery' && state.update === 'idle' && !model.ownUpdate) upload();
}

/** @param {History} one of them */
function takeHistory({ index = 0, ...one }) {
  model.pastUpdates.length = index;
  if (one.updates) model.pastUpdates.push(one);
}

/** Ours begins, or begins again where the device says. */
const goOn = () => ask(() => model.currentSession && model.ownUpdate?.start(model.currentSession));

/** How a failure is mended without the user; undefined when it is not. @param {Failure} failure */
function remedy({ name }) {
  const { ownUpdate: update } = model;
  if (name === 'device_busy') return askAgain;
  if (!update) return undefined;
  if (FULL && name === 'compression_declined' && update.mayPack) {
    update.mayPack = false;
    return goOn;
  }
  // Busy: most likely by the session that we have lost; the device has not noticed yet.
  const goesOn =
    name === 'stalled' ||
    (name === 'busy' && update.isResumed) ||
    (name === 'digest_mismatch' && update.offset);
  return goesOn ? goOn : undefined;
}

/** @param {Failure} failure */
async function takeFailure(failure) {
  const { ownUpdate: update, chosen } = model;
  const own = update?.failure ?? failure;
  const again = remedy(own);
  if (again) {
    if (!FULL || !/declined/.test(own.name)) say(text(own.name));
    await sleep(AGAIN_WAIT_S);
    again();
    return;
  }
  if (own.name === 'older_version' && chosen) chosen.refusal = own;
  else showFailure(own);
  model.ownUpdate = undefined;
  if (FULL) model.isBySelf = false;
}

/** By the messages' types, of the full page alone. @type {Record<string, (message: any, session: Session) => unknown>} */
const fullTakers = {
  history: takeHistory,
  logs: (/** @type {Logs} */ { text = '' }) => (model.lines += text),
  crash(/** @type {Crash} */ { newest, task, reason, pc, backtrace }) {
    if (newest) model.lines = `${list(task, reason, pc, backtrace)}\n\n${model.lines}`;
  },
};

/** By the messages' types. @type {Record<string, (message: any, session: Session) => unknown>} */
const takers = {
  state: takeState,
  ...(FULL ? fullTakers : {}),
  progress: (/** @type {Progress} */ { written, size }) => takeBar({ written, size }),
  failed: takeFailure,
  ready() {
    model.firstBar = model.lastNotice = undefined;
  },
  done() {
    model.ownUpdate = undefined;
    if (FULL && model.isBySelf) request('restart');
    if (FULL) model.isBySelf = false;
  },
  restarting: () => (model.isRestarting = true), // the session will end at once
};

/** @param {Message} message @param {Session} session */
function take(message, session) {
  takers[message.type]?.(/** @type {any} */ (message), session);
  model.ownUpdate?.take(message);
  render();
}

// ---- sessions, one after the other -------------------------------------------------------------------------------

/** What is said while there is no session. @param {Failure} failure @param {number} failures in a row */
function linkOf(failure, failures) {
  const { name } = failure;
  if (name === 'wrong_password' && !secret.password) return { name: 'password_needed' }; // what was kept is too old
  if (!/unreachable|silent|ticket$/.test(name)) return failure;
  if (model.ownUpdate) return { name: 'lost' };
  return { name: model.isRestarting && failures < PATIENCE ? 'restarting' : 'unreachable' };
}

/** Until the user has typed one. */
function askPassword() {
  model.asksPassword = true;
  render();
  if (ui.password.value === secret.password) ui.password.select(); // else the next one is being typed
  secret = secretOf('');
  kept('');
  return new Promise((/** @type {(value?: unknown) => void} */ resolve) => (submitted = resolve));
}

/** Finds the device, again and again, for as long as the page is open. */
async function run() {
  for (let failures = 0; ; failures++) {
    render();
    const tried = secret;
    const failure = await attend(tried, take);
    if (model.currentSession) failures = 0;
    model.currentSession = undefined;
    model.ownUpdate?.stop();
    model.linkFailure = linkOf(failure, failures);
    if (/passw|false/.test(failure.name)) {
      failures = 0;
      if (tried === secret) await askPassword(); // else there is a new one
    } else {
      const wait = failure.wait_s ?? Math.min(FIRST_WAIT_S * 2 ** failures, LAST_WAIT_S);
      model.linkUntil = Date.now() + wait * 1000;
      render();
      await sleep(wait);
      if (failure.wait_s) model.linkFailure = { name: 'checking' };
    }
  }
}

// ---- what the user does ------------------------------------------------------------------------------------------

/** @param {File | undefined} file */
async function choose(file) {
  if (!file || ui.choice.hidden) return;
  /** @type {Chosen} */
  const mine = (model.chosen = { file });
  ui.picker.value = ''; // choosing the same file again is a change, too
  ui.allowBox.checked = false;
  model.lastNotice = undefined;
  render();
  try {
    await (FULL ? inspect : glance)(mine, render);
  } catch {
    mine.problem = 'unreadable';
  }
  render();
}

function upload() {
  // What has shown the button.
  const { chosen, deviceState: device } = /** @type {Required<Model>} */ (model);
  if (FULL && device?.mode === 'application') {
    model.isBySelf = true;
    request('restart', 'recovery');
    return;
  }
  const { file, sha256 } = /** @type {Required<Chosen>} */ (chosen);
  const mayPack = FULL && !!device?.deflate && 'CompressionStream' in window;
  model.ownUpdate = makeUpdate(file, sha256, ui.allowBox.checked, mayPack, FULL ? device?.early : 0);
  model.lastNotice = undefined;
  takeBar({ written: 0, size: file.size });
  goOn();
  render();
}

async function cancel() {
  model.ownUpdate?.stop();
  if (model.currentSession) model.currentSession.send({ type: 'cancel' });
  else takeFailure({ name: 'cancelled' });
  render();
}

/** @param {'restart' | 'confirm' | 'rollback'} type @param {string} [into] */
const request = (type, into) => ask(() => model.currentSession?.send({ type, into }));

/** The way back of a trial, or the way between application and recovery application. */
function goBack() {
  if (!confirm(`${ui.rollback.textContent}?`)) return;
  const into = FULL && wayOf(/** @type {State} */ (model.deviceState));
  if (into) request('restart', into);
  else request('rollback');
}

/** The new page knows nothing. */
function logOut() {
  kept('');
  location.reload();
}

ui.login.onsubmit = (event) => {
  event.preventDefault();
  secret = secretOf(ui.password.value);
  model.linkFailure = { name: 'unreachable' };
  submitted();
  render();
};
ui.picker.onchange = () => choose(ui.picker.files?.[0]);
ui.allowBox.onchange = render;
ui.upload.onclick = upload;
ui.cancel.onclick = ui.discard.onclick = cancel;
ui.restart.onclick = () => request('restart');
ui.confirm.onclick = () => request('confirm');
ui.rollback.onclick = goBack;
ui.logout.onclick = logOut;
if (FULL) ui.showBox.onchange = () => (ui.password.type = ui.showBox.checked ? 'text' : 'password');

ondragover = (event) => event.preventDefault();
ondrop = (event) => {
  event.preventDefault();
  choose(event.dataTransfer?.files[0]);
};
onbeforeunload = (event) => {
  if (model.ownUpdate) event.preventDefault();
};

// The code leaves the address, so that neither history nor a shared link keeps it.
const [, code] = location.hash.split('#code=');
if (code) {
  secret = secretOf((ui.password.value = code));
  history.replaceState(null, '', location.pathname);
}
setInterval(render, 1000);
run();
