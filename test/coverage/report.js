// SPDX-License-Identifier: Apache-2.0
// Reads what llvm-cov exported: a table of src/, each branch that was not taken, and a verdict. Fails below the aims, when
// a branch that was not taken is not in accepted.txt, and when an entry of accepted.txt is stale.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const AIM = 95; // percent of all branches of src/
const WHOLE = ['image.c', 'session.c', 'slot.c']; // 100 % here
const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');

function percent(covered, count) {
  return count === 0 ? '-' : `${((100 * covered) / count).toFixed(2)} %`;
}

function textOf(lines, [line, column, lastLine, lastColumn]) {
  const text = lines.slice(line - 1, lastLine);
  text[text.length - 1] = text.at(-1).slice(0, lastColumn - 1);
  text[0] = text[0].slice(column - 1);
  return text.join(' ').replace(/\s+/g, ' ');
}

/** Of each function its name and the lines from the first to the last. */
function functionsOf(data) {
  return data.functions.map(({ name, filenames, regions }) => {
    const own = regions.filter((region) => region[5] === 0); // the others lie where macros are defined
    return {
      name: name.split(':').at(-1),
      file: filenames[0],
      first: Math.min(...own.map((region) => region[0])),
      last: Math.max(...own.map((region) => region[2])),
    };
  });
}

/** [{ file, line, where, never, text }] */
function missedBranches({ filename, branches }, functions) {
  const lines = fs.readFileSync(filename, 'utf8').split('\n');
  const missed = [];
  for (const branch of branches) {
    const [line, , , , timesTrue, timesFalse] = branch;
    const where = functions.find(({ file, first, last }) => file === filename && first <= line && line <= last)?.name;
    const found = { file: path.basename(filename), line, where, text: textOf(lines, branch) };
    if (timesTrue === 0) missed.push({ ...found, never: 'true' });
    if (timesFalse === 0) missed.push({ ...found, never: 'false' });
  }
  return missed;
}

/** Entries of accepted.txt: "file function never true|false: condition -- reason". */
function readAccepted() {
  const lines = fs.readFileSync(path.join(root, 'test/coverage/accepted.txt'), 'utf8').split('\n');
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [key, reason] = line.split(' -- ');
      if (!reason) throw new Error(`accepted.txt: no reason: ${line}`);
      return { key, used: false };
    });
}

const [data] = JSON.parse(fs.readFileSync(process.argv[2], 'utf8')).data;
const functions = functionsOf(data);
const files = data.files.filter(({ filename }) => filename.startsWith(path.join(root, 'src/')));
const accepted = readAccepted();
const missed = files.flatMap((file) => missedBranches(file, functions));
const problems = [];

console.log(`${'file'.padEnd(14)}${'lines'.padStart(7)}${''.padStart(11)}${'branches'.padStart(10)}`);
const sum = { lines: { count: 0, covered: 0 }, branches: { count: 0, covered: 0 } };
for (const { filename, summary } of files.filter(({ summary: { lines } }) => lines.count > 0)) {
  const name = path.basename(filename);
  const { lines, branches } = summary;
  for (const kind of ['lines', 'branches']) {
    sum[kind].count += summary[kind].count;
    sum[kind].covered += summary[kind].covered;
  }
  printRow(name, lines, branches);
  if (WHOLE.includes(name) && branches.covered < branches.count) problems.push(`${name}: not every branch is taken`);
}
printRow('src/', sum.lines, sum.branches);

function printRow(name, lines, branches) {
  const columns = [lines.count, percent(lines.covered, lines.count), branches.count, percent(branches.covered, branches.count)];
  console.log(name.padEnd(14) + columns.map((text, i) => String(text).padStart([7, 11, 10, 11][i])).join(''));
}

console.log(`\nbranches not taken: ${missed.length}`);
for (const { file, line, where, never, text } of missed) {
  const key = `${file} ${where} never ${never}: ${text}`;
  const entry = accepted.find((one) => one.key === key);
  if (entry) entry.used = true;
  else problems.push(`src/${file}:${line}: not in accepted.txt: ${key}`);
  console.log(`src/${file}:${line}: ${where}() never ${never}: ${text}`);
}
if (sum.branches.covered * 100 < AIM * sum.branches.count) problems.push(`less than ${AIM} % of all branches`);
for (const entry of accepted.filter(({ used }) => !used)) problems.push(`accepted.txt is stale: ${entry.key}`);
console.log(problems.length > 0 ? `\n${problems.join('\n')}` : '\nthe aims are met, and each branch not taken is accepted with its reason');
process.exitCode = problems.length > 0 ? 1 : 0;
