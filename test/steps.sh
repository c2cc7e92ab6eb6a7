# SPDX-License-Identifier: Apache-2.0
# What run.sh (all tests) and one.sh (some of them) share: counting, builds, and how each kind of test is run. To be sourced
# at the root of the project. What a test prints is in build/log; it is shown when the test failed.
passed=0
failed=0
skipped=0
log=build/log
mkdir -p "$log"
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1} UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

count() { # name, passed, failed, skipped
    passed=$((passed + $2))
    failed=$((failed + $3))
    skipped=$((skipped + $4))
    local rest=""
    [ "$4" -eq 0 ] || rest=", $4 skipped"
    printf '%-28s %s passed, %s failed%s (%d:%02d)\n' "$1" "$2" "$3" "$rest" $((SECONDS / 60)) $((SECONDS % 60))
}

# Prints the last line. The exit code of the whole run.
summary() {
    local rest=""
    [ "$skipped" -eq 0 ] || rest=", $skipped skipped"
    echo "$passed passed, $failed failed$rest"
    [ "$failed" -eq 0 ]
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
        return 1
    fi
}

# ---- builds

declare -A options=(
    [gcc]='-DCMAKE_C_COMPILER=gcc'
    [sanitize]='-DCMAKE_C_COMPILER=gcc -DSANITIZE=ON'
    [clang]='-DCMAKE_C_COMPILER=clang -DCMAKE_C_FLAGS_RELWITHDEBINFO=-O1'
)

configure() { # name of the build
    local arguments
    read -ra arguments <<<"${options[$1]}"
    cmake -S host -B "build/$1" "${arguments[@]}"
}

# Builds everything, or only some targets.
build() { # name of the build, targets...
    local name=$1 output="$log/build-$1.txt" targets=()
    shift
    [ "$#" -eq 0 ] || targets=(--target "$@")
    if ! { configure "$name" && cmake --build "build/$name" -j "$(nproc)" "${targets[@]}"; } >"$output" 2>&1; then
        grep -E 'error|Error|warning' -A 5 "$output" | head -n 100
        count "$name: build" 0 1 0
        return 1
    fi
}

# ---- unit tests: programs over cmocka

sum_of() { # cmocka's word in brackets, file
    echo $(($(sed -nE "s/^\[  $1 +\] ([0-9]+) test\(s\).*/\1 +/p" "$2") 0))
}

# Runs programs, as many at once as there are cores, and counts what they say as one line.
unit_tests() { # name, programs...
    local name=$1 test output code good=0 bad=0 left_out=0
    shift
    printf '%s\0' "$@" | xargs -0 -P "$(nproc)" -I '{}' sh -c '
        output=$1-$(basename "$2").txt
        "$2" >"$output" 2>&1
        echo $? >"$output.code"' sh "$log/${name%%:*}" '{}'
    for test in "$@"; do
        output="$log/${name%%:*}-$(basename "$test").txt"
        code=$(cat "$output.code")
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
    count "$name" "$good" "$bad" "$left_out"
}

# ---- tests of node

node_count() { # word, TAP file
    sed -nE "s/^# $1 ([0-9]+)$/\1/p" "$2" | tail -n 1 | grep . || echo 0
}

# Runs tests of node; node_results counts them. Arguments of node may stand before the files. Most tests wait for
# something most of the time: more of them run at once than there are cores. What hangs is ended: a file by
# file_limit.js, and all of them, should one be past that, by RUN_LIMIT in seconds.
run_node_tests() { # name, files...
    local name=$1
    shift
    timeout --kill-after=20 "${RUN_LIMIT:-3900}" \
        node --import ./test/browser_globals.js --import ./test/file_limit.js --test --test-concurrency="$(($(nproc) + 1))" \
        --test-reporter=spec --test-reporter-destination="$log/$name.txt" \
        --test-reporter=tap --test-reporter-destination="$log/$name.tap" "$@" >"$log/$name.out" 2>&1
    echo $? >"$log/$name.code"
}

