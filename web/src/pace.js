// SPDX-License-Identifier: Apache-2.0
// How fast? Bytes and times in, bytes a second out: of the last few seconds, so that a stall shows.

const SPAN_MS = 5000;

export function makePace() {
  /** @type {[number, number][]} Time and bytes. */ let marks = [];

  /** @param {number} bytes done so far @param {number} now in milliseconds @returns {number} 0: not known yet */
  return (bytes, now) => {
    marks = [...marks.filter(([time, done]) => now - time < SPAN_MS && done <= bytes), [now, bytes]];
    const [time, done] = marks[0];
    return ((bytes - done) * 1000) / (now - time || 1);
  };
}
