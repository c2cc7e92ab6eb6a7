// SPDX-License-Identifier: Apache-2.0
// What the core is on a 32-bit RISC-V chip: code, data, the structs that it asks its transport for, and how deep its
// stack goes. The depth is that of gcc's call graph (-fcallgraph-info=su); calls through the ports are drawn by hand
// here, those out of the core (flash driver, hash) are not counted.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { freshPath, root } from './measure.js';

const prefix = 'riscv64-unknown-elf-';
const flags = ['-march=rv32imc', '-mabi=ilp32', '-Os', '-std=c11', '-ffunction-sections', '-fdata-sections', '--specs=picolibc.specs'];
const structs = ['ota_ws_device_t', 'ota_ws_session_t', 'ota_ws_writer_t', 'ota_ws_job_t', 'ota_ws_job_result_t', 'ota_ws_ring_t'];

// caller -> callee, through a pointer
const indirect = [
  ['ota_ws_slot_read_all', 'retake'],
  ['ota_ws_slot_read_all', 'ota_ws_readback_sink'],
  ['ota_ws_commit_image', 'check_request'],
  ['ota_ws_commit_image', 'flush'],
  ['ota_ws_commit_image', 'check_flash'],
  ['ota_ws_commit_image', 'write_head'],
  ['ota_ws_commit_image', 'check_first_sector'],
  ['ota_ws_commit_image', 'select_image'],
  ['take_encrypted', 'take_image'],
  ['finish_filters', 'take_image'],
  ['ota_ws_pipeline_write', 'ota_ws_pipeline_take'],
  ['ota_ws_pipeline_write', 'take_patch'],
  ['ota_ws_writer_perform', 'begin'],
  ['ota_ws_writer_perform', 'chunk'],
  ['ota_ws_writer_perform', 'finish'],
  ['ota_ws_writer_perform', 'abort_update'],
  ['ota_ws_writer_perform', 'confirm'],
  ['ota_ws_writer_perform', 'roll_back'],
  ['ota_ws_writer_perform', 'deactivate'],
  ['ota_ws_writer_perform', 'select_again'],
];

const bare = (name) => name.replace(/^.*:/, '').replace(/\.(isra|part|constprop|cold)[.\d]*$/g, '');

/** Function -> bytes of its frame, and whom it calls, from gcc's .ci files. */
function readGraph(dir) {
  const frames = new Map();
  const calls = new Map();
  for (const file of fs.readdirSync(dir).filter((name) => name.endsWith('.ci'))) {
    const text = fs.readFileSync(path.join(dir, file), 'utf8');
    for (const [, title, bytes] of text.matchAll(/node: \{ title: "([^"]+)" label: "[^"]*\\n(\d+) bytes/g)) {
      frames.set(bare(title), Math.max(Number(bytes), frames.get(bare(title)) ?? 0));
    }
    for (const [, from, to] of text.matchAll(/edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"/g)) {
      calls.set(bare(from), [...(calls.get(bare(from)) ?? []), bare(to)]);
    }
  }
  for (const [from, to] of indirect) calls.set(from, [...(calls.get(from) ?? []), to]);
  return { frames, calls };
}

function deepest({ frames, calls }, name, above = new Set()) {
  if (above.has(name)) return { bytes: 0, path: [] };
  const below = new Set([...above, name]);
  let worst = { bytes: 0, path: [] };
  for (const callee of new Set(calls.get(name) ?? [])) {
    const found = deepest({ frames, calls }, callee, below);
    if (found.bytes > worst.bytes) worst = found;
  }
  return { bytes: (frames.get(name) ?? 0) + worst.bytes, path: [name, ...worst.path] };
}

export function measureSize() {
  const dir = freshPath('.size');
  fs.mkdirSync(dir, { recursive: true });
  const objects = fs.readdirSync(path.join(root, 'src'), { recursive: true }).filter((name) => name.endsWith('.c') && !name.endsWith('/sentence.c')).map((name) => {
    const object = path.join(dir, path.basename(name).replace(/c$/, 'o'));
    execFileSync(`${prefix}gcc`, [...flags, `-I${path.join(root, 'src')}`, '-fcallgraph-info=su', '-c', path.join(root, 'src', name), '-o', object]);
    return object;
  });
  const total = execFileSync(`${prefix}size`, ['-t', ...objects], { encoding: 'utf8' }).trim().split('\n').at(-1).trim().split(/\s+/).map(Number);
  const probe = path.join(dir, 'probe.c');
  fs.writeFileSync(probe, `#include "session/device.h"\n#include "session/session.h"\n${structs.map((name) => `char size_of_${name}[sizeof(${name})];`).join('\n')}\n`);
  execFileSync(`${prefix}gcc`, [...flags, `-I${path.join(root, 'src')}`, '-c', probe, '-o', `${probe}.o`]);
  const sizes = execFileSync(`${prefix}nm`, ['-S', `${probe}.o`], { encoding: 'utf8' });
  const heap = Object.fromEntries(structs.map((name) => [name, parseInt(new RegExp(`^\\w+ (\\w+) . size_of_${name}$`, 'm').exec(sizes)[1], 16)]));
  const graph = readGraph(dir);
  return {
    text: total[0],
    data: total[1],
    bss: total[2],
    heap,
    writer_stack: [deepest(graph, 'ota_ws_writer_perform'), deepest(graph, 'ota_ws_writer_feed')].sort((a, b) => b.bytes - a.bytes)[0],
    idle_stack: deepest(graph, 'ota_ws_writer_idle'),
  };
}
