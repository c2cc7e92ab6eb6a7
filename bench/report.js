// SPDX-License-Identifier: Apache-2.0
// results.json in; README.md (the tables) and update-time.svg (the picture) out, in docs/bench. Prints the lines that
// `make bench` ends with.
import fs from 'node:fs';
import path from 'node:path';
import { blankLine } from './blank.js';
import { deltaLine } from './delta.js';
import { outDir as dir } from './measure.js';
import { memoryOf, ringSize } from './memory.js';
import { drawPicture } from './picture.js';
import { rateWays } from './rates.js';
import { drawRates } from './rates_picture.js';

const results = JSON.parse(fs.readFileSync(path.join(dir, 'results.json'), 'utf8'));

const s = (ms) => (ms / 1000).toFixed(2);
const times = (a, b) => (a / b).toFixed(2);
const kib = (bytes) => (bytes / 1024).toFixed(1);
const verdict = (value, limit, digits = 2) => `${value.toFixed(digits)}${value <= limit ? '' : ' ✗'}`;
const faster = (value, limit) => `${value.toFixed(1)}${limit === undefined || value >= limit ? '' : ' ✗'}`;
const table = (head, rows) =>
  [`| ${head.join(' | ')} |`, `|${head.map(() => '---').join('|')}|`, ...rows.map((row) => `| ${row.join(' | ')} |`), ''].join('\n');

// ---- the tables

const versusWhole = { 10: 1.6, 30: 2.2, 100: 2.5 };

/** What ota-ws does by itself (cli/packed.c): it compresses where 5760 bytes a round trip is less than the flash takes. */
const sent = (row, isPacked) => {
  const name = isPacked ? 'compressed' : 'as it is';
  return isPacked === row.rtt > 22 ? `**${name}**` : name;
};

function rowsTable() {
  const rows = results.rows.flatMap((row) => [
    [
      row.rtt, row.window, row.image, sent(row, false),
      s(row.raw.time_ms), s(row.raw_floor_ms), verdict(row.raw.time_ms / row.raw_floor_ms, 1.08),
      s(row.whole.time_ms), faster(row.whole.time_ms / row.raw.time_ms, versusWhole[row.rtt]),
      s(row.sectors.time_ms), faster(row.sectors.time_ms / row.raw.time_ms, row.rtt === 3 ? 3 : undefined),
      Math.round(row.raw.silence_ms), Math.round(row.raw.first_ms), Math.round(row.raw.up / 1000),
    ],
    [
      row.rtt, row.window, row.image, sent(row, true),
      s(row.packed.time_ms), s(row.packed_floor_ms), verdict(row.packed.time_ms / row.packed_floor_ms, 1.1),
      s(row.whole.time_ms), faster(row.whole.time_ms / row.packed.time_ms, versusWhole[row.rtt]),
      s(row.sectors.time_ms), faster(row.sectors.time_ms / row.packed.time_ms, row.rtt === 3 ? 3 : undefined),
      Math.round(row.packed.silence_ms), Math.round(row.packed.first_ms), Math.round(row.packed.up / 1000),
    ],
  ]);
  const head = ['RTT ms', 'window', 'image', 'sent', '**ours** s', 'floor s', 'ours / floor', 'stop and wait s', 'ours is × faster', '4 KiB erases s', 'ours is × faster', 'longest silence ms', 'first progress ms', 'KB up'];
  return table(head, rows);
}

function spread() {
  const ratios = results.rows.flatMap((row) => ['raw', 'packed'].map((name) => {
    const all = row[name].times_ms;
    return (Math.max(...all) - Math.min(...all)) / row[name].time_ms;
  }));
  return `${(Math.max(...ratios) * 100).toFixed(1)} %`;
}

function ringsTable() {
  const [first] = results.rings;
  const head = ['ring, KiB', 'memory of an update, KiB', ...first.results.map(({ rtt, window }) => `RTT ${rtt}, window ${window}: s (/ floor)`)];
  const rows = results.rings.map(({ ring, results: list }) => [
    `${kib(ring)}${ring === ringSize ? ' (the default)' : ''}`,
    kib(memoryOf(ring, results.size.heap).all),
    ...list.map((result) => `${s(result.time_ms)} (${times(result.time_ms, result.floor_ms)})`),
  ]);
  return table(head, rows);
}

function linkTable() {
  const rows = results.link.rows.map((row) => [row.rtt, row.window, s(row.time_ms), s(row.floor_ms), `${((row.time_ms / row.floor_ms - 1) * 100).toFixed(1)} %`]);
  return table(['RTT ms', 'window', '1 MiB into a sink, s', 'by its numbers, s', 'error'], rows);
}

function workTable() {
  const list = ({ files, per_byte }) =>
    table(['file', 'instructions per byte'], [...files.map((file) => [`src/${file.name}`, file.per_byte.toFixed(3)]), ['**all of src/**', `**${per_byte.toFixed(2)}**`]]);
  const { patch } = results.work;
  return list(results.work) + (patch ? `\nThe same image as a patch against another one, packed:\n\n${list(patch)}` : '');
}

