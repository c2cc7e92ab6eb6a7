#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Firefox ESR 153.8, with Chromium 156 (Debian 12) beside it: a file that a page was given, and that changes on the disk.
#
# A page has a File from <input type=file> (100,000 bytes, all "A") and reads its first half. Then a build writes the file anew
# (all "B"), and the page reads the second half of the same File. One expects an error: the standard (File API) describes a
# File as a snapshot, with NotReadableError when its file has changed since. Seen instead:
#   1. Chromium: NotReadableError for each change, also when the new file has the same length.
#   2. Firefox: no error. The page gets "A" and then "B", a file that has never been; size and lastModified stay the old ones.
#      It is the same when the new file took the name of the old one (rename).
#   3. Firefox, the new file is shorter: slice(50000) of a File whose size is 100000 gives 20,000 bytes, again without an error.
# So a page that reads a file twice (first a digest, then the upload) must expect other bytes the second time.
#
# The script exits with 0 when all of it is still so, with 1 when something has changed, with 2 without those browsers.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
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
npm init -y >/dev/null
npm install --silent --no-fund --no-audit ws@8.23.0 playwright-core@1.60.0
cat >steps.mjs <<'JS'
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';
import WebSocket from 'ws';

const PAGE = 'data:text/html,<input type=file>';
const read = (from, to) => `(async () => {
  const [file] = document.querySelector('input').files;
  try {
    const text = await file.slice(${from}, ${to}).text();
    return text.length + ' ' + text[0] + ' of ' + file.size;
  } catch (error) {
    return error.name;
  }
})()`;
const changes = {
  'same length': (name) => fs.writeFileSync(name, 'B'.repeat(100_000)),
  renamed: (name) => (fs.writeFileSync('new', 'B'.repeat(100_000)), fs.renameSync('new', name)),
  shorter: (name) => fs.writeFileSync(name, 'B'.repeat(70_000)),
};
/** `give` opens a page, gives it the file, and returns a function that runs a script there. */
async function attend(browser, give) {
  for (const [change, act] of Object.entries(changes)) {
    const name = path.resolve(`${browser} ${change}`);
    fs.writeFileSync(name, 'A'.repeat(100_000));
    fs.utimesSync(name, 1e9, 1e9);
    const run = await give(name);
    const first = await run(read(0, 50_000));
    act(name);
    console.log(`${browser}, ${change}: ${first}, then ${await run(read(50_000, 100_000))}`);
  }
}

const chrome = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
await attend('Chromium', async (name) => {
  const page = await chrome.newPage();
  await page.goto(PAGE);
  await page.setInputFiles('input', name);
  return (script) => page.evaluate(script);
});
await chrome.close();

fs.mkdirSync('profile');
const firefox = spawn('firefox-esr', ['--headless', '--no-remote', '--profile', 'profile', '--remote-debugging-port', '0']);
let log = '';
firefox.stderr.on('data', (text) => (log += text));
while (!/BiDi listening on \S+\n/.test(log)) await once(firefox.stderr, 'data');
const socket = new WebSocket(`${/BiDi listening on (\S+)/.exec(log)[1]}/session`);
await once(socket, 'open');
let count = 0;
async function command(method, params) {
  const id = ++count;
  socket.send(JSON.stringify({ id, method, params }));
  for (;;) {
    const answer = JSON.parse((await once(socket, 'message'))[0]);
    if (answer.id === id && answer.type !== 'success') throw new Error(answer.message);
    if (answer.id === id) return answer.result;
  }
}
await command('session.new', { capabilities: {} });
await attend('Firefox', async (name) => {
  const { context } = await command('browsingContext.create', { type: 'tab' });
  await command('browsingContext.navigate', { context, url: PAGE, wait: 'complete' });
  const target = { context };
  const run = async (expression) => (await command('script.evaluate', { expression, target, awaitPromise: true })).result;
  const { sharedId } = await run(`document.querySelector('input')`);
  await command('input.setFiles', { context, element: { sharedId }, files: [name] });
  return async (script) => (await run(script)).value;
});
socket.close();
firefox.kill();
await once(firefox, 'exit');
JS
HOME="$folder" timeout 120 node steps.mjs >seen
cat >expected <<'TEXT'
Chromium, same length: 50000 A of 100000, then NotReadableError
Chromium, renamed: 50000 A of 100000, then NotReadableError
Chromium, shorter: 50000 A of 100000, then NotReadableError
Firefox, same length: 50000 A of 100000, then 50000 B of 100000
Firefox, renamed: 50000 A of 100000, then 50000 B of 100000
Firefox, shorter: 50000 A of 100000, then 20000 B of 100000
TEXT
cat seen
diff expected seen && echo 'as described'
