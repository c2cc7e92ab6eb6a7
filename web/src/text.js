// SPDX-License-Identifier: Apache-2.0
// Words with their values filled in, and numbers and dates as people write them, in the browser's language. A name or
// a failure in, a sentence out.

import { FULL } from './variant.js';
import { wordsIn } from './words.js';

/** @import { State } from './protocol.js' */
/** @import { Failure, Past } from './types.js' */

const { language } = navigator;
const locale = FULL && language.startsWith('ru') ? 'ru' : 'en';
const format = language.startsWith(locale) ? language : locale; // a browser may have none: "C"
document.documentElement.lang = locale;

export const words = wordsIn(+(FULL && locale === 'ru'));

/** Words with values where their names stand in braces; "" when there are no such words.
 * @param {string} name @param {object} [values] */
export const text = (name, values = {}) =>
  (words[name] ?? '').replace(/{(\w+)}/g, (_, value) => /** @type {Record<string, string>} */ (values)[value] ?? '');

/** Failures that share a sentence. @param {string} name */
const family = (name) => name.replace(/^(flash|boot)_.*/, 'flash').replace(/^bad_(?!si).*|^digest.*|not_ver.*/, 'damaged');

/** @param {Failure} failure @param {object} [values] more of them */
export function sentence(failure, values) {
  const words = text(family(failure.name), { ...failure, ...values });
  if (/^wrong_(?!pass|key|vers)|secure_v|_large/.test(failure.name)) return text('mismatch', { ...failure, what: words });
  return words || failure.text || failure.name;
}

/** What is, and what will be when it is known. @param {string | undefined} now @param {string | undefined} next */
export const change = (now = '', next = '') => (now && next && next !== now ? `${now} → ${next}` : now || next);

/** @param {unknown[]} parts */
export const list = (...parts) => parts.filter(Boolean).join(', ');

/** The newest update. @param {State} state @returns {Past} */
export const newest = ({ last_outcome: outcome, last_from: from, last_to: to, last_reset: reset }) => ({ outcome, from, to, reset });

/** What has become of an update. @param {Past} past */
export const past = ({ from, to, outcome, reset }) =>
  `${change(from, to)}: ${text(`was_${outcome}`, { reset: FULL ? text(`reset_${reset}`) || '?' : reset })}`;

/** Good news, bad news, or neither? @param {string} [outcome] */
export const kindOf = (outcome) => (/confirmed/.test(`${outcome}`) ? 'good' : /abort|expired|lost|fail/.test(`${outcome}`) ? 'bad' : 'note');

/** "11/29/2026, 10:05:00 AM"; what is no date as it is. @param {string} [when] */
export function date(when = '') {
  const day = new Date(when);
  return +day ? day.toLocaleString(format) : when;
}

/** "5 minutes ago" @param {number} when seconds since 1970 */
export function ago(when) {
  const minutes = Math.max(Date.now() / 60000 - when / 60, 0);
  /** @type {[Intl.RelativeTimeFormatUnit, number]} */
  const [unit, length] = minutes < 60 ? ['minute', 1] : minutes < 1440 ? ['hour', 60] : ['day', 1440];
  return new Intl.RelativeTimeFormat(format, { numeric: 'auto' }).format(-Math.floor(minutes / length), unit);
}

/** "867 kB", "1.25 MB" @param {number} bytes @param {string} [per] "-per-second" */
export function volume(bytes, per = '') {
  const [unit, size] = bytes < 1e6 ? ['kilobyte', 1e3] : ['megabyte', 1e6];
  return (bytes / size).toLocaleString(format, { style: 'unit', unit: unit + per, maximumSignificantDigits: 3 });
}

/** "0:02", "74:05"; a part of a second counts as a whole one. @param {number} seconds */
export function time(seconds) {
  const whole = Math.max(Math.ceil(seconds), 0);
  return `${Math.floor(whole / 60)}:${`${whole % 60}`.padStart(2, '0')}`;
}

/** "37 %" @param {number} part @param {number} whole */
export const percent = (part, whole) => `${Math.floor((100 * part) / whole)} %`;
