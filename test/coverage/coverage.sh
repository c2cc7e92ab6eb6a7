#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Branch coverage of src/ by the unit tests, the faults and the fuzzers' corpora, in clang's source-based way: each
# condition of an && or ||, each loop and each case counts once true and once false, as it is written. What gcov counts is
# what gcc made of it (jump tables, merged and split branches). The core is a shared library here, so that all programs
# count in the same place. Leaves the profiles of each program in build/coverage/profiles, and with the word `profiles` does no
# more: `make mutants` asks them which test runs which line.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=build/coverage
profiles=$build/profiles
log=$build/log.txt

mkdir -p "$build"
if ! { cmake -S host -B $build -DCMAKE_C_COMPILER=clang -DSHARED_CORE=ON \
    -DCMAKE_C_FLAGS='-fprofile-instr-generate -fcoverage-mapping' && cmake --build $build -j "$(nproc)"; } >$log 2>&1; then
    grep -E 'error|Error' -A 5 $log | head -n 60
    exit 2
fi

run() { # program, arguments...
    local name
    name=$(basename "$1")
    if ! LLVM_PROFILE_FILE="$profiles/$name.%p.profraw" "$@" >$log 2>&1; then
        tail -n 40 $log
        echo "$name fails; a figure of failing tests says nothing"
        exit 1
    fi
}

rm -rf $profiles
for test in $build/test/test_*; do
    [ -f "$test" ] && [ -x "$test" ] && run "$test"
done
run $build/test/faults/faults
for corpus in fuzz/corpus/*; do
    run "$build/test/fuzz/replay_$(basename "$corpus")" "$corpus"
done
llvm-profdata merge -sparse $profiles/*.profraw -o $build/all.profdata
[ "${1:-}" != profiles ] || exit 0
llvm-cov export $build/libota_ws_core.so -instr-profile $build/all.profdata >$build/all.json
exec node test/coverage/report.js $build/all.json
