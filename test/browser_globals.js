// SPDX-License-Identifier: Apache-2.0
// What browsers have and Node 18 does not, for the page's modules under test: the global `crypto`, and compression into
// raw deflate.
import { webcrypto } from 'node:crypto';
import { Duplex } from 'node:stream';
import { createDeflateRaw } from 'node:zlib';

globalThis.crypto ??= webcrypto;

try {
  new CompressionStream('deflate-raw');
} catch {
  globalThis.CompressionStream = class {
    constructor() {
      Object.assign(this, Duplex.toWeb(createDeflateRaw()));
    }
  };
}
