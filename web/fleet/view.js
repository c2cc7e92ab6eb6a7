// SPDX-License-Identifier: Apache-2.0
// Shows the model. Elements are found by their ids, words by the same names. What has not changed is not touched: it may
// be selected, or have the focus.

import { isOver, model } from './model.js';
import { text, time } from './words.js';

/** @import { Counts, Device, Failure, Wave } from './types.js' */

const ROWS_MAX = 1000;

/** The kinds of a bar, in its order; the states of `rest` have not begun. @type {Record<string, string[]>} */
export const kinds = {
  well: ['confirmed', 'already'],
  failed: ['refused', 'rolled_back', 'expired', 'unreachable', 'superseded', 'cancelled'],
  busy: ['on_trial', 'restarting', 'ready', 'verifying', 'sending', 'checking', 'leased'],
  rest: ['queued', 'waiting'],
};
const order = [...kinds.well ?? [], ...kinds.busy ?? [], ...kinds.rest ?? [], ...kinds.failed ?? []];

/** @type {Record<string, any>} */
export const ui = Object.fromEntries([...document.querySelectorAll('[id]')].map((element) => [element.id, element]));

/** @param {string} state */
const kindOf = (state) => Object.keys(kinds).find((kind) => kinds[kind]?.includes(state)) ?? 'rest';

/** @param {Counts} counts @param {string} [kind] all of them without it */
const sum = (counts, kind) => (kind ? kinds[kind] ?? [] : order).reduce((total, state) => total + (counts[state] ?? 0), 0);

// ---- elements ----------------------------------------------------------------------------------------------------

/** A live region speaks when it is written to. @param {HTMLElement} element @param {string} words */
const write = (element, words) => {
  if (element.textContent !== words) element.textContent = words;
};

/** @param {string} tag @param {string} className @param {(string | Node)[]} children */
function make(tag, className, ...children) {
  const element = document.createElement(tag);
  element.className = className;
  element.append(...children);
  return element;
}

/** @param {HTMLElement} parent @param {HTMLElement[]} children */
function fill(parent, children) {
  const next = /** @type {Element} */ (parent.cloneNode());
  next.append(...children);
  if (!next.isEqualNode(parent)) parent.replaceChildren(...children);
}

/** @param {string} id @param {boolean} isShown @param {object} [values] */
function show(id, isShown, values) {
  ui[id].hidden = !isShown;
  if (isShown && text(id, values)) write(ui[id], text(id, values));
}

// ---- waves -------------------------------------------------------------------------------------------------------

/** @param {Counts} counts "3 confirmed, 1 refused" */
const countWords = (counts) => order.filter((state) => counts[state]).map((state) => text('count', { count: counts[state], what: text(state) })).join(', ');

/** @param {Counts} counts */
function bar(counts) {
  const parts = Object.keys(kinds).map((kind) => {
    const part = make('i', kind);
    part.style.flexGrow = `${sum(counts, kind)}`;
    return part;
  });
  const element = make('div', 'bar', ...parts);
  element.setAttribute('aria-hidden', 'true'); // the words beside it say the same
  return element;
}

/** @param {Wave} wave */
function waveRow(wave) {
  const devices = sum(wave.counts);
  const ended = sum(wave.counts, 'well') + sum(wave.counts, 'failed');
  const title = make('b', '', text('wave', wave));
  const note = [text('waveEnded', { ended, devices }), wave.approval && text(wave.approval)].filter(Boolean).join(' · ');
  return make('li', 'wave', title, make('small', '', note), bar(wave.counts), make('p', '', countWords(wave.counts)));
}

// ---- failures ----------------------------------------------------------------------------------------------------

/** @param {Failure} failure */
const failureWords = ({ devices, state, reason }) => text('count', { count: devices, what: text(state) }) + (reason && ` (${reason})`);

/** @param {Failure} failure @param {boolean} mayRetry */
function failureRow(failure, mayRetry) {
  const name = make('button', 'name link bad', failureWords(failure));
  const again = make('button', 'again', text('again'));
  for (const button of [name, again]) Object.assign(button.dataset, { state: failure.state, reason: failure.reason });
  return make('li', '', name, ...(mayRetry ? [again] : []));
}

// ---- devices -----------------------------------------------------------------------------------------------------

/** Rows by the number of their device, with what they were made of. @type {Map<number, { device: Device, row: HTMLElement }>} */
const rows = new Map();

/** @param {Device} device */
function makeRow(device) {
  const { host, state, reason, version, id, labels, wave, attempts, percent } = device;
  const kind = kindOf(state);
  const mark = kind === 'well' ? ' good' : kind === 'failed' ? ' bad' : '';
  const words = `${text(state)}${percent === undefined ? '' : ` ${percent} %`}${reason ? ` (${reason})` : ''}`;
  const more = [text('inWave', { wave }), attempts > 1 && text('attempt', { attempts }), id, labels].filter(Boolean).join(', ');
  return make('li', 'device', make('b', '', host), make('span', `state${mark}`, words), make('span', '', version ?? '–'), make('small', 'more', more));
}

