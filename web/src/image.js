// SPDX-License-Identifier: Apache-2.0
// The ESP application image: a file in, its description and what is wrong with it out. Reads the file in pieces, never
// whole. Calls things as src/image/image.c and src/status.h do. Knows no device. Format: ESP-IDF, esp_app_format.h.

import { SHA256 } from './sha256.js';

import { hex, sha256 } from './bytes.js';

/** @import { Chosen, Image } from './types.js' */

const DESCRIPTION_OFFSET = 32;
const HEAD_SIZE = 288;
const SECTOR_SIZE = 4096;
const PIECE_SIZE = 65536;
const LARGEST_BOOTLOADER = 0x8000;
const RANDOM_VALUES = 145; // so many different bytes are in 288 random ones

/** @param {Blob} file @param {number} from @param {number} length */
const view = async (file, from, length) => new DataView(await file.slice(from, from + length).arrayBuffer());

/** Does an address lie in RAM, as src/image/image.c has it? Bootloaders run from there. @param {number} address */
const isInRam = (address) => /^(3f(c[89a-f]|[d-f].)|40[89].|4ff.).{4}$/.test(address.toString(16));

/** Flash encryption leaves no mark, packed files do. @param {DataView} head */
const looksEncrypted = (head) =>
  new Set(new Uint8Array(head.buffer)).size >= RANDOM_VALUES && ![0x1f8b, 0x504b].includes(head.getUint16(0));

/** Does an application's description stand in it? @param {DataView} head */
const isDescribed = (head) => head.byteLength >= HEAD_SIZE && head.getUint32(DESCRIPTION_OFFSET, true) === 0xabcd5432;

/**
 * What kind of file is this by its beginning?
 * @param {DataView} head
 * @returns {string | undefined} the failure's name; none for an application
 */
function classify(head) {
  const size = head.byteLength;
  const magic = size && head.getUint8(0);
  if (!size) return 'empty';
  if (size < 12) return magic === 0xe9 ? 'too_short' : 'not_an_image';
  if (head.getUint32(0) === 0xcfb68807) return 'encrypted_image'; // esp_encrypted_img
  if (head.getUint32(0) === 0xffffffff) return 'merged_image'; // of a chip whose bootloader does not start at 0
  // Where an ESP32 header has its pin settings, ESP8266 has a load address.
  if (magic === 0xea || (magic === 0xe9 && head.getUint32(8, true) >= 0x3ffe0000)) return 'esp8266_image';
  if (magic !== 0xe9) return size === HEAD_SIZE && looksEncrypted(head) ? 'flash_encrypted' : 'not_an_image';
  if (size < HEAD_SIZE) return 'too_short';
  if ((head.getUint8(1) || 17) > 16) return 'bad_segments';
  if (isDescribed(head)) return undefined;
  const isBootloader = head.getUint8(DESCRIPTION_OFFSET) === 0x50 || isInRam(head.getUint32(24, true));
  return isBootloader ? 'bootloader_image' : 'no_description';
}

/** Does a partition table lie in it? @param {DataView} start 256 KiB of a file that may be a dump of the flash */
function hasTable(start) {
  const u16 = (/** @type {number} */ at) => start.getUint16(at);
  for (let at = SECTOR_SIZE; at + 64 <= start.byteLength; at += SECTOR_SIZE) {
    const isRow = u16(at) === 0xaa50 && !start.getUint8(at + 4);
    if (isRow && [0xaa50, 0xebeb, 0xffff].includes(u16(at + 32))) return true;
  }
  return false;
}

/** The same by the whole file. @param {Blob} file @param {DataView} head */
async function classifyFile(file, head) {
  const problem = classify(head);
  if (!/^(boot|no_|not_|flash)/.test(`${problem}`)) return problem;
  if (hasTable(await view(file, 0, 0x40040))) return 'merged_image';
  const isDescribed = problem === 'bootloader_image' && head.getUint8(DESCRIPTION_OFFSET) === 0x50;
  return isDescribed || file.size <= LARGEST_BOOTLOADER ? problem : problem?.replace('bootloader_image', 'no_description');
}

/** A string of the head; it is not always terminated. @param {DataView} head @param {number} offset @param {number} length */
const stringAt = (head, offset, length = 32) =>
  String.fromCharCode(...new Uint8Array(head.buffer, offset, length))
    .replace(/\0.*/s, '')
    .replace(/[^ -~]/g, '?');

/** @param {DataView} head @returns {Image} */
function describe(head) {
  const u16 = (/** @type {number} */ offset) => head.getUint16(offset, true);
  const string = (/** @type {number} */ offset, length = 32) => stringAt(head, offset, length);
  return {
    chip_id: u16(12),
    min_revision: u16(15),
    max_revision: u16(17),
    hash_appended: head.getUint8(23) === 1,
    sum: 0,
    length: 0,
    end: 0,
    signed_by: '',
    secure_version: head.getUint32(36, true),
    version: string(48),
    project: string(80),
    built: `${string(128, 16)} ${string(112, 16)}`,
    idf: string(144),
    elf_sha256: hex(new Uint8Array(head.buffer, 176, 32)),
  };
}

/** @param {DataView} bytes */
const xor = (bytes) => new Uint8Array(bytes.buffer).reduce((sum, byte) => sum ^ byte, 0);

