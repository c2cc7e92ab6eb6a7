#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# libwebsockets (Debian 12: 4.1.6) as a server that pauses reading, over plain TCP.
#
# lws_rx_flow_control(wsi, 0) stops reading from one connection, so that a slow consumer is not overrun; it says nothing of
# writing. A server that has asked with lws_callback_on_writable() is called back when the socket takes bytes, which it does
# here all the time. Each connection below pauses in its receive callback, and 200 ms later asks for its turn to write.
# Seen:
#   1. A WebSocket whose reading is paused gets its turn to write at once.
#   2. An HTTP request whose body is paused in the same way gets none within two seconds.
#   3. It gets one as soon as reading is allowed again, without asking once more.
# So a server that stops an upload in the middle cannot even answer why, until it reads on.
#
# The script exits with 0 when all of it is still so, with 1 when something has changed. It needs a C compiler.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
packages=(libwebsockets-dev=4.1.6-3 libwebsockets17=4.1.6-3 libcap-dev libev4 libuv1 libssl-dev)
apt-get download -q "${packages[@]}" >/dev/null 2>&1 || { apt-get update -q >/dev/null; apt-get download -q "${packages[@]}" >/dev/null; }
for package in *.deb; do dpkg -x "$package" debian; done
cat >server.c <<'C'
#include <libwebsockets.h>
#include <stdio.h>
static struct lws *paused;
static const char *kind;
static int is_asked, turns;
static int notice(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
    (void)user, (void)in, (void)length;
    switch (reason) {
    case LWS_CALLBACK_HTTP:
        return 0; // the body comes
    case LWS_CALLBACK_HTTP_BODY:
    case LWS_CALLBACK_RECEIVE:
        kind = reason == LWS_CALLBACK_RECEIVE ? "WebSocket" : "HTTP request";
        paused = wsi;
        lws_rx_flow_control(wsi, 0);
        lws_set_timer_usecs(wsi, 200 * LWS_US_PER_MS);
        return 0;
    case LWS_CALLBACK_TIMER:
        if (!is_asked) {
            is_asked = 1;
            lws_callback_on_writable(wsi);
            lws_set_timer_usecs(wsi, 2 * LWS_US_PER_SEC);
        } else {
            printf("%s, paused for 2 s: %s\n", kind, turns ? "has its turn" : "no turn");
            turns = is_asked = 0;
            lws_rx_flow_control(wsi, 1);
            lws_set_timer_usecs(wsi, 2 * LWS_US_PER_SEC);
            is_asked = 2;
        }
        return 0;
    case LWS_CALLBACK_HTTP_WRITEABLE:
    case LWS_CALLBACK_SERVER_WRITEABLE:
        turns += wsi == paused;
        if (is_asked == 2) printf("%s, reading again: has its turn\n", kind);
        return is_asked == 2 ? -1 : 0;
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLOSED_HTTP:
        if (wsi == paused) paused = NULL, is_asked = turns = 0;
        return 0;
    default:
        return lws_callback_http_dummy(wsi, reason, user, in, length);
    }
}
int main(void)
{
    static const struct lws_protocols protocols[] = {{.name = "none", .callback = notice, .rx_buffer_size = 512}, {0}};
    struct lws_context_creation_info info = {.port = 14233, .iface = "127.0.0.1", .protocols = protocols};
    setvbuf(stdout, NULL, _IOLBF, 0);
    lws_set_log_level(0, NULL);
    struct lws_context *context = lws_create_context(&info);
    while (context != NULL && lws_service(context, 0) >= 0) {}
}
C
libraries=debian/usr/lib/$(uname -m)-linux-gnu
cc -Idebian/usr/include -Idebian/usr/include/"$(uname -m)-linux-gnu" server.c -o server \
    "$libraries/libwebsockets.so" -Wl,--unresolved-symbols=ignore-in-shared-libs
LD_LIBRARY_PATH=$libraries ./server >seen &
until (exec 3<>/dev/tcp/127.0.0.1/14233) 2>/dev/null; do sleep 0.1; done
( exec 3<>/dev/tcp/127.0.0.1/14233
  printf 'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n' >&3
  sleep 1
  printf '\x81\x84\0\0\0\0abcd' >&3 # one text message
  sleep 4 )
( exec 3<>/dev/tcp/127.0.0.1/14233
  printf 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabcd' >&3 # the other six bytes do not come
  sleep 5 )
cat >expected <<'TEXT'
WebSocket, paused for 2 s: has its turn
HTTP request, paused for 2 s: no turn
HTTP request, reading again: has its turn
TEXT
cat seen
diff expected seen && echo 'as described'
