#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Part of make chip-test: ESP-IDF's own idf.py runs ota-push, ota-info, ota-confirm and ota-rollback on the virtual device.
# Needs IDF_PATH with its environment; IDF_PYTHON is the interpreter of that environment (python).
set -u
cd "$(dirname "$0")/../.." || exit 2
if [ -z "${IDF_PATH:-}" ]; then
    echo "idf.py: skipped, because there is no ESP-IDF (IDF_PATH and its environment)"
    exit 0
fi
cmake -S host -B build/gcc >/dev/null &&
    cmake --build build/gcc -j "$(nproc)" --target ota-ws-device ota-ws-image >/dev/null || exit 1
IDF_PYTHON=${IDF_PYTHON:-python} PYTHON_ONLY=1 BUILD_DIR=$PWD/build/gcc \
    exec node --test --test-reporter=spec test/e2e/python.test.js
