// SPDX-License-Identifier: Apache-2.0
// page.test.js in WebKit, the engine of Safari and of every browser on an iPhone.
process.env.BROWSER = 'webkit';
await import('./page.test.js');
