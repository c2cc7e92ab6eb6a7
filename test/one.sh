#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the tests that find_tests.py finds for a name, and builds only what these need. `make test T=name` calls it; the
# variables come from there: T (a part of a file's name), N (a part of the name of a test inside a file), B (the build:
# gcc, sanitize or clang). Prints one line for each file; the last line: N passed, N failed.
set -u
cd "$(dirname "$0")/.." || exit 2
. test/steps.sh
T=${T:-} N=${N:-} B=${B:-gcc}
[ -n "$T" ] || { echo "N= chooses a test inside a file. Name the file too: make test T=session_login N='$N'"; exit 2; }
[ -n "${options[$B]:-}" ] || { echo "There is no build '$B'. B= takes gcc, sanitize or clang."; exit 2; }
PROGRAMS=(ota-ws-device ota-ws ota-ws-image ota-ws-device-scarce ota-ws-device-plain ota-ws-device-into-recovery compare_versions) # what the tests of node start

find_tests() {
    test/setup.sh unit >&2
    configure "$B" >"$log/configure.txt" 2>&1 || { cat "$log/configure.txt"; return 1; }
    cmake --build "build/$B" --target help | sed -nE 's/^\.\.\. ((test_esp|replay)_\w+)$/\1/p' | test/find_tests.py "$T" "$N"
}

list=$(find_tests) || exit 1
targets=()
needs_gcc=()
needs_node=no
while read -r kind name path; do
    case "$kind $name" in
    "unit "* | "program replay_"*) targets+=("$name") ;;
    "program faults") targets+=(faults) ;;
    "program cuts" | "program states" | "program fleet_search") needs_gcc+=("$name") ;;
    "program types") test/setup.sh check ;;
    "node "*) needs_node=yes ;;
    esac
done <<<"$list"
if [ "$needs_node" = yes ]; then
    test/setup.sh test
    targets+=("${PROGRAMS[@]}")
    page_is_up_to_date >/dev/null 2>&1 || echo 'web/dist is not made of web/src as it is now: `make page` makes it.'
fi
[ "${#targets[@]}" -eq 0 ] || build "$B" "${targets[@]}" || { summary; exit 1; }
[ "${#needs_gcc[@]}" -eq 0 ] || build gcc "${needs_gcc[@]}" || { summary; exit 1; }

# What N says in the way of each kind of test. Unit tests read it from the environment (test/unit/support/testing.h).
export TEST_NAME=${N// /_}
in_node=()
in_python=()
if [ -n "$N" ]; then
    in_node=(--test-name-pattern="$(sed 's/[][\\.*^$+?(){}|/-]/\\&/g' <<<"$N")")
    in_python=(-k "${N// /_}")
fi

while read -r kind name path <&3; do
    case "$kind $name" in
    "unit "*) unit_tests "$name" "build/$B/test/$name" ;;
    "node "*) BUILD_DIR=$PWD/build/$B node_tests "$(dirname "${path#test/}")-$name" "${in_node[@]}" "$path" ;;
    "python "*) python_tests "${in_python[@]}" ;;
    "program replay_"*) test_corpus "${name#replay_}" "$B" ;;
    "program faults") test_faults "$B" ;;
    *) "test_$name" ;;
    esac
done 3<<<"$list"
if [ $((passed + failed + skipped)) -eq 0 ]; then
    echo "No test in the files of T=$T has '$N' in its name. N= takes a part of a test's own name, not of one inside a test."
    exit 1
fi
summary
