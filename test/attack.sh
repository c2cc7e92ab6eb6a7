#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the attacks alone and prints their counts and figures: on the core with a clock of their own, on real sockets, in
# Chromium, on signatures. The last line: N passed, N failed.
set -u
cd "$(dirname "$0")/.." || exit 2
build=build/attack
mkdir -p "$build"
if ! { cmake -S host -B "$build" && cmake --build "$build" -j "$(nproc)"; } >"$build/log.txt" 2>&1; then
    grep -E 'error|warning' -A 5 "$build/log.txt" | head -n 60
    exit 1
fi
passed=0
failed=0

for program in "$build"/test/test_attack_* "$build"/test/test_signature_*; do
    [ -f "$program" ] && [ -x "$program" ] || continue
    echo "--- $(basename "$program")"
    "$program" >"$build/out.txt" 2>&1
    code=$?
    grep -vE '^\[' "$build/out.txt"
    good=$(grep -cE '^\[ +OK \]' "$build/out.txt")
    bad=$(grep -cE '^\[  FAILED  \] [a-z]' "$build/out.txt")
    [ "$code" -eq 0 ] || { [ "$bad" -gt 0 ] || bad=1; grep -E '^\[  (ERROR|FAILED|  LINE)' "$build/out.txt"; }
    passed=$((passed + good)) failed=$((failed + bad))
done

for file in test/e2e/attack*.test.js test/e2e/sealed*.test.js test/e2e/signed.test.js; do
    echo "--- $(basename "$file")"
    BUILD_DIR=$PWD/$build node --test --test-reporter=tap "$file" >"$build/out.txt" 2>&1
    sed -nE 's/^# (\\# )?([a-z]?.*: .*)/\2/p' "$build/out.txt" | grep -vE '^Subtest'
    grep -E '^ *not ok' -A 12 "$build/out.txt"
    good=$(sed -nE 's/^# pass ([0-9]+)$/\1/p' "$build/out.txt")
    bad=$(sed -nE 's/^# (fail|cancelled) ([0-9]+)$/\2/p' "$build/out.txt" | paste -sd+)
    passed=$((passed + ${good:-0})) failed=$((failed + ${bad:-1}))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
