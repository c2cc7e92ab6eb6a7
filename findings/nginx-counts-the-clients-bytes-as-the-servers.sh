#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# nginx (Debian 12: 1.22.1) before a WebSocket server (npm: ws 8.23.0): proxy_read_timeout and proxy_send_timeout.
#
# The manual says of proxy_read_timeout, and of WebSockets in particular: "the connection will be closed if the proxied server
# does not transmit any data within" this time. One expects that a server that is silent for longer is cut off, and that one
# that must be kept has to send something (a PONG, its progress). All with a timeout of 4 s, watched for 10 s:
#   1. Nobody sends anything: closed after 4 s, as expected.
#   2. The client sends a byte each second, the server never sends anything: still open. Each direction winds up the timer.
#   3. The server sends a byte each second, the client nothing: still open.
#   4. Nobody sends anything, proxy_send_timeout is 4 s and proxy_read_timeout a minute: still open.
# So an upload keeps a dead-silent server's connection for as long as its machine acknowledges the bytes: the timeout does not
# show that the server has stopped to answer.
#
# The script exits with 0 when all of it is still so, with 1 when something has changed.
set -euo pipefail
folder=$(mktemp -d)
nginx=
trap '[ -z "$nginx" ] || kill "$nginx" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
packages=(nginx=1.22.1-9+deb12u11)
apt-get download -q "${packages[@]}" >/dev/null 2>&1 || { apt-get update -q >/dev/null; apt-get download -q "${packages[@]}" >/dev/null; }
for package in *.deb; do dpkg -x "$package" debian; done
npm init -y >/dev/null
npm install --silent --no-fund --no-audit ws@8.23.0
mkdir temporary
cat >nginx.conf <<TEXT
daemon off; master_process off; pid $folder/pid; error_log $folder/log; events {}
http {
    access_log off;
    client_body_temp_path temporary; proxy_temp_path temporary; fastcgi_temp_path temporary;
    uwsgi_temp_path temporary; scgi_temp_path temporary;
    proxy_http_version 1.1;
    proxy_set_header Upgrade \$http_upgrade;
    proxy_set_header Connection upgrade;
    server {
        listen 127.0.0.1:14224;
        location /read { proxy_pass http://127.0.0.1:14225; proxy_read_timeout 4s; }
        location /send { proxy_pass http://127.0.0.1:14225; proxy_send_timeout 4s; }
    }
}
TEXT
debian/usr/sbin/nginx -p "$folder" -c "$folder/nginx.conf" &
nginx=$!
until (exec 3<>/dev/tcp/127.0.0.1/14224) 2>/dev/null; do sleep 0.1; done
cat >steps.mjs <<'JS'
import { WebSocket, WebSocketServer } from 'ws';
const eachSecond = (socket) => {
  const timer = setInterval(() => socket.send('x'), 1000);
  socket.on('close', () => clearInterval(timer));
};
const server = new WebSocketServer({ host: '127.0.0.1', port: 14225 });
server.on('connection', (socket, { url }) => url.endsWith('server') && eachSecond(socket));
const attend = (sender, path) =>
  new Promise((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:14224/${path}/${sender}`);
    const late = setTimeout(() => (resolve('open after 10 s'), socket.terminate()), 10000);
    socket.on('open', () => sender === 'client' && eachSecond(socket));
    socket.on('close', () => (resolve('closed'), clearTimeout(late)));
  });
const cases = [['nobody', 'read'], ['client', 'read'], ['server', 'read'], ['nobody', 'send']];
const ends = await Promise.all(cases.map((one) => attend(...one)));
ends.forEach((end, i) => console.log(`proxy_${cases[i][1]}_timeout 4s, ${cases[i][0]} sends: ${end}`));
server.close();
JS
node steps.mjs >seen
cat >expected <<'TEXT'
proxy_read_timeout 4s, nobody sends: closed
proxy_read_timeout 4s, client sends: open after 10 s
proxy_read_timeout 4s, server sends: open after 10 s
proxy_send_timeout 4s, nobody sends: open after 10 s
TEXT
debian/usr/sbin/nginx -v
cat seen
diff expected seen && echo 'as described'