function memoryText() {
  const chip = memoryOf(ringSize, results.size.heap);
  return `An update takes ${kib(chip.all)} KiB of heap on the chip, whatever its chunk size and whatever the client says: the ring ${chip.ring}, writer ${chip.writer}, queues ${chip.queues}, the
writer's stack ${chip.stack} bytes; all given back at its end. Counted with \`sizeof\` for rv32imc, the defaults of \`Kconfig\` and the constants of
\`esp/worker.c\`; FreeRTOS' own control blocks and what inflating takes are not in it. At rest: the device ${results.size.heap.ota_ws_device_t} bytes, each session ${results.size.heap.ota_ws_session_t}. The core without its
sentences: ${results.size.text} bytes of code and constants, ${results.size.data} of data. The deepest path of the writer within the core needs ${results.size.writer_stack.bytes} bytes of
stack (${results.size.writer_stack.path.slice(-4).join(' → ')}); what the flash driver and the hash need below comes on top.`;
}

// Of the rows that ota-ws chooses by itself, how many miss, and by how much?
function missesText() {
  const chosen = results.rows.map((row) => (row.rtt > 22 ? row.packed.time_ms / row.packed_floor_ms / 1.1 : row.raw.time_ms / row.raw_floor_ms / 1.08));
  const misses = chosen.filter((ratio) => ratio > 1);
  const worst = ((Math.max(...chosen) - 1) * 100).toFixed(1);
  return `Of its ${chosen.length} rows ${misses.length === 0 ? 'none misses' : `${misses.length} miss, by ${worst} % at most`}.`;
}

function mostText() {
  const [row] = results.rows.filter(({ rtt, window }) => rtt === 100 && window === 5760);
  return row === undefined ? '_not in this run_' : (row.whole.time_ms / row.raw_floor_ms).toFixed(2);
}

function blankTable() {
  const { commit, rows } = results.blank;
  const limits = { 10: 0.45, 30: 0.9, 100: 0.9 };
  const head = ['RTT ms', 'window', '**ours** s', 'floor s', 'ours / floor', `${commit} s`, `ours / ${commit}`, 'prepared slot, s', `/ ${commit}`];
  return table(head, rows.map((row) => [
    row.rtt, row.window, s(row.ours_ms), s(row.floor_ms), times(row.ours_ms, row.floor_ms), s(row.earlier_ms),
    verdict(row.ours_ms / row.earlier_ms, limits[row.rtt], 3),
    s(row.prepared_ms), verdict(row.prepared_ms / row.earlier_ms, limits[row.rtt], 3),
  ]));
}

function deltaTable() {
  const row = results.delta;
  const head = ['sent', 's', `of ${row.commit}`, 'bytes to the device', 'of the image'];
  const percent = (bytes) => `${((bytes / row.size) * 100).toFixed(2)} %`;
  return table(head, [
    ['as a patch', s(row.ours_ms), verdict(row.ours_ms / row.earlier_ms, 0.25, 3), row.ours_up, percent(row.ours_up)],
    [`compressed, by ${row.commit}`, s(row.earlier_ms), '1', row.earlier_up, percent(row.earlier_up)],
  ]);
}

function ratesTable() {
  const ways = Object.entries(rateWays);
  const rows = results.rates.rows.map(({ rate, times_ms: times }) => [`${rate / 1000} KB/s`, ...ways.map(([way]) => s(times[way]))]);
  return table(['link', ...ways.map(([, label]) => `${label}, s`)], rows);
}

// Parts that were measured by themselves say so.
const isCounted = (name) => ['size', 'work'].includes(name); // once, for the result is the same each time
const apart = (name) => {
  const { date, runs, load } = results.apart?.[name] ?? {};
  if (date === undefined) return '';
  const times = `: ${runs === 1 ? 'one run' : `medians of ${runs} runs`}, load ${load.toFixed(0)} by other work`;
  return `\n_Measured by itself on ${date}${isCounted(name) ? '' : times}._\n`;
};
const figure = (name, write) => (results[name] ? write().trimEnd() : '_not measured in this run_'); // within a sentence
const part = (name, write) => `${figure(name, write)}\n${results[name] ? apart(name) : ''}`;

