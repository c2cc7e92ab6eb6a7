#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what one of the make targets needs and this machine lacks: Debian packages, and the exact npm packages of the
# lock files. usage: test/setup.sh build|deb|unit|check|fuzz|coverage|page|test|bench|size
set -euo pipefail
cd "$(dirname "$0")/.."

build=(build-essential cmake pkg-config libwebsockets-dev libssl-dev libjsmn-dev zlib1g-dev libdivsufsort-dev libavahi-client-dev libjansson-dev libsqlite3-dev libmosquitto-dev libnats-dev)
unit=(libcmocka-dev libgsasl-dev)
check=(clang-format python3)
tests=(python3 curl scons clang openssl chromium firefox-esr webkit2gtk-driver xvfb locales fonts-liberation libpcre2-8-0 dpkg-dev man-db
    zsh fish dbus-daemon libavahi-core7 libdaemon0 iproute2
    mosquitto-clients libwrap0 libdlt2)
coverage=(clang llvm libclang-rt-dev)
bench=(valgrind util-linux)
size=(gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf)

servers=() # Debian packages that are unpacked into build/servers: installed, they would serve on this machine

case "${1:-}" in
build) packages=("${build[@]}") npm=() ;;
deb) packages=("${build[@]}" debootstrap) npm=() ;;
unit) packages=("${build[@]}" "${unit[@]}") npm=() ;;
check) packages=("${build[@]}" "${unit[@]}" "${check[@]}") npm=(web) ;;
fuzz) packages=("${build[@]}" "${unit[@]}" clang libclang-rt-dev) npm=() ;;
coverage) packages=("${build[@]}" "${unit[@]}" "${coverage[@]}") npm=()
    command -v node >/dev/null || packages+=(nodejs) ;;
page) packages=() npm=(web) ;;
test) packages=("${build[@]}" "${unit[@]}" "${check[@]}" "${tests[@]}") npm=(web test) servers=(nginx caddy avahi-daemon mosquitto nats-server) ;;
size) packages=("${size[@]}") npm=() ;;
bench) packages=("${build[@]}" "${tests[@]}" "${size[@]}" "${bench[@]}") npm=(web test) ;;
*) echo "usage: test/setup.sh build|deb|unit|check|fuzz|coverage|page|test|bench|size" >&2; exit 2 ;;
esac

has_node() {
    command -v npm >/dev/null && [ "$(node -p 'parseInt(process.versions.node)' 2>/dev/null || echo 0)" -ge 18 ]
}

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Runs quietly; shows what was said when it fails.
quietly() {
    local log
    log=$(mktemp)
    if ! "$@" >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}

install_packages() {
    local as_root=() missing=() package
    if [ "${#npm[@]}" -gt 0 ] && ! has_node; then
        packages+=(nodejs npm ca-certificates)
    fi
    for package in "${packages[@]}"; do
        is_installed "$package" || missing+=("$package")
    done
    [ "${#missing[@]}" -gt 0 ] || return 0
    if ! command -v apt-get >/dev/null; then
        echo "This needs the Debian packages ${missing[*]}." >&2
        return 1
    fi
    [ "$(id -u)" -eq 0 ] || as_root=(sudo)
    echo "installing ${missing[*]}"
    if ! quietly "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" \
        2>/dev/null; then
        quietly "${as_root[@]}" apt-get update
        quietly "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
    fi
}

install_npm_packages() {
    local folder=$1
    if [ ! -e "$folder/node_modules/.package-lock.json" ] ||
        [ "$folder/package-lock.json" -nt "$folder/node_modules/.package-lock.json" ]; then
        echo "installing the npm packages of $folder/package-lock.json"
        (cd "$folder" && quietly npm ci --no-fund --no-audit && touch node_modules/.package-lock.json)
    fi
}

# Downloads a server and unpacks it, unless it is there.
unpack_server() {
    local name=$1 folder
    [ ! -e "build/servers/$name" ] || return 0
    if ! command -v apt-get >/dev/null; then
        echo "This needs the program $name in build/servers/$name, of its Debian package." >&2
        return 1
    fi
    echo "unpacking $name"
    folder=$(mktemp -d)
    (cd "$folder" && { quietly apt-get download "$name" 2>/dev/null || update_and_download "$name"; })
    mkdir -p build/servers
    dpkg -x "$folder"/"$name"_*.deb "$folder"
    cp "$folder"/usr/*bin/"$name" build/servers/
    rm -rf "$folder"
}

update_and_download() { # package
    local as_root=()
    [ "$(id -u)" -eq 0 ] || as_root=(sudo)
    quietly "${as_root[@]}" apt-get update && quietly apt-get download "$1"
}

install_packages
for name in "${servers[@]}"; do
    unpack_server "$name"
done
for folder in "${npm[@]}"; do
    install_npm_packages "$folder"
done
