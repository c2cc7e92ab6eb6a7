#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# mkimage and dumpimage of U-Boot's tools (Debian 12: 2023.01), which make, list and unpack boot and firmware images.
#
# "mkimage -l FILE" prints what an image holds. One expects an error and an exit status other than 0 for a file that is no image,
# and for an image whose checksum is wrong. Seen, and the same with "dumpimage -l":
#   1. A good firmware image: its name and size, exit status 0.
#   2. The same with one wrong byte in the data or in the header, or cut in half: "GP Header: Size 27051956 ...", exit status 0.
#      27051956 is the magic number of the image, taken for a size.
#   3. A JSON file, a shell script, an image of an ESP chip: "GP Header: ..." too, exit status 0. A file of zeros: status 255.
#   4. With the type (-T firmware), the damaged image is refused; the good one is listed.
# Each image format is asked in turn, and the header of TI's GP devices (two numbers, no magic number, no checksum) fits nearly
# everything. So a build that tests its result with "mkimage -l" tests nothing, unless it names the type or reads the text.
#
# The script exits with 0 when all of it is still so, with 1 when something has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -q u-boot-tools=2023.01+dfsg-2+deb12u3 >/dev/null 2>&1 ||
    { apt-get update -q >/dev/null; apt-get download -q u-boot-tools=2023.01+dfsg-2+deb12u3 >/dev/null; }
dpkg -x u-boot-tools_*.deb debian
tools=debian/usr/bin
seq 2000 >payload
"$tools"/mkimage -A arm -T firmware -C none -n demo -d payload good >/dev/null
change() { # change FILE OFFSET: a copy of the good image with another byte there
    cp good "$1"
    printf '\125' | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
    ! cmp -s good "$1"
}
change wrong-header 36
change wrong-data 1000
head -c 4000 good >half
printf '{ "version": "1.0.0" }\n' >text.json
printf '#!/bin/sh\necho hello\n' >script
{ printf '\351\003\002\040'; seq 100; } >chip
head -c 4000 /dev/zero >zeros
list() {
    local result=0
    "$@" >printed 2>&1 || result=$?
    echo "${1##*/} ${*:2}: $result, $(grep -o -e '^Image Name: *demo' -e '^GP Header: Size [0-9a-f]*' printed || echo 'nothing')"
}
{
    for file in good wrong-header wrong-data half text.json script chip zeros; do list "$tools"/mkimage -l "$file"; done
    for file in good wrong-data text.json; do list "$tools"/dumpimage -l "$file"; done
    for file in good wrong-data; do list "$tools"/mkimage -T firmware -l "$file"; done
} >seen
cat >expected <<'TEXT'
mkimage -l good: 0, Image Name:   demo
mkimage -l wrong-header: 0, GP Header: Size 27051956
mkimage -l wrong-data: 0, GP Header: Size 27051956
mkimage -l half: 0, GP Header: Size 27051956
mkimage -l text.json: 0, GP Header: Size 7b202276
mkimage -l script: 0, GP Header: Size 23212f62
mkimage -l chip: 0, GP Header: Size e9030220
mkimage -l zeros: 255, nothing
dumpimage -l good: 0, Image Name:   demo
dumpimage -l wrong-data: 0, GP Header: Size 27051956
dumpimage -l text.json: 0, GP Header: Size 7b202276
mkimage -T firmware -l good: 0, Image Name:   demo
mkimage -T firmware -l wrong-data: 245, nothing
TEXT
"$tools"/mkimage -V
cat seen
diff expected seen && echo 'as described'
