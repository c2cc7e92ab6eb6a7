#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the page and the core cost: bytes of the gzip file, and of src/ compiled and linked as for an ESP32-C3, with the
# options of the component. Linked means: what esp/ calls and what that needs. What all of the component costs in a real
# firmware is test/chip/size.sh's.
set -euo pipefail
cd "$(dirname "$0")/.."
gcc=(riscv64-unknown-elf-gcc -march=rv32imc -mabi=ilp32 -Os -msave-restore --specs=picolibc.specs)
out=build/size
mkdir -p "$out"

objects=()
for source in $(find src -name '*.c' | sort); do
    object=$out/$(basename "$source" .c).o
    "${gcc[@]}" -std=c11 -Isrc -ffunction-sections -fdata-sections -c "$source" -o "$object"
    objects+=("$object")
done
mapfile -t roots < <(comm -12 <(grep -oh 'ota_ws_[a-z0-9_]*' esp/*.c | sort -u) \
    <(riscv64-unknown-elf-nm --defined-only "${objects[@]}" | awk 'NF == 3 { print $3 }' | sort -u))
"${gcc[@]}" -nostartfiles -Wl,--gc-sections,-e,0,-Map="$out/map" "${roots[@]/#/-Wl,-u,}" "${objects[@]}" -o "$out/core.elf"

printf 'page, gzip: %s bytes\n\n' "$(wc -c <web/dist/ota.html.gz)"
echo 'src/ for rv32imc, -Os, as linked on a chip:'
test/map_sizes.sh "$out/map" "$out/"
