#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Where two tools meet: GNU cpio (Debian 12: 2.13), with which update archives are made, and SWUpdate (Debian 12: 2022.12),
# which installs them. Its archive is a cpio archive in the format "crc", with a description and the images.
#
# A build that puts the same image into two slots often has one file with two names (a hard link: "ln", "cp -l", or a tool that
# finds equal files). One expects an archive with two equal images, as from a copy. Seen, with a.bin and b.bin of 3,893 bytes:
#   1. a.bin has 0 bytes in the archive, and b.bin has 3,893. In this format the bytes stand behind the last name of a file.
#      "cpio -i" knows that, and restores both files from the archive.
#   2. SWUpdate does not know it: it reads a.bin as an empty image, says "HASH mismatch", and installs nothing.
#   3. With b.bin as a copy of a.bin (all else is the same) it installs both.
# So whoever builds an update archive copies its files, or looks at the sizes in the finished archive.
#
# The script exits with 0 when all of it is still so, with 1 when something has changed. It needs openssl.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
packages=(cpio=2.13+dfsg-7.1 swupdate=2022.12+dfsg-4+deb12u3 libswupdate0.1 libconfig9 libgpiod2 liblua5.3-0 librsync2 libb2-1
    libubootenv0.1 liburiparser1 libwebsockets17 libcap2 libev4 libuv1 libzck1 libarchive13 libjson-c5 libcurl4 libfdisk1)
apt-get download -q "${packages[@]}" >/dev/null 2>&1 || { apt-get update -q >/dev/null; apt-get download -q "${packages[@]}" >/dev/null; }
for package in *.deb; do dpkg -x "$package" debian; done
libraries="$folder/debian/usr/lib/$(uname -m)-linux-gnu:$folder/debian/lib/$(uname -m)-linux-gnu"
swupdate() { LD_LIBRARY_PATH=$libraries TMPDIR="$folder/work" debian/usr/bin/swupdate "$@"; }
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out certificate.pem -days 30 -subj /CN=builder \
    -addext extendedKeyUsage=emailProtection 2>/dev/null
for way in ln cp; do
    mkdir -p "$way" work installed-"$way"
    seq 1000 >"$way"/a.bin
    "$way" "$way"/a.bin "$way"/b.bin
    digest=$(sha256sum <"$way"/a.bin | cut -c1-64)
    for name in a b; do
        echo "{ filename = \"$name.bin\"; type = \"rawfile\"; path = \"$folder/installed-$way/$name\"; sha256 = \"$digest\"; }"
    done | paste -sd, | sed 's/.*/software = { version = "1.0"; hardware-compatibility = [ "1.0" ]; files: ( & ); }/' >"$way"/sw-description
    openssl cms -sign -in "$way"/sw-description -out "$way"/sw-description.sig -outform DER -nosmimecap -binary \
        -signer certificate.pem -inkey key.pem
    (cd "$way" && printf '%s\n' sw-description sw-description.sig a.bin b.bin | ../debian/bin/cpio --quiet -o -H crc) >"$way".swu
    echo "$way: in the archive $(debian/bin/cpio --quiet -itv '*.bin' <"$way".swu | awk '{ print $NF ": " $5 }' | paste -sd ' ')"
    mkdir again-"$way"
    (cd again-"$way" && ../debian/bin/cpio --quiet -i '*.bin') <"$way".swu
    echo "$way: cpio restores $(stat -c %s again-"$way"/* | paste -sd ' ')"
    # The exit status says nothing here: of some ten installations that were complete, two ended with 1.
    swupdate -H board:1.0 -k certificate.pem -M -m -l 3 -i "$way".swu >log-"$way" 2>&1 || true
    echo "$way: swupdate says $(grep -o 'HASH mismatch' log-"$way" || echo nothing), has installed $(ls installed-"$way" | paste -sd ' ' | sed 's/^$/nothing/')"
done >seen
cat >expected <<'TEXT'
ln: in the archive a.bin: 0 b.bin: 3893
ln: cpio restores 3893 3893
ln: swupdate says HASH mismatch, has installed nothing
cp: in the archive a.bin: 3893 b.bin: 3893
cp: cpio restores 3893 3893
cp: swupdate says nothing, has installed a b
TEXT
debian/bin/cpio --version | head -1
echo "SWUpdate $(dpkg-deb -f swupdate_*.deb Version)"
cat seen
diff expected seen && echo 'as described'
