// SPDX-License-Identifier: Apache-2.0
// What the tests of the recovery layout share.
import assert from 'node:assert/strict';
import fs from 'node:fs';

import { Client, freshPath, makeImage, until, withDevice } from './harness.js';

/** 4 MB: 1 MiB less for the application than all of it. */
export const RECOVERY_TABLE = `nvs,data,nvs,0x9000,0x4000
otadata,data,ota,0xd000,0x2000
phy_init,data,phy,0xf000,0x1000
factory,app,factory,0x10000,0x100000
ota_0,app,ota_0,0x110000,0x200000
`;

export const PASSWORD = 'sesame 42';
export const recovery = makeImage({ project: 'recovery', version: '0.9.0', size: '60K', seed: 9 });
export const [first, second, third] = ['1.0.0', '2.0.0', '3.0.0'].map((version, i) => makeImage({ project: 'lamp', version, size: `${200 + i}K`, seed: i + 1 }));

const passwordFile = freshPath('.pw');
fs.writeFileSync(passwordFile, `${PASSWORD}\n`);
const partitions = freshPath('.csv');
fs.writeFileSync(partitions, RECOVERY_TABLE);

/** A device that has no application yet. */
export const settings = { image: recovery.path, options: { partitions, passwordFile } };
export const withRecovery = (body, options = {}, executable = undefined) =>
  withDevice({ ...settings, options: { ...settings.options, ...options }, executable }, body);
/** For one whose flash is there already. */
export const later = { passwordFile };

export const connect = (device) => Client.connect(device, PASSWORD);

/** Restarts it, and comes back. */
export async function after(device, client, message) {
  const { boots } = device;
  client.say(message);
  await client.next('restarting');
  await device.started(boots + 1);
  const next = await until(() => connect(device).catch(() => undefined), 'the device');
  return next;
}

/** An application that is confirmed. */
export async function install(device, image) {
  let client = await connect(device);
  assert.equal(client.firstState.mode, 'recovery');
  assert.equal((await client.update(image.bytes)).slot, 'ota_0');
  client = await after(device, client, { type: 'restart' });
  assert.deepEqual([client.firstState.mode, client.firstState.image], ['application', 'trial']);
  client.say({ type: 'confirm' });
  await until(() => client.state.image === 'valid', 'the confirmation');
  return client;
}

/** A session, and what it would say next, with its count and mac, and does not say. */
export async function askedFrom(connect, device, text) {
  const client = await connect(device);
  return { client, recorded: client.withMac(text) };
}
