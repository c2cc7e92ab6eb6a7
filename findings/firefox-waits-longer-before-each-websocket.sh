#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Firefox ESR 153.8 (Debian 12), with Chromium 156 and WebKitGTK 2.50.6 beside it: a page that looks for its device.
#
# A device restarts after an update, and the page tries a WebSocket once after another. Nothing listens at the address, so the
# machine refuses each connection within milliseconds. One expects that each try fails at once, and that the page's own pause
# is the only pause. Seen instead, with 10 tries in a row and no pause of the page:
#   1. Chromium and WebKitGTK: each try fails at once.
#   2. Firefox: the first fails at once. It holds each of the next back by itself, about one and a half times as long as the one
#      before it, with a share of chance: 0.3 s, 0.4 s, 0.6 s ... 6 s. The page sees a WebSocket in the state CONNECTING for
#      all that time. (The preference is network.websocket.delay-failed-reconnects.)
#   3. A fetch to the same address fails at once in Firefox, too. So a page that asks by fetch whether the device is back, and
#      only then opens a WebSocket, does not wait.
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
const place = 'ADDRESS'; // nothing listens there
const measure = async (act) => {
  const start = performance.now();
  await act();
  return performance.now() - start;
};
const tryIt = () => new Promise((resolve) => (new WebSocket(`ws://${place}`).onclose = resolve));
(async () => {
  const waits = [];
  for (let i = 0; i < 10; i++) waits.push(await measure(tryIt));
  const wait = await measure(() => fetch(`http://${place}`).catch(() => {}));
  const name = (ms) => (ms < 3000 ? 'under 3 s' : '3 s and more');
  const lines = [`try 1: ${name(waits[0])}`, `try 10: ${name(waits[9])}`, `fetch: ${name(wait)}`];
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
# A port on which nothing listens: this socket is bound to it and does not listen.
python3 -c '
import socket, time
s = socket.socket()
s.bind(("127.0.0.1", 0))
open("closed", "w").write("%s:%d" % s.getsockname())
time.sleep(600)' &
until [ -s closed ]; do sleep 0.1; done
sed -i "s/ADDRESS/$(cat closed)/" page.html
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
Chromium: try 1: under 3 s
Chromium: try 10: under 3 s
Chromium: fetch: under 3 s
Firefox: try 1: under 3 s
Firefox: try 10: 3 s and more
Firefox: fetch: under 3 s
WebKitGTK: try 1: under 3 s
WebKitGTK: try 10: under 3 s
WebKitGTK: fetch: under 3 s
TEXT
cat seen
diff expected seen && echo 'as described'
