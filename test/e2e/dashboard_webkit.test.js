// SPDX-License-Identifier: Apache-2.0
// dashboard.test.js in WebKit.
process.env.BROWSER = 'webkit';
await import('./dashboard.test.js');
