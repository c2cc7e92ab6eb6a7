// SPDX-License-Identifier: Apache-2.0
// The rows of one image as an SVG: a group of bars for each link, the floor as a line across ours.

const WIDTH = 900;
const HEIGHT = 380;
const LEFT = 48;
const TOP = 56;
const BOTTOM = 56;
const kinds = [
  { name: 'raw', label: 'ours', color: '#1a7f37' },
  { name: 'packed', label: 'ours, compressed', color: '#6fbf73' },
  { name: 'whole', label: 'stop and wait, slot erased first', color: '#8c959f' },
  { name: 'sectors', label: 'stream, 4 KiB erases', color: '#c9d1d9' },
];

export function drawPicture(rows) {
  const highest = Math.max(...rows.flatMap((row) => kinds.map(({ name }) => row[name].time_ms))) / 1000;
  const plot = HEIGHT - TOP - BOTTOM;
  const y = (seconds) => (TOP + plot - (seconds / highest) * plot).toFixed(1);
  const group = (WIDTH - LEFT) / rows.length;
  const bar = group / (kinds.length + 1);
  const out = [];
  for (let seconds = 0; seconds <= highest; seconds += 5) {
    out.push(`<line x1="${LEFT}" x2="${WIDTH}" y1="${y(seconds)}" y2="${y(seconds)}" stroke="#d0d7de"/>`);
    out.push(`<text x="${LEFT - 6}" y="${Number(y(seconds)) + 4}" text-anchor="end">${seconds} s</text>`);
  }
  rows.forEach((row, i) => {
    const from = LEFT + i * group + bar / 2;
    kinds.forEach(({ name, color }, k) => {
      const seconds = row[name].time_ms / 1000;
      const x = from + k * bar;
      out.push(`<rect x="${x.toFixed(1)}" y="${y(seconds)}" width="${(bar - 2).toFixed(1)}" height="${(TOP + plot - y(seconds)).toFixed(1)}" fill="${color}"/>`);
      out.push(`<text class="value" x="${(x + bar / 2 - 1).toFixed(1)}" y="${Number(y(seconds)) - 3}" text-anchor="middle">${seconds.toFixed(1)}</text>`);
      const floor = { raw: row.raw_floor_ms, packed: row.packed_floor_ms }[name];
      if (floor) out.push(`<line x1="${(x - 1).toFixed(1)}" x2="${(x + bar - 1).toFixed(1)}" y1="${y(floor / 1000)}" y2="${y(floor / 1000)}" stroke="#cf222e" stroke-width="2"/>`);
    });
    const middle = from + (bar * kinds.length) / 2;
    out.push(`<text x="${middle}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">RTT ${row.rtt} ms</text>`);
    out.push(`<text x="${middle}" y="${HEIGHT - BOTTOM + 34}" text-anchor="middle">window ${row.window}</text>`);
  });
  kinds.forEach(({ label, color }, k) => {
    const x = LEFT + k * 210;
    out.push(`<rect x="${x}" y="30" width="12" height="12" fill="${color}"/><text x="${x + 18}" y="40">${label}</text>`);
  });
  const title = 'Update of 1 MiB, W25Q32JV, 20 Mbit/s; the red line is the floor';
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}">
<style>text{font:12px sans-serif;fill:#1f2328}.value{font-size:9px}</style>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>
<text x="${LEFT}" y="18" style="font-weight:600">${title}</text>
${out.join('\n')}
</svg>
`;
}
