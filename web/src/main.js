// SPDX-License-Identifier: Apache-2.0
// The page at work: events of user and device in, messages and a changed model out. What is shown is view.js; rules are
// in image.js, policy.js, outcome.js and update.js.

import { attend } from './connection.js';
import { examine, readImage } from './image.js';
import { outcome } from './outcome.js';
import { makePace } from './pace.js';
import { sentence, text } from './text.js';
import { makeUpdate } from './update.js';
import { render, say, ui } from './view.js';

/** @import { Chosen, Failure, Message, Model, Session, State } from './types.js' */

const FIRST_WAIT_S = 0.5;
const LAST_WAIT_S = 4;
const BUSY_WAIT_S = 2;

/** @type {Model} */
const model = {
  asksPassword: false,
  session: undefined,
  device: undefined,
  chosen: undefined,
  update: undefined,
  bar: { received: 0, written: 0, size: 1 },
  rate: 0,
  trialEnd: 0,
};
let pace = makePace();
let password = '';

/** @param {Failure} failure */
const complain = (failure) => say(sentence(failure), /^(unreach|cancel|password_n)/.test(failure.name) ? '' : 'bad');

/** @param {number} seconds */
const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

// ---- what the device says ----------------------------------------------------------------------------------------

/** @param {Model['bar']} bar */
function takeBar(bar) {
  model.bar = bar;
  model.rate = pace(bar.written, performance.now());
}

/** @param {State} state @param {State | undefined} before */
function tellChange(state, before) {
  const change = before && outcome(before, state);
  if (change && !model.update) model.chosen = undefined;
  if (change) say(text(change, state), change.startsWith('runs') ? 'good' : 'bad');
  else if (state.image === 'trial') say(text('runsOnTrial', state), 'good');
  else if (before?.image === 'trial') say(text('confirmed', state), 'good');
}

/** The first word in a session. @param {State} state @param {Session} session */
function arrive({ update, other_elf_sha256: other }, session) {
  model.session = session;
  say('');
  // Ours goes on, unless it was finished before its session was lost.
  if (update === 'ready' && other && model.chosen?.image?.elf_sha256.startsWith(other)) model.update = undefined;
  model.update?.start(session);
}

/** @param {State} state @param {Session} session */
function takeState(state, session) {
  if (!model.session) arrive(state, session);
  tellChange(state, model.device);
  model.device = state;
  model.trialEnd = performance.now() + (state.trial_left_s ?? 0) * 1000;
  const { received = 0, written = 0, size } = state;
  if (size) takeBar({ received, written, size });
}

/** @param {Failure} failure */
async function takeFailure(failure) {
  const { update } = model;
  const own = update?.failure ?? failure;
  complain(own);
  if (update?.isResumed && own.name === 'busy') {
    // Most likely by the session that we have lost: the device has not noticed yet.
    await sleep(BUSY_WAIT_S);
    if (model.session && model.update === update) update.start(model.session);
  } else {
    model.update = undefined;
  }
}

/** @param {Message} message @param {Session} session */
function take(message, session) {
  if (message.type === 'state') takeState(message, session);
  else if (message.type === 'progress') takeBar(message);
  else if (message.type === 'failed') takeFailure(message);
  else if (message.type === 'ready') say('');
  else if (message.type === 'done') model.update = undefined;
  else if (message.type === 'restarting') say(text('restarting'));
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
  say(text('connecting'));
}

/** Finds the device, again and again, for as long as the page is open. */
async function run() {
  for (let failures = 0; ; failures++) {
    render(model);
    const failure = await attend(password, take);
    if (model.session) failures = 0;
    model.session = undefined;
    model.update?.stop();
    if (/^(password_needed|wrong_password|false_device)$/.test(failure.name)) {
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
    Object.assign(mine, await readImage(file));
    render(model);
    if (!mine.problem) Object.assign(mine, await examine(file, mine.image));
    else if (mine.problem === 'encrypted_image') mine.sha256 = (await examine(file, undefined)).sha256;
  } catch {
    mine.problem = 'unreadable';
  }
  render(model);
}

function upload() {
  const { chosen, session } = model;
  if (!chosen?.sha256 || !session) return;
  model.update = makeUpdate(chosen.file, chosen.sha256, ui.allowBox.checked);
  model.update.start(session);
  pace = makePace();
  takeBar({ received: 0, written: 0, size: chosen.file.size });
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
const [, code] = /^#code=(.+)/.exec(location.hash) ?? [];
if (code) {
  ui.password.value = decodeURIComponent(code);
  history.replaceState(null, '', location.pathname);
}
say(text('connecting'));
setInterval(() => render(model), 1000);
run();
