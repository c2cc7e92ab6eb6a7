// SPDX-License-Identifier: Apache-2.0
// What the page shows: all that is known in, panels and words of page.html out. Decides nothing and sends nothing.

import { model } from './model.js';
import { isRunning, isToolName, nameOf } from './names.js';
import { judge, revisionName } from './policy.js';
import { FULL } from './variant.js';
import { ago, change, date, kindOf, list, newest, past, percent, sentence, text, time, volume, words } from './text.js';

/** @import { State } from './protocol.js' */
/** @import { Chosen, Failure, Image, Past } from './types.js' */

/** Elements by their ids. @type {Record<string, HTMLInputElement>} */
export const ui = {};
for (const element of document.querySelectorAll('[id]')) ui[element.id] = /** @type {HTMLInputElement} */ (element);

/** What is on the screen. @type {Situation | undefined} */
let shown;

const isHttp = location.protocol === 'http:';

/** Before the device's first word. */
const absent = /** @type {State} */ ({});

// ---- what is going on, and the panels for it ---------------------------------------------------------------------

/** @typedef {'search' | 'login' | 'idle' | 'sending' | 'watching' | 'ready' | 'trial'} Situation */

const record = FULL ? ' firmware past trace' : '';

/** The panels of each situation, and their parts that conditions below may hide. @type {Record<Situation, string>} */
const panels = {
  search: '',
  login: 'login http',
  idle: `versions choice downgrade upload rollback logout${record}${FULL ? ' kept' : ''}`,
  sending: `versions progress cancel${FULL ? ' firmware' : ''}`,
  watching: `versions progress logout${record}`,
  ready: `versions ready logout${record}`,
  trial: `trial countdown rollback logout${record}`,
};

/** @returns {Situation} */
function situationOf() {
  const { deviceState: device } = model;
  if (model.asksPassword) return 'login';
  if (!device) return 'search';
  if (model.ownUpdate) return 'sending';
  if (device.update !== 'idle') return device.update === 'ready' ? 'ready' : 'watching';
  return device.image === 'trial' ? 'trial' : 'idle';
}

/** The file's digest begins so. @param {string | undefined} digits */
const isOfFile = (digits) => !!digits && !!model.chosen?.sha256?.startsWith(digits);

/** Is the update that runs, or is ready, the one of this page, or at least of its file? */
export const isOurs = () => !!model.ownUpdate || isOfFile(model.deviceState?.sha256);

/** Where a restart without an update leads in the recovery layout. @param {State} device */
export const wayOf = ({ mode, image }) =>
  !mode || image === 'trial' ? undefined : mode === 'recovery' ? 'application' : 'recovery';

/** What panels need besides their situation.
 * @param {Failure | undefined} failure @returns {Record<string, unknown>} */
const conditionsOf = (failure) => ({
  http: isHttp,
  countdown: model.trialEnd > Date.now(),
  rollback: !model.chosen && (model.deviceState?.can_roll_back || (FULL && model.deviceState?.mode && model.deviceState.other_version)),
  past: FULL && model.pastUpdates.length,
  trace: FULL && model.lines,
  logout: model.currentSession && !model.currentSession.isOpen,
  kept: FULL && model.deviceState?.kept && (!model.chosen || isOfFile(model.deviceState.kept_sha256)),
  downgrade: failure && mayOverrule(failure),
  upload: model.chosen?.sha256 && (!failure || (mayOverrule(failure) && ui.allowBox.checked)),
});

// ---- words -------------------------------------------------------------------------------------------------------

/** @param {Failure} failure */
const mayOverrule = ({ name }) => /older_version|same/.test(name);

/** Why the file cannot, or need not, be sent. @param {Chosen | undefined} chosen @param {State} device */
function objection(chosen, device) {
  if (!chosen) return undefined;
  if (!FULL) return chosen.problem ? { name: chosen.problem } : chosen.refusal;
  const failure = judge(chosen, device) ?? chosen.refusal;
  return failure || !isRunning(chosen.image, device) ? failure : { name: 'same', ...device };
}

