// SPDX-License-Identifier: Apache-2.0
// All that the page knows: main.js changes it, view.js shows it.

/** @import { Model } from './types.js' */

/** @type {Model} */
export const model = {
  asksPassword: false,
  linkFailure: { name: 'unreachable' },
  linkUntil: 0,
  isRestarting: false,
  pastUpdates: [],
  lines: '',
  bar: { written: 0, size: 1 },
  barAt: 0,
  trialEnd: 0,
};
