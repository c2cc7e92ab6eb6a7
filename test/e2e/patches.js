// SPDX-License-Identifier: Apache-2.0
// Patches made by hand (docs/protocol.md, "A patch"), for tests that need wrong ones.
import zlib from 'node:zlib';

const number = (value) => {
  const bytes = [];
  for (; value >= 0x80; value = Math.floor(value / 128)) {
    bytes.push((value % 128) | 0x80);
  }
  return Buffer.from([...bytes, value]);
};

export const record = (move, added, fresh, data) =>
  Buffer.concat([number(move < 0 ? -2 * move - 1 : 2 * move), number(added), number(fresh), data]);

/** A patch of one record. */
export function patchOf(base, target) {
  const common = Math.min(base.length, target.length);
  const differences = Buffer.from(target.subarray(0, common).map((byte, i) => byte - base[i]));
  return record(0, common, target.length - common, Buffer.concat([differences, target.subarray(common)]));
}

export const pack = (patch, level = 9) => zlib.deflateRawSync(patch, { windowBits: 12, level });

/** The name of an image in `begin`. */
export const baseOf = (image) => image.bytes.subarray(-32, -24).toString('hex');

/** A whole update by a patch. @returns the device's last word */
export async function updateByPatch(client, bytes, patch, base) {
  client.received = 0;
  client.begin(bytes, { delta: true, ...(base && { base }) });
  const ready = await client.next('ready', 'failed');
  if (ready.type === 'failed') {
    return ready;
  }
  await client.send(patch, ready, 0);
  client.say({ type: 'end' });
  return client.next('done', 'failed');
}
