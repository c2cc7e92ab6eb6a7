#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Takes each safeguard away, one patch of safeguards/ after the other, and cuts the power again: each must end in
# violations. The patch's second line says where to cut. Names of patches as arguments run these only.
set -u
cd "$(dirname "$0")/../.." || exit 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
patches=("$@")
[ "${#patches[@]}" -gt 0 ] || patches=(test/cuts/safeguards/*.patch)
read -ra flags <<<"$(pkg-config --cflags --libs libcrypto zlib)"
good=0
bad=0

mkdir "$work/tree" "$work/objects"
cp -r src host test "$work/tree" || exit 2

compile() { # source: into objects, under a name of its own
    gcc -std=c11 -D_GNU_SOURCE '-DOTA_WS_RELEASE=""' -O1 -Isrc -Ihost -Itest -Itest/cuts -c "$1" -o "$work/objects/${1//\//_}.o"
}
export work
export -f compile

build() { # sources that have changed
    printf '%s\0' "$@" | xargs -0 -P "$(nproc)" -I '{}' bash -c 'cd "$work/tree" && compile "$1"' bash '{}' || return 1
    rm -f "$work/host.a"
    ar rc "$work/host.a" "$work"/objects/host_*.o # of which only what is needed is linked
    gcc "$work"/objects/src_*.o "$work"/objects/test_*.o "$work/host.a" "${flags[@]}" -lpthread -o "$work/cuts"
}

all=()
for source in $(find src -name '*.c' ! -name '*_none.c') test/image_builder.c test/cuts/*.c $(grep -L -e libwebsockets -e '"\(connection\|receive\|routes\|sessions\)\.h"' host/*.c); do
    all+=("$source")
done
build "${all[@]}" || exit 2

for patch in "${patches[@]}"; do
    file=$(sed -n 's,^+++ b/,,p' "$patch" | head -n 1)
    read -ra arguments <<<"$(sed -n 's/^Cuts: //p' "$patch")"
    if ! patch -s -p1 -d "$work/tree" <"$patch" || ! build "$file"; then
        echo "$(basename "$patch"): does not apply any more"
        bad=$((bad + 1))
    elif "$work/cuts" --pairs 0 "${arguments[@]}" >"$work/output"; then
        echo "$(basename "$patch"): nothing was noticed"
        bad=$((bad + 1))
    else
        echo "$(basename "$patch"): noticed, $(sed -n 's/^violations: //p' "$work/output") violations"
        good=$((good + 1))
    fi
    cp "$file" "$work/tree/$file"
    (cd "$work/tree" && compile "$file")
done
echo "safeguards: $good noticed when missing, $bad not"
[ "$bad" -eq 0 ]
