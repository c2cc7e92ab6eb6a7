#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the page and the core cost: bytes of the gzip file, and of src/ compiled as for an ESP32-C3.
set -euo pipefail
cd "$(dirname "$0")/.."
compiler=riscv64-unknown-elf
out=build/size
mkdir -p "$out/include"
ln -sf /usr/include/jsmn.h "$out/include/jsmn.h" # the one header of it, without the rest of /usr/include

objects=()
for source in src/*.c; do
    object=$out/$(basename "$source" .c).o
    "$compiler-gcc" -march=rv32imc -mabi=ilp32 -Os -std=c11 -ffunction-sections -fdata-sections \
        --specs=picolibc.specs -isystem "$out/include" -c "$source" -o "$object"
    objects+=("$object")
done
printf 'page, gzip: %s bytes\n\n' "$(wc -c <web/dist/ota.html.gz)"
echo 'src/ for rv32imc, -Os:'
"$compiler-size" -t "${objects[@]}" | awk '
    NR == 1 { printf "%-16s %7s %7s %7s\n", "file", "text", "data", "bss"; next }
    { n = split($NF, path, "/"); name = path[n]; sub(/\.o$/, ".c", name)
      if (name ~ /TOTALS/) name = "total"
      printf "%-16s %7d %7d %7d\n", name, $1, $2, $3 }'