const text = `# Speed, measured

Made by \`make bench\` on ${results.date}; do not edit. ${results.runs === 1 ? 'One run' : `Medians of ${results.runs} runs`} on ${results.machine.cpus} CPUs (${results.machine.cpu}), load ${results.machine.load.toFixed(0)} by other
work${results.machine.urgent ? '; what is measured had real-time priority' : ''}. Largest spread of one cell: ${figure('rows', spread)}.

The virtual ESP32 with \`--timing w25q32jv\` (datasheet's typical times), \`ota-ws\`, and between them \`bench/link.c\`: 20 Mbit/s, the round trip
and the TCP window of the row, no loss. Time runs from \`begin\` to \`done\` as seen at the client's end of the link: verified and selected. *Stop and
wait* erases the whole slot (31 blocks) and then sends 8 KiB at a time, each answered when written; *4 KiB erases* streams into one task. Both
are \`bench/reference.c\`, without login, WebSocket and digest. All of one row ran at the same time. The floor is what flash or link
needs at least, whichever is more; the link's counts the bytes that must cross. ✗: misses what we aim at (1.08 of the floor, compressed 1.10;
1.6 / 2.2 / 2.5 times stop and wait at 10 / 30 / 100 ms; 3 times 4 KiB erases at 3 ms).

![Update time of 1 MiB](update-time.svg)

${part('rows', rowsTable)}
**Bold** is what \`ota-ws\` does by itself (\`--compress auto\`): it compresses where 5760 bytes a round trip is less than the flash takes, from about
22 ms on. ${figure('rows', missesText)}
At RTT 100 and window 5760 an image as it is cannot be 2.5 times as fast as stop and wait: the link's floor itself is ${figure('rows', mostText)} times as fast.

## Memory, and what more of it buys

${part('size', memoryText)}

A 64 KiB erase takes 150 ms and cannot be interrupted; what arrives meanwhile must lie somewhere: 28 KiB at RTT 30 and window 5760.
What does not fit costs its time on the link.

${part('rings', ringsTable)}
## The link's own error

1 MiB into a sink over bare loopback: ${figure('link', () => `${results.link.bare_ms.toFixed(1)} ms; over the link without limits: ${results.link.open_ms.toFixed(1)} ms`)}. With limits:

${part('link', linkTable)}
## An image that is in the slot already

${part('again', () => Object.entries(results.again).map(([name, row]) => `* ${name === 'near' ? 'RTT 3 ms, window 23040, 20 Mbit/s' : 'no limit on the link'}: first time ${s(row.first_ms)} s, again ${s(row.second_ms)} s, ${((row.second_ms / row.first_ms) * 100).toFixed(0)} %\n`).join(''))}
## A blank slot

${part('blank', () => `${blankTable()}
1 MiB as it is, beside the build of commit ${results.blank.commit}, which erases a blank slot too. The floor is programming alone, or the link. A
prepared slot (\`ota-ws prepare\`) is one that the device has found blank, or erased, before the update.
✗: more than 0.45 of the earlier time at 10 ms, 0.90 at 30 and 100.
`)}
## A patch

${part('delta', () => `${deltaTable()}
The next version of an application (${results.delta.names.join(', ')}; ${results.delta.size} bytes) over ${results.delta.rate / 1000} KB/s: the whole \`ota-ws push\`, the making of the
patch included, up to the verified image. The other slot held the version before. ✗: more than 0.25.
`)}
## By the rate of the link

${part('rates', () => `![Update time by the rate of the link](link-rate.svg)

${ratesTable()}
The same application (${results.rates.names.join(', ')}; ${results.rates.size} bytes), RTT ${results.rates.rtt} ms, window ${results.rates.window}, one run each, all ways at one
rate at the same time. The other slot held the version before, but where it was blank. *Stop and wait* as above, from its first byte to its last
answer; ours are the whole \`ota-ws push\`: login, the packing or the making of the patch, and the verifying of the image included.
`)}
## Others look on

${part('crowd', () => `${results.crowd.viewers} viewers and one who loads the page all the time (${results.crowd.page_loads} times during the update), RTT 10 ms: ${s(results.crowd.crowded_ms)} s; alone, at the same
time, ${s(results.crowd.alone_ms)} s: ${((results.crowd.crowded_ms / results.crowd.alone_ms - 1) * 100).toFixed(1)} % more. Each viewer received ${results.crowd.messages_each} messages.`)}

## Loss

${part('loss', () => table(['loss', 'ours, as it is', 'ours, compressed', 'stop and wait', '4 KiB erases'], results.loss.map((row) => [`${row.loss} %`, ...['raw', 'packed', 'whole', 'sectors'].map((name) => `${s(row.times_ms[name])} s`)])))}
1 MiB, RTT 10 ms, window 5760, one run each. A lost segment costs a round trip, or 200 ms more when too few follow it to be noticed.

## Work per byte

${part('work', workTable)}
Instructions of x86-64 (gcc, -O2), counted by callgrind, from the first data frame to \`done\` of ${results.work?.size} bytes (one SHA-256 of the file, one of the slot); the hash, \`memcpy\` and the like are not in it. CI
reports it when the sum grows by more than 5 %.

## The page

${part('browser', () => `Chromium ${results.browser.version}: ${results.browser.transferred} bytes with headers, first paint after ${Math.round(results.browser.paint_ms)} ms, ${Math.round(results.browser.cpu_ms_per_mib)} ms of its thread for each MiB (one SHA-256 in
JavaScript, since plain http has no \`crypto.subtle\`, and the upload).`)}
`;
fs.writeFileSync(path.join(dir, 'README.md'), text);
if (results.rows) fs.writeFileSync(path.join(dir, 'update-time.svg'), drawPicture(results.rows.filter((row) => row.image === '1 MiB')));
if (results.rates) fs.writeFileSync(path.join(dir, 'link-rate.svg'), drawRates(results.rates));
if (results.blank) console.log(blankLine(results.blank));
if (results.delta) console.log(deltaLine(results.delta));
