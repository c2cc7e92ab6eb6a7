#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Where four readers of Intel HEX files meet: srec_cat (Debian 12: srecord 1.64), objcopy (Debian 12: binutils 2.40), and of npm
# intel-hex 0.2.0 and nrf-intel-hex 1.4.0.
#
# A record of type 02 sets a segment, one of type 04 the upper half of a linear address. A data record may cross a border of 64
# KiB. Intel's specification: behind the last byte of a segment comes the segment's first byte; a linear address goes on. One
# expects that all four readers put 16 bytes, of which 8 lie before such a border, at the same addresses. Seen:
#   1. Type 04: srec_cat, objcopy and intel-hex go on behind the border.
#   2. Type 02: srec_cat puts the second half at the segment's beginning, 64 KiB lower; objcopy and intel-hex go on as with type
#      04. So the same valid file becomes different images, without an error.
#   3. nrf-intel-hex refuses the record in both files, though it is clear with type 04.
# So who writes such files ends each record at a border of 64 KiB, and compares the image, not the HEX file.
#
# The script exits with 0 when all of it is still so, with 1 when something has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
machine=$(uname -m)
packages=(srecord=1.64-3 libsrecord0=1.64-3 "binutils-${machine//_/-}-linux-gnu=2.40-2" libbinutils=2.40-2 libgcrypt20 libgpg-error0)
apt-get download -q "${packages[@]}" >/dev/null 2>&1 || { apt-get update -q >/dev/null; apt-get download -q "${packages[@]}" >/dev/null; }
for package in *.deb; do dpkg -x "$package" debian; done
npm init -y >/dev/null
npm install --silent --no-fund --no-audit intel-hex@0.2.0 nrf-intel-hex@1.4.0
run() {
    local libraries="$folder/debian/usr/lib/$machine-linux-gnu:$folder/debian/lib/$machine-linux-gnu"
    LD_LIBRARY_PATH=$libraries "$folder/debian/usr/bin/$1" "${@:2}"
}
cat >write.cjs <<'JS'
const { writeFileSync } = require('node:fs');
function record(address, type, data) {
  const bytes = Buffer.from([data.length, address >> 8, address & 255, type, ...data]);
  const sum = bytes.reduce((a, b) => a + b) & 255;
  return `:${bytes.toString('hex')}${Buffer.from([(256 - sum) & 255]).toString('hex')}\n`.toUpperCase();
}
const end = record(0, 1, []);
const data = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
writeFileSync('type-02.hex', record(0, 2, [0x10, 0]) + record(0xfff8, 0, data) + end);
writeFileSync('type-04.hex', record(0, 4, [0, 1]) + record(0xfff8, 0, data) + end);
JS
node write.cjs
cat >read.cjs <<'JS'
const { readFileSync } = require('node:fs');
const intel = require('intel-hex');
const nordic = require('nrf-intel-hex');
const text = readFileSync(process.argv[2], 'utf8');
const show = (reader, image) => {
  const place = (byte) => `0x${image.indexOf(byte).toString(16)}`;
  console.log(`${process.argv[2]}, ${reader}: byte 1 at ${place(1)}, byte 9 at ${place(9)}`);
};
show('srec_cat', readFileSync('srec_cat.bin'));
show('objcopy', readFileSync('objcopy.bin'));
show('intel-hex', intel.parse(text).data);
try {
  show('nrf-intel-hex', Buffer.from(nordic.fromHex(text).slicePad(0, 0x30000)));
} catch (error) {
  console.log(`${process.argv[2]}, nrf-intel-hex: ${error.message.replace(/^.*(wraps over 0xFFFF).*$/, '$1')}`);
}
JS
for file in type-02.hex type-04.hex; do
    # "-fill" and the S-records make both images begin at address 0.
    run srec_cat "$file" -intel -fill 0 0 0x30000 -o srec_cat.bin -binary 2>/dev/null
    run "$machine"-linux-gnu-objcopy -I ihex -O srec "$file" objcopy.srec
    run srec_cat objcopy.srec -motorola -fill 0 0 0x30000 -o objcopy.bin -binary
    node read.cjs "$file"
done >seen
cat >expected <<'TEXT'
type-02.hex, srec_cat: byte 1 at 0x1fff8, byte 9 at 0x10000
type-02.hex, objcopy: byte 1 at 0x1fff8, byte 9 at 0x20000
type-02.hex, intel-hex: byte 1 at 0x1fff8, byte 9 at 0x20000
type-02.hex, nrf-intel-hex: wraps over 0xFFFF
type-04.hex, srec_cat: byte 1 at 0x1fff8, byte 9 at 0x20000
type-04.hex, objcopy: byte 1 at 0x1fff8, byte 9 at 0x20000
type-04.hex, intel-hex: byte 1 at 0x1fff8, byte 9 at 0x20000
type-04.hex, nrf-intel-hex: wraps over 0xFFFF
TEXT
run srec_cat --version | sed -n 1p
run "$machine"-linux-gnu-objcopy --version | sed -n 1p
cat seen
diff expected seen && echo 'as described'