# A test that --test-name-pattern has not chosen counts for nothing.
node_results() { # name
    local name=$1 tap="$log/$1.tap" text="$log/$1.txt" code bad not_chosen
    code=$(cat "$log/$name.code")
    bad=$(($(node_count fail "$tap") + $(node_count cancelled "$tap")))
    not_chosen=$(grep -cE '# SKIP test name does not match pattern' "$tap")
    if [ "$code" -ne 0 ] && [ "$bad" -eq 0 ]; then
        bad=1
        cat "$log/$name.out"
        [ "$code" -lt 124 ] || { echo "$name: ended, it had not come to its end (RUN_LIMIT); last:"; tail -n 20 "$text"; }
    fi
    notes "$tap"
    grep -hE '# SKIP' "$tap" | grep -v 'does not match pattern'
    [ "$bad" -eq 0 ] || { grep -h 'not done after' "$tap"; sed -n '/failing tests/,$p' "$text" | head -n 400; }
    count "$name" "$(node_count pass "$tap")" "$bad" $(($(node_count skipped "$tap") - not_chosen))
}

node_tests() { # name, files...
    run_node_tests "$@"
    node_results "$1"
}

# ---- tests of the Python package alone; against devices it is tested in test/e2e/python.test.js

python_tests() { # arguments of unittest...
    local output="$log/python.txt" ran bad
    /usr/bin/python3 -m unittest discover -s test/python "$@" >"$output" 2>&1
    ran=$(sed -nE 's/^Ran ([0-9]+) tests? in .*/\1/p' "$output")
    bad=$(($(grep -oE '(failures|errors)=[0-9]+' "$output" | sed 's/.*=//; s/$/ +/') 0))
    [ -n "$ran" ] && { [ "$bad" -gt 0 ] || grep -q '^OK' "$output"; } || { ran=1 bad=1; }
    [ "$bad" -eq 0 ] || cat "$output"
    count python $((ran - bad)) "$bad" 0
}

# ---- tests that are one program

page_is_up_to_date() {
    node web/build.js "$PWD/$log/page" && diff -r "$log/page" web/dist
}

is_formatted() {
    test/format.sh --dry-run -Werror || { echo "make format puts this right ($(clang-format --version))"; false; }
}

# The search over all states has found what docs/states.md says, and nothing else.
states_are_documented() {
    build/gcc/test/states/states --document "$log/states.md" && cmp "$log/states.md" docs/states.md
}

test_border() {
    one_test 'borders of src, esp, host' test/border.sh
    one_test 'all that is made from src/schema.def agrees with it' test/wire.py --check
}

test_format() {
    one_test 'format of the C sources' is_formatted
}

# Nothing else reads them before somebody measures.
bench_scripts_are_sound() {
    local file
    for file in bench/*.js; do
        node --input-type=module --check <"$file" || return 1
    done
}

test_types() {
    one_test 'web: types' web/node_modules/.bin/tsc -p web
    one_test 'bench: scripts can be read' bench_scripts_are_sound
}

test_corpus() { # name, build
    one_test "fuzz: corpus of $1" "build/$2/test/fuzz/replay_$1" "fuzz/corpus/$1"
}

test_states() {
    one_test 'states: all that can happen' states_are_documented && tail -n 1 "$log/one.txt"
}

test_fleet_search() {
    one_test 'fleet: all that can happen to a rollout' build/gcc/test/fleet/fleet_search && tail -n 1 "$log/one.txt"
    one_test 'fleet: the same over several sites' build/gcc/test/fleet/fleet_search 0 sites && tail -n 1 "$log/one.txt"
}

test_faults() { # build
    one_test 'faults' "build/$1/test/faults/faults" && tail -n 1 "$log/one.txt"
}

test_cuts() {
    one_test 'cuts: every single one' build/gcc/test/cuts/cuts --pairs 0 && tail -n 2 "$log/one.txt"
}

test_safeguards() {
    one_test 'cuts: each safeguard is missed' test/cuts/safeguards.sh && tail -n 1 "$log/one.txt"
}
