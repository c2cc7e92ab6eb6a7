// SPDX-License-Identifier: Apache-2.0
// An update into a slot that is blank, as on a new device, beside the same update by an earlier commit's build: that one
// erases what is blank too. And into a prepared slot, which the device has found blank before. All run at the same time.
import { COMMIT, earlierPrograms } from './earlier.js';
import { RATE, blankFloor } from './floor.js';
import { measureOurs, median } from './measure.js';

const LINKS = [{ rtt: 10, window: 5760 }, { rtt: 10, window: 23040 }, { rtt: 30, window: 5760 }, { rtt: 100, window: 23040 }];

export async function measureBlank({ base, image, runs }) {
  const programs = earlierPrograms();
  const rows = [];
  for (const link of LINKS) {
    const times = { ours: [], prepared: [], earlier: [] };
    for (let run = 0; run < runs; run++) {
      const settings = { base, image: image.path, link: { ...link, rate: RATE } };
      const [ours, prepared, earlier] = await Promise.all([measureOurs(settings), measureOurs({ ...settings, prepares: true }), measureOurs({ ...settings, programs })]);
      times.ours.push(ours.time_ms);
      times.prepared.push(prepared.time_ms);
      times.earlier.push(earlier.time_ms);
    }
    const [ours_ms, prepared_ms, earlier_ms] = [median(times.ours), median(times.prepared), median(times.earlier)];
    rows.push({ ...link, floor_ms: blankFloor(image.size, link), ours_ms, prepared_ms, earlier_ms, times_ms: times });
  }
  return { commit: COMMIT, rows };
}

/** A line that `make bench` ends with: its first row. */
export const blankLine = ({ commit, rows: [row] }) => `blank slot: ${(row.ours_ms / row.earlier_ms).toFixed(3)} of ${commit}; prepared: ${(row.prepared_ms / row.earlier_ms).toFixed(3)}`;