/** @param {Chosen} chosen @param {Failure | undefined} failure */
function verdictOf({ sha256, image }, failure) {
  if (failure) return { words: sentence(failure), kind: failure.name === 'same' ? 'note' : 'bad' };
  if (!sha256) return { words: text('checking'), kind: 'note' };
  if (!FULL) return { words: '', kind: '' };
  if (image && isToolName(image.project)) return { words: text('nameless'), kind: 'note' };
  return { words: text(image ? 'fits' : 'encrypted'), kind: 'good' };
}

/** The image that would run next: of the user's file, unless it is refused, or of the update that runs.
 * @param {Failure | undefined} failure @returns {Partial<Image> | undefined} */
function nextImage(failure) {
  const { deviceState: device = absent, chosen } = model;
  const isIdle = situationOf() === 'idle';
  if (chosen?.image && (isIdle ? !failure || mayOverrule(failure) : isOurs())) return chosen.image;
  return isIdle || !device.new_version ? undefined : { version: device.new_version };
}

/** What runs; of the recovery application why it does. @param {State} device */
function whatRuns(device) {
  const { mode, other_slot: name, other_image, last_outcome } = device;
  if (!FULL || mode !== 'recovery') return text('runs', { ...device, version: nameOf(device) });
  const isTold = last_outcome && !/confirmed/.test(last_outcome);
  const damaged = /valid|un|trial/.test(`${other_image}`) ? text('damaged', { name }) : '';
  return text('recovery', { why: isTold ? past(newest(device)) : damaged });
}

/** The rows of the table, by the names of their labels. @param {State} device @param {Partial<Image> | undefined} next */
const rowsOf = (device, next) => ({
  project: change(device.project, next?.project),
  chip: `${device.chip} v${revisionName(device.revision)}`,
  built: change(date(device.built), date(next?.built)),
  idf: change(device.idf, next?.idf),
  signer: change(device.signed_by || (next?.signed_by && '–'), next?.signed_by),
  slot: next ? change(device.slot, device.other_slot) : list(device.slot, text(device.image)),
  other: next ? '' : list(device.other_slot, device.other_version),
});

/** Of an update that runs. */
function progressOf() {
  const { bar, barAt, firstBar: start } = model;
  const rate = start ? (1000 * (bar.written - start.written)) / (barAt - start.at) : 0;
  const left = time((bar.size - bar.written) / rate);
  return {
    written: volume(bar.written),
    size: volume(bar.size),
    percent: percent(bar.written, bar.size),
    speed: (model.currentSession && rate > 0 ? text('speed', { rate: volume(rate, '-per-second'), left }) : '') + (FULL && isOurs() && isHttp && model.deviceState?.seals ? text('sealed') : ''),
    who: model.deviceState?.peer ?? '?',
  };
}

/** What stands for the braces in words, and the words that are made here; those by the id of their element.
 * @param {Failure | undefined} failure */
function valuesOf(failure) {
  const { deviceState: device = absent, chosen } = model;
  const image = /** @type {Image | undefined} */ (nextImage(failure));
  const next = image && nameOf(image, device);
  return {
    ...device,
    table: FULL && rowsOf(device, image),
    ...progressOf(),
    lines: FULL && model.lines,
    device: device.device ?? text('title'),
    version: nameOf(device),
    versions: next ? change(nameOf(device, image), next) : whatRuns(device),
    other: FULL && device.mode === 'application' ? device.other_slot : device.other_version,
    next: next || device.new_version || device.other_version || '?',
    countdown: time((model.trialEnd - Date.now()) / 1000),
    pick: chosen?.file.name ?? text('choose'),
    drop: chosen ? list(volume(chosen.file.size), FULL && date(chosen.image?.built)) : text('orDrop'),
    kept: FULL && text('stopped', {
      ...device,
      size: volume(device.kept_size ?? 0),
      percent: percent(device.kept ?? 0, device.kept_size ?? 1),
    }),
    rollback: FULL && wayOf(device) ? (device.mode === 'recovery' ? 'restart' : 'enter') : 'goBack',
    what: device.update === 'verifying' ? 'verifying' : model.ownUpdate ? 'uploading' : 'watching',
  };
}

