// SPDX-License-Identifier: Apache-2.0
// Which page this is. build.js makes two of the same sources: the full one, and a small one in one language, in whose
// sources it writes `false` here. What stands behind FULL, in page.html behind "full", and in full.css and fullPairs, the
// small page does not have.

/** @type {boolean} */
export const FULL = true;
