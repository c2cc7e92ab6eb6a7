// SPDX-License-Identifier: Apache-2.0
// The floor: no update can be faster than flash and link are. Flash: 64 KiB erases, 4 KiB ones where less than four
// sectors are left, and every page programmed once. Link: a window a round trip, or the rate. Sources of the flash's
// times: host/nor_timing.c.

export const RATE = 2_500_000; // bytes a second: 20 Mbit/s, what Espressif states for TCP over the air
const BLOCK_MS = 150;
const SECTOR_MS = 45;
const PAGE_MS = 0.4;

/** Milliseconds. */
export function flashFloor(size) {
  const sectors = Math.ceil(size / 4096);
  const left = sectors % 16;
  const erase = Math.floor(sectors / 16) * BLOCK_MS + Math.min(left * SECTOR_MS, left ? BLOCK_MS : 0);
  return erase + Math.ceil(size / 256) * PAGE_MS;
}

/** The same into a blank slot, or the link's, whichever is more: pages are programmed, and nothing is erased. */
export const blankFloor = (size, link) => Math.max(Math.ceil(size / 256) * PAGE_MS, linkFloor(size, link));

/** Milliseconds for the bytes that must cross. */
export function linkFloor(bytes, { rtt, window }) {
  return Math.max((bytes / window) * rtt, (bytes / RATE) * 1000);
}

export const floorOf = (size, bytes, link) => Math.max(flashFloor(size), linkFloor(bytes, link));
