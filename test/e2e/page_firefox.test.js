// SPDX-License-Identifier: Apache-2.0
// page.test.js and look.test.js in Firefox.
process.env.BROWSER = 'firefox';
await import('./page.test.js');
await import('./look.test.js');
