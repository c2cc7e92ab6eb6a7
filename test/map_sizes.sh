#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Reads a linker's map: bytes of code, of constants, and of RAM that each object has in the image, of those whose path
# contains a text. usage: test/map_sizes.sh MAP TEXT
set -euo pipefail
awk -v wanted="$2" '
    function count(section, bytes, path,    name) {
        if (bytes == 0 || index(path, wanted) == 0) return
        name = path; sub(/.*[\/(]/, "", name); sub(/\.(c\.)?(o|obj)\)?$/, "", name)
        names[name] = 1
        if (section ~ /^\.(text|iram)/) code[name] += bytes
        else if (section ~ /^\.s?rodata/) constants[name] += bytes
        else if (section ~ /^\.s?(data|bss)/) ram[name] += bytes
    }
    function number(text,    value, i) {
        for (i = 3; i <= length(text); i++) value = value * 16 + index("123456789abcdef", tolower(substr(text, i, 1)))
        return value
    }
    /^Linker script and memory map/ { mapped = 1 }
    !mapped { next }
    /^ \.[^ ]+$/ { section = $1; next } # a long name has a line of its own
    /^ \.[^ ]+ +0x/ { if (number($2) > 0) count($1, number($3), $4); section = ""; next }
    /^ +0x/ && section != "" && NF >= 3 { if (number($1) > 0) count(section, number($2), $3) }
    { section = "" }
    END {
        printf "%-16s %9s %9s %9s\n", "file", "code", "constants", "ram"
        for (name in names) {
            printf "%-16s %9d %9d %9d\n", name, code[name], constants[name], ram[name] | "sort"
            code_sum += code[name]; constants_sum += constants[name]; ram_sum += ram[name]
        }
        close("sort")
        printf "%-16s %9d %9d %9d\n", "total", code_sum, constants_sum, ram_sum
        printf "code and constants: %d bytes\n", code_sum + constants_sum
    }' "$1"
