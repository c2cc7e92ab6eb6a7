// SPDX-License-Identifier: Apache-2.0
// What the page shows: all that is known in, panels and words of page.html out. Decides nothing and sends nothing.

import { chipName, judge, revisionName } from './policy.js';
import { change, list, past, sentence, text, time, volume, words } from './text.js';

/** @import { Failure, State } from './protocol.js' */
/** @import { Model } from './types.js' */

/** Elements by their ids. @type {Record<string, HTMLInputElement>} */
export const ui = {};
for (const element of document.querySelectorAll('[id]')) ui[element.id] = /** @type {HTMLInputElement} */ (element);

/** A live region speaks when it is written to. @param {string} id @param {string} words */
const write = (id, words) => {
  if (ui[id].textContent !== words) ui[id].textContent = words;
};

/** @param {string} words @param {'good' | 'bad' | false} [kind] */
export function say(words, kind) {
  write('notice', words);
  ui.notice.className = kind || '';
}

/** Before its first word. */
const absent = /** @type {State} */ ({});

/** What stands for the braces in words, and the words that are made here; those by the id of their element.
 * @param {Model} model @param {Failure | undefined} failure */
function valuesOf({ device = absent, updates, chosen, update, bar, start, trialEnd }, failure) {
  const rate = start ? (1000 * (bar.written - start.written)) / (performance.now() - start.at) : 0;
  const image = chosen?.image;
  const chip = `${device.chip} v${revisionName(device.revision)}`;
  const next = image?.version ?? device.new_version;
  const what = device.update === 'verifying' ? 'verifying' : update ? 'uploading' : 'busy';
  return {
    ...device,
    device: device.device ?? text('title'),
    versions: change(device.version, image?.version),
    projects: change(device.project, image?.project),
    builts: change(device.built, image?.built),
    idfs: change(device.idf, image?.idf),
    chips: change(chip, image && image.chip_id !== device.chip_id ? chipName(image.chip_id) : chip),
    signers: change(device.signed_by, image?.signed_by),
    sizes: chosen && volume(chosen.file.size),
    slots: chosen ? change(device.slot, device.other_slot) : list(device.slot, text(device.image)),
    other: device.other_version,
    others: chosen ? '' : list(device.other_slot, device.other_version),
    updates: updates.map(past).join('\n'),
    next,
    verdict: chosen && (failure ? sentence(failure) : text(!chosen.sha256 ? 'checking' : image ? 'fits' : 'encrypted')),
    seconds: time((trialEnd - performance.now()) / 1000),
    what: text(what, { next }),
    written: volume(bar.written),
    size: volume(bar.size),
    rate: volume(rate),
    left: rate > 0 ? time((bar.size - bar.written) / rate) : '…',
    packed: update?.isPacked ? text('compressed') : '',
  };
}

/** @param {Model} model */
export function render(model) {
  const { device, chosen, update, bar } = model;
  const failure = device && chosen && judge(chosen, device);
  const isOlder = failure?.name === 'older_version';
  const onTrial = device?.image === 'trial';
  const isReady = device?.update === 'ready' && !update;
  const isIdle = device?.update === 'idle' && !update;
  const shown = {
    unprotected: model.session?.isOpen,
    login: model.asksPassword,
    http: location.protocol === 'http:',
    firmware: device,
    trial: onTrial,
    countdown: model.trialEnd > performance.now(),
    choice: isIdle && !onTrial,
    downgrade: isOlder,
    upload: chosen?.sha256 && (!failure || (isOlder && ui.allowBox.checked)),
    ready: isReady,
    rollback: isIdle && !chosen && device.can_roll_back,
    progress: device && !isIdle && !isReady,
    cancel: update,
  };
  for (const [id, is] of Object.entries(shown)) ui[id].hidden = !is;
  /** @type {Record<string, unknown>} */ const values = valuesOf(model, failure);
  for (const id in ui) if (words[id] || id in values) write(id, text(id, values) || `${values[id] ?? ''}`);
  ui.verdict.className = failure ? 'bad' : 'good';
  ui.done.value = `${bar.written / bar.size}`;
  ui.controls.disabled = !model.session;
  // Whoever works without a mouse must not fall out of the card when a panel goes.
  if (document.activeElement?.closest('[hidden], :disabled')) ui.card.focus();
}
