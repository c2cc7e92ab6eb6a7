// SPDX-License-Identifier: Apache-2.0
// dashboard.test.js in Firefox.
process.env.BROWSER = 'firefox';
await import('./dashboard.test.js');