/** @param {Device} device */
function rowOf(device) {
  const known = rows.get(device.n);
  if (known?.device === device) return known.row;
  const row = makeRow(device);
  if (known) known.row.replaceWith(row);
  rows.set(device.n, { device, row });
  return row;
}

/** @param {Device} device @param {string[]} words all of them must be in it */
function matches(device, words) {
  const all = [device.host, device.id, device.labels, device.version, device.reason, device.state, text(device.state)].join(' ').toLowerCase();
  return words.every((word) => all.includes(word));
}

function chosenDevices() {
  const words = ui.search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const { value } = ui.filter;
  return model.devices.filter((device) => (value === 'all' || kindOf(device.state) === value) && matches(device, words));
}

function renderDevices() {
  const chosen = chosenDevices();
  const next = chosen.slice(0, ROWS_MAX).map(rowOf);
  const now = ui.devices.children;
  if (next.length !== now.length || next.some((row, i) => row !== now[i])) ui.devices.replaceChildren(...next);
  ui.more.hidden = chosen.length > 0 && chosen.length <= ROWS_MAX;
  write(ui.more, chosen.length ? text('more', { count: chosen.length - ROWS_MAX }) : text('none'));
}

/** @param {Counts} counts */
function renderFilter(counts) {
  const { value } = ui.filter;
  const options = ['all', 'failed', 'busy', 'well', 'rest'].map((name) => {
    const option = /** @type {HTMLOptionElement} */ (make('option', '', text(name, { count: sum(counts, name === 'all' ? undefined : name) })));
    option.value = name;
    return option;
  });
  [...ui.filter.options].forEach((option, i) => write(option, options[i]?.textContent ?? ''));
  if (!ui.filter.options.length) ui.filter.replaceChildren(...options);
  ui.filter.value = value || 'all';
}

export function forgetRows() {
  rows.clear();
}

// ---- all of it ---------------------------------------------------------------------------------------------------

function renderHead() {
  const { status } = model;
  const isShown = !!status?.leads;
  write(ui.rollout, isShown ? `${status.rollout}: ${status.project} ${status.version}` : text('title'));
  const phase = !status ? '' : isShown ? status.phase : 'standby';
  const values = { ...status, waves: status?.waves?.length, reason: text(status?.reason ?? '') || status?.reason };
  write(ui.phase, text(phase, values));
  ui.left.hidden = !status;
  const left = model.endAt && phase === 'running' ? text('more_time', { time: time((model.endAt - Date.now()) / 1000) }) : '';
  const ended = isShown ? sum(status.counts, 'well') + sum(status.counts, 'failed') : 0;
  write(ui.left, isShown ? text('left', { ...status, ended, more: left }) : text('standbyNote'));
  document.title = isShown ? `${status.rollout}: ${text(phase, values)}` : text('title');
}

function renderNotice() {
  const seconds = Math.ceil((model.waitUntil - Date.now()) / 1000);
  write(ui.notice, model.notice.words + (seconds > 0 ? text('wait', { seconds }) : ''));
  ui.notice.className = model.notice.words && model.notice.kind;
  ui.connect.disabled = seconds > 0;
}

function renderOrders() {
  const phase = model.status?.phase ?? '';
  const isOpen = /running|paused|approval|stopped/.test(phase);
  ui.orders.hidden = !isOpen;
  ui.orders.disabled = model.isLost || model.isOrdering;
  show('approve', phase === 'approval', model.status);
  show('pause', /running|approval/.test(phase));
  show('resume', /paused|stopped/.test(phase));
  show('abort', isOpen);
}

function renderRollout() {
  const { status } = model;
  if (!status?.leads) return;
  const mayRetry = status.phase !== 'aborted' && !model.isLost;
  ui.problems.hidden = !status.failures.length;
  fill(ui.reasons, status.failures.map((failure) => failureRow(failure, mayRetry)));
  fill(ui.waves, status.waves.map(waveRow));
  renderFilter(status.counts);
  renderDevices();
}

export function render() {
  for (const id of ['codeLabel', 'where', 'connect', 'logout', 'failures', 'wavesTitle', 'devicesTitle']) write(ui[id], text(id));
  ui.search.placeholder = text('search');
  ui.search.ariaLabel = text('searchLabel');
  ui.filter.ariaLabel = text('filter');
  renderHead();
  renderNotice();
  renderOrders();
  renderRollout();
  ui.login.hidden = !model.asksCode;
  ui.shown.hidden = model.asksCode || !model.status?.leads;
  ui.card.className = ui.shown.hidden ? 'narrow' : '';
  ui.shown.className = model.isLost && !isOver() ? 'old' : '';
  ui.card.hidden = false;
  if (document.activeElement?.closest('[hidden], :disabled')) ui.card.focus({ preventScroll: true });
}
