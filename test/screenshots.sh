#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Takes a picture of every state of the page in Chromium, Firefox and WebKit, on a phone and a desktop; index.html beside
# them shows all, a state in each row. usage: test/screenshots.sh [FOLDER]; without it build/screenshots.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$(realpath -m "${1:-build/screenshots}")
rm -rf "$folder"
mkdir -p "$folder" build/log
cmake -S host -B build/gcc >/dev/null
cmake --build build/gcc -j "$(nproc)" --target ota-ws-device ota-ws ota-ws-image >/dev/null

code=0
for browser in chromium firefox webkit; do
    echo "$browser"
    if ! BROWSER=$browser SCREENSHOTS=$folder node --import ./test/browser_globals.js --test --test-reporter=spec \
        test/e2e/look.test.js >"build/log/screenshots-$browser.txt" 2>&1; then
        sed -n '/failing tests/,$p' "build/log/screenshots-$browser.txt"
        code=1
    fi
done

{
    echo '<!doctype html><meta charset=utf-8><title>The page</title>'
    echo '<style>td{vertical-align:top}img{width:360px;border:1px solid gray}</style><table>'
    for state in "$folder"/*/; do
        state=$(basename "$state")
        echo "<tr><th colspan=9 align=left>$state<tr>"
        for picture in "$folder/$state"/*.png; do
            name=$(basename "$picture")
            echo "<td>${name%.png}<br><img src='$state/$name' alt='$state, ${name%.png}'>"
        done
    done
    echo '</table>'
} >"$folder/index.html"
echo "$folder/index.html"
exit "$code"
