#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the page and the component cost, without ESP-IDF: bytes of the gzip file, and of src/ and esp/ compiled and linked
# as for an ESP32-C3, with the options of the component. esp/ is compiled against the tests' declarations of ESP-IDF
# (test/esp/fakes). Linked means: ota_ws_register_uri_handler() and what that needs. What the component costs in a real
# firmware is test/chip/size.sh's.
set -euo pipefail
cd "$(dirname "$0")/.."
out=build/size
rm -rf "$out"
mkdir -p "$out/include"
gcc=(riscv64-unknown-elf-gcc -march=rv32imc -mabi=ilp32 -Os -msave-restore
    -malign-data=natural -freorder-blocks -fstrict-volatile-bitfields -fno-jump-tables -fno-tree-switch-conversion --specs=picolibc.specs)
includes=(-include esp/riscv_calls.h -I"$out/include" -Itest/esp/fakes -Iesp -Isrc -Iinclude)
values=(-DGENERATION=6 -DOTA_WS_MEASURED -DOTA_WS_HASH_STATE_SIZE=128 -DOTA_WS_PROTECTED=1 -DOTA_WS_CHECK_PROJECT=1
    -DOTA_WS_CHECK_VERSION=1 -DOTA_WS_INFLATES=1 -DOTA_WS_DECRYPTS=0
    '-DOTA_WS_PAGE_ETAG="\"0123456789abcdef\""')

# Every header that is ESP-IDF's.
for header in $(grep -oh '^#include "[^"]*"' esp/*.[ch] include/*.h | cut -d'"' -f2 | sort -u); do
    if ! [ -e "esp/$header" ] && ! [ -e "src/$header" ] && ! [ -e "include/$header" ] && ! [ -e "test/esp/fakes/$header" ]; then
        mkdir -p "$(dirname "$out/include/$header")"
        echo '#include "idf.h"' >"$out/include/$header"
    fi
done

# Where the chip has what is not ours: a call from flash into ROM or internal RAM takes 8 bytes, within flash 4.
far='^(mem|str|__|xQueue|uxQueue|vQueue|xTask|uxTask|vTask|esp_timer_get_time|esp_rom_|tinfl_)'
others=0x42060000 rom=0x40000000
memory=(-Wl,--defsym=__flash=0x42000000 -Wl,--defsym=__flash_size=0x400000 -Wl,--defsym=__ram=0x3fc80000
    -Wl,--defsym=__ram_size=0x60000)
place_others() { # objects; prints arguments of the linker
    comm -23 <(riscv64-unknown-elf-nm -u "$@" | awk 'NF == 2 { print $2 }' | sort -u) \
        <(riscv64-unknown-elf-nm --defined-only "$@" | awk 'NF == 3 { print $3 }' | sort -u) |
        sed -E "/$far/! s/.*/-Wl,--defsym=&=$others/; /$far/ s/.*/-Wl,--defsym=&=$rom/"
}

compile() { # source, object, options
    local source=$1 object=$2
    shift 2
    "${gcc[@]}" -std=gnu17 "$@" "${includes[@]}" "${values[@]}" -ffunction-sections -fdata-sections -c "$source" -o "$object"
}

takes_updates=1

# Links the sources as a firmware would that calls the one function, and lists the bytes by file. Each source is
# compiled once; only the list of features differs.
measure() { # name, sources
    local name=$1 objects=() source object features
    shift
    mkdir -p "$out/$name" "$out/objects"
    features=$(printf '%s\n' "$@" | sed -n 's,^src/features/\(.*\)\.c$, FEATURE(\1),p' | tr -d '\n')
    echo "#define OTA_WS_FEATURES(FEATURE)$features" >"$out/$name/feature_list.h"
    for source in "$@"; do
        object=$out/objects/$(sed 's,^src/features/,feature_,; s,.*/,,; s,[cS]$,o,' <<<"$source")
        if [ "$source" = src/feature.c ]; then
            object=$out/$name/feature.o
            compile "$source" "$object" -I"$out/$name"
        elif [ "$takes_updates" = 0 ] && grep -q OTA_WS_TAKES_UPDATES "$source"; then
            object=$out/$name/$(basename "${source%.c}.o")
            compile "$source" "$object" -DOTA_WS_TAKES_UPDATES=0
        elif ! [ -e "$object" ]; then
            compile "$source" "$object"
        fi
        objects+=("$object")
    done
    "${gcc[@]}" -nostdlib -Wl,--gc-sections,-e,0,-u,ota_ws_register_uri_handler -Wl,-Map="$out/$name.map" "${memory[@]}" \
        $(place_others "${objects[@]}") "${objects[@]}" -o "$out/$name.elf"
    test/map_sizes.sh "$out/$name.map" "$out/" >"$out/$name.txt"
}

