// SPDX-License-Identifier: Apache-2.0
// look.test.js in Firefox.
process.env.BROWSER = 'firefox';
await import('./look.test.js');
