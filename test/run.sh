#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs all tests and ends with one line: N passed, N failed[, N skipped]. Names of steps as arguments run these only:
# gcc sanitize clang web border python fuzz cuts e2e. What a step says is in build/log; it is shown when something failed.
set -u
cd "$(dirname "$0")/.." || exit 2

passed=0
failed=0
skipped=0
steps=("$@")
[ "${#steps[@]}" -gt 0 ] || steps=(gcc sanitize clang web border python fuzz cuts e2e)
log=build/log
mkdir -p "$log"
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1} UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

count() { # name, passed, failed, skipped
    passed=$((passed + $2))
    failed=$((failed + $3))
    skipped=$((skipped + $4))
    local rest=""
    [ "$4" -eq 0 ] || rest=", $4 skipped"
    printf '%-28s %s passed, %s failed%s\n' "$1" "$2" "$3" "$rest"
}

# What tests say about the machine, each sentence once.
declare -A noted=()
notes() { # file
    local line
    while read -r line; do
        [ -n "${noted[$line]:-}" ] || echo "${line#\# }"
        noted[$line]=said
    done < <(grep -hE '^# no real ' "$1")
}

# A command that is one test.
one_test() { # name, command...
    local name=$1
    shift
    if "$@" >"$log/one.txt" 2>&1; then
        count "$name" 1 0 0
    else
        cat "$log/one.txt"
        count "$name" 0 1 0
    fi
}

build() { # name
    local output="$log/build-$1.txt" arguments
    read -ra arguments <<<"${options[$1]}"
    if ! { cmake -S host -B "build/$1" "${arguments[@]}" && cmake --build "build/$1" -j "$(nproc)"; } >"$output" 2>&1; then
        grep -E 'error|Error|warning' -A 5 "$output" | head -n 100
        count "$1: build" 0 1 0
        return 1
    fi
}

sum_of() { # cmocka's word in brackets, file
    echo $(($(sed -nE "s/^\[  $1 +\] ([0-9]+) test\(s\).*/\1 +/p" "$2") 0))
}

unit_tests() { # name of the build
    local test output code good=0 bad=0 left_out=0
    for test in "build/$1"/test/test_* "build/$1"/test/*/test_*; do
        [ -x "$test" ] && [ -f "$test" ] || continue
        output="$log/$1-$(basename "$test").txt"
        "$test" >"$output" 2>&1
        code=$?
        notes "$output"
        local ok no out
        ok=$(sum_of PASSED "$output") no=$(sum_of FAILED "$output") out=$(sum_of SKIPPED "$output")
        if [ "$code" -ne 0 ] && [ "$no" -eq 0 ]; then
            no=1 # it crashed, or a sanitizer has ended it
        fi
        [ "$no" -eq 0 ] || { echo "--- $test"; grep -vE '^\[ RUN  |^\[       OK' "$output" | tail -n 60; }
        [ "$out" -eq 0 ] || grep -B 3 'SKIPPED' "$output"
        good=$((good + ok)) bad=$((bad + no)) left_out=$((left_out + out))
    done
    count "$1: unit tests" "$good" "$bad" "$left_out"
}

node_count() { # word, TAP file
    sed -nE "s/^# $1 ([0-9]+)$/\1/p" "$2" | tail -n 1 | grep . || echo 0
}

node_tests() { # name, files...
    local name=$1 tap="$log/$1.tap" text="$log/$1.txt" code
    shift
    node --import ./test/browser_globals.js --test --test-concurrency="$(nproc)" --test-reporter=spec --test-reporter-destination="$text" \
        --test-reporter=tap --test-reporter-destination="$tap" "$@" >"$log/$name.out" 2>&1
    code=$?
    local bad
    bad=$(($(node_count fail "$tap") + $(node_count cancelled "$tap")))
    if [ "$code" -ne 0 ] && [ "$bad" -eq 0 ]; then
        bad=1
        cat "$log/$name.out"
    fi
    notes "$tap"
    grep -hE '# SKIP' "$tap"
    [ "$bad" -eq 0 ] || sed -n '/failing tests/,$p' "$text" | head -n 400
    count "$name" "$(node_count pass "$tap")" "$bad" "$(node_count skipped "$tap")"
}

declare -A options=(
    [gcc]='-DCMAKE_C_COMPILER=gcc'
    [sanitize]='-DCMAKE_C_COMPILER=gcc -DSANITIZE=ON'
    [clang]='-DCMAKE_C_COMPILER=clang'
)
declare -A built=()

# Each build is made once in a run.
need_build() { # name
    if [ -z "${built[$1]:-}" ]; then
        built[$1]=failed
        build "$1" && built[$1]=yes
    fi
    [ "${built[$1]}" = yes ]
}

gcc_step() {
    need_build gcc && unit_tests gcc
}

sanitize_step() {
    need_build sanitize && unit_tests sanitize
}

clang_step() {
    need_build clang && unit_tests clang
}

page_is_up_to_date() {
    node web/build.js "$PWD/$log/ota.html.gz" && cmp "$log/ota.html.gz" web/dist/ota.html.gz
}

web_step() {
    one_test 'web: types' web/node_modules/.bin/tsc -p web
    one_test 'web: page is up to date' page_is_up_to_date
    need_build sanitize && BUILD_DIR=$PWD/build/sanitize node_tests web test/web/*.test.js
}

border_step() {
    one_test 'borders of src, esp, host' test/border.sh
}

# The package alone; against devices it runs in the step e2e (python.test.js).
python_step() {
    local output="$log/python.txt" ran bad
    /usr/bin/python3 test/python/test_client.py >"$output" 2>&1
    ran=$(sed -nE 's/^Ran ([0-9]+) tests? in .*/\1/p' "$output")
    bad=$(($(grep -oE '(failures|errors)=[0-9]+' "$output" | sed 's/.*=//; s/$/ +/') 0))
    [ -n "$ran" ] && { [ "$bad" -gt 0 ] || grep -q '^OK' "$output"; } || { ran=1 bad=1; }
    [ "$bad" -eq 0 ] || cat "$output"
    count python $((ran - bad)) "$bad" 0
}

fuzz_step() {
    local name
    need_build sanitize || return
    for name in message image encrypted partition session host_name; do
        one_test "fuzz: corpus of $name" "build/sanitize/test/fuzz/replay_$name" "fuzz/corpus/$name"
    done
}

# The search over all states has found what docs/states.md says, and nothing else.
states_are_documented() {
    build/gcc/test/states/states --document "$log/states.md" && cmp "$log/states.md" docs/states.md
}

cuts_step() {
    need_build gcc && one_test 'states: all that can happen' states_are_documented && tail -n 1 "$log/one.txt"
    need_build sanitize && one_test 'faults' build/sanitize/test/faults/faults && tail -n 1 "$log/one.txt"
    need_build gcc && one_test 'cuts: every single one' build/gcc/test/cuts/cuts --pairs 0 &&
        tail -n 2 "$log/one.txt"
    one_test 'cuts: each safeguard is missed' test/cuts/safeguards.sh && tail -n 1 "$log/one.txt"
}

e2e_step() {
    need_build sanitize && BUILD_DIR=$PWD/build/sanitize node_tests e2e test/e2e/*.test.js
}

for step in "${steps[@]}"; do
    "${step}_step"
done
summary="$passed passed, $failed failed"
[ "$skipped" -eq 0 ] || summary="$summary, $skipped skipped"
echo "$summary"
[ "$failed" -eq 0 ]
