#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fuzzes each target for so many minutes, two at a time, from the corpus on; what is new goes to build/fuzz/found/.
set -u
cd "$(dirname "$0")/.." || exit 2
minutes=${1:-5}
build=build/fuzz
cmake -S host -B $build -DCMAKE_C_COMPILER=clang -DFUZZ=ON -DSANITIZE=ON >/dev/null || exit 2
targets=(session message image encrypted partition)
cmake --build $build -j "$(nproc)" --target "${targets[@]/#/fuzz_}" >$build/build.txt || { tail -n 40 $build/build.txt; exit 2; }

fuzz() { # target
    local found=$build/found/$1
    mkdir -p "$found" "$build/crashes"
    "$build/test/fuzz/fuzz_$1" -max_total_time=$((minutes * 60)) -max_len=4096 -print_final_stats=1 \
        -artifact_prefix="$build/crashes/$1-" "$found" "fuzz/corpus/$1" >"$build/$1.txt" 2>&1
    local code=$?
    local number rate
    number=$(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$1.txt")
    rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$build/$1.txt")
    echo "$1: $number executions, $rate a second, $([ $code -eq 0 ] && echo 'no finding' || echo FINDING, see $build/$1.txt)"
    return $code
}

export -f fuzz
export build minutes
printf '%s\n' "${targets[@]}" | xargs -P 2 -I{} bash -c 'fuzz {}'
