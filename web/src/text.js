// SPDX-License-Identifier: Apache-2.0
// Words with their values filled in, and numbers as people write them, in the browser's language. A name or a failure
// in, a sentence out.

import { wordsIn } from './words.js';

/** @import { Failure, Past } from './protocol.js' */

const locale = navigator.language.startsWith('ru') ? 'ru' : 'en';
document.documentElement.lang = locale;

export const words = wordsIn(+(locale === 'ru'));

/** Words with values where their names stand in braces; "" when there are no such words.
 * @param {string} name @param {object} [values] */
export const text = (name, values = {}) =>
  (words[name] ?? '').replace(/{(\w+)}/g, (_, value) => /** @type {Record<string, string>} */ (values)[value] ?? '');

/** Failures that share a sentence. @param {string} name */
const family = (name) => name.replace(/^(flash|boot)_.*/, 'flash').replace(/^bad_(?!si).*|^digest.*|not_ver.*/, 'damaged');

/** @param {Failure} failure */
export const sentence = (failure) => text(family(failure.name), failure) || failure.text || failure.name;

/** What is, and what will be. @param {string | undefined} now @param {string | undefined} next */
export const change = (now = '', next = now) => (next === now ? now : `${now} → ${next}`);

/** @param {unknown[]} parts */
export const list = (...parts) => parts.filter(Boolean).join(', ');

/** What has become of an update, in a line. @param {Past} past */
export const past = ({ from, to, outcome, reset, when, peer }) =>
  list(
    `${change(from, to)}: ${text(`was_${outcome}`, { reset })}`,
    when && new Date(when * 1000).toLocaleString(locale),
    peer,
  );

/** "867 kB" @param {number} bytes */
export const volume = (bytes) => `${Math.round(bytes / 1000)} ${words['kB']}`;

/** "00:04:05" @param {number} seconds */
export const time = (seconds) => new Date(seconds * 1000).toISOString().slice(11, 19);
