#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Firefox ESR 153.8, Chromium 156 and WebKitGTK 2.50.6 (Debian 12): a long list of devices whose rows have the style
# "content-visibility: auto", so that only those on the screen are laid out.
#
# The page has 500 rows. A script reads their text before the whole list is selected, right after, and ten frames later. One
# expects that the text of a list does not depend on what is selected, and that a selection is what it says. Seen:
#   1. innerText of the list has the rows near the screen (fewer than 100 here) in all three; once everything is selected it
#      has all 500, in all three: a selection makes a row matter, and a row that matters is laid out.
#   2. Right after the selection, its own text has 500 rows in Chromium and WebKitGTK. In Firefox it has those near the screen
#      at first, and all of them some frames later: a "copy all" button that selects and copies at once copies a part.
#   3. window.find() finds the text of a row far below in all three, also where innerText has no such row.
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
  li { content-visibility: auto; height: 40px }
</style>
<ol></ol>
<script>
const list = document.querySelector('ol');
for (let i = 1; i <= 500; i++) {
  list.append(Object.assign(document.createElement('li'), { textContent: `lamp-${i} runs 2.0.0` }));
}
const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
const rows = (text) => {
  const count = (text.match(/lamp-/g) ?? []).length;
  return count > 0 && count < 100 ? 'fewer than 100' : count;
};
(async () => {
  await frame();
  await frame();
  const lines = [`innerText ${rows(list.innerText)}, textContent ${rows(list.textContent)}`];
  getSelection().selectAllChildren(list);
  lines.push(`selection, as text: ${rows(String(getSelection()))}`);
  for (let i = 0; i < 10; i++) await frame();
  lines.push(`ten frames later: selection ${rows(String(getSelection()))}, innerText ${rows(list.innerText)}`);
  getSelection().removeAllRanges();
  lines.push(`find("lamp-400"): ${find('lamp-400')}`);
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
Chromium: innerText fewer than 100, textContent 500
Chromium: selection, as text: 500
Chromium: ten frames later: selection 500, innerText 500
Chromium: find("lamp-400"): true
Firefox: innerText fewer than 100, textContent 500
Firefox: selection, as text: fewer than 100
Firefox: ten frames later: selection 500, innerText 500
Firefox: find("lamp-400"): true
WebKitGTK: innerText fewer than 100, textContent 500
WebKitGTK: selection, as text: 500
WebKitGTK: ten frames later: selection 500, innerText 500
WebKitGTK: find("lamp-400"): true
TEXT
cat seen
diff expected seen && echo 'as described'
