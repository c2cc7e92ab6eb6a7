#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# clang-format on all C sources of the project, by .clang-format. usage: test/format.sh --dry-run -Werror | -i
set -eu
cd "$(dirname "$0")/.."
skip=(-path './build*' -o -name node_modules -o -name managed_components -o -name build -o -name '.?*')
find . \( "${skip[@]}" \) -prune -o -name '*.[ch]' -print0 | xargs -0 clang-format "$@"
