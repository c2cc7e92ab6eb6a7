// SPDX-License-Identifier: Apache-2.0
// What browsers have and Node 18 does not, for the page's modules under test: the globals `crypto` and `File`, and
// compression into raw deflate.
import { File } from 'node:buffer';
import { webcrypto } from 'node:crypto';
import { Duplex } from 'node:stream';
import { createDeflateRaw } from 'node:zlib';

globalThis.crypto ??= webcrypto;
globalThis.File ??= File;

try {
  new CompressionStream('deflate-raw');
} catch {
  globalThis.CompressionStream = class {
    constructor() {
      Object.assign(this, Duplex.toWeb(createDeflateRaw()));
    }
  };
}
