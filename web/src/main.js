// SPDX-License-Identifier: Apache-2.0
// The page at work: events of user and device in, messages and a changed model out. What is shown is view.js; rules are
// in image.js, policy.js and update.js.

// In this order the page is smallest.
import { past, sentence, text } from './text.js';
import { inspect } from './image.js';
import { render, say, ui } from './view.js';
import { attend } from './connection.js';
import { makeUpdate } from './update.js';

/** @import { Failure, History, Message, State } from './protocol.js' */
/** @import { Chosen, Model, Session } from './types.js' */

const FIRST_WAIT_S = 0.5;
const LAST_WAIT_S = 4;
const BUSY_WAIT_S = 2;

/** @type {Model} */
const model = {
  asksPassword: false,
  updates: [],
  bar: { written: 0, size: 1 },
  trialEnd: 0,
};
let password = '';

/** @param {Failure} failure */
const complain = (failure) => say(sentence(failure), /unreac|cancel|_needed/.test(failure.name) ? false : 'bad');

/** @param {number} seconds */
const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

// ---- what the device says ----------------------------------------------------------------------------------------

/** @param {Model['bar']} bar */
function takeBar(bar) {
  model.bar = bar;
  model.start ??= { written: bar.written, at: performance.now() };
}

/** @param {State} state @param {State | undefined} before */
function tellChange(state, before) {
  const { last_outcome: outcome, last_from: from, last_to: to, last_reset: reset } = state;
  const hasRestarted = before && before.boot !== state.boot;
  const isNews = before?.last_outcome !== outcome;
  if (hasRestarted && !model.update) model.chosen = undefined;
  if (hasRestarted || (isNews && [state.image, before?.image].includes('trial'))) {
    const news = isNews ? past({ from, to, outcome, reset }) : '';
    say(`${text('runs', state)} ${news}`, isNews && (/trial|confirmed/.test(`${outcome}`) ? 'good' : 'bad'));
  }
}

/** The first word in a session. @param {State} state @param {Session} session */
function arrive({ update }, session) {
  model.session = session;
  say('');
  // Ours goes on, unless it was finished before its session was lost.
  if (update === 'ready') model.update = undefined;
  model.update?.start(session);
}

/** @param {State} state @param {Session} session */
function takeState(state, session) {
  if (!model.session) arrive(state, session);
  tellChange(state, model.device);
  model.device = state;
  if (/idle|ready/.test(state.update)) session.send({ type: 'history' });
  model.trialEnd = performance.now() + (state.trial_left_s ?? 0) * 1000;
  const { written = 0, size } = state;
  if (size) takeBar({ written, size });
  else model.start = undefined;
}

/** @param {History} one of them */
function takeHistory({ index = 0, ...one }) {
  model.updates.length = index;
  if (one.updates) model.updates.push(one);
}

/** @param {Failure} failure */
async function takeFailure(failure) {
  const { update } = model;
  const own = update?.failure ?? failure;
  const isDeclined = own.name === 'compression_declined';
  if (!isDeclined) complain(own);
  if (isDeclined || (update?.isResumed && own.name === 'busy')) {
    // Busy: most likely by the session that we have lost; the device has not noticed yet.
    await sleep(BUSY_WAIT_S);
    if (model.session && model.update === update) update?.start(model.session);
  } else {
    model.update = undefined;
  }
}

/** By the messages' types. @type {Record<string, (message: any, session: Session) => unknown>} */
const takers = {
  state: takeState,
  history: takeHistory,
  progress: takeBar,
  failed: takeFailure,
  ready() {
    model.start = undefined;
    say('');
  },
  done: () => (model.update = undefined),
  restarting: () => say(text('restarting')),
};

/** @param {Message} message @param {Session} session */
function take(message, session) {
  takers[message.type]?.(/** @type {any} */ (message), session);
  model.update?.take(message);
  render(model);
}

// ---- sessions, one after the other -------------------------------------------------------------------------------

/** Until the user has typed it. @param {Failure} failure why it is asked for */
async function askPassword(failure) {
  model.asksPassword = true;
  complain(failure);
  render(model);
  ui.password.select();
  await new Promise((resolve) => {
    ui.login.onsubmit = (event) => {
      event.preventDefault();
      resolve(event);
    };
  });
  password = ui.password.value;
  model.asksPassword = false;
  say(text('unreachable'));
}

/** Finds the device, again and again, for as long as the page is open. */
async function run() {
  for (let failures = 0; ; failures++) {
    render(model);
    const failure = await attend(password, take);
    if (model.session) failures = 0;
    model.session = undefined;
    model.update?.stop();
    if (/passw|false/.test(failure.name)) {
      await askPassword(failure);
      failures = 0;
    } else {
      complain(failure);
      render(model);
      await sleep(failure.wait_s ?? Math.min(FIRST_WAIT_S * 2 ** failures, LAST_WAIT_S));
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
  say('');
  render(model);
  try {
    await inspect(mine, () => render(model));
  } catch {
    mine.problem = 'unreadable';
  }
  render(model);
}

function upload() {
  // What has shown the button.
  const { chosen, device, session } = /** @type {Required<Model>} */ (model);
  const { file, sha256 } = /** @type {Required<Chosen>} */ (chosen);
  model.update = makeUpdate(file, sha256, ui.allowBox.checked, !!device?.deflate && 'CompressionStream' in window, device?.early);
  model.update.start(/** @type {Session} */ (session));
  takeBar({ written: 0, size: file.size });
  say('');
  render(model);
}

async function cancel() {
  model.update?.stop();
  if (model.session) model.session.send({ type: 'cancel' });
  else takeFailure({ name: 'cancelled' });
  render(model);
}

/** @param {'restart' | 'confirm' | 'rollback'} type */
const request = (type) => () => model.session?.send({ type });

ui.picker.onchange = () => choose(ui.picker.files?.[0]);
ui.allowBox.onchange = () => render(model);
ui.upload.onclick = upload;
ui.cancel.onclick = ui.discard.onclick = cancel;
ui.restart.onclick = request('restart');
ui.confirm.onclick = request('confirm');
ui.rollback.onclick = () => confirm(`${ui.rollback.textContent}?`) && request('rollback')();
ui.showBox.onchange = () => (ui.password.type = ui.showBox.checked ? 'text' : 'password');

ondragover = (event) => event.preventDefault();
ondrop = (event) => {
  event.preventDefault();
  choose(event.dataTransfer?.files[0]);
};
onbeforeunload = (event) => {
  if (model.update) event.preventDefault();
};

// The code leaves the address, so that neither history nor a shared link keeps it.
const [, code] = location.hash.split('#code=');
if (code) {
  ui.password.value = code;
  history.replaceState(null, '', location.pathname);
}
say(text('unreachable'));
setInterval(() => render(model), 1000);
run();
