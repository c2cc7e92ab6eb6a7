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

import { Client, freshPath, readPartitionTable, run, tools, until } from '../e2e/harness.js';

const images = process.env.CHIP_IMAGES;
export const oldImage = fs.readFileSync(path.join(images, '1.0.0.bin'));
export const newImage = fs.readFileSync(path.join(images, '2.0.0.bin'));
export const oldImagePath = path.join(images, '1.0.0.bin');
export const newImagePath = path.join(images, '2.0.0.bin');
export const newElfPath = path.join(images, '2.0.0.elf');

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

// By user-mode networking, which hides what TCP does; or at CHIP_ADDRESS by the tap device CHIP_TAP, behind which somebody
// gives that address by DHCP.
const { CHIP_TAP: tap, CHIP_ADDRESS: address } = process.env;

function networkOf({ port, tlsPort }) {
  const forward = (from, to) => `hostfwd=tcp:127.0.0.1:${from}-:${to}`;
  return tap ? `tap,ifname=${tap},script=no,downscript=no` : `user,restrict=on,${forward(port, 80)},${forward(tlsPort, 443)}`;
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
  host = address ?? '127.0.0.1';

  /** All that the console has said, over all starts. */
  get log() {
    return fs.existsSync(this.console) ? fs.readFileSync(this.console, 'latin1') : '';
  }

  async powerOn() {
    const efuses = freshPath('.efuse');
    const before = this.starts;
    this.port ??= tap ? 80 : await freePort(); // a client finds it again after a power cut
    this.tlsPort ??= tap ? 443 : await freePort();
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
      '-nic', `${networkOf(this)},model=open_eth`,
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
  async started(before) {
    await until(() => this.starts > before || this.process.exitCode !== null, 'the start');
    assert.equal(this.process.exitCode, null, 'the emulator has ended by itself');
  }

  get crashed() {
    return /Guru Meditation|abort\(\) was called|Stack canary|assert failed|Task watchdog/.test(this.log);
  }

  get url() {
    return new URL(`http://${this.host}:${this.port}/ota`);
  }

  /** The same chip by its second server, once that is started. */
  get overTls() {
    return { url: new URL(`https://${this.host}:${this.tlsPort}/ota`), pairingCode: this.pairingCode };
  }

  get page() {
    return this.url.href;
  }

  get pairingCode() {
    return this.log.match(/Pairing code: [A-Z0-9-]{14}/g)?.at(-1).slice(-14);
  }

  async get(target, { method = 'GET', body, headers = {} } = {}) {
    const options = { method, hostname: this.host, port: this.port, path: target, agent: false, headers };
    const request = http.request(options);
    request.end(body);
    const [response] = await once(request, 'response');
    const chunks = await response.toArray();
    return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) };
  }

  async json(target) {
    return JSON.parse((await this.get(target)).body);
  }

  info() {
    return this.json('/info');
  }

  /** Bytes of a partition, as they are in flash. */
  partition(label) {
    const flash = fs.readFileSync(this.flash);
    const { offset, size } = readPartitionTable(flash)[label];
    return flash.subarray(offset, offset + size);
  }

  holds(label, bytes) {
    return this.partition(label).subarray(0, bytes.length).equals(bytes);
  }

  /** What the command line says. */
  cli(command, ...args) {
    const env = { ...process.env, OTA_WS_PASSWORD: this.pairingCode };
    return run(tools.cli, [command, ...args, this.url.host], { env });
  }

  connect() {
    return Client.connect(this);
  }

  /** The running image, as a client sees it. */
  async state() {
    const client = await this.connect();
    client.terminate();
    return client.firstState;
  }
}

/** Runs `body` with a chip that must not crash, unless `crashes`; null: it may. */
export async function withChip(body, { crashes = false } = {}) {
  const chip = await Chip.start();
  try {
    await body(chip);
    assert.equal(chip.crashed, crashes ?? chip.crashed, crashes ? 'it has not crashed' : 'it has crashed');
  } catch (error) {
    error.stack += `\n--- console\n${chip.log.slice(-12_000)}`;
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
