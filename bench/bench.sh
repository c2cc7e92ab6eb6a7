#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds and runs the benchmark, about 30 minutes, into docs/bench. RUNS=1 QUICK=1: about 4, and printed only.
# ONLY=blank,delta measures these parts (bench/run.js has their names) and keeps the other figures.
# `bench.sh work` only counts instructions and compares them with the committed table.
set -euo pipefail
cd "$(dirname "$0")/.."
cmake -S bench -B build/bench >/dev/null
targets=(link reference work ota-ws-device ota-ws ota-ws-image)
[ "${1:-}" != work ] || targets=(work)
cmake --build build/bench -j "$(nproc)" --target "${targets[@]}" >/dev/null
if [ "${1:-}" = work ]; then
    exec node bench/check.js
fi
[ -n "${ONLY:-}" ] || BUILD_DIR=build/bench/host node bench/encrypted_speed.js
node bench/run.js
lines=$(node bench/report.js)
if [ "${QUICK:-}" = 1 ]; then
    cat build/bench/quick/README.md
else
    echo 'docs/bench/README.md, docs/bench/update-time.svg'
fi
echo "$lines"
