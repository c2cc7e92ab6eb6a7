// SPDX-License-Identifier: Apache-2.0
// The requests to ota-ws. The token lies in the tab's own storage: a second tab logs in by itself, and a cookie, which
// the browser would send by itself, there is none.

/** @import { Status, Refusal } from './types.js' */

const GIVE_UP_MS = 8000;

/** A request that got no answer. */
export class Lost extends Error {}

/** A request that got another answer than success. */
export class Refused extends Error {
  /** @param {Refusal} refusal */
  constructor(refusal) {
    super(refusal.text);
    this.refusal = refusal;
  }
}

export const isLoggedIn = () => sessionStorage.getItem('token') !== null;
export const logOut = () => sessionStorage.removeItem('token');

/** What was sent, or undefined where nothing is new. @param {string} path @param {object} [body] of a POST */
async function ask(path, body) {
  /** @type {Response} */ let response;
  /** @type {any} */ let answer;
  try {
    response = await fetch(path, {
      method: body ? 'POST' : 'GET',
      headers: { authorization: `Bearer ${sessionStorage.getItem('token')}` },
      cache: 'no-store',
      signal: AbortSignal.timeout(GIVE_UP_MS),
      ...(body && { body: JSON.stringify(body) }),
    });
    answer = response.status === 204 ? undefined : await response.json();
  } catch {
    throw new Lost();
  }
  if (!response.ok) throw new Refused(answer);
  return answer;
}

/** @param {string} code */
export async function logIn(code) {
  sessionStorage.setItem('token', (await ask('login', { code })).token);
}

/** @param {string} since "change" of the last one @returns {Promise<Status | undefined>} */
export const status = (since) => ask(`status?since=${encodeURIComponent(since)}`);

/** @param {string} order @param {object} [body] */
export const give = (order, body = {}) => ask(order, body);
