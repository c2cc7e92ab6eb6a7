// SPDX-License-Identifier: Apache-2.0
// The ESP application image: a file in, its description and what is wrong with it out. Reads the file in pieces, never
// whole. Calls things as src/image.c and src/status.h do. Knows no device. Format: ESP-IDF, esp_app_format.h.

import { SHA256, hex } from './sha256.js';

/** @import { Image } from './types.js' */

const DESCRIPTION_OFFSET = 32;
const HEAD_SIZE = 288;
const SECTOR_SIZE = 4096;
const PIECE_SIZE = 65536;

/** @param {Blob} file @param {number} from @param {number} length */
const view = async (file, from, length) => new DataView(await file.slice(from, from + length).arrayBuffer());

/**
 * What kind of file is this?
 * @param {DataView} head its beginning
 * @param {boolean} hasTable a partition table lies where a dump of the whole flash has it
 * @returns {string | undefined} the failure's name; none for an application
 */
function classify(head, hasTable) {
  const size = head.byteLength;
  const magic = size && head.getUint8(0);
  if (!size) return 'empty';
  if (size < 12) return magic === 0xe9 ? 'too_short' : 'not_an_image';
  if (head.getUint32(0) === 0xcfb68807) return 'encrypted_image'; // esp_encrypted_img
  if (head.getUint32(0) === 0xffffffff) return 'merged_image'; // of a chip whose bootloader does not start at 0
  // Where an ESP32 header has its pin settings, ESP8266 has a load address.
  if (magic === 0xea || (magic === 0xe9 && head.getUint32(8, true) >= 0x3ffe0000)) return 'esp8266_image';
  if (magic !== 0xe9) return 'not_an_image';
  if (size < HEAD_SIZE) return 'too_short';
  if ((head.getUint8(1) || 17) > 16) return 'bad_segments';
  if (head.getUint32(DESCRIPTION_OFFSET, true) === 0xabcd5432) return undefined;
  if (head.getUint8(DESCRIPTION_OFFSET) !== 0x50) return 'no_description';
  return hasTable ? 'merged_image' : 'bootloader_image';
}

/** @param {DataView} head @returns {Image} */
function describe(head) {
  const u16 = (/** @type {number} */ offset) => head.getUint16(offset, true);
  // Strings are not always terminated.
  const string = (/** @type {number} */ offset, length = 32) =>
    String.fromCharCode(...new Uint8Array(head.buffer, offset, length))
      .replace(/\0.*/s, '')
      .replace(/[^ -~]/g, '?');
  return {
    chip_id: u16(12),
    min_revision: u16(15),
    max_revision: u16(17),
    hash_appended: head.getUint8(23) === 1,
    segments: [],
    length: 0,
    is_signed: false,
    secure_version: head.getUint32(36, true),
    version: string(48),
    project: string(80),
    built: `${string(128, 16)} ${string(112, 16)}`,
    idf: string(144),
    elf_sha256: hex(new Uint8Array(head.buffer, 176, 32)),
  };
}

/**
 * Follows the segment table through the file and fills `segments` and `length`.
 * @param {Blob} file @param {number} count @param {Image} image
 * @returns {Promise<string | undefined>} the failure's name
 */
async function walkSegments(file, count, image) {
  let offset = 24;
  while (count--) {
    const header = await view(file, offset, 8);
    if (header.byteLength < 8) return 'truncated';
    const length = header.getUint32(4, true);
    offset += 8;
    if (length % 4 || length > 1 << 24 || offset + length < HEAD_SIZE) return 'bad_segments';
    image.segments.push({ offset, length });
    offset += length;
  }
  image.length = offset + 16 - (offset % 16) + (image.hash_appended ? 32 : 0);
  return image.length > file.size ? 'truncated' : undefined;
}

/**
 * Reads head and segment table: a few small reads.
 * @param {Blob} file
 * @returns {Promise<{ image?: Image, problem: string | undefined }>} `image` when it is an application image, even a
 *   damaged one
 */
export async function readImage(file) {
  const head = await view(file, 0, HEAD_SIZE);
  const table = await view(file, 0x8000, 2);
  const problem = classify(head, table.byteLength === 2 && table.getUint16(0) === 0xaa50);
  if (problem) return { problem };
  const image = describe(head);
  return { image, problem: await walkSegments(file, head.getUint8(1), image) };
}

/**
 * Do the bytes after the image belong to it? A signature sector (Secure Boot v2) does.
 * @param {Blob} file @param {Image} image
 */
async function checkEnd(file, image) {
  const gap = -image.length & (SECTOR_SIZE - 1);
  const tail = new Uint8Array((await view(file, image.length, gap + 1)).buffer);
  image.is_signed =
    file.size === image.length + gap + SECTOR_SIZE && tail.every((byte, i) => byte === (i < gap ? 0xff : 0xe7));
  return image.is_signed || file.size === image.length ? undefined : 'trailing_bytes';
}

/** The part of `piece`, which begins at `at` in the file, that lies between two offsets of the file.
 * @param {Uint8Array} piece @param {number} at @param {number} from @param {number} to */
const between = (piece, at, from, to) => piece.subarray(Math.max(0, from - at), Math.max(0, to - at));

/**
 * Reads the whole file, piece by piece: its SHA-256, and whether checksum, digest and end of the image are right.
 * @param {Blob} file
 * @param {Image | undefined} image whose segment table has no problem; none: the SHA-256 is all
 * @returns {Promise<{ sha256: string, problem: string | undefined }>}
 */
export async function examine(file, image) {
  const whole = new SHA256();
  const covered = new SHA256(); // by the appended digest
  const { segments = [], length = 0, hash_appended } = image ?? {};
  const coveredLength = length - (hash_appended ? 32 : 0);
  let checksum = 0xef;
  for (let at = 0; at < file.size; at += PIECE_SIZE) {
    const piece = new Uint8Array((await view(file, at, PIECE_SIZE)).buffer);
    whole.update(piece);
    covered.update(between(piece, at, 0, coveredLength));
    for (const { offset, length } of segments) {
      for (const byte of between(piece, at, offset, offset + length)) checksum ^= byte;
    }
  }
  const sha256 = hex(whole.digest());
  if (!image) return { sha256, problem: undefined };
  const [expected, ...digest] = new Uint8Array((await view(file, coveredLength - 1, 33)).buffer);
  const isDamaged = hash_appended && hex(digest) !== hex(covered.digest());
  const problem = checksum !== expected ? 'bad_checksum' : isDamaged ? 'bad_image_digest' : await checkEnd(file, image);
  return { sha256, problem };
}
