#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# WebKitGTK 2.50.6 (Debian 12), with Chromium 156 and Firefox ESR 153.8 beside it: a list whose empty entries are hidden by CSS.
#
# The style "dt:has(+ :empty) { display: none }" hides a term as long as the description behind it is empty. The page starts
# with an empty description, asks for the layout once, and then sets the description's text. One expects that the term appears,
# as it does in Chromium and Firefox. Seen in WebKitGTK:
#   1. The term stays hidden, though matches(':has(+ :empty)') says false: the style is not computed again.
#   2. It appears when the term itself is taken out of the list and put in again. A new class for it is not enough.
#   3. "dd:empty", which looks at the element itself, follows its text at once in the same page.
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
<style>
  dt:has(+ :empty) { display: none }
  dd:empty { color: red }
</style>
<dl><dt>Version</dt><dd></dd></dl>
<script>
const [dt, dd] = document.querySelectorAll('dt, dd');
const look = () => `term ${dt.offsetHeight ? 'shown' : 'hidden'}, ` +
  `matches ${dt.matches(':has(+ :empty)')}, description ${getComputedStyle(dd).color === 'rgb(255, 0, 0)' ? 'red' : 'black'}`;
const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
(async () => {
  const lines = [`no text: ${look()}`];
  dd.textContent = '1.2.3';
  await frame();
  lines.push(`text: ${look()}`);
  dt.className = 'none';
  await frame();
  lines.push(`class: ${look()}`);
  dd.before(dt);
  await frame();
  lines.push(`put in again: ${look()}`);
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
Chromium: no text: term hidden, matches true, description red
Chromium: text: term shown, matches false, description black
Chromium: class: term shown, matches false, description black
Chromium: put in again: term shown, matches false, description black
Firefox: no text: term hidden, matches true, description red
Firefox: text: term shown, matches false, description black
Firefox: class: term shown, matches false, description black
Firefox: put in again: term shown, matches false, description black
WebKitGTK: no text: term hidden, matches true, description red
WebKitGTK: text: term hidden, matches false, description black
WebKitGTK: class: term hidden, matches false, description black
WebKitGTK: put in again: term shown, matches false, description black
TEXT
cat seen
diff expected seen && echo 'as described'
