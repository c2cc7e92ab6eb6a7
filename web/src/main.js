// SPDX-License-Identifier: Apache-2.0
// The page at work: events of user and device in, messages and a changed model out. What is shown is view.js; rules are
// in image.js, policy.js and update.js.

// In this order the page is smallest.
import { kindOf, past, sentence, text } from './text.js';
import { isOurs, render, ui } from './view.js';
import { inspect } from './image.js';
import { kept, secretOf } from './secret.js';
import { makeUpdate } from './update.js';
import { model } from './model.js';
import { attend } from './connection.js';

/** @import { Failure, History, Message, Progress, State } from './protocol.js' */
/** @import { Chosen, Model, Session } from './types.js' */

const FIRST_WAIT_S = 0.5;
const LAST_WAIT_S = 4;
const AGAIN_WAIT_S = 1;
const PATIENCE = 5; // failures in a row, about 12 s: a restart takes less

let secret = secretOf('', kept());
/** The user has typed a password. */
let submitted = () => {};
/** Asks the device again for what was asked last. @type {() => void} */
let askAgain = () => {};

/** @param {() => void} request */
const ask = (request) => (askAgain = request)();

/** It stays until something else happens. @param {string} words @param {string} [kind] good, bad or note */
function say(words, kind = 'note') {
  model.lastNotice = { words, kind };
}

/** @param {Failure} failure */
const complain = (failure) => say(sentence(failure), failure.name === 'cancelled' ? 'note' : 'bad');

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
  const { last_outcome: outcome, last_from: from, last_to: to, last_reset: reset } = state;
  const hasRestarted = before && before.boot !== state.boot;
  const isNews = before?.last_outcome !== outcome;
  if (hasRestarted && !model.ownUpdate && isOurs()) model.chosen = undefined;
  if (state.image === 'trial') return;
  if (hasRestarted || (isNews && before?.image === 'trial')) {
    say(`${text('runs', state)} ${isNews ? past({ from, to, outcome, reset }) : ''}`, isNews ? kindOf(outcome) : 'note');
  }
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

/** @param {State} state @param {Session} session */
function takeState(state, session) {
  if (!model.currentSession) arrive(state, session);
  tellChange(state, model.deviceState);
  model.deviceState = state;
  if (/idle|ready/.test(state.update)) session.send({ type: 'history' });
  model.trialEnd = Date.now() + (state.trial_left_s ?? 0) * 1000;
  const { written = 0, size } = state;
  if (size) takeBar({ written, size });
  else model.firstBar = undefined;
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
  if (name === 'compression_declined' && update.mayPack) {
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
    if (!/declined/.test(own.name)) say(text(/digest/.test(own.name) ? 'again' : own.name));
    await sleep(AGAIN_WAIT_S);
    again();
    return;
  }
  if (own.name === 'older_version' && chosen) chosen.refusal = own;
  else complain(own);
  model.ownUpdate = undefined;
}

/** By the messages' types. @type {Record<string, (message: any, session: Session) => unknown>} */
const takers = {
  state: takeState,
  history: takeHistory,
  progress: (/** @type {Progress} */ { written, size }) => takeBar({ written, size }),
  failed: takeFailure,
  ready() {
    model.firstBar = model.lastNotice = undefined;
  },
  done: () => (model.ownUpdate = undefined),
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
  secret = secretOf('');
  kept('');
  model.asksPassword = true;
  render();
  ui.password.select();
  return new Promise((/** @type {(value?: unknown) => void} */ resolve) => (submitted = resolve));
}

/** Finds the device, again and again, for as long as the page is open. */
async function run() {
  for (let failures = 0; ; failures++) {
    render();
    const failure = await attend(secret, take);
    if (model.currentSession) failures = 0;
    model.currentSession = undefined;
    model.ownUpdate?.stop();
    model.linkFailure = linkOf(failure, failures);
    if (/passw|false/.test(failure.name)) {
      failures = 0;
      await askPassword();
    } else {
      const wait = failure.wait_s ?? Math.min(FIRST_WAIT_S * 2 ** failures, LAST_WAIT_S);
      model.linkUntil = Date.now() + wait * 1000;
      render();
      await sleep(wait);
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
    await inspect(mine, () => render());
  } catch {
    mine.problem = 'unreadable';
  }
  render();
}

function upload() {
  // What has shown the button.
  const { chosen, deviceState: device } = /** @type {Required<Model>} */ (model);
  const { file, sha256 } = /** @type {Required<Chosen>} */ (chosen);
  model.ownUpdate = makeUpdate(file, sha256, ui.allowBox.checked, !!device?.deflate && 'CompressionStream' in window, device?.early);
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

/** @param {'restart' | 'confirm' | 'rollback'} type */
const request = (type) => ask(() => model.currentSession?.send({ type }));

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
ui.allowBox.onchange = () => render();
ui.upload.onclick = upload;
ui.cancel.onclick = ui.discard.onclick = cancel;
ui.restart.onclick = () => request('restart');
ui.confirm.onclick = () => request('confirm');
ui.rollback.onclick = () => confirm(`${ui.rollback.textContent}?`) && request('rollback');
ui.logout.onclick = logOut;
ui.showBox.onchange = () => (ui.password.type = ui.showBox.checked ? 'text' : 'password');

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
setInterval(() => render(), 1000);
run();
