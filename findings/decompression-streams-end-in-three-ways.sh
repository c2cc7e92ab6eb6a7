#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# DecompressionStream in Chromium 156, Firefox ESR 153.8, WebKitGTK 2.50.6 (Debian 12) and node 20.
#
# A file is two gzip files, one behind the other: 100 bytes of "a" and 10 of "b". "gunzip" and zlib's gzread give 110 bytes. It
# goes through new DecompressionStream('gzip'), and a reader counts what comes out until the end or an error. One expects one
# answer: it is a standard interface. Seen instead:
#   1. Chromium and Firefox: 100 bytes come out, then the stream fails.
#   2. WebKitGTK: the stream fails before anything came out.
#   3. node: 110 bytes, and no error.
#   4. Raw deflate of 100 bytes with 3 bytes behind its end: the same as above in the browsers, and in node 100 bytes without
#      an error: the 3 bytes are lost.
# So a reader may have used the data before the error comes, and a test in node does not show what a browser does.
#
# The script exits with 0 when all of it is still so, with 1 when something has changed, with 2 without those browsers.
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
need chromium 156.0.8078.114-1~deb12u1
need firefox-esr 153.8.0esr-1~deb12u1
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
  } else if (request.url === '/count.mjs') {
    response.setHeader('Content-Type', 'text/javascript');
    response.end(fs.readFileSync('count.mjs'));
  } else if (request.url.length > 1) {
    response.end(fs.readFileSync(`.${request.url}`));
  } else {
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.end(fs.readFileSync('page.html'));
  }
});
server.listen(0, '127.0.0.1', () => fs.writeFileSync('port', String(server.address().port)));
JS
cat >page.html <<'HTML'
<!doctype html>
<script type="module">
import { count } from './count.mjs';
const lines = [await count('gzip', (await fetch('/gzip')).body), await count('deflate-raw', (await fetch('/deflate-raw')).body)];
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
cat >count.mjs <<'JS'
export async function count(format, body) {
  const reader = body.pipeThrough(new DecompressionStream(format)).getReader();
  let bytes = 0;
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) bytes += piece.value.length;
    return `${format}: ${bytes} bytes, no error`;
  } catch (error) {
    return `${format}: ${bytes} bytes, ${error.name}`;
  }
}
JS
touch favicon.ico
cat >node.mjs <<'JS'
import fs from 'node:fs';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { count } from './count.mjs';
fs.writeFileSync('gzip', Buffer.concat([gzipSync('a'.repeat(100)), gzipSync('b'.repeat(10))]));
fs.writeFileSync('deflate-raw', Buffer.concat([deflateRawSync('a'.repeat(100)), Buffer.from('xyz')]));
for (const format of ['gzip', 'deflate-raw']) {
  console.log(`node: ${await count(format, new Blob([fs.readFileSync(format)]).stream())}`);
}
JS
node node.mjs >seen
chrome=(chromium --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking)
watch Chromium "${chrome[@]}" --proxy-server=direct:// --user-data-dir="$folder/chromium"
mkdir firefox
for preference in '"network.proxy.type", 0' '"browser.shell.checkDefaultBrowser", false' \
    '"app.normandy.enabled", false' '"datareporting.policy.dataSubmissionEnabled", false'; do
    echo "user_pref($preference);"
done >firefox/user.js
watch Firefox firefox-esr --headless --no-remote --profile "$folder/firefox"
Xvfb -displayfd 3 -screen 0 1024x768x24 -nolisten tcp 3>display 2>/dev/null &
until [ -s display ]; do sleep 0.1; done
export DISPLAY=":$(cat display)" GDK_BACKEND=x11
watch WebKitGTK env LC_ALL=C.UTF-8 "/usr/lib/$(uname -m)-linux-gnu/webkit2gtk-4.1/MiniBrowser" --private
cat >expected <<'TEXT'
node: gzip: 110 bytes, no error
node: deflate-raw: 100 bytes, no error
Chromium: gzip: 100 bytes, TypeError
Chromium: deflate-raw: 100 bytes, TypeError
Firefox: gzip: 100 bytes, TypeError
Firefox: deflate-raw: 100 bytes, TypeError
WebKitGTK: gzip: 0 bytes, TypeError
WebKitGTK: deflate-raw: 0 bytes, TypeError
TEXT
cat seen
diff expected seen && echo 'as described'
