// SPDX-License-Identifier: Apache-2.0
// One update over one link, measured at the client's end of the link: spawns device, link and client, gives what the
// link has seen. BUILD_DIR names the build directory of bench/.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
export const isQuick = process.env.QUICK === '1';
/** Where the results go: only a full run is worth keeping. */
export const outDir = path.join(root, isQuick ? 'build/bench/quick' : 'docs/bench');
/** npm packages: those of the tests. */
export const packages = createRequire(path.join(root, 'test/package.json'));
const build = path.resolve(process.env.BUILD_DIR ?? path.join(root, 'build/bench'));
export const tools = {
  link: path.join(build, 'link'),
  reference: path.join(build, 'reference'),
  work: path.join(build, 'work'),
  device: path.join(build, 'host/ota-ws-device'),
  cli: path.join(build, 'host/cli/ota-ws'),
  image: path.join(build, 'host/test/ota-ws-image'),
};

export const workDir = fs.mkdtempSync(path.join(os.tmpdir(), 'ota-ws-bench-'));
process.on('exit', () => fs.rmSync(workDir, { recursive: true, force: true }));
let fileCount = 0;
export const freshPath = (suffix) => path.join(workDir, `${++fileCount}${suffix}`);

// Other programs on this machine must not be measured: real-time priority, where that is allowed.
const urgent = spawnSync('chrt', ['-r', '10', 'true']).status === 0 ? ['chrt', '-r', '10'] : [];
export const isUrgent = urgent.length > 0;

/** What runs in the background; `line(pattern)` waits for a line of its output. */
export class Program {
  constructor(file, args) {
    this.lines = [];
    this.waiting = [];
    const [first, ...rest] = [...urgent, file, ...args];
    this.process = spawn(first, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.exited = once(this.process, 'close').then(([code]) => {
      this.code = code;
      this.wake();
    });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      readline.createInterface({ input: stream }).on('line', (line) => {
        this.lines.push(line);
        this.wake();
      });
    }
  }

  wake() {
    for (const wake of this.waiting.splice(0)) wake();
  }

  async line(pattern) {
    for (;;) {
      const found = this.lines.find((line) => pattern.test(line));
      if (found !== undefined) return pattern.exec(found);
      if (this.code !== undefined) throw new Error(`${this.process.spawnargs.join(' ')} ended with ${this.code}:\n${this.lines.join('\n')}`);
      await new Promise((resolve) => this.waiting.push(resolve));
    }
  }

  async stop(signal = 'SIGTERM') {
    if (this.code === undefined) this.process.kill(signal);
    await this.exited;
  }
}

export async function startLink(port, { rtt = 0, window = 0, rate = 0, loss = 0 } = {}) {
  const link = new Program(tools.link, ['--to', port, '--rtt', rtt, '--window', window, '--rate', rate, '--loss', loss].map(String));
  link.port = Number((await link.line(/"listening","port":(\d+)/))[1]);
  return link;
}

/** The link's word on the one update that went through it. */
export async function updateOf(link) {
  const [line] = await link.line(/.*"type":"update".*/);
  return JSON.parse(line);
}

/**
 * A device that runs `base`. `holds`: the image in its other slot, that a push is to replace; none: the slot is blank.
 * `programs`: the build that runs, ours or an earlier commit's (bench/earlier.js).
 */
export async function startDevice({ base, holds, timing = 'w25q32jv', options = [], programs = tools }) {
  const flash = freshPath('.flash');
  const settings = { flash, options, programs };
  if (holds === undefined) return runDevice({ ...settings, base, timing });
  const device = await runDevice({ ...settings, base, timing: 'none' });
  const address = `127.0.0.1:${device.port}`;
  await runCli(['push', '--no-restart', '--allow-downgrade', holds, address], programs);
  await runCli(['cancel', address], programs);
  await device.stop();
  return runDevice({ ...settings, timing });
}

async function runDevice({ flash, base, timing, options, programs }) {
  const image = base === undefined ? [] : ['--image', base];
  const device = new Program(programs.device, ['--flash', flash, ...image, '--any-project', '--unprotected', '--port', '0', '--timing', timing, '--boot-time', '50', ...options]);
  device.port = Number((await device.line(/page: http:\/\/[^:]+:(\d+)/))[1]);
  device.flash = flash;
  return device;
}

export async function runCli(args, programs = tools) {
  const cli = new Program(programs.cli, args.map(String));
  await cli.exited;
  if (cli.code !== 0) throw new Error(`ota-ws ${args.join(' ')} ended with ${cli.code}:\n${cli.lines.join('\n')}`);
  return cli.lines;
}

/** The device has looked at all of its slot. */
async function untilPrepared(device) {
  for (;;) {
    const [line] = await runCli(['info', '--json', `127.0.0.1:${device.port}`]);
    if (JSON.parse(line).other_image === 'blank') return;
    await new Promise((done) => setTimeout(done, 500));
  }
}

/** Ours, once. `compress`: always or never. `prepares`: into a prepared slot. */
export async function measureOurs({ base, holds, image, link: settings, compress = 'never', options = [], programs, prepares = false }) {
  const device = await startDevice({ base, holds, options: prepares ? [...options, '--prepare'] : options, programs });
  if (prepares) await untilPrepared(device);
  const link = await startLink(device.port, settings);
  try {
    await runCli(['push', '--no-restart', '--compress', compress, image, `127.0.0.1:${link.port}`], programs);
    return await updateOf(link);
  } finally {
    await link.stop();
    await device.stop();
  }
}

/** `how` as bench/reference.c knows it. */
export async function measureReference({ how, image, link: settings, timing = 'w25q32jv' }) {
  const device = new Program(tools.reference, ['serve', how, timing]);
  const port = Number((await device.line(/"port":(\d+)/))[1]);
  const link = await startLink(port, settings);
  try {
    const client = new Program(tools.reference, ['send', how, image, String(link.port)]);
    await client.exited;
    if (client.code !== 0) throw new Error(client.lines.join('\n'));
    return await updateOf(link);
  } finally {
    await link.stop();
    await device.stop();
  }
}

export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length % 2 ? sorted[(sorted.length - 1) / 2] : (sorted[sorted.length / 2 - 1] + sorted[sorted.length / 2]) / 2;
};
