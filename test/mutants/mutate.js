// SPDX-License-Identifier: Apache-2.0
// Do the unit tests notice a mistake? Makes mutants of src/ (mutations.js), one at a time, and runs the unit tests that
// execute the changed line, until one fails, crashes or does not end. The core is a shared library: a mutant costs one
// compilation and one link. A mutant whose machine code is that of the original or of an earlier one is none.
//
//   node test/mutants/mutate.js [COUNT=400] [SEED=1] [FILE=slot.c] [PRINT=1]
//
// COUNT mutants of all of src/ are drawn by SEED; FILE takes all of one file. Tests that need more than 6 s are not asked:
// they would notice more, and a mutant that survives would cost a minute. equivalent.txt lists those that behave as the
// original does, each with its reason. Fails when less than 90 % of the others are killed, or when an entry is stale.
import { execFileSync, spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { mutantsOf } from './mutations.js';

const AIM = 90; // percent
const LONGEST_S = 6;
const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');
const build = path.join(root, 'build/mutants');
const covered = path.join(root, 'build/coverage');
const settings = { COUNT: '400', SEED: '1', FILE: '', PRINT: '', ...Object.fromEntries(process.argv.slice(2).map((text) => text.split('='))) };

// ---- the mutants

function random(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) % below;
  };
}

function shuffle(list, seed) {
  const next = random(seed);
  for (let i = list.length - 1; i > 0; i--) {
    const j = next(i + 1);
    [list[i], list[j]] = [list[j], list[i]];
  }
  return list;
}

function allMutants() {
  const sources = fs.readdirSync(path.join(root, 'src'), { recursive: true }).filter((name) => name.endsWith('.c'));
  return sources.flatMap((source) => mutantsOf(fs.readFileSync(path.join(root, 'src', source), 'utf8')).map((mutant) => ({ ...mutant, file: path.basename(source) })));
}

const keyOf = ({ file, place, before, after }) => `${file} ${place}: ${before} => ${after}`;

/** Map from key to reason. A line of the list: "file function: before => after -- reason". */
function readEquivalent() {
  const lines = fs.readFileSync(path.join(root, 'test/mutants/equivalent.txt'), 'utf8').split('\n');
  return new Map(lines.filter((line) => line !== '' && !line.startsWith('#')).map((line) => {
    const at = line.lastIndexOf(' -- ');
    if (at < 0) throw new Error(`equivalent.txt: no reason: ${line}`);
    return [line.slice(0, at), line.slice(at + 4)];
  }));
}

// ---- the build

function prepareBuild() {
  const options = { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] };
  const flags = ['-DCMAKE_C_COMPILER=gcc', '-DSHARED_CORE=ON', '-DCMAKE_BUILD_TYPE=None', '-DCMAKE_C_FLAGS=-O2'];
  execFileSync('cmake', ['-S', 'host', '-B', build, ...flags, '-DCMAKE_EXPORT_COMPILE_COMMANDS=ON'], options);
  execFileSync('cmake', ['--build', build, '-j', String(os.cpus().length)], options);
  const commands = JSON.parse(fs.readFileSync(path.join(build, 'compile_commands.json'), 'utf8'));
  return new Map(
    commands.filter(({ file }) => file.startsWith(path.join(root, 'src/'))).map(({ file, command, directory }) => {
      const words = command.split(' ');
      const object = path.join(directory, words[words.indexOf('-o') + 1]);
      return [path.basename(file), { compiler: words[0], flags: words.slice(1, words.indexOf('-o')), object }];
    }),
  );
}

const digestOf = (file) => crypto.createHash('sha256').update(fs.readFileSync(file)).digest('hex');

/** One place in which mutants are built, one after the other. */
class Bench {
  constructor(number, units) {
    this.folder = path.join(build, `bench-${number}`);
    this.units = units;
    fs.mkdirSync(this.folder, { recursive: true });
  }

  /** The digest of the object, or null when it does not compile. */
  async compile({ file, text }) {
    const { compiler, flags } = this.units.get(file);
    this.object = path.join(this.folder, file.replace(/c$/, 'o'));
    fs.writeFileSync(path.join(this.folder, file), text);
    const code = await run(compiler, [...flags, '-w', '-o', this.object, '-c', path.join(this.folder, file)], {});
    return code === 0 ? digestOf(this.object) : null;
  }

  async link({ file }) {
    const others = [...this.units].filter(([name]) => name !== file).map(([, { object }]) => object);
    const code = await run('gcc', ['-shared', '-o', path.join(this.folder, 'libota_ws_core.so'), this.object, ...others], {});
    if (code !== 0) throw new Error(`${file} does not link`);
  }

  /** Does the test fail, crash, or need more time than it ever should? */
  async fails(test) {
    const script = 'ulimit -c 0; ulimit -t "$1"; exec "$0"';
    const env = { ...process.env, LD_LIBRARY_PATH: this.folder };
    const code = await run('bash', ['-c', script, test.program, String(test.limit_s)], { env, timeout_s: 30 + 10 * test.limit_s });
    return code !== 0;
  }
}

/** The exit code; -1 when a signal has ended it. */
function run(command, words, { env, timeout_s = 300 }) {
  return new Promise((resolve) => {
    const child = spawn(command, words, { cwd: root, stdio: 'ignore', env: env ?? process.env, detached: true });
    const timer = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), timeout_s * 1000);
    child.on('exit', (code) => {
      clearTimeout(timer);
      resolve(code ?? -1);
    });
  });
}

