#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# CivetWeb (Debian 12: libcivetweb 1.15), a small web server with WebSockets in C, with a client of npm (ws 8.23.0).
#
# The server has one handler for WebSockets, which takes every frame and returns 1 ("go on"). The client sends a PING, waits, and
# closes with 1000. RFC 6455 says that an endpoint must answer a PING (5.5.2) and a Close (5.5.1), and WebSocket servers do
# so below the application: libwebsockets and ws do. One expects a PONG, and 1000 at the client. Seen instead:
#   1. PING: no PONG. The frame goes to the handler as opcode 9. Only with the option enable_websocket_ping_pong, whose text
#      in the manual speaks of PINGs that the server sends, the library answers by itself.
#   2. Close: the handler gets opcode 8, and the library ends the TCP connection without a Close of its own, with either value
#      of the option. So each client that closes as it should gets 1006, "abnormal": its log is full of failures.
#   3. The three frames of one fragmented message are three calls of the handler, with opcode 1, 0 and 0.
# A client that finds dead servers by PING finds every such server dead.
#
# The script exits with 0 when all of it is still so, with 1 when something has changed. It needs a C compiler.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
packages=(libcivetweb-dev=1.15+dfsg-4 libcivetweb1=1.15+dfsg-4)
apt-get download -q "${packages[@]}" >/dev/null 2>&1 || { apt-get update -q >/dev/null; apt-get download -q "${packages[@]}" >/dev/null; }
for package in *.deb; do dpkg -x "$package" debian; done
npm init -y >/dev/null
npm install --silent --no-fund --no-audit ws@8.23.0
cat >server.c <<'C'
#include <civetweb.h>
#include <stdio.h>
#include <unistd.h>
static int accept_all(const struct mg_connection *connection, void *data) { return (void)connection, (void)data, 0; }
static void note(struct mg_connection *connection, void *data) { (void)connection, (void)data; }
static void end(const struct mg_connection *connection, void *data) { (void)connection, (void)data; }
static int take(struct mg_connection *connection, int first, char *bytes, size_t length, void *data)
{
    (void)connection, (void)bytes, (void)length, (void)data;
    printf("the handler gets opcode %d\n", first & 15);
    return 1;
}
int main(int count, char **words)
{
    const char *options[] = {"listening_ports", "127.0.0.1:14233", "enable_websocket_ping_pong", words[count - 1], NULL};
    setvbuf(stdout, NULL, _IONBF, 0);
    mg_init_library(MG_FEATURES_WEBSOCKET);
    struct mg_callbacks none = {0};
    mg_set_websocket_handler(mg_start(&none, NULL, options), "/", accept_all, note, take, end, NULL);
    pause();
}
C
libraries=debian/usr/lib/$(uname -m)-linux-gnu
cc -Idebian/usr/include server.c -o server "$libraries/libcivetweb.so.1" -Wl,--unresolved-symbols=ignore-in-shared-libs
cat >client.mjs <<'JS'
import { WebSocket } from 'ws';
const socket = new WebSocket('ws://127.0.0.1:14233/', { perMessageDeflate: false });
let hasPong = false;
socket.on('pong', () => (hasPong = true));
socket.on('open', () => {
  ['a', 'b', 'c'].forEach((text, i) => socket.send(text, { fin: i === 2 }));
  socket.ping();
  setTimeout(() => socket.close(1000), 3000);
});
socket.on('close', (code) => console.log(`the client: ${hasPong ? 'a PONG' : 'no PONG'}, closed with ${code}`));
JS
for value in no yes; do
    echo "enable_websocket_ping_pong $value"
    LD_LIBRARY_PATH=$libraries ./server "$value" &
    server=$!
    until (exec 3<>/dev/tcp/127.0.0.1/14233) 2>/dev/null; do sleep 0.1; done
    node client.mjs
    kill "$server"
    wait "$server" 2>/dev/null || true
done >seen
cat >expected <<'TEXT'
enable_websocket_ping_pong no
the handler gets opcode 1
the handler gets opcode 0
the handler gets opcode 0
the handler gets opcode 9
the handler gets opcode 8
the client: no PONG, closed with 1006
enable_websocket_ping_pong yes
the handler gets opcode 1
the handler gets opcode 0
the handler gets opcode 0
the handler gets opcode 8
the client: a PONG, closed with 1006
TEXT
cat seen
diff expected seen && echo 'as described'
