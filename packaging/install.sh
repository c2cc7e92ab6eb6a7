#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copies the programs, the man page and the completions from a build directory to a prefix. Prints what to type.
# usage: packaging/install.sh BUILD PREFIX ZSH_FUNCTIONS
set -euo pipefail
build=$1
prefix=$2
zsh_functions=$3 # the folder below share/zsh: Debian has one for packages, and one for what is installed by hand

install -d "$prefix/bin"
install "$build/cli/ota-ws" "$build/ota-ws-device" "$prefix/bin"
(cd "$build/share" && find . -type f) | while read -r file; do
    install -D -m 644 "$build/share/$file" "$prefix/share/${file/zsh\/vendor-completions/zsh\/$zsh_functions}"
done
echo "$prefix/bin/ota-ws"
