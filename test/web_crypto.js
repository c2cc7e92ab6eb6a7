// SPDX-License-Identifier: Apache-2.0
// What browsers have and Node 18 does not, for the page's modules under test: the global `crypto`.
import { webcrypto } from 'node:crypto';

globalThis.crypto ??= webcrypto;
