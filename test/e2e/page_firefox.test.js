// SPDX-License-Identifier: Apache-2.0
// page.test.js in Firefox.
process.env.BROWSER = 'firefox';
await import('./page.test.js');
