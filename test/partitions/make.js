// SPDX-License-Identifier: Apache-2.0
// Makes partition tables that nobody has written: sound rows, and fields that are only nearly right. The same seed gives
// the same tables. usage: node make.js FOLDER COUNT SEED
import fs from 'node:fs';
import path from 'node:path';

const [folder = 'tables', count = '1000', seedText = '1'] = process.argv.slice(2);
let seed = Number(seedText);

function dice(below) {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return Math.floor((seed / 2 ** 32) * below);
}

const pick = (...choices) => choices[dice(choices.length)];
const seldom = (odd, usual, chance = 12) => (dice(chance) === 0 ? odd() : usual());

const numbers = ['0x1000', '0X4000', '0x1_0000', '0x_2000', '64K', '64 K', '+64K', '1M', '1m', '4k', '010', '0o10000', '0b1000000000000', '8192', '8_192', '1__0', '_1', '1_', '-0x200000', '-2M', '0', '00', '0_0', '1Kk', '5000M', '0x', 'K', '', 'x', 'N/A', '0xFFFFFFFF', '4096 ', '\u00a04096', '$SIZE', '${SIZE}', '$UNSET', '${UNSET', '$$SIZE', '- 1', '1.5M', '0x10000000000', '99999999999999999999'];
const types = ['app', 'data', 'bootloader', 'partition_table', 'APP', 'Data', '0', '1', '2', '3', '0x40', '0xFE', '255', '256', '-1', '', 'appk', 'datak', 'dta', 'app x', '$TYPE', '01'];
const subtypes = { app: ['factory', 'test', 'ota_0', 'ota_1', 'ota_15', 'tee_0', 'tee_1', '0x10', '', 'OTA_1', 'ota', 'ota_16'], data: ['ota', 'phy', 'nvs', 'coredump', 'nvs_keys', 'efuse', 'undefined', 'esphttpd', 'fat', 'spiffs', 'littlefs', 'tee_ota', '0x99', '', 'NVS', 'factory'], bootloader: ['primary', 'ota', 'recovery', '5', '', 'nvs'], partition_table: ['primary', 'ota', 'recovery', ''] };
const flags = ['', '', '', 'encrypted', 'readonly', 'encrypted:readonly', 'readonly:', ':', 'secret', 'Encrypted', 'encrypted: readonly', 'encrypted,more'];
const usualSizes = { app: ['64K', '1M', '0x20000', '0x1000', '0x800'], data: ['0x2000', '0x3000', '0x4000', '4K', '16K', '100'] };
const breaks = ['\n', '\n', '\n', '\n', '\r\n', '\r', '\v', '\f', '\u2028', '\u0085', '\x1c'];

function row(i) {
  const type = seldom(() => pick(...types), () => pick('app', 'app', 'data', 'data', 'data', seldom(() => pick('bootloader', 'partition_table'), () => 'data', 2)), 60);
  const known = subtypes[type.toLowerCase()] ?? ['1', '0x20', 'nvs', ''];
  const subtype = seldom(() => pick(...Object.values(subtypes).flat()), () => pick(...known), 40);
  const offset = seldom(() => pick(...numbers, '0x9000', '0x10000', '0x8000', '0x110000'), () => '', 25);
  const size = seldom(() => pick(...numbers), () => pick(...(usualSizes[type.toLowerCase()] ?? ['N/A', '4K', ''])), 25);
  const name = seldom(() => pick('same', '', 'a_name_of_seventeen', 'a_name_of_seventeens', 'né', '名前名前名前', '$NAME', '#no', ' x '), () => `p${i}`, 8);
  const fields = [name, type, subtype, offset, size, seldom(() => pick(...flags), () => '', 6)];
  const blank = () => seldom(() => pick(' ', '\t', '\u3000', '\u00a0'), () => '');
  return fields.slice(0, seldom(() => dice(7), () => 6, 40)).map((field) => blank() + field + blank()).join(',');
}

function table() {
  const rows = seldom(() => pick(0, 94, 95), () => 1 + dice(6), 60);
  const lines = Array.from({ length: rows }, (_, i) => row(i));
  const comments = ['# a comment', '', '   ', `#${'x'.repeat(300)}`, '#$UNSET', '$COMMENT', '#,,,', '# \\$UNSET'];
  for (let i = dice(3); i > 0; i--) lines.splice(dice(lines.length + 1), 0, pick(...comments));
  const text = lines.map((line) => line + seldom(() => pick(...breaks), () => '\n', 10)).join('');
  const marked = seldom(() => '\ufeff' + text, () => text, 20);
  return Buffer.from(marked, seldom(() => 'utf16le', () => 'utf8', 40));
}

fs.mkdirSync(folder, { recursive: true });
for (let i = 0; i < Number(count); i++) fs.writeFileSync(path.join(folder, `${seedText}-${i}.csv`), table());
