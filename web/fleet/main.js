// SPDX-License-Identifier: Apache-2.0
// The dashboard: asks once a second how the rollout stands, and sends what a person clicks.

import { isOver, model } from './model.js';
import { give, isLoggedIn, logIn, logOut, Lost, Refused, status } from './server.js';
import { forgetRows, render, ui } from './view.js';
import { text } from './words.js';

/** @import { Status } from './types.js' */

const EVERY_MS = 1000;
const BODY_MAX = 3500; // bytes: the server takes 4096

/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let asking = false;

/** @param {string} words @param {string} kind */
function notice(words, kind = 'bad') {
  model.notice = { words, kind };
}

// ---- the status --------------------------------------------------------------------------------------------------

/** @param {Status} next */
function take(next) {
  if (next.all || !next.leads) {
    model.devices = [];
    forgetRows();
  }
  for (const device of next.list) model.devices[device.n] = device;
  model.status = next;
  model.endAt = next.left_s === undefined ? 0 : Date.now() + 1000 * next.left_s;
}

/** @param {unknown} failure */
function takeFailure(failure) {
  if (failure instanceof Lost) {
    const end = model.status?.failures?.length && model.status.phase === 'finished' ? 'ended_failures' : 'ended';
    notice(text(!model.status ? 'looking' : isOver() ? end : 'lost'), isOver() ? 'note' : 'bad');
    model.isLost = true;
  } else if (failure instanceof Refused) {
    const { error, text: sentence, wait_s = 0 } = failure.refusal;
    notice(text(`error_${error}`) || sentence);
    model.waitUntil = Date.now() + 1000 * wait_s;
    if (error === 'no_login') {
      logOut();
      model.asksCode = true;
    }
  } else {
    throw failure;
  }
}

/** An answer after none: what was said of the lost connection is over. */
function isBack() {
  if (model.isLost) notice('');
  model.isLost = false;
}

async function look() {
  clearTimeout(timer);
  if (asking || !isLoggedIn()) return;
  asking = true;
  try {
    const next = await status(model.status?.change ?? '');
    isBack();
    if (next) take(next);
  } catch (failure) {
    takeFailure(failure);
  }
  asking = false;
  render();
  if (isLoggedIn()) timer = setTimeout(look, EVERY_MS);
}

// ---- the login ---------------------------------------------------------------------------------------------------

/** @param {string} code */
async function enter(code) {
  notice('');
  try {
    await logIn(code);
    model.asksCode = false;
    ui.code.value = '';
  } catch (failure) {
    model.asksCode = true;
    takeFailure(failure);
  }
  render();
  await look();
}

function leave() {
  logOut();
  clearTimeout(timer);
  Object.assign(model, { asksCode: true, status: undefined, devices: [], isLost: false });
  forgetRows();
  notice('');
  render();
}

// ---- orders ------------------------------------------------------------------------------------------------------

/** @param {() => Promise<unknown>} send */
async function order(send) {
  model.isOrdering = true;
  notice('');
  render();
  try {
    await send();
  } catch (failure) {
    takeFailure(failure);
  }
  model.isOrdering = false;
  await look();
  render();
}

/** Devices in lists that fit into a request. @param {string} state @param {string} reason */
function listsOf(state, reason) {
  const hosts = model.devices.filter((device) => device.state === state && (device.reason ?? '') === reason).map(({ host }) => host);
  /** @type {string[][]} */ const lists = [];
  let size = Infinity;
  for (const host of hosts) {
    size += host.length + 3;
    if (size > BODY_MAX) {
      lists.push([]);
      size = host.length + 3;
    }
    lists.at(-1)?.push(host);
  }
  return lists;
}

/** @param {string} state @param {string} reason */
const retry = (state, reason) =>
  order(async () => {
    for (const devices of listsOf(state, reason)) await give('retry', { devices });
  });

/** @param {string} state @param {string} reason */
function find(state, reason) {
  ui.filter.value = 'failed';
  ui.search.value = [state, reason].filter(Boolean).join(' ');
  render();
  ui.search.scrollIntoView({ block: 'start' });
}

ui.reasons.addEventListener('click', (/** @type {MouseEvent} */ { target }) => {
  const button = /** @type {HTMLElement} */ (target).closest('button');
  const { state = '', reason = '' } = button?.dataset ?? {};
  if (button) (button.classList.contains('again') ? retry : find)(state, reason);
});
ui.approve.addEventListener('click', () => order(() => give('approve', { wave: model.status?.approve })));
ui.pause.addEventListener('click', () => order(() => give('pause')));
ui.resume.addEventListener('click', () => order(() => give('resume')));
ui.abort.addEventListener('click', () => confirm(text('askAbort', model.status)) && order(() => give('abort')));
ui.search.addEventListener('input', render);
ui.filter.addEventListener('change', render);
ui.logout.addEventListener('click', leave);
ui.login.addEventListener('submit', (/** @type {SubmitEvent} */ event) => {
  event.preventDefault();
  enter(ui.code.value);
});
document.addEventListener('visibilitychange', look);

// ---- the beginning -----------------------------------------------------------------------------------------------

setInterval(render, EVERY_MS); // times that are counted down
const code = new URLSearchParams(location.hash.slice(1)).get('code');
history.replaceState(null, '', location.pathname); // the code stays out of the history
model.asksCode = !isLoggedIn();
if (code) enter(code);
else look();
render();
