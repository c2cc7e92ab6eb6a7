#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds a fresh project of what README shows: its main.c, its partition table, its settings, and this repository as the
# component. Needs IDF_PATH with its environment; CHIP_IDF_ARGS and CHIP_OUT as in run.sh. Names of chips as arguments
# build for these (esp32c3). README_TARGET names another target than `build`, where ESP-IDF's Wi-Fi libraries are not to be
# had and nothing can be linked.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ -z "${IDF_PATH:-}" ]; then
    echo "README's project: skipped, because there is no ESP-IDF (IDF_PATH and its environment)"
    exit 0
fi
out=${CHIP_OUT:-$PWD/build/chip-readme}
read -ra idf_arguments <<<"${CHIP_IDF_ARGS:-}"

# The first block of README that holds these words, without its fences.
block() { # words
    awk -v words="$1" '/^```/ { if (open && found) { printf "%s", text; exit } open = !open; text = ""; found = 0; next }
        open { text = text $0 "\n"; if (index($0, words)) found = 1 }' README.md
}

for chip in "${@:-esp32c3}"; do
    project=$out/$chip
    rm -rf "$project"
    mkdir -p "$project/main" "$project/components"
    ln -s "$PWD" "$project/components/ota_ws_update"
    block 'void app_main' >"$project/main/main.c"
    block 'ota_0,' >"$project/partitions.csv"
    block 'CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE' >"$project/sdkconfig.defaults"
    echo 'idf_component_register(SRCS main.c)' >"$project/main/CMakeLists.txt"
    printf '%s\n' 'cmake_minimum_required(VERSION 3.16)' 'include($ENV{IDF_PATH}/tools/cmake/project.cmake)' 'project(fresh)' \
        >"$project/CMakeLists.txt"
    if ! idf.py -C "$project" -B "$project/build" -DIDF_TARGET="$chip" "${idf_arguments[@]}" "${README_TARGET:-build}" \
        >"$project/build.txt" 2>&1; then
        grep -E 'error|warning' -A 3 "$project/build.txt" | head -n 40
        echo "README's project for $chip: failed"
        exit 1
    fi
    echo "README's project for $chip: built"
done
