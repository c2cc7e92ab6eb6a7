#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# rdiff (Debian 12: 2.3.2, librsync), which makes delta updates from the signature of the old file.
#
# "rdiff signature - signature" reads the old file from its standard input, and no option of block size is given. One expects
# the same bytes as from "rdiff signature old signature". Seen instead, with an old file of 300,000 bytes:
#   1. From a file: blocks of 512 bytes, a signature of 21,108 bytes. The block size follows the size of the file.
#   2. From a pipe: blocks of 2048 bytes, a signature of 5,304 bytes. The size is not known, so a constant is taken.
#   3. From the shell's "<old": as from a file. So "cat old |" and "<old" are not the same here.
#   4. A new file with one changed byte in each 10,000: 16,167 bytes of delta with the first signature,
#      61,737 with the second. Two devices with the same firmware need a different number of bytes for the same update.
# Whoever compares signatures, or keeps a delta for a signature's checksum, must give the block size (-b).
#
# The script exits with 0 when all of it is still so, with 1 when something has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
packages=(rdiff=2.3.2-1+b1 librsync2=2.3.2-1+b1 libb2-1 libpopt0)
apt-get download -q "${packages[@]}" >/dev/null 2>&1 || { apt-get update -q >/dev/null; apt-get download -q "${packages[@]}" >/dev/null; }
for package in *.deb; do dpkg -x "$package" debian; done
rdiff() { LD_LIBRARY_PATH="$folder/debian/usr/lib/$(uname -m)-linux-gnu" "$folder/debian/usr/bin/rdiff" "$@"; }
awk 'BEGIN { for (i = 0; i < 30000; i++) printf "%09d\n", i }' >old
awk 'BEGIN { for (i = 0; i < 30000; i++) printf i % 1000 == 500 ? "%08dX\n" : "%09d\n", i }' >new
rdiff signature old from-a-file
rdiff signature - from-a-pipe < <(cat old)
rdiff signature - from-the-shell <old
for way in from-a-file from-a-pipe from-the-shell; do
    rdiff delta "$way" new delta-"$way"
    rdiff patch old delta-"$way" again-"$way"
    cmp new again-"$way"
    block=$((0x$(od -An -tx1 -j4 -N4 "$way" | tr -d ' '))) # bytes 4 to 7 of a signature
    echo "$way: blocks of $block, signature $(stat -c %s "$way"), delta $(stat -c %s delta-"$way")"
done >seen
cat >expected <<'TEXT'
from-a-file: blocks of 512, signature 21108, delta 16167
from-a-pipe: blocks of 2048, signature 5304, delta 61737
from-the-shell: blocks of 512, signature 21108, delta 16167
TEXT
rdiff --version | head -1
cat seen
diff expected seen && echo 'as described'
