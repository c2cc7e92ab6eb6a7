#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs all tests and ends with one line: N passed, N failed[, N skipped]. Names of steps as arguments run these only:
# format border types gcc sanitize clang features web python fuzz cuts e2e; and `build`, which only builds. Some tests
# alone: one.sh.
set -u
cd "$(dirname "$0")/.." || exit 2
. test/steps.sh

steps=("$@")
[ "${#steps[@]}" -gt 0 ] || steps=(format border types gcc sanitize clang features web python fuzz cuts e2e)
declare -A built=()

# Each build is made once in a run.
need_build() { # name
    if [ -z "${built[$1]:-}" ]; then
        built[$1]=failed
        build "$1" && built[$1]=yes
    fi
    [ "${built[$1]}" = yes ]
}

all_unit_tests() { # name of the build
    local test programs=()
    for test in "build/$1"/test/test_*; do
        [ -x "$test" ] && [ -f "$test" ] && programs+=("$test")
    done
    unit_tests "$1: unit tests" "${programs[@]}"
}

format_step() {
    test_format
}

border_step() {
    test_border
}

types_step() {
    test_types
}

build_step() {
    need_build gcc && count 'build' 1 0 0
}

gcc_step() {
    need_build gcc && all_unit_tests gcc
}

sanitize_step() {
    need_build sanitize && all_unit_tests sanitize
}

# The core with other sets of features (test/features.cmake).
features_step() {
    need_build gcc || return
    if ! cmake --build build/gcc -j "$(nproc)" --target features >"$log/build-features.txt" 2>&1; then
        grep -E 'error|undefined' "$log/build-features.txt" | head -n 50
        count 'features: build' 0 1 0
        return
    fi
    unit_tests 'features: sets of them' build/gcc/test/features/features_*
}

clang_step() {
    need_build clang && all_unit_tests clang
}

web_step() {
    one_test 'web: page is up to date' page_is_up_to_date
    need_build sanitize && BUILD_DIR=$PWD/build/sanitize node_tests web test/web/*.test.js
}

python_step() {
    python_tests
}

fuzz_step() {
    local corpus
    need_build sanitize || return
    for corpus in fuzz/corpus/*; do
        test_corpus "${corpus##*/}" sanitize
    done
}

cuts_step() {
    need_build gcc && test_states
    need_build gcc && test_fleet_search
    need_build gcc && one_test 'cuts: sealed uploads' build/gcc/test/cuts/cuts --pairs 0 --only 0 1 --sealed && tail -n 2 "$log/one.txt"
    need_build sanitize && test_faults sanitize
    need_build gcc && test_cuts && cmake --build build/gcc --target cuts_plain >"$log/build-features.txt" 2>&1
    one_test 'cuts: without any feature' build/gcc/test/cuts_plain --pairs 0 && tail -n 2 "$log/one.txt"
    test_safeguards
}

# The page in the three browsers, and beside it all that needs no browser.
e2e_step() {
    need_build sanitize || return
    local file pages=() others=() BUILD_DIR=$PWD/build/sanitize
    export BUILD_DIR
    for file in test/e2e/*.test.js; do
        case $(basename "$file") in
        page* | look* | dashboard*) pages+=("$file") ;;
        *) others+=("$file") ;;
        esac
    done
    run_node_tests pages "${pages[@]}" &
    run_node_tests e2e "${others[@]}"
    wait
    node_results pages
    node_results e2e
}

for step in "${steps[@]}"; do
    "${step}_step"
done
summary