// ---- the tests

/** Map from file to the set of its lines that this test executes. */
function linesOf(name) {
  const profiles = fs.readdirSync(path.join(covered, 'profiles')).filter((file) => file.startsWith(`${name}.`));
  const data = path.join(build, `${name}.profdata`);
  execFileSync('llvm-profdata', ['merge', '-sparse', ...profiles.map((file) => path.join(covered, 'profiles', file)), '-o', data]);
  const report = execFileSync('llvm-cov', ['export', '-format=lcov', path.join(covered, 'libota_ws_core.so'), '-instr-profile', data], {
    maxBuffer: 1 << 28,
    encoding: 'utf8',
  });
  const files = new Map();
  let current;
  for (const line of report.split('\n')) {
    const [, kind, rest] = /^(SF|DA):(.*)$/.exec(line) ?? [];
    if (kind === 'SF') files.set(path.basename(rest), (current = { known: new Set(), run: new Set() }));
    if (kind === 'DA') {
      const [number, count] = rest.split(',').map(Number);
      current.known.add(number);
      if (count > 0) current.run.add(number);
    }
  }
  return files;
}

/** Seconds of CPU that the program needs. */
function secondsOf(program) {
  const script = 'TIMEFORMAT="%U %S"; { time "$0" >/dev/null 2>&1; } 2>&1 || exit 1';
  const text = execFileSync('bash', ['-c', script, program], { cwd: root, encoding: 'utf8' });
  return text.trim().split(' ').reduce((sum, word) => sum + Number(word), 0);
}

function prepareTests() {
  const folder = path.join(build, 'test');
  const names = fs.readdirSync(folder).filter((name) => name.startsWith('test_') && fs.statSync(path.join(folder, name)).isFile());
  const tests = [];
  for (const name of names) {
    const program = path.join(folder, name);
    const seconds = secondsOf(program); // throws when the test fails without any mutant
    if (seconds > LONGEST_S) console.log(`not asked: ${name}, ${seconds.toFixed(1)} s`);
    else tests.push({ name, program, seconds, limit_s: Math.ceil(1 + 3 * seconds), lines: linesOf(name), kills: new Map() });
  }
  return tests;
}

/** The tests that may notice, those first that have killed most in this file for the time they take. */
function testsOf(tests, { file, line }) {
  const promise = ({ kills, seconds }) => (1 + (kills.get(file) ?? 0)) / (0.02 + seconds);
  return tests
    .filter(({ lines }) => {
      const { known, run: executed } = lines.get(file) ?? { known: new Set(), run: new Set() };
      return known.has(line) ? executed.has(line) : executed.size > 0; // a table's line is nobody's in particular
    })
    .sort((a, b) => promise(b) - promise(a));
}

async function killerOf(bench, tests, mutant) {
  await bench.link(mutant);
  for (const test of testsOf(tests, mutant)) {
    if (await bench.fails(test)) {
      test.kills.set(mutant.file, (test.kills.get(mutant.file) ?? 0) + 1);
      return test.name;
    }
  }
  return null;
}

// ---- all of it

const units = prepareBuild();
const everything = allMutants();
const equivalent = readEquivalent();
const stale = [...equivalent.keys()].filter((key) => everything.filter((mutant) => keyOf(mutant) === key).length !== 1);
const queue = settings.FILE ? everything.filter(({ file }) => file === settings.FILE) : shuffle([...everything], Number(settings.SEED));
const wanted = settings.FILE ? queue.length : Number(settings.COUNT);
const tests = prepareTests();
const seen = new Set([...units.values()].map(({ object }) => digestOf(object)));
const count = { tried: 0, killed: 0, equivalent: 0, same: 0, invalid: 0 };
const survivors = [];

async function work(number) {
  const bench = new Bench(number, units);
  while (queue.length > 0 && count.tried < wanted) {
    const mutant = queue.shift();
    const digest = await bench.compile(mutant);
    if (digest === null || seen.has(digest)) {
      count[digest === null ? 'invalid' : 'same']++;
      continue;
    }
    if (count.tried >= wanted) return;
    seen.add(digest);
    count.tried++;
    const killer = await killerOf(bench, tests, mutant);
    if (settings.PRINT) console.log(`${killer ?? 'SURVIVES'}  src/${mutant.file}:${mutant.line}: ${mutant.before} => ${mutant.after}`);
    if (killer) count.killed++;
    else if (equivalent.has(keyOf(mutant))) count.equivalent++;
    else survivors.push(mutant);
  }
}

await Promise.all(os.cpus().map((_, number) => work(number)));
const percent = (part, whole) => `${part} of ${whole}, ${((100 * part) / whole).toFixed(1)} %`;
for (const { file, line, before, after } of survivors.sort((a, b) => a.file.localeCompare(b.file) || a.line - b.line)) {
  console.log(`src/${file}:${line} survives:\n  - ${before}\n  + ${after}`);
}
for (const key of stale) console.log(`equivalent.txt: no mutant, or more than one, is ${key}`);
console.log(`mutants: ${count.tried} of ${everything.length}; beside them ${count.same} with the machine code of another, ${count.invalid} that do not compile`);
console.log(`killed: ${percent(count.killed, count.tried)}`);
console.log(`without ${count.equivalent} that are listed as equivalent: ${percent(count.killed, count.tried - count.equivalent)}`);
process.exitCode = stale.length > 0 || count.killed * 100 < AIM * (count.tried - count.equivalent) ? 1 : 0;
