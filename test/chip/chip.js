// SPDX-License-Identifier: Apache-2.0
// An emulated chip with real firmware: QEMU as a process, its flash as a file, its console as text. What run.sh has built
// is named by CHIP_IMAGES (1.0.0.bin, 2.0.0.bin, flash.bin).
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';

import { Client, freshPath, until } from '../e2e/harness.js';

const images = process.env.CHIP_IMAGES;
export const oldImage = fs.readFileSync(path.join(images, '1.0.0.bin'));
export const newImage = fs.readFileSync(path.join(images, '2.0.0.bin'));
export const newImagePath = path.join(images, '2.0.0.bin');
const GIVE_UP_MS = 180_000;

// A new chip: revision 0.3, MAC address 02:00:00:c3:00:01.
function writeEfuses(file) {
  const bytes = Buffer.alloc(1024);
  bytes.set([0x01, 0x00, 0xc3, 0x00, 0x00, 0x02], 0x18);
  bytes[0x26] = 0x0c;
  fs.writeFileSync(file, bytes);
}

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

export class Chip {
  /** A new one, or one that goes on with `flash`. */
  static async start({ flash } = {}) {
    const chip = new Chip();
    chip.flash = flash ?? freshPath('.flash');
    if (flash === undefined) {
      fs.copyFileSync(path.join(images, 'flash.bin'), chip.flash);
    }
    await chip.powerOn();
    return chip;
  }

  console = freshPath('.console');

  /** All that the console has said, over all starts. */
  get log() {
    return fs.existsSync(this.console) ? fs.readFileSync(this.console, 'latin1') : '';
  }

  async powerOn() {
    const efuses = freshPath('.efuse');
    const before = this.starts;
    this.port = await freePort();
    writeEfuses(efuses);
    const args = [
      ...(process.env.CHIP_QEMU_ARGS ?? '').split(' ').filter(Boolean),
      // Time by instructions: a machine that is busy otherwise would set off the chip's watchdogs.
      '-icount', process.env.CHIP_ICOUNT ?? 'shift=3,align=off,sleep=on',
      '-M', 'esp32c3', '-display', 'none', '-monitor', 'none',
      '-chardev', `file,id=console,path=${this.console},append=on`, '-serial', 'chardev:console',
      '-drive', `file=${this.flash},if=mtd,format=raw`,
      '-drive', `file=${efuses},if=none,format=raw,id=efuse`,
      '-global', 'driver=nvram.esp32c3.efuse,property=drive,value=efuse',
      '-nic', `user,model=open_eth,restrict=on,hostfwd=tcp:127.0.0.1:${this.port}-:80`,
    ];
    this.process = spawn('qemu-system-riscv32', args, { stdio: ['ignore', 'inherit', 'inherit'] });
    this.exited = once(this.process, 'close');
    await this.started(before);
  }

  /** As a power cut. */
  async powerOff() {
    this.process.kill('SIGKILL');
    await this.exited;
  }

  get starts() {
    return this.log.split('chip: ready').length - 1;
  }

  /** Waits for a start after that many. */
  started(before) {
    return until(() => this.starts > before, 'the start', GIVE_UP_MS);
  }

  get crashed() {
    return /Guru Meditation|abort\(\) was called|Stack canary|assert failed|Task watchdog/.test(this.log);
  }

  get url() {
    return new URL(`http://127.0.0.1:${this.port}/ota`);
  }

  get page() {
    return this.url.href;
  }

  get pairingCode() {
    return this.log.match(/Pairing code: [A-Z0-9-]{14}/g)?.at(-1).slice(-14);
  }

  async get(target, { method = 'GET', body, headers = {} } = {}) {
    const options = { method, hostname: '127.0.0.1', port: this.port, path: target, agent: false, headers };
    const request = http.request(options);
    request.end(body);
    const [response] = await once(request, 'response');
    const chunks = await response.toArray();
    return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) };
  }

  async info() {
    return JSON.parse((await this.get('/info')).body);
  }

  connect() {
    return Client.connect(this);
  }

  /** What runs, as a client is told. */
  async state() {
    const client = await this.connect();
    client.terminate();
    return client.firstState;
  }
}

/** Runs `body` with a chip that must not crash. */
export async function withChip(body) {
  const chip = await Chip.start();
  try {
    await body(chip);
    assert.ok(!chip.crashed, 'it has crashed');
  } catch (error) {
    error.message += `\n--- console\n${chip.log.slice(-6000)}`;
    throw error;
  } finally {
    await chip.powerOff();
  }
}

/** The request that failed, by its name. A chip sends no sentences. */
export async function fails(client, name) {
  assert.equal((await client.next('failed')).name, name);
}

export async function ends(client, name) {
  const message = await until(() => client.messages.find(({ type }) => type === 'error') ?? client.closed, `error ${name}`);
  assert.notEqual(message, true, `closed without error ${name}`);
  assert.equal(message.name, name);
}

/** Uploads and restarts into it. */
export async function install(chip, bytes) {
  const client = await chip.connect();
  const answer = await client.update(bytes, { allow_downgrade: true });
  assert.equal(answer.type, 'done', answer.name);
  const before = chip.starts;
  client.say({ type: 'restart' });
  await client.next('restarting');
  await chip.started(before);
}

/** On trial: `confirm`, or `rollback`. */
export async function decide(chip, type) {
  const before = chip.starts;
  const client = await chip.connect();
  client.say({ type });
  if (type === 'confirm') {
    const state = await client.next('state');
    client.terminate();
    return state;
  }
  await client.next('restarting');
  await chip.started(before);
  return chip.state();
}
