// SPDX-License-Identifier: Apache-2.0
// The rows of bench/rates.js as an SVG: a line for each way of sending, both axes logarithmic.
import { rateWays } from './rates.js';

const WIDTH = 900;
const HEIGHT = 420;
const [LEFT, RIGHT, TOP, BOTTOM] = [64, 36, 56, 48];
const colors = { wait: '#8c959f', raw: '#0550ae', blank: '#54aeff', packed: '#1a7f37', patch: '#bf3989' };

/** A value's place between two limits, 0 to 1, on a logarithmic axis. */
const share = (value, [low, high]) => Math.log(value / low) / Math.log(high / low);

export function drawRates({ rows, size }) {
  const rates = [rows[0].rate, rows.at(-1).rate];
  const seconds = [1, 1000];
  const x = (rate) => LEFT + share(rate, rates) * (WIDTH - LEFT - RIGHT);
  const y = (ms) => TOP + (1 - share(ms / 1000, seconds)) * (HEIGHT - TOP - BOTTOM);
  const out = [];
  for (const s of [1, 3, 10, 30, 100, 300, 1000]) {
    const at = y(s * 1000).toFixed(1);
    out.push(`<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}" stroke="#d0d7de"/>`);
    out.push(`<text x="${LEFT - 8}" y="${Number(at) + 4}" text-anchor="end">${s} s</text>`);
  }
  for (const { rate } of rows) {
    out.push(`<text x="${x(rate).toFixed(1)}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle">${rate / 1000} KB/s</text>`);
  }
  Object.entries(rateWays).forEach(([way, label], i) => {
    const points = rows.map(({ rate, times_ms: times }) => [x(rate), y(times[way])].map((value) => value.toFixed(1)));
    out.push(`<polyline points="${points.join(' ')}" fill="none" stroke="${colors[way]}" stroke-width="2.5"/>`);
    for (const [cx, cy] of points) out.push(`<circle cx="${cx}" cy="${cy}" r="3.5" fill="${colors[way]}"/>`);
    out.push(`<rect x="${LEFT + i * 165}" y="30" width="12" height="12" fill="${colors[way]}"/><text x="${LEFT + i * 165 + 18}" y="40">${label}</text>`);
  });
  const title = `Update of ${(size / 1e6).toFixed(2)} MB by the rate of the link, W25Q32JV`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}">
<style>text{font:12px sans-serif;fill:#1f2328}</style>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>
<text x="${LEFT}" y="18" style="font-weight:600">${title}</text>
${out.join('\n')}
</svg>
`;
}
