#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the component costs in a firmware for esp32c3: its linked bytes by file, and how much an application grows by the
# one call of README. The growth is printed twice: against an application that has a web server and nothing else, and
# against one that uses NVS, request headers and WebSockets already. What ESP-IDF adds to each is listed by object.
# Needs IDF_PATH with its environment; CHIP_IDF_ARGS, CHIP_SDKCONFIG and CHIP_OUT as in run.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${CHIP_OUT:-$PWD/build/chip-size}
mkdir -p "$out"
read -ra idf_arguments <<<"${CHIP_IDF_ARGS:-}"

# Each application has a build directory of its own: then only what differs is built again.
build() { # name, application, settings
    printf '%s\n' "${@:3}" >"$out/$1.defaults"
    rm -f "$out/$2.sdkconfig"
    idf.py -C "test_apps/$2" -B "$out/$2" -DSDKCONFIG="$out/$2.sdkconfig" -DIDF_TARGET=esp32c3 -DAPP_VERSION=1.0.0 \
        -DSDKCONFIG_DEFAULTS="$PWD/test_apps/chip/sdkconfig.defaults${CHIP_SDKCONFIG:+;$CHIP_SDKCONFIG};$out/$1.defaults" \
        "${idf_arguments[@]}" build >"$out/$1.txt" 2>&1 ||
        { grep -E ': (fatal )?error' -A 3 "$out/$1.txt" | cut -c1-300 | head -n 40; exit 1; }
    cp "$out/$2/"*.elf "$out/$1.elf"
    cp "$out/$2/"*.map "$out/$1.map"
}

# What of a firmware is loaded into flash, in bytes, without what the alignment of its pages adds to the .bin.
loaded() { # name
    riscv32-esp-elf-size -A "$out/$1.elf" | awk '$1 ~ /^\.(flash|iram0|dram0)\./ && $1 !~ /bss|dummy|noload|heap/ { sum += $2 }
        END { print sum }'
}

section() { # name, pattern
    riscv32-esp-elf-size -A "$out/$1.elf" | awk -v wanted="$2" '$1 ~ wanted { sum += $2 } END { print sum + 0 }'
}

objects() { # name
    test/map_sizes.sh "$out/$1.map" .a | awk 'NF == 4 && $2 ~ /^[0-9]+$/ && $1 != "total" { print $1, $2 + $3 }' | sort
}

# The objects of ESP-IDF that are larger with the component than without.
growth_by_object() { # with, without
    join -a 1 -e 0 -o 0,1.2,2.2 <(objects "$1") <(objects "$2") | sort >"$out/joined"
    test/map_sizes.sh "$out/$1.map" libota_ws_update.a | awk '{ print $1 }' | sort -u |
        join -v 1 "$out/joined" - | awk '$2 - $3 > 30 { printf "  %-28s %6d\n", $1, $2 - $3 }' | sort -k2 -rn
}

compare() { # with, without, words
    echo
    printf 'growth of %s: %d bytes (IRAM %d, initialized data %d, zeroed data %d)\n' "$3" $(($(loaded "$1") - $(loaded "$2"))) \
        $(($(section "$1" '^.iram0.text$') - $(section "$2" '^.iram0.text$'))) \
        $(($(section "$1" '^.dram0.data$') - $(section "$2" '^.dram0.data$'))) \
        $(($(section "$1" '^.dram0.bss$') - $(section "$2" '^.dram0.bss$')))
    growth_by_object "$1" "$2"
}

build nothing server
build bare chip CONFIG_CHIP_TEST_BARE=y
build uses chip CONFIG_CHIP_TEST_BARE=y CONFIG_CHIP_TEST_USES=y CONFIG_CHIP_TEST_WITHOUT_OTA=y
build both chip CONFIG_CHIP_TEST_BARE=y CONFIG_CHIP_TEST_USES=y
test/map_sizes.sh "$out/bare.map" libota_ws_update.a
printf 'the page, which is among them: %d bytes\n' "$(wc -c <web/dist/ota.html.gz)"
compare bare nothing 'an application that has a web server only'
compare both uses 'one that uses NVS, a web server and WebSockets already'
