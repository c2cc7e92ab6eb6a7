#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Chromium 156, Firefox ESR 153.8 and WebKitGTK 2.50.6 (Debian 12): how long WebSocket.close() takes.
#
# A page calls close(1000) and waits for the event "close", for example to connect again. One expects that the browser gives the
# server a few seconds for its answer, and that the three are alike. Seen on a connection whose TCP stays up:
#   1. The server never answers the Close (a device that hangs, or was cut off). The event comes in WebKitGTK after 5 s, in
#      Firefox after 20 s, in Chromium not within 40 s.
#   2. The server answers with its Close and leaves the end of TCP to the client. RFC 6455 (7.1.1) lets the server end it
#      first. The event comes in Firefox at once; Chromium waits 2 s for the server, WebKitGTK 5 s.
# So the order of the three turns round between the two cases, and a page that must go on counts its own seconds.
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
  socket.on('data', ([first]) => {
    if (url === '/answers' && first === 0x88) socket.write(Buffer.from([0x88, 2, 1000 >> 8, 1000 & 255]));
  });
});
server.listen(0, '127.0.0.1', () => fs.writeFileSync('port', String(server.address().port)));
JS
cat >page.html <<'HTML'
<!doctype html>
<script>
const PATIENCE = 40000;
const bounds = [[1000, 'under 1 s'], [12000, '1 to 12 s'], [PATIENCE, '12 to 40 s']];
(async () => {
  const lines = [];
  for (const path of ['silent', 'answers']) {
    const socket = new WebSocket(`ws://${location.host}/${path}`);
    await new Promise((resolve) => (socket.onopen = resolve));
    const start = performance.now();
    socket.close(1000);
    await new Promise((resolve) => {
      socket.onclose = resolve;
      setTimeout(resolve, PATIENCE);
    });
    const wait = performance.now() - start;
    lines.push(`${path}: ${bounds.find(([end]) => wait < end)?.[1] ?? 'not within 40 s'}`);
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
Chromium: silent: not within 40 s
Chromium: answers: 1 to 12 s
Firefox: silent: 12 to 40 s
Firefox: answers: under 1 s
WebKitGTK: silent: 1 to 12 s
WebKitGTK: answers: 1 to 12 s
TEXT
cat seen
diff expected seen && echo 'as described'
