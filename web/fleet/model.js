// SPDX-License-Identifier: Apache-2.0
// What the page knows.

/** @import { Device, Status } from './types.js' */

export const model = {
  asksCode: false,
  /** @type {Status | undefined} */ status: undefined,
  /** All of them, by their numbers. @type {Device[]} */
  devices: [],
  /** When the rollout will have ended, by the pace so far; 0: nobody knows. */
  endAt: 0,
  isLost: false, // no answer, lately
  isOrdering: false, // an order is on its way
  notice: { words: '', kind: '' },
  waitUntil: 0, // no code is looked at before
};

/** Has the rollout ended? Then ota-ws ends too. */
export const isOver = () => /finished|aborted/.test(model.status?.phase ?? '');