/** The one line about the connection, or what happened last. */
function noticeOf() {
  const { linkFailure: link, bar } = model;
  if (model.currentSession) return model.lastNotice ?? { words: '', kind: '' };
  const values = {
    seconds: time((model.linkUntil - Date.now()) / 1000),
    percent: percent(bar.written, bar.size),
  };
  const isBad = !/unreach|check|_needed|restarting|lost|later|busy/.test(link.name);
  return { words: sentence(link, values), kind: isBad ? 'bad' : 'note' };
}

// ---- elements ----------------------------------------------------------------------------------------------------

/** A live region speaks when it is written to. @param {HTMLElement} element @param {string} words */
const write = (element, words) => {
  if (element.textContent !== words) element.textContent = words;
};

/** @param {string} id @param {{ words: string, kind: string }} message */
function show(id, { words, kind }) {
  write(ui[id], words);
  ui[id].className = words && kind;
}

/** @param {string} tag @param {string} words */
function make(tag, words) {
  const element = document.createElement(tag);
  element.textContent = words;
  return element;
}

/** What has not changed stays: it may be selected. @param {HTMLElement} parent @param {HTMLElement[]} children */
function fill(parent, children) {
  const next = /** @type {Element} */ (parent.cloneNode());
  next.append(...children);
  if (!next.isEqualNode(parent)) parent.replaceChildren(...children);
}

/** @param {[string, string]} row */
function tableRow([name, words]) {
  const value = make('dd', words);
  value.id = `${name}s`;
  return words ? [make('dt', text(name)), value] : [];
}

/** @param {Past} one */
function logRow(one) {
  const row = make('li', list(past(one), one.when && ago(one.when), one.peer));
  row.className = kindOf(one.outcome);
  return row;
}

/** Shows the model. */
export function render() {
  const { deviceState: device, chosen } = model;
  const situation = situationOf();
  const failure = objection(chosen, device ?? absent);
  /** @type {Record<string, any>} */ const values = valuesOf(failure);
  values.what = text(values.what, values);
  values.rollback = text(values.rollback, values);
  for (const id in ui) if (words[id] || typeof values[id] === 'string') write(ui[id], text(id, values) || `${values[id] ?? ''}`);
  if (FULL) {
    fill(ui.table, Object.entries(values.table).flatMap(tableRow));
    fill(ui.updates, model.pastUpdates.map(logRow));
  }
  show('notice', noticeOf());
  show('verdict', chosen ? verdictOf(chosen, failure) : { words: '', kind: '' });
  if (shown !== situation) {
    if (FULL) /** @type {any} */ (ui.firmware).open = situation !== 'trial'; // a user who has to decide needs no table
    scrollTo(0, 0);
  }
  ui.controls.className = shown = situation;
  const conditions = conditionsOf(failure);
  for (const id of Object.values(panels).join(' ').match(/\w+/g) ?? []) {
    ui[id].hidden = !panels[situation].includes(id) || (id in conditions && !conditions[id]);
  }
  ui.card.hidden = false; // from the first call on: before the script runs, a form would leave the page
  ui.unprotected.hidden = !model.currentSession?.isOpen;
  ui.done.value = /** @type {any} */ (model.bar.written / model.bar.size);
  ui.controls.disabled = !model.currentSession;
  document.title = list(/sending|watching/.test(situation) && values.percent, device?.device, text('title'));
  // Without a mouse the focus must stay in the card when a panel goes.
  if (document.activeElement?.closest('[hidden], :disabled')) ui.card.focus({ preventScroll: true });
}
