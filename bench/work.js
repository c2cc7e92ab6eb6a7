// SPDX-License-Identifier: Apache-2.0
// Instructions of the core for each byte of an image, counted by callgrind: those of functions in src/, and what they
// call outside (the hash, memcpy and memcmp) beside them.
import { execFileSync } from 'node:child_process';
import { freshPath, tools } from './measure.js';

export function measureWork() {
  const out = freshPath('.callgrind');
  const size = Number(
    execFileSync('valgrind', ['-q', '--tool=callgrind', '--collect-atstart=no', '--toggle-collect=measured', `--callgrind-out-file=${out}`, tools.work], {
      encoding: 'utf8',
    }),
  );
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