/**
 * Follows the segment table through the file and fills `sum` and `length`.
 * @param {Blob} file @param {number} count @param {Image} image
 * @returns {Promise<string | undefined>} the failure's name
 */
async function walkSegments(file, count, image) {
  let offset = 24;
  image.sum = xor(await view(file, 0, offset));
  while (count--) {
    const header = await view(file, offset, 8);
    if (header.byteLength < 8) return 'truncated';
    const length = header.getUint32(4, true);
    offset += 8 + length;
    if (length % 4 || length > 1 << 24 || offset < HEAD_SIZE) return 'bad_segments';
    image.sum ^= xor(header);
  }
  image.sum ^= xor(await view(file, offset, 15 - (offset % 16)));
  image.length = offset + 16 - (offset % 16) + (image.hash_appended ? 32 : 0);
  return image.length > file.size ? 'truncated' : undefined;
}

/** @param {Blob} file @param {number} from @param {number} to */
async function isErased(file, from, to) {
  for (; from < to; from += PIECE_SIZE) {
    const piece = await view(file, from, Math.min(PIECE_SIZE, to - from));
    if (new Uint8Array(piece.buffer).some((byte) => byte !== 0xff)) return false;
  }
  return true;
}

/**
 * Do the bytes after the image belong to it? A signature sector (Secure Boot v2) does. Nothing but 0xFF behind that, as
 * in a slot that was read back, is left out: `end` is where the image ends.
 * @param {Blob} file @param {Image} image
 * @returns {Promise<string | undefined>} the failure's name
 */
async function checkEnd(file, image) {
  const gap = -image.length & (SECTOR_SIZE - 1);
  const tail = new Uint8Array((await view(file, image.length, gap + SECTOR_SIZE)).buffer);
  const block = tail.subarray(gap);
  image.end = image.length;
  if (block.length === SECTOR_SIZE && block[0] === 0xe7 && !tail.some((byte, i) => i < gap && byte !== 0xff)) {
    image.signed_by = hex(sha256(block.subarray(36, block[1] === 2 ? 812 : 101)).slice(0, 8)); // RSA-3072 or ECDSA
    image.end += gap + SECTOR_SIZE;
  }
  if (await isErased(file, image.end, file.size)) return undefined;
  // Secure Boot v1: version 0 and 64 bytes.
  const isV1 = tail.length >= 68 && !tail.subarray(0, 4).some((byte) => byte) && tail.subarray(4, 68).some((byte) => byte);
  return isV1 && !image.signed_by ? 'secure_boot_v1' : 'trailing_bytes';
}

/**
 * Fills in what the file is: after a few small reads all but `sha256`, after the whole of it, piece by piece, that one
 * too. Of a file that is no application, or a damaged one, there is no `sha256`, but of one that is encrypted. `file`
 * becomes what is sent: the image without the 0xFF that a slot has behind it, `left_out` of them.
 * @param {Chosen} chosen
 * @param {() => void} onStep called in between
 */
export async function inspect(chosen, onStep) {
  let { file } = chosen;
  const head = await view(file, 0, HEAD_SIZE);
  chosen.problem = await classifyFile(file, head);
  const image = chosen.problem ? undefined : describe(head);
  if (image) {
    chosen.image = image;
    chosen.problem = (await walkSegments(file, head.getUint8(1), image)) ?? (await checkEnd(file, image));
    chosen.left_out = chosen.problem ? 0 : file.size - image.end;
    if (chosen.left_out) chosen.file = file = new File([file.slice(0, image.end)], file.name);
  }
  onStep();
  // What follows the image matters less than a damage in it.
  const isLegible = !chosen.problem || /^(encrypted|trailing|secure)/.test(chosen.problem);
  if (!isLegible) return;

  const whole = new SHA256();
  let sum = 0xef;
  /** @param {number} from @param {number} to */
  const read = async (from, to) => {
    for (; from < to; from += PIECE_SIZE) {
      const piece = await view(file, from, Math.min(PIECE_SIZE, to - from));
      whole.update(new Uint8Array(piece.buffer));
      sum ^= xor(piece);
    }
  };
  const covered = image ? image.length - (image.hash_appended ? 32 : 0) : 0; // by checksum and digest
  await read(0, covered);
  const digest = hex(whole.digest());
  if (sum !== (image?.sum ?? sum)) chosen.problem = 'bad_checksum'; // what is covered and the checksum cancel each other out
  await read(covered, file.size);
  if (image?.hash_appended && chosen.problem !== 'bad_checksum') {
    const appended = hex(new Uint8Array((await view(file, covered, 32)).buffer));
    if (appended !== digest) chosen.problem = 'bad_image_digest';
  }
  chosen.sha256 = hex(whole.digest());
}

/**
 * All that the small page knows of a file: its version, where it has one, and its digest. The device checks the file.
 * @param {Chosen} chosen
 */
export async function glance(chosen) {
  const { file } = chosen;
  const whole = new SHA256();
  if (!file.size) chosen.problem = 'empty';
  for (let at = 0; at < file.size; at += PIECE_SIZE) {
    const piece = await view(file, at, PIECE_SIZE);
    if (!at && isDescribed(piece)) chosen.image = /** @type {Image} */ ({ version: stringAt(piece, 48) });
    whole.update(new Uint8Array(piece.buffer));
  }
  chosen.sha256 = hex(whole.digest());
}
