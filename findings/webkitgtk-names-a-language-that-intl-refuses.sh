#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# WebKitGTK 2.50.6 (Debian 12), started in the locale C.UTF-8, as containers, services and kiosks are.
#
# navigator.language is a language tag (BCP 47), and the usual line of a page is new Intl.NumberFormat(navigator.language). One
# expects "en" or "en-US" where the system names no language, as Chromium and Firefox have it. Seen instead:
#   1. navigator.language is "C", and navigator.languages is ["C"].
#   2. Intl.NumberFormat, Intl.DateTimeFormat and toLocaleString throw a RangeError for it: invalid language tag.
#   3. The same engine knows better: without an argument, Intl takes en-US-u-va-posix.
# So a page gives its own list of languages to Intl, or none, never the browser's.
#
# The script exits with 0 when all of it is still so, with 1 when something has changed, with 2 without that browser.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
# A browser has too many libraries to be unpacked beside the system: it must be installed, in the version described.
need() {
    local found
    found=$(dpkg-query -W -f '${Version}' "$1" 2>/dev/null || true)
    [ "$found" = "$2" ] && echo "$1 $2" && return
    echo "This script is about $1 $2 (apt-get install); found here: ${found:-none}." >&2
    exit 2
}
need webkit2gtk-driver 2.50.6-1~deb12u2 # it brings MiniBrowser
cat >server.mjs <<'JS'
import fs from 'node:fs';
import http from 'node:http';
const server = http.createServer((request, response) => {
  if (request.method === 'POST') {
    let text = '';
    request.on('data', (piece) => (text += piece));
    request.on('end', () => {
      fs.appendFileSync('seen', text.replace(/^/gm, `${process.env.BROWSER}: `).concat('\n'));
      response.end(() => process.exit());
    });
  } else {
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.end(fs.readFileSync('page.html'));
  }
});
server.listen(0, '127.0.0.1', () => fs.writeFileSync('port', String(server.address().port)));
JS
cat >page.html <<'HTML'
<!doctype html>
<script>
const attempt = (act) => {
  try {
    return act();
  } catch (error) {
    return String(error);
  }
};
const lines = [
  JSON.stringify([navigator.language, navigator.languages]),
  attempt(() => new Intl.NumberFormat(navigator.language).format(1.5)),
  attempt(() => new Intl.DateTimeFormat(navigator.language).format(0)),
  attempt(() => (1.5).toLocaleString(navigator.languages)),
  new Intl.NumberFormat().resolvedOptions().locale,
];
fetch('/', { method: 'POST', body: lines.join('\n') });
</script>
HTML
# Opens the page in one browser. The server ends when the page has reported everything.
watch() {
    local name=$1 server browser
    shift
    BROWSER=$name timeout 120 node server.mjs &
    server=$!
    until [ -s port ]; do sleep 0.1; done
    HOME="$folder" "$@" "http://127.0.0.1:$(cat port)/" >/dev/null 2>&1 &
    browser=$!
    wait "$server"
    kill "$browser"
    wait "$browser" || true
    rm port
}
Xvfb -displayfd 3 -screen 0 1024x768x24 -nolisten tcp 3>display 2>/dev/null &
until [ -s display ]; do sleep 0.1; done
export DISPLAY=":$(cat display)" GDK_BACKEND=x11
watch WebKitGTK env LC_ALL=C.UTF-8 "/usr/lib/$(uname -m)-linux-gnu/webkit2gtk-4.1/MiniBrowser" --private
cat >expected <<'TEXT'
WebKitGTK: ["C",["C"]]
WebKitGTK: RangeError: invalid language tag: C
WebKitGTK: RangeError: invalid language tag: C
WebKitGTK: RangeError: invalid language tag: C
WebKitGTK: en-US-u-va-posix
TEXT
cat seen
diff expected seen && echo 'as described'
