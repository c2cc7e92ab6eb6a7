#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# WebKitGTK 2.50.6 (Debian 12), with Chromium 156 and Firefox ESR 153.8 beside it: WebSocket.bufferedAmount.
#
# bufferedAmount is the number of bytes that send() has taken and that have not gone to the network yet; pages use it to fill
# the line without filling the memory. The server here accepts the WebSocket and then reads nothing. The page sends 32 MiB in
# pieces of 32 KiB and looks again after the value has not changed for two seconds. One expects what is left after the buffers
# of the two sockets: some 28 MiB. Seen instead:
#   1. Chromium and Firefox: more than 16 MiB, for as long as the server reads nothing.
#   2. WebKitGTK: 32 MiB right after the loop, and then 0, though the server has read nothing: the bytes wait
#      elsewhere in the browser, where the page cannot count them.
# So "wait until bufferedAmount is small" limits nothing there: only answers of the server say how far it is.
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
  socket.pause(); // and it stays so
});
server.listen(0, '127.0.0.1', () => fs.writeFileSync('port', String(server.address().port)));
JS
cat >page.html <<'HTML'
<!doctype html>
<script>
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const name = (bytes) => (bytes > 16 << 20 ? 'more than 16 MiB' : `${bytes} bytes`);
(async () => {
  const socket = new WebSocket(`ws://${location.host}/`);
  await new Promise((resolve) => (socket.onopen = resolve));
  for (let i = 0; i < 1024; i++) socket.send(new Uint8Array(32768));
  const first = socket.bufferedAmount;
  for (let last = -1; last !== socket.bufferedAmount; await sleep(2000)) last = socket.bufferedAmount;
  const lines = [`at once ${name(first)}`, `at rest ${name(socket.bufferedAmount)}`];
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
Chromium: at once more than 16 MiB
Chromium: at rest more than 16 MiB
Firefox: at once more than 16 MiB
Firefox: at rest more than 16 MiB
WebKitGTK: at once more than 16 MiB
WebKitGTK: at rest 0 bytes
TEXT
cat seen
diff expected seen && echo 'as described'
