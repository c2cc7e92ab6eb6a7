// SPDX-License-Identifier: Apache-2.0
// SHA-256 at once, and the texts in which bytes travel.

import { SHA256 } from './sha256.js';

/** @param {Uint8Array} bytes */
export const sha256 = (bytes) => new SHA256().update(bytes).digest();

/** @param {string} text */
export const utf8 = (text) => new TextEncoder().encode(text);

/** @param {Iterable<number>} bytes */
export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** @param {Iterable<number>} bytes */
export const base64 = (bytes) => btoa(String.fromCharCode(...bytes));

/** @param {string} text */
export const unbase64 = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
