// SPDX-License-Identifier: Apache-2.0
// look.test.js in WebKit, the engine of Safari and of every browser on an iPhone.
process.env.BROWSER = 'webkit';
await import('./look.test.js');
