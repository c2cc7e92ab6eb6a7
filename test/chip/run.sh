#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# make chip-test: builds test_apps/chip for esp32c3 in two versions and runs test/chip/*.test.js on emulated chips. Needs
# IDF_PATH with its environment, and qemu-system-riscv32 with the machine esp32c3. For environments of one's own:
# CHIP_IDF_ARGS (further arguments of idf.py), CHIP_SDKCONFIG (further defaults, ';' between), CHIP_QEMU_ARGS, CHIP_OUT
# (where to build), CHIP_TAP and CHIP_ADDRESS (chip.js).
# Names of tests as arguments run these only: life trial failed_trial lost_entry applications page two_servers
# compressed delta sealed wire http_upload wss measure cuts.
set -u
cd "$(dirname "$0")/../.." || exit 2

missing=()
[ -n "${IDF_PATH:-}" ] && command -v idf.py >/dev/null || missing+=("ESP-IDF (IDF_PATH and its environment)")
command -v qemu-system-riscv32 >/dev/null || missing+=("qemu-system-riscv32")
if [ "${#missing[@]}" -gt 0 ]; then
    for what in "${missing[@]}"; do
        echo "chip-test: skipped, because there is no $what"
    done
    exit 0
fi

out=${CHIP_OUT:-$PWD/build/chip}
mkdir -p "$out"
read -ra idf_arguments <<<"${CHIP_IDF_ARGS:-}"
defaults="$PWD/test_apps/chip/sdkconfig.defaults"
[ -n "${CHIP_KEY:-}" ] || defaults="$defaults;$PWD/test_apps/chip/sdkconfig.tests"
defaults="$defaults${CHIP_SDKCONFIG:+;$CHIP_SDKCONFIG}"

# Both versions in one directory: only the version differs.
build() { # version
    idf.py -C test_apps/chip -B "$out/build" -DSDKCONFIG="$out/sdkconfig" -DSDKCONFIG_DEFAULTS="$defaults" \
        -DIDF_TARGET=esp32c3 -DAPP_VERSION="$1" "${idf_arguments[@]}" build >"$out/$1.txt" 2>&1 ||
        { grep -E 'error|Error' -A 3 "$out/$1.txt" | cut -c1-300 | head -n 40; exit 1; }
    cp "$out/build/ota_ws_chip.bin" "$out/$1.bin"
    cp "$out/build/ota_ws_chip.elf" "$out/$1.elf"
    [ ! -e "$out/build/ota_ws_chip_secure.bin" ] || cp "$out/build/ota_ws_chip_secure.bin" "$out/$1_secure.bin"
}

test/setup.sh test
rm -f "$out/sdkconfig" # it is of the defaults as they were
build 2.0.0
build 1.0.0
(cd "$out/build" && python -m esptool --chip esp32c3 merge_bin --fill-flash-size 4MB -o "$out/flash.bin" @flash_args) \
    >"$out/merge.txt" 2>&1 || { cat "$out/merge.txt"; exit 1; }

cmake -S host -B build/gcc >/dev/null && cmake --build build/gcc -j "$(nproc)" --target ota-ws ota-ws-image >/dev/null || exit 1
tests=("$@")
[ "${#tests[@]}" -gt 0 ] || tests=(life trial failed_trial lost_entry applications page two_servers compressed delta sealed wire http_upload wss measure cuts)
files=()
for name in "${tests[@]}"; do
    files+=("test/chip/$name.test.js")
done
GIVE_UP_MS=${GIVE_UP_MS:-180000} CHIP_IMAGES=$out BUILD_DIR=$PWD/build/gcc exec node --test --test-concurrency=1 --test-reporter=spec "${files[@]}"
