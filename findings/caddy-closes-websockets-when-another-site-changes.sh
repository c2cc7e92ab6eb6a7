#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Caddy (Debian 12: 2.6.2) before a WebSocket server (npm: ws 8.23.0): a reload of its configuration.
#
# Caddy's manual says that a reload is graceful, without downtime. The Caddyfile here has two sites: a proxy to the WebSocket
# server, and a page with a fixed text. A WebSocket is open through the proxy. Seen with "caddy reload":
#   1. The file has not changed: nothing happens to the WebSocket.
#   2. The text of the other site has changed. One expects that the proxy, whose lines are the same, goes on. Instead
#      Caddy itself closes every WebSocket at once: the client gets a close frame with 1001.
#   3. The server behind the proxy gets the same four bytes, 88 02 03 e9: a frame of a client, but without a mask. RFC 6455
#      (5.1) wants each frame of a client masked, so a strict server sees a protocol error instead of a close: ws reports
#      "MASK must be set" and 1006.
# So a deployment of any site on that Caddy breaks an update in its middle, and the device's log blames the client.
#
# The script exits with 0 when all of it is still so, with 1 when something has changed.
set -euo pipefail
folder=$(mktemp -d)
caddy=
trap '[ -z "$caddy" ] || kill "$caddy" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -q caddy=2.6.2-5 >/dev/null 2>&1 || { apt-get update -q >/dev/null; apt-get download -q caddy=2.6.2-5 >/dev/null; }
dpkg -x caddy_*.deb debian
npm init -y >/dev/null
npm install --silent --no-fund --no-audit ws@8.23.0
export HOME="$folder" XDG_DATA_HOME="$folder" XDG_CONFIG_HOME="$folder"
write() {
    cat >Caddyfile <<TEXT
{
    admin 127.0.0.1:14226
    auto_https off
}
http://127.0.0.1:14227 {
    reverse_proxy 127.0.0.1:14228
}
http://127.0.0.1:14229 {
    respond "$1"
}
TEXT
}
write 'one'
debian/usr/bin/caddy run --config Caddyfile 2>log &
caddy=$!
until (exec 3<>/dev/tcp/127.0.0.1/14227) 2>/dev/null; do sleep 0.1; done
cat >steps.mjs <<'JS'
import { WebSocket, WebSocketServer } from 'ws';
const server = new WebSocketServer({ host: '127.0.0.1', port: 14228 });
const ends = [];
server.on('connection', (socket, request) => {
  request.socket.on('data', (bytes) => bytes[0] === 0x88 && console.log(`the server gets ${bytes.toString('hex')}`));
  socket.on('message', (text) => socket.send(text.toString()));
  socket.on('error', (error) => console.log(`the server says: ${error.message}`));
  ends.push(new Promise((resolve) => socket.on('close', resolve)));
});
const client = new WebSocket('ws://127.0.0.1:14227/');
client.on('message', (text) => console.log(`an echo of: ${text}`));
client.on('open', () => process.stderr.write('open\n'));
process.stdin.on('data', (text) => client.send(text.toString().trim()));
client.on('close', async (code) => {
  console.log(`the server has ${await ends[0]}, the client ${code}`);
  process.exit();
});
setTimeout(() => process.exit(1), 120_000);
JS
mkfifo lines
node steps.mjs <lines >seen 2>opened &
steps=$!
exec 4>lines
until grep -q open opened; do sleep 0.1; done
debian/usr/bin/caddy reload --config Caddyfile --address 127.0.0.1:14226 2>>log
sleep 2
echo 'still open after a reload without a change' >&4
until grep -q echo seen; do sleep 0.1; done
write 'two'
debian/usr/bin/caddy reload --config Caddyfile --address 127.0.0.1:14226 2>>log
wait "$steps"
cat >expected <<'TEXT'
an echo of: still open after a reload without a change
the server gets 880203e9
the server says: Invalid WebSocket frame: MASK must be set
the server has 1006, the client 1001
TEXT
debian/usr/bin/caddy version
cat seen
diff expected seen && echo 'as described'
