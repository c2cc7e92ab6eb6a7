#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# WebKitGTK 2.50.6 (Debian 12), with Chromium 156 and Firefox ESR 153.8 beside it: the codes of a WebSocket's close.
#
# A server that restarts closes with 1012 ("service restart"), one that is busy with 1013 ("try again later"), a proxy with 1014
# ("bad gateway"); all three have been registered at IANA for years. The server here sends such a Close, waits for the answer,
# and ends TCP. The page shows the code of the event "close" and wasClean. One expects the code of the server. Seen:
#   1. 1001, 1011 and 4000: the code of the server, in all three browsers.
#   2. 1012, 1013 and 1014: the code of the server in Chromium and Firefox; in WebKitGTK 1006 and not clean, as if the
#      connection had broken.
# So a page that waits longer after 1013, or is calm about 1012, does neither there. Codes from 4000 on arrive everywhere.
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
import { createHash } from 'node:crypto';
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
server.on('upgrade', ({ url, headers }, socket) => {
  const key = `${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash('sha1').update(key).digest('base64');
  socket.on('error', () => {});
  socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n');
  socket.write(`Sec-WebSocket-Accept: ${accept}\r\n\r\n`);
  const code = Number(url.slice(1));
  setTimeout(() => socket.write(Buffer.from([0x88, 2, code >> 8, code & 255])), 300); // the page is ready for it
  socket.on('data', ([first]) => first === 0x88 && socket.end());
});
server.listen(0, '127.0.0.1', () => fs.writeFileSync('port', String(server.address().port)));
JS
cat >page.html <<'HTML'
<!doctype html>
<script>
(async () => {
  const lines = [];
  for (const path of [1001, 1011, 1012, 1013, 1014, 4000]) {
    const socket = new WebSocket(`ws://${location.host}/${path}`);
    const { code, wasClean } = await new Promise((resolve) => (socket.onclose = resolve));
    lines.push(`${path}: ${code}, ${wasClean ? 'clean' : 'not clean'}`);
  }
  await fetch('/', { method: 'POST', body: lines.join('\n') });
})();
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
Chromium: 1001: 1001, clean
Chromium: 1011: 1011, clean
Chromium: 1012: 1012, clean
Chromium: 1013: 1013, clean
Chromium: 1014: 1014, clean
Chromium: 4000: 4000, clean
Firefox: 1001: 1001, clean
Firefox: 1011: 1011, clean
Firefox: 1012: 1012, clean
Firefox: 1013: 1013, clean
Firefox: 1014: 1014, clean
Firefox: 4000: 4000, clean
WebKitGTK: 1001: 1001, clean
WebKitGTK: 1011: 1011, clean
WebKitGTK: 1012: 1006, not clean
WebKitGTK: 1013: 1006, not clean
WebKitGTK: 1014: 1006, not clean
WebKitGTK: 4000: 4000, clean
TEXT
cat seen
diff expected seen && echo 'as described'
