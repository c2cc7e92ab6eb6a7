// SPDX-License-Identifier: Apache-2.0
// Instructions of the core for each byte of an image, counted by callgrind: those of functions in src/, and what they
// call outside (the hash, memcpy and memcmp) beside them; and calls of functions in src/ that the session's thread makes
// for one frame.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { freshPath, tools } from './measure.js';

/** `patch`: the same for an image that is sent as a patch. */
export function measureWork() {
  return { ...countWork(), patch: countWork('patch') };
}

function countWork(...words) {
  const out = freshPath('.callgrind');
  const around = ['--collect-atstart=no', '--toggle-collect=measured', `--callgrind-out-file=${out}`];
  const size = Number(execFileSync('valgrind', ['-q', '--tool=callgrind', ...around, tools.work, ...words], { encoding: 'utf8' }));
  const list = execFileSync('callgrind_annotate', ['--threshold=100', '--show-percs=no', '--auto=no', out], { encoding: 'utf8', maxBuffer: 1 << 26 });
  const sums = new Map();
  let core = 0;
  for (const line of list.split('\n')) {
    const found = /^\s*([\d,]+)\s+((?:\S*\/)?src\/((?:\w+\/)*\w+\.[ch])):(\w+)/.exec(line);
    if (!found) continue;
    const count = Number(found[1].replaceAll(',', ''));
    core += count;
    sums.set(found[3], (sums.get(found[3]) ?? 0) + count);
  }
  if (core === 0) throw new Error('callgrind has seen nothing of src/');
  const files = [...sums].map(([name, count]) => ({ name, per_byte: count / size })).sort((a, b) => b.per_byte - a.per_byte);
  return { size, per_byte: core / size, files: files.slice(0, 8) };
}

/** Adds the calls of functions in src/ that one dump of callgrind holds to `calls`. */
function addCalls(dump, calls) {
  const names = new Map(); // each name stands there once, then its number: files and functions count apart
  const nameOf = (kind, text) => {
    const [, number, name] = /^\((\d+)\)(?: (.*))?$/.exec(text);
    if (name !== undefined) names.set(kind + number, name);
    return names.get(kind + number);
  };
  let file, callee, calleeFile;
  for (const line of dump.split('\n')) {
    const [, what, value] = /^(fl|fi|fe|fn|cfi|cfl|cfn|calls)=(.*)$/.exec(line) ?? [];
    if (what === 'fn') nameOf('function', value);
    else if (what === 'cfn') callee = nameOf('function', value);
    else if (what === 'cfi' || what === 'cfl') calleeFile = nameOf('file', value);
    else if (what === 'fl') calleeFile = file = nameOf('file', value);
    else if (what === 'fi' || what === 'fe') nameOf('file', value);
    else if (what === 'calls') {
      if (/\/src\/(\w+\/)*\w+\.[ch]$/.test(calleeFile)) calls.set(callee, (calls.get(callee) ?? 0) + Number(value.split(' ')[0]));
      calleeFile = file;
    }
  }
}

/** Calls of functions in src/ that the session's thread makes for one acknowledged frame of 4 KiB, the most called first. */
export function measureCalls() {
  const out = freshPath('.callgrind');
  const around = ['--zero-before=session_side', '--dump-after=session_side', `--callgrind-out-file=${out}`];
  const frames = Number(execFileSync('valgrind', ['-q', '--tool=callgrind', ...around, tools.work, 'frames'], { encoding: 'utf8' }));
  const calls = new Map();
  for (let frame = 1; frame <= frames; frame++) addCalls(fs.readFileSync(`${out}.${frame}`, 'utf8'), calls);
  const sum = [...calls.values()].reduce((a, b) => a + b, 0);
  const most = [...calls].sort((a, b) => b[1] - a[1]).map(([name, count]) => ({ name, calls: count / frames }));
  return { calls: sum / frames, most: most.slice(0, 60) };
}
