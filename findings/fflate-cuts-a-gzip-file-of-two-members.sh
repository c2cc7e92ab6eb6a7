#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# fflate, a compression library for pages (npm: fflate 0.8.3), against node 20's zlib and pako 3.0.3.
#
# A gzip file may have several members (RFC 1952, section 2.2): "cat a.gz b.gz" is such a file, and pigz, bgzip and log
# writers make them. The input here has two members: 1000 times "A" and 10 times "B". One expects of a library either both
# (1010 bytes), or the first member alone (1000 bytes), or an error. Seen instead:
#   1. gunzipSync and decompressSync of fflate give 10 bytes, all "A", and no error. The output's size is taken from the last
#      4 bytes of the file, which is the length of the last member; what the first member has more is dropped.
#   2. With the members the other way round (10 and 1000) the result is the first member, whole, and again no error.
#   3. The class Gunzip of the same library (its stream interface) gives all 1010 bytes, as node and pako do.
# So a page that unpacks with gunzipSync must compare the length or a digest, even though gzip has a CRC of its own.
#
# The script exits with 0 when all of it is still so, with 1 when something has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-fund --no-audit fflate@0.8.3 pako@3.0.3
cat >steps.mjs <<'JS'
import zlib from 'node:zlib';
import { Gunzip, decompressSync, gunzipSync } from 'fflate';
import { ungzip } from 'pako';
const inPieces = (file) => {
  const pieces = [];
  new Gunzip((piece) => pieces.push(piece)).push(file, true);
  return Buffer.concat(pieces);
};
const ways = { 'node gunzipSync': zlib.gunzipSync, 'pako ungzip': ungzip, 'fflate Gunzip': inPieces,
  'fflate gunzipSync': gunzipSync, 'fflate decompressSync': decompressSync };
const members = ['A'.repeat(1000), 'B'.repeat(10)];
for (const [first, second] of [members, members.toReversed()]) {
  const file = Buffer.concat([zlib.gzipSync(first), zlib.gzipSync(second)]);
  for (const [name, unpack] of Object.entries(ways)) {
    const text = Buffer.from(unpack(new Uint8Array(file))).toString();
    const letters = [...new Set(text)].map((letter) => `${text.split(letter).length - 1} ${letter}`);
    console.log(`${first.length} ${first[0]} and ${second.length} ${second[0]}, ${name}: ${letters.join(' and ')}`);
  }
}
JS
node steps.mjs >seen
cat >expected <<'TEXT'
1000 A and 10 B, node gunzipSync: 1000 A and 10 B
1000 A and 10 B, pako ungzip: 1000 A and 10 B
1000 A and 10 B, fflate Gunzip: 1000 A and 10 B
1000 A and 10 B, fflate gunzipSync: 10 A
1000 A and 10 B, fflate decompressSync: 10 A
10 B and 1000 A, node gunzipSync: 10 B and 1000 A
10 B and 1000 A, pako ungzip: 10 B and 1000 A
10 B and 1000 A, fflate Gunzip: 10 B and 1000 A
10 B and 1000 A, fflate gunzipSync: 10 B
10 B and 1000 A, fflate decompressSync: 10 B
TEXT
cat seen
diff expected seen && echo 'as described'
