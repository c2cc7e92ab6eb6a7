// SPDX-License-Identifier: Apache-2.0
// Programs that a browser needs, as children of the test: started, waited for, and ended together with their children.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';

import { GIVE_UP_MS, until } from '../harness.js';

const parentOf = (pid) => {
  try {
    return Number(fs.readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/s, '').split(' ')[2]);
  } catch {
    return undefined; // it has ended in the meantime
  }
};

/** The processes below this one, parents first. */
export function descendants(pid) {
  const all = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const children = new Map();
  for (const name of all) {
    const parent = parentOf(name);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const below = (parent) => (children.get(parent) ?? []).flatMap((child) => [child, ...below(child)]);
  return below(pid);
}

export function signalAll(pids, signal) {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // it has ended in the meantime
    }
  }
}

const running = new Set();
process.on('exit', () => running.forEach((program) => program.kill()));

export class Program {
  /** Starts it; `ready`, when given, is what it prints once it can be used. */
  static async start(file, args, { env = {}, ready } = {}) {
    const program = new Program();
    program.process = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    for (const stream of [program.process.stdout, program.process.stderr]) {
      stream.on('data', (text) => (program.log += text));
    }
    program.process.on('error', (error) => (program.error = error));
    running.add(program);
    if (ready !== undefined) {
      const found = () => ready.exec(program.log) ?? program.hasEnded;
      program.ready = await until(found, `${ready} from ${file}`, GIVE_UP_MS);
      program.assertRuns(file);
    }
    return program;
  }

  log = '';

  get hasEnded() {
    return this.error !== undefined || this.process.exitCode !== null || this.process.signalCode !== null;
  }

  assertRuns(file) {
    if (this.hasEnded) {
      throw new Error(`${file} did not start: ${this.error ?? this.log}`);
    }
  }

  kill() {
    running.delete(this);
    if (this.process.pid !== undefined) {
      signalAll([...descendants(this.process.pid), this.process.pid], 'SIGKILL');
    }
  }

  /** Ends it and all that it has started. */
  async stop() {
    const isOver = this.hasEnded ? undefined : once(this.process, 'close');
    this.kill();
    await isOver;
  }
}

/** A port of 127.0.0.1 that nobody uses. */
export async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
