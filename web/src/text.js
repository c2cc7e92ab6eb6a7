// SPDX-License-Identifier: Apache-2.0
// Words with their values filled in, and numbers as people write them, in the browser's language. A name or a failure
// in, a sentence out.

import { wordsIn } from './words.js';

/** @import { Failure } from './types.js' */

const locale = navigator.language.startsWith('ru') ? 'ru' : 'en';
document.documentElement.lang = locale;

export const words = wordsIn(+(locale === 'ru'));

/** Puts values where their names stand in braces. @param {string} pattern @param {object} values */
const fill = (pattern, values) =>
  pattern.replace(/{(\w+)}/g, (_, name) => `${/** @type {Record<string, unknown>} */ (values)[name] ?? ''}`);

/** "" when there are no such words. @param {string} name @param {object} [values] */
export const text = (name, values = {}) => fill(words[name] ?? '', values);

/** @param {Failure} failure */
export const sentence = (failure) => text(failure.name, failure) || failure.text || failure.name;

/** "867 kB" @param {number} bytes @param {string} [unit] */
export const volume = (bytes, unit = 'kilobyte') =>
  (bytes / 1000).toLocaleString(locale, { style: 'unit', unit, maximumFractionDigits: 0 });

/** "4:05" @param {number} seconds */
export const time = (seconds) => `${Math.floor(seconds / 60)}:${`${Math.floor(seconds % 60)}`.padStart(2, '0')}`;
