// SPDX-License-Identifier: Apache-2.0
// What has happened across a restart? The device's last word before it and its first word after it in, what truly runs
// out. Bytes that were sent prove nothing; this does.

/** @import { State } from './types.js' */

/**
 * @typedef {'runsOnTrial' | 'runs' | 'rolledBack' | 'still'} Outcome
 *   runsOnTrial: another image runs now, on trial. runs: another image runs now. rolledBack: the image that ran, or was
 *   to run, has been given up. still: what ran before runs again, and nothing else was tried.
 */

/**
 * @param {State} before
 * @param {State} after
 * @returns {Outcome | undefined} none when the device has not restarted
 */
export function outcome(before, after) {
  if (before.boot === after.boot) return undefined;
  if (after.image === 'trial') return 'runsOnTrial';
  const changed = after.slot !== before.slot || after.elf_sha256 !== before.elf_sha256;
  const givenUp = after.other_image === 'aborted' || after.other_image === 'rolled_back';
  const tried = changed || before.update === 'ready';
  if (givenUp && tried) return 'rolledBack';
  return changed ? 'runs' : 'still';
}
