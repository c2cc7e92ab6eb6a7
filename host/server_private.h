// SPDX-License-Identifier: Apache-2.0
// Shared by server.c (life and time), routes.c (HTTP) and sessions.c (WebSocket); nobody else's.
#pragma once

#include <libwebsockets.h>

#include "frames.h"
#include "link.h"
#include "server.h"

#define ADDRESS_TEXT_SIZE 64
#define SERVER_RECEIVE_SIZE 1024 // what libwebsockets reads at once

// What libwebsockets keeps for each connection, zeroed. HTTP connections do not use it.
typedef struct connection {
    struct connection *next; // of the server's open sessions
    const console_t *console;
    struct lws *wsi;
    unsigned number; // for the console
    char peer[ADDRESS_TEXT_SIZE];
    bool paused; // the ring is full: nothing is read until there is room
    link_t link;
    ota_ws_link_t port;
    ota_ws_session_t session;
    frames_t frames;
} connection_t;

struct server {
    server_settings_t settings;
    server_parts_t parts;
    struct lws_context *context;
    struct lws_vhost *vhost;
    lws_sorted_usec_list_t tick;
    connection_t *sessions;
    unsigned session_count;
    unsigned last_number;
    bool ended;
    server_end_t end;
    bool restarting;
    uint32_t restart_ms; // since then
    char scratch[OTA_WS_MESSAGE_SIZE];
};

// The two ends of a connection, without ports. False when it is gone already.
bool server_peer(struct lws *wsi, ota_ws_address_t *address, char text[ADDRESS_TEXT_SIZE]);
bool server_own_address(struct lws *wsi, char text[ADDRESS_TEXT_SIZE]);

// One HTTP request with its headers. What a libwebsockets callback returns.
int routes_request(server_t *server, struct lws *wsi);

// An upgrade is asked for. 0: it may go on, 1: it was answered, -1: the connection closes.
int routes_upgrade(server_t *server, struct lws *wsi, const char *protocol);

// What happens to a WebSocket; the int is what a libwebsockets callback returns.
void sessions_open(server_t *server, connection_t *connection, struct lws *wsi);
void sessions_receive(server_t *server, connection_t *connection, const void *bytes, size_t length);
int sessions_writable(connection_t *connection);
void sessions_closed(server_t *server, connection_t *connection);

// Reads again when there is room.
void sessions_resume(server_t *server);

// Have all messages left?
bool sessions_are_flushed(const server_t *server);