own_code() { # name
    sed -n 's/^code and constants: \([0-9]*\) bytes$/\1/p' "$out/$1.txt"
}

# Without the sources of one switch.
less_than_all() { # what, sources of all but that
    local what=$1
    shift
    measure "without" "$@"
    printf '  %-22s %5d\n' "$what" $(($(own_code all) - $(own_code without)))
}

without() { # a name in the sources' paths
    less_than_all "$1" $(grep -v "^src/features/$1\.c" <<<"$all")
}

# As menuconfig has it unless it is changed (the prepared slot is off); and with every switch off.
core=$(find src -name '*.c' ! -name '*_none.c' ! -path src/features/prepare.c | sort)
glue=$(find esp -name '*.c' ! -name 'decrypt*' ! -name inflate_none.c ! -name flash_none.c ! -name worker_alone.c ! -name page_none.c ! -name mdns_announce.c ! -name plain_http_none.c \
    ! -name signed.c ! -name log_keeper_none.c ! -name core_dump.c | sort)
all=$(printf '%s\n' $core $glue esp/decrypt_none.c esp/riscv_calls.S)
none=$(grep -vE '^(src/features/.*|src/session/http_upload|esp/(inflate|page|plain_http|log_keeper))\.c$' <<<"$all")
measure all $all
measure none $none esp/inflate_none.c esp/page_none.c esp/plain_http_none.c esp/log_keeper_none.c

# OTA_WS_INTO_RECOVERY_ONLY: with the page and the switches that are left, and with those off.
updates='^(src/engine/update|src/flow/(boot_job|commit|file|pipeline|readback|ring|slot|writer)|src/image/encrypted|esp/(flash|worker))\.c$'
small=$(grep -vE "$updates" <<<"$none"
    printf '%s\n' src/engine/update_none.c src/flow/boot_job_none.c src/features/recovery.c esp/flash_none.c \
        esp/worker_alone.c esp/inflate_none.c esp/plain_http_none.c)
takes_updates=0
measure small $small src/features/history.c src/features/log_ring.c esp/page.c esp/log_keeper.c
measure smallest $small esp/page_none.c esp/log_keeper_none.c
takes_updates=1

printf 'page, gzip: %s bytes; the small one: %s bytes\n\n' "$(wc -c <web/dist/ota.html.gz)" "$(wc -c <web/dist/small/ota.html.gz)"
echo 'src/ and esp/ for rv32imc, -Os, as linked on a chip:'
sed '/^code and constants/d' "$out/all.txt"
echo
echo 'less when it is switched off:'
for feature in $(sed -n 's,^src/features/\(.*\)\.c$,\1,p' <<<"$all"); do
    without "$feature"
done
less_than_all page $(grep -v '^esp/page\.c$' <<<"$all") esp/page_none.c
less_than_all inflate $(grep -v '^esp/inflate\.c$' <<<"$all") esp/inflate_none.c
less_than_all 'plain HTTP' $(grep -vE '^(src/session/http_upload|esp/plain_http)\.c$' <<<"$all") esp/plain_http_none.c
less_than_all 'log ring' $(grep -vE '^(src/features/log_ring|esp/log_keeper)\.c$' <<<"$all") esp/log_keeper_none.c
echo
echo 'more when it is switched on:'
measure with $all src/features/prepare.c
printf '  %-22s %5d\n' prepare $(($(own_code with) - $(own_code all)))
echo
printf 'own code, all features: %d bytes\n' "$(own_code all)"
printf 'own code, switches off: %d bytes\n' "$(own_code none)"
printf 'own code, OTA_WS_INTO_RECOVERY_ONLY: %d bytes\n' "$(own_code small)"
printf 'own code, OTA_WS_INTO_RECOVERY_ONLY, switches off: %d bytes\n' "$(own_code smallest)"
echo 'in a firmware with ESP-IDF v5.5.5 (its map, 30 November 2026) 1.6 % more: 52,462 with a core dump to flash, where this said 51,643'
