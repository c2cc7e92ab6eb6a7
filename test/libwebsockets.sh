#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the libwebsockets whose source is in FOLDER, builds the programs with it, and runs the tests that depend on it.
# What it makes is in BUILD (build/libwebsockets). usage: [CC=clang] test/libwebsockets.sh FOLDER [BUILD]
set -euo pipefail
cd "$(dirname "$0")/.."
source=$(realpath "$1")
build=$(realpath -m "${2:-build/libwebsockets}")
tests=(cli cli_names wss device_messages broken_links early http_upload)

mkdir -p "$build"
if [ ! -e "$build/prefix/lib/pkgconfig/libwebsockets.pc" ]; then
    cmake -S "$source" -B "$build/library" "-DCMAKE_INSTALL_PREFIX=$build/prefix" -DCMAKE_BUILD_TYPE=RelWithDebInfo \
        -DLWS_WITHOUT_TESTAPPS=ON -DLWS_WITH_STATIC=OFF -DLWS_IPV6=ON -DDISABLE_WERROR=ON >"$build/library.txt"
    cmake --build "$build/library" -j "$(nproc)" --target install >>"$build/library.txt"
fi
PKG_CONFIG_PATH=$build/prefix/lib/pkgconfig cmake -S host -B "$build/ota-ws" -DTESTS=OFF \
    "-DCMAKE_BUILD_RPATH=$build/prefix/lib" >/dev/null
cmake --build "$build/ota-ws" -j "$(nproc)" >/dev/null
ldd "$build/ota-ws/cli/ota-ws" | grep -F "$build/prefix/lib/libwebsockets.so"
files=("${tests[@]/%/.test.js}")
BUILD_DIR=$build/ota-ws node --import ./test/browser_globals.js --test "${files[@]/#/test/e2e/}" |
    grep -E '^(not ok|# (tests|pass|fail|skipped))' || exit 1
