#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian package in a fresh, minimal system, made by debootstrap, and uses it there: version, man page,
# completion, and an update of the virtual device. Needs root and a Debian mirror. ROOT=folder takes a system that is
# there already; else it is made in build/deb and removed afterwards.
set -euo pipefail
cd "$(dirname "$0")/.."

package=$(ls -t build/deb/ota-ws_*.deb | head -n 1)
root=${ROOT:-$PWD/build/deb/fresh}
[ "$(id -u)" -eq 0 ] || { echo 'make deb-test makes a system of its own: it needs root (sudo).' >&2; exit 1; }
command -v debootstrap >/dev/null || { echo 'make deb-test needs the Debian package debootstrap.' >&2; exit 1; }

leave() {
    umount "$root/dev/pts" "$root/proc" 2>/dev/null || true
    [ -n "${ROOT:-}" ] || rm -rf --one-file-system "$root"
}
trap leave EXIT

inside() {
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"
}

check() { # sentence, command...
    local sentence=$1
    shift
    if "$@" >build/deb/check.txt 2>&1; then
        echo "ok: $sentence"
    else
        cat build/deb/check.txt
        echo "not ok: $sentence"
        exit 1
    fi
}

shows() { # pattern, command...
    local pattern=$1
    shift
    "$@" | tee /dev/stderr | grep -qE -- "$pattern"
}

if [ ! -e "$root/etc/debian_version" ]; then
    echo 'making a fresh system'
    debootstrap --variant=minbase --include=man-db,bash-completion "${SUITE:-bookworm}" "$root" ${MIRROR:-} >build/deb/debootstrap.log
fi
mount -t devpts devpts "$root/dev/pts"
mount -t proc proc "$root/proc"
cp "$package" "$root/tmp/ota-ws.deb"
cmake --build build/release --target ota-ws-image >/dev/null
for version in 1.0.0 2.0.0; do
    build/release/test/ota-ws-image --version "$version" --size 200K "$root/tmp/$version.bin"
done
check 'apt-get installs it with its libraries' inside apt-get install -y --no-install-recommends /tmp/ota-ws.deb
check 'it says its version' shows '^ota-ws [0-9]' inside ota-ws --version
check 'man has its page, without a warning' inside sh -c 'test -z "$(man --warnings ota-ws 2>&1 >/tmp/page)" && grep -q allow-downgrade /tmp/page'
check 'bash completes its commands and options' shows '^--confirm' inside bash -ic '
    . /usr/share/bash-completion/bash_completion
    _completion_loader ota-ws
    COMP_WORDS=(ota-ws push --conf) COMP_CWORD=2
    _ota_ws 2>/dev/null
    printf "%s\n" "${COMPREPLY[@]}"'
check 'it updates the virtual device of the package' shows '^running 2.0.0 from ota_1, confirmed' inside bash -c '
    cd /tmp
    ota-ws-device --flash flash.bin --image 1.0.0.bin --port 0 --boot-time 0 >device.txt 2>&1 &
    device=$!
    trap "kill $device" EXIT
    until grep -q "#code=" device.txt; do
        kill -0 $device || { cat device.txt; exit 1; }
        sleep 0.1
    done
    page=$(sed -n "s/.*page: //p" device.txt | head -n 1)
    OTA_WS_PASSWORD=${page#*#code=} ota-ws push --confirm 2.0.0.bin "${page%%#*}"'
check 'apt-get removes all of it' inside sh -c 'apt-get purge -y ota-ws && ! find /usr -name "*ota-ws*" | grep .'
