#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Chromium 156, with Firefox ESR 153.8 and WebKitGTK 2.50.6 (Debian 12) beside it: how one send() becomes frames.
#
# A page sends an ArrayBuffer with one send(), without compression. A small server reads it frame by frame. One expects one
# frame, or pieces of a round size. Seen instead:
#   1. Firefox and WebKitGTK: one frame for any length here, up to 1,000,000 bytes.
#   2. Chromium: a message of up to 131,000 bytes is one frame. A longer one is cut into fragments of 131,000 bytes, so a piece
#      of 128 KiB (131,072) arrives as two frames, the second with 72 bytes.
# So a server that takes no fragments works with Chromium up to a size that is no power of two, and tests with the other two
# browsers, or with small files, do not show it.
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
  let bytes = Buffer.alloc(0);
  const lengths = [];
  socket.on('data', (piece) => {
    bytes = Buffer.concat([bytes, piece]);
    while (bytes.length >= 2) {
      const short = bytes[1] & 127;
      const header = { 126: 8, 127: 14 }[short] ?? 6; // with the mask
      if (bytes.length < header) return;
      const length = { 6: () => short, 8: () => bytes.readUInt16BE(2), 14: () => bytes.readUInt32BE(6) }[header]();
      const isLast = (bytes[0] & 128) !== 0;
      if (bytes.length < header + length) return;
      lengths.push(length);
      bytes = bytes.subarray(header + length);
      if (isLast) {
        const text = lengths.join(' ');
        socket.write(Buffer.concat([Buffer.from([0x81, text.length]), Buffer.from(text)]));
      }
    }
  });
});
server.listen(0, '127.0.0.1', () => fs.writeFileSync('port', String(server.address().port)));
JS
cat >page.html <<'HTML'
<!doctype html>
<script>
(async () => {
  const lines = [];
  for (const length of [65536, 131000, 131001, 131072, 1000000]) {
    const socket = new WebSocket(`ws://${location.host}/`);
    await new Promise((resolve) => (socket.onopen = resolve));
    socket.send(new Uint8Array(length));
    lines.push(`${length} bytes: ${await new Promise((resolve) => (socket.onmessage = ({ data }) => resolve(data)))}`);
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
Chromium: 65536 bytes: 65536
Chromium: 131000 bytes: 131000
Chromium: 131001 bytes: 131000 1
Chromium: 131072 bytes: 131000 72
Chromium: 1000000 bytes: 131000 131000 131000 131000 131000 131000 131000 83000
Firefox: 65536 bytes: 65536
Firefox: 131000 bytes: 131000
Firefox: 131001 bytes: 131001
Firefox: 131072 bytes: 131072
Firefox: 1000000 bytes: 1000000
WebKitGTK: 65536 bytes: 65536
WebKitGTK: 131000 bytes: 131000
WebKitGTK: 131001 bytes: 131001
WebKitGTK: 131072 bytes: 131072
WebKitGTK: 1000000 bytes: 1000000
TEXT
cat seen
diff expected seen && echo 'as described'
