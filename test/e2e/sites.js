// SPDX-License-Identifier: Apache-2.0
// A hub and leaves (real nats-server, with the files of docs/fleet.md), gateways and controllers as processes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { freePort } from './browsers/processes.js';
import { environment } from './cli_tools.js';
import { Device, freshPath, root, tools, until } from './harness.js';

export const natsProgram = path.join(root, 'build/servers/nats-server'); // test/setup.sh puts it there

/** The configuration files in docs/fleet.md: `{ hub, leaf, closed }` */
export function documentedFiles() {
  const text = fs.readFileSync(path.join(root, 'docs/fleet.md'), 'utf8');
  const files = [...text.matchAll(/```conf\n([^]*?)```/g)].map(([, file]) => file);
  const of = (words) => files.find((file) => file.startsWith(`# /etc/nats-server.conf of the ${words}\n`));
  return { hub: of('hub'), leaf: of('leaf of the site north'), closed: of('hub, with TLS and users') };
}

/** One nats-server. Only ports, folder, address and the site's name of the documented file are replaced. */
export class Server {
  constructor(text, ports, site = 'hub') {
    this.port = ports.client;
    this.url = `nats://127.0.0.1:${ports.client}`;
    this.store = freshPath('.nats');
    this.config = freshPath('.conf');
    const mine = text
      .replace('port: 4222', `port: ${ports.client}`)
      .replace('port: 7422', `host: 127.0.0.1\n    port: ${ports.leaf}`)
      .replace('0.0.0.0', '127.0.0.1')
      .replace('hub.example:7422', `127.0.0.1:${ports.leaf}`)
      .replace('/var/lib/nats', this.store)
      .replaceAll('north', site);
    fs.writeFileSync(this.config, mine);
  }

  async start() {
    this.log = '';
    this.process = spawn(natsProgram, ['-c', this.config], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.process.stderr.on('data', (text) => (this.log += text));
    this.exited = once(this.process, 'close');
    await until(() => /Server is ready/.test(this.log) || this.process.exitCode !== null, 'nats-server');
    return this;
  }

  /** Publishes one message, as any client may. */
  async publish(subject, bytes) {
    const socket = net.connect(this.port, '127.0.0.1');
    socket.write('CONNECT {"verbose":false}\r\n');
    socket.write(Buffer.concat([Buffer.from(`PUB ${subject} ${bytes.length}\r\n`), bytes, Buffer.from('\r\nPING\r\n')]));
    let said = '';
    socket.on('data', (text) => (said += text));
    await until(() => said.includes('PONG'), 'the server');
    socket.end();
  }

  async kill(signal = 'SIGKILL') {
    this.process.kill(signal);
    await this.exited;
  }
}

/** A command of ota-ws that goes on: its JSON lines as they come. */
export class Command {
  constructor(args, { cwd, env = {} } = {}) {
    this.text = '';
    this.errors = '';
    this.process = spawn(tools.cli, args, { cwd, env: environment(env) });
    this.process.stdout.on('data', (text) => (this.text += text));
    this.process.stderr.on('data', (text) => (this.errors += text));
    this.ended = once(this.process, 'close').then(([code, signal]) => {
      this.code = code;
      this.signal = signal;
      return code;
    });
  }

  get lines() {
    return this.text.split('\n').slice(0, -1).map((line) => JSON.parse(line));
  }

  sees(wanted, what) {
    return until(() => this.lines.find(wanted) ?? (this.signal !== undefined && 'ended'), what);
  }

  get peakKb() {
    try {
      return Number(/VmHWM:\s+(\d+)/.exec(fs.readFileSync(`/proc/${this.process.pid}/status`, 'utf8'))?.[1] ?? 0);
    } catch {
      return 0; // it has ended
    }
  }

  async kill(signal = 'SIGKILL') {
    this.process.kill(signal);
    await this.ended;
  }
}

/** Hub, leaves, gateways. `lease` in seconds: short, for tests wait for it. */
export class Sites {
  static async start(names, { lease = 3, folder } = {}) {
    const sites = new Sites();
    const files = documentedFiles();
    const leaf = await freePort();
    Object.assign(sites, { names, lease, folder, servers: {}, gateways: [], all: [] });
    sites.servers.hub = await new Server(files.hub, { client: await freePort(), leaf }).start();
    for (const name of names.filter((each) => each !== 'hub')) {
      sites.servers[name] = await new Server(files.leaf, { client: await freePort(), leaf }, name).start();
    }
    return sites;
  }

  get hub() {
    return this.servers.hub.url;
  }

  command(args, url) {
    const command = new Command([...args, '--nats', url, '--json'], { cwd: this.folder });
    this.all.push(command);
    return command;
  }

  gateway(site) {
    const gateway = this.command(['fleet', 'gateway', '--site', site, '--lease', String(this.lease)], this.servers[site].url);
    gateway.site = site;
    this.gateways.push(gateway);
    return gateway;
  }

  /** `rest` may ask for a dashboard; several tests on one machine would want the same port. */
  serve(plan, ...rest) {
    const dashboard = rest.some((option) => option.startsWith('--dashboard')) ? [] : ['--dashboard=0'];
    return this.command(['fleet', 'serve', plan, '--lease', String(this.lease), ...dashboard, ...rest], this.hub);
  }

  async stop() {
    const kill = (process) => process.exitCode === null && process.signalCode === null && process.kill('SIGKILL');
    this.all.forEach((command) => kill(command.process));
    await Promise.all(this.all.map((command) => command.ended));
    Object.values(this.servers).forEach((server) => kill(server.process));
  }
}

/** Devices by their settings, some at a time. */
export async function startDevices(kinds, atOnce = 20) {
  const devices = [];
  for (let at = 0; at < kinds.length; at += atOnce) {
    devices.push(...(await Promise.all(kinds.slice(at, at + atOnce).map((kind) => Device.start(kind)))));
  }
  return devices;
}

/** What a device has on record: updates that began, images that it has got whole, restarts, and sessions that were logged in
 * at the same time. */
export function recordOf(device) {
  const open = new Set();
  let together = 0;
  for (const [, number, what] of device.log.matchAll(/session: (\d+) (logged in|closed)|boot: restart/g)) {
    if (what === 'logged in') {
      open.add(number);
      together = Math.max(together, open.size);
    } else if (what === 'closed') {
      open.delete(number);
    } else {
      open.clear();
    }
  }
  const often = (words) => device.log.split(words).length - 1;
  return { together, updates: often('are announced'), taken: often('is verified and selected'), boots: device.boots };
}
