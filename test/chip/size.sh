#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the component costs in a firmware for esp32c3: builds test_apps/chip as nothing but a server, with the one call of
# README and without, and prints the component's linked bytes by file and the growth of the application. Needs IDF_PATH
# with its environment; CHIP_IDF_ARGS as in run.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$PWD/build/chip-size
mkdir -p "$out"
read -ra idf_arguments <<<"${CHIP_IDF_ARGS:-}"

build() { # name, y or n: without the component
    printf 'CONFIG_CHIP_TEST_BARE=y\nCONFIG_CHIP_TEST_WITHOUT_OTA=%s\n' "$2" >"$out/$1.defaults"
    rm -f "$out/sdkconfig"
    idf.py -C test_apps/chip -B "$out/build" -DSDKCONFIG="$out/sdkconfig" -DIDF_TARGET=esp32c3 -DAPP_VERSION=1.0.0 \
        -DSDKCONFIG_DEFAULTS="$PWD/test_apps/chip/sdkconfig.defaults;$out/$1.defaults" "${idf_arguments[@]}" build \
        >"$out/$1.txt" 2>&1 || { grep -E 'error' -A 3 "$out/$1.txt" | head -n 40; exit 1; }
    cp "$out/build/ota_ws_chip.elf" "$out/$1.elf"
    cp "$out/build/ota_ws_chip.map" "$out/$1.map"
}

# What of a firmware is loaded, without what the alignment of its pages adds to the .bin.
loaded() { # name
    riscv32-esp-elf-size -A "$out/$1.elf" | awk '$1 ~ /^\.(flash|iram0|dram0)\./ && $1 !~ /bss|dummy|noload|heap/ { sum += $2 }
        END { print sum }'
}

build without y
build with n
test/map_sizes.sh "$out/with.map" libota_ws_update.a
page=$(wc -c <web/dist/ota.html.gz)
printf 'the page, which is among them: %d bytes\ngrowth of the application: %d bytes\n' "$page" \
    $(($(loaded with) - $(loaded without)))
