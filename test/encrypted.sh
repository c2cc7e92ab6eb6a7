#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The cases of encrypted images alone, with what they count: all of them under the sanitizers, and once more without, then
# every byte of the header with each of its 255 other values (minutes). ESP_ENC_IMG_GEN=<path of Espressif's
# esp_enc_img_gen.py> adds the round trips against it. What decrypting costs is measured by bench/encrypted_speed.js.
set -euo pipefail
cd "$(dirname "$0")/.."
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1}

build() { # name, options...
    local name=$1
    shift
    cmake -S host -B "build/$name" -DCMAKE_C_COMPILER=gcc "$@" >/dev/null
    cmake --build "build/$name" -j "$(nproc)" --target ota-ws-device ota-ws ota-ws-image "${units[@]}" >/dev/null
}

units=()
for source in test/unit/*/test_encrypted_*.c; do
    units+=("$(basename "$source" .c)")
done
build sanitize -DSANITIZE=ON
build gcc

run_unit() { # build, name
    echo "$2, $1"
    "build/$1/test/$2" 2>&1 | grep -vE '^\[ RUN  |^\[       OK|^\[=====' | sed -E 's/^\[  (PASSED|FAILED) +\] /\1 /; s/^/  /'
}

for unit in "${units[@]}"; do
    run_unit sanitize "$unit"
done
ENCRYPTED_EVERY=1 run_unit gcc test_encrypted_update
echo 'end to end'
BUILD_DIR=build/sanitize node --test --test-reporter=spec test/e2e/encrypted.test.js | grep -vE '^ +✔|^ℹ (suites|cancelled|todo|duration)' | sed 's/^/  /'
[ -n "${ESP_ENC_IMG_GEN:-}" ] || echo "round trips against Espressif's generator: not run, ESP_ENC_IMG_GEN is not set"
