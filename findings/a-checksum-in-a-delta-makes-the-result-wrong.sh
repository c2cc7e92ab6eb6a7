#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Where two tools meet: xdelta3 (Debian 12: 3.0.11), which makes delta updates in the VCDIFF format (RFC 3284), and
# @ably/vcdiff-decoder (npm: 1.0.6), whose README says that it is tested with files of xdelta.
#
# xdelta3 adds two things to RFC 3284: a header for the application (off with -A) and an Adler-32 checksum of each window (off
# with -n); secondary compression is off (-S none). One expects of the decoder the new file, or an error for what it does not
# know; and, if anything, that a delta with a checksum is the safer one. Seen, with an old file of 300,000 bytes:
#   1. -S none: refused, the header is not known.
#   2. -S none -A -n (no header, no checksum): the new file.
#   3. -S none -A (with the checksum): no error, and a result of the right length, in which most bytes are wrong. The decoder
#      does not know the flag of the checksum, and reads the four bytes as part of what follows.
#   4. xdelta3 itself restores the new file from each of the three.
# So the result of a delta needs a digest of its own, one that was made from the new file.
#
# The script exits with 0 when all of it is still so, with 1 when something has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -q xdelta3=3.0.11-dfsg-1.2 >/dev/null 2>&1 ||
    { apt-get update -q >/dev/null; apt-get download -q xdelta3=3.0.11-dfsg-1.2 >/dev/null; }
dpkg -x xdelta3_*.deb debian
npm init -y >/dev/null
npm install --silent --no-fund --no-audit @ably/vcdiff-decoder@1.0.6
awk 'BEGIN { for (i = 0; i < 30000; i++) printf "%09d\n", i }' >old
{ head -c 1000 old; echo hi; tail -c +2000 old; } >new
cat >decode.cjs <<'JS'
const fs = require('node:fs');
const { decode } = require('@ably/vcdiff-decoder');
const wanted = fs.readFileSync('new');
try {
  const result = Buffer.from(decode(fs.readFileSync('delta'), fs.readFileSync('old')));
  const wrong = wanted.filter((byte, i) => byte !== result[i]).length;
  console.log(`length ${result.length === wanted.length ? 'right' : 'wrong'}, wrong bytes: ${wrong > wanted.length / 2 ? 'most' : wrong}`);
} catch (error) {
  console.log(error.name);
}
JS
for options in '-S none' '-S none -A -n' '-S none -A'; do
    debian/usr/bin/xdelta3 -e -f $options -s old new delta
    debian/usr/bin/xdelta3 -d -f -s old delta again
    cmp new again
    echo "$options: $(node decode.cjs)"
done >seen
cat >expected <<'TEXT'
-S none: NotImplemented
-S none -A -n: length right, wrong bytes: 0
-S none -A: length right, wrong bytes: most
TEXT
debian/usr/bin/xdelta3 -V 2>&1 | sed -n 1p
cat seen
diff expected seen && echo 'as described'
