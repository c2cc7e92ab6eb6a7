// SPDX-License-Identifier: Apache-2.0
// The ESP application image: a file in, its description and what is wrong with it out. Reads the file in pieces, never
// whole. Calls things as src/image.c and src/status.h do. Knows no device. Format: ESP-IDF, esp_app_format.h.

import { SHA256 } from '@stablelib/sha256';

import { hex, sha256 } from './bytes.js';

/** @import { Chosen, Image } from './types.js' */

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
    sum: 0,
    length: 0,
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

/**
 * Do the bytes after the image belong to it? A signature sector (Secure Boot v2) does.
 * @param {Blob} file @param {Image} image
 */
async function checkEnd(file, image) {
  const gap = -image.length & (SECTOR_SIZE - 1);
  const tail = new Uint8Array((await view(file, image.length, gap + SECTOR_SIZE)).buffer);
  const block = tail.subarray(gap);
  if (file.size === image.length) return undefined;
  if (block[0] !== 0xe7 || tail.some((byte, i) => i < gap && byte !== 0xff) || file.size !== image.length + gap + SECTOR_SIZE) {
    return 'trailing_bytes';
  }
  image.signed_by = hex(sha256(block.subarray(36, block[1] === 2 ? 812 : 101)).slice(0, 8)); // RSA-3072 or ECDSA
  return undefined;
}

/**
 * Fills in what the file is: after a few small reads all but `sha256`, after the whole of it, piece by piece, that one
 * too. Of a file that is no application, or a damaged one, there is no `sha256`, but of one that is encrypted.
 * @param {Chosen} chosen
 * @param {() => void} tell called in between
 */
export async function inspect(chosen, tell) {
  const { file } = chosen;
  const head = await view(file, 0, HEAD_SIZE);
  const table = await view(file, 0x8000, 2);
  chosen.problem = classify(head, table.byteLength === 2 && table.getUint16(0) === 0xaa50);
  const image = chosen.problem ? undefined : describe(head);
  if (image) {
    chosen.image = image;
    chosen.problem = await walkSegments(file, head.getUint8(1), image);
  }
  tell();
  if (chosen.problem && chosen.problem !== 'encrypted_image') return;

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
  const digest = hex(new SHA256().restoreState(whole.saveState()).digest());
  if (sum !== (image?.sum ?? sum)) chosen.problem = 'bad_checksum'; // what is covered and the checksum cancel each other out
  await read(covered, file.size);
  if (image && !chosen.problem) {
    const appended = hex(new Uint8Array((await view(file, covered, 32)).buffer));
    chosen.problem = image.hash_appended && appended !== digest ? 'bad_image_digest' : await checkEnd(file, image);
  }
  chosen.sha256 = hex(whole.digest());
}
