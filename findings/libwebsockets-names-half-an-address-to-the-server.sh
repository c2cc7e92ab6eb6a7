#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# libwebsockets (Debian 12: 4.1.6) as a TLS client, with OpenSSL's s_server (3.0), which prints the server name it is asked for.
#
# A client gives lws_client_connect_via_info an address, a port, and the content of the Host header; a port in that content is
# right when it is not 443, and an IPv6 address stands in brackets there. TLS has a server name of its own (SNI): a name
# without a port, and no IP address (RFC 6066, section 3). One expects that an address sends none, as curl and browsers do.
# Seen, each time over a connection to ::1:
#   1. Host device.example:8443: the server name is device.example. It is taken from the Host header, up to the first colon.
#   2. Host 127.0.0.1:8443: the server name is 127.0.0.1.
#   3. Host [fd00::7]:8443: the server name is "[fd00", half an address. Host [::1]: the server name is "[".
# So a server that chooses its certificate by that name has none for it, though the same address works with curl.
#
# The script exits with 0 when all of it is still so, with 1 when something has changed. It needs a C compiler and openssl.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
packages=(libwebsockets-dev=4.1.6-3 libwebsockets17=4.1.6-3 libcap-dev libev4 libuv1 libssl-dev)
apt-get download -q "${packages[@]}" >/dev/null 2>&1 || { apt-get update -q >/dev/null; apt-get download -q "${packages[@]}" >/dev/null; }
for package in *.deb; do dpkg -x "$package" debian; done
cat >client.c <<'C'
#include <libwebsockets.h>
static int is_over;
static int notice(struct lws *socket, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
    (void)socket, (void)user, (void)in, (void)length;
    is_over |= reason == LWS_CALLBACK_CLIENT_CONNECTION_ERROR; // s_server speaks no WebSocket, so this is how it ends
    return 0;
}
int main(int count, char **words)
{
    static const struct lws_protocols protocols[] = {{.name = "none", .callback = notice}, {0}};
    struct lws_context_creation_info info = {.port = CONTEXT_PORT_NO_LISTEN, .protocols = protocols,
                                             .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT};
    lws_set_log_level(0, NULL);
    struct lws_client_connect_info client = {.context = lws_create_context(&info), .address = "::1", .path = "/"};
    client.port = count > 2 ? atoi(words[1]) : 0;
    client.host = words[2];
    client.ssl_connection = LCCSCF_USE_SSL | LCCSCF_ALLOW_SELFSIGNED | LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK;
    lws_client_connect_via_info(&client);
    while (!is_over) lws_service(client.context, 0);
    lws_context_destroy(client.context);
}
C
libraries=debian/usr/lib/$(uname -m)-linux-gnu
cc -Idebian/usr/include -Idebian/usr/include/"$(uname -m)-linux-gnu" client.c -o client \
    "$libraries/libwebsockets.so" -Wl,--unresolved-symbols=ignore-in-shared-libs
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out certificate.pem -subj /CN=device -days 9 2>/dev/null
files=(-cert certificate.pem -key key.pem -cert2 certificate.pem -key2 key.pem -servername none)
for host in device.example:8443 127.0.0.1:8443 '[fd00::7]:8443' '[::1]'; do
    openssl s_server -accept '[::1]:14232' "${files[@]}" </dev/zero >log 2>&1 &
    server=$!
    until grep -q ACCEPT log; do sleep 0.1; done
    LD_LIBRARY_PATH=$libraries timeout 20 ./client 14232 "$host" & client=$!
    until grep -aq 'Hostname in TLS' log; do sleep 0.1; done
    kill "$server" "$client" 2>/dev/null || true
    wait "$server" "$client" 2>/dev/null || true
    echo "Host $host: $(grep -ao -m 1 'Hostname in TLS.*' log)"
done >seen
cat >expected <<'TEXT'
Host device.example:8443: Hostname in TLS extension: "device.example"
Host 127.0.0.1:8443: Hostname in TLS extension: "127.0.0.1"
Host [fd00::7]:8443: Hostname in TLS extension: "[fd00"
Host [::1]: Hostname in TLS extension: "["
TEXT
openssl version
cat seen
diff expected seen && echo 'as described'
