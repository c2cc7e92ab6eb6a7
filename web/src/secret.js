// SPDX-License-Identifier: Apache-2.0
// What lets a visitor in: the password as it is typed, and what it comes to with the device's salt. Only the latter is
// kept, in this tab, until the tab is closed or the visitor logs out (docs/security.md).

/** @import { Secret } from './types.js' */

/** What is kept in this tab. @param {string} [news] is kept from now on; "" forgets it */
export function kept(news) {
  const place = `ota ${location.pathname}`; // behind a proxy several devices may share an origin
  try {
    if (news !== undefined) sessionStorage[place] = news;
    return sessionStorage[place];
  } catch {
    return ''; // the browser keeps nothing here: the next load asks for the password
  }
}

/** @param {string} password @param {string} [kept] @returns {Secret} */
export const secretOf = (password, kept = '') => ({ password, kept });

/** A pairing code in its own form, however it was typed; other words as they are. @param {string} typed */
export function pairingCode(typed) {
  const letters = typed.replace(/[\s-]/g, '').toUpperCase().replace(/O/g, '0').replace(/[IL]/g, '1');
  return /^[\dA-HJKMNP-TV-Z]{12}$/.test(letters) ? letters.replace(/.{4}(?=.)/g, '$&-') : typed;
}
