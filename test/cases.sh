#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the cases of ../shared/cases, where that folder is present (test/cases/cases.test.js). The last line: N passed, N failed.
set -u
cd "$(dirname "$0")/.." || exit 2
if [ ! -d ../shared/cases ]; then
    echo 'There is no folder ../shared/cases beside this one, so there is no case to run.'
    exit 0
fi
build=build/gcc
if ! { cmake -S host -B "$build" -DCMAKE_C_COMPILER=gcc && cmake --build "$build" -j "$(nproc)" --target ota-ws-device ota-ws ota-ws-image; } \
    >build/cases.txt 2>&1; then
    grep -E 'error|warning' -A 5 build/cases.txt | head -n 60
    exit 1
fi
tap=build/cases.tap
BUILD_DIR=$PWD/$build node --import ./test/browser_globals.js --test --test-reporter=spec --test-reporter-destination=stdout \
    --test-reporter=tap --test-reporter-destination="$tap" test/cases/*.test.js
good=$(sed -nE 's/^# pass ([0-9]+)$/\1/p' "$tap" | tail -n 1)
bad=$(sed -nE 's/^# (fail|cancelled) ([0-9]+)$/\2/p' "$tap" | paste -sd+)
bad=$((${bad:-1}))
echo "${good:-0} passed, $bad failed"
[ "$bad" -eq 0 ]
