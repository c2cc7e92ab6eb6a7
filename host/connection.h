// SPDX-License-Identifier: Apache-2.0
// One connection of the server, its addresses. Shared by server.c (life and time), routes.c (HTTP),
// sessions.c (WebSocket) and receive.c (its bytes) only.
#pragma once

#include <libwebsockets.h>

#include "frames.h"
#include "link.h"
#include "server_settings.h"
#include "visitors.h"
#include "ws_reader.h"

#define ADDRESS_TEXT_SIZE 64
#define SERVER_RECEIVE_SIZE 1024 // what libwebsockets reads at once

// What libwebsockets keeps for each connection, zeroed. HTTP connections use `draining` and `upload` only.
typedef struct connection {
    struct connection *next; // of the server's open sessions
    const console_t *console;
    struct lws *wsi;
    unsigned number; // for the console
    char peer[ADDRESS_TEXT_SIZE];
    bool draining; // the body of a refused request is read, since `draining_ms`
    uint32_t draining_ms;
    // Reads what has come.
    void (*receive)(server_t *server, struct connection *connection);
    bool watched; // its bytes are reported
    bool paused;  // the ring is full: nothing is read until there is space
    bool over;    // nothing is read any more
    ws_reader_t reader;
    uint8_t control[WS_CONTROL_MAX]; // payload of a control frame
    size_t control_length;
    struct http_upload *upload; // a request of http_upload.c; NULL: another one, or a WebSocket
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
    int ready; // epoll: the sockets of the sessions that can be read
    lws_sorted_usec_list_t tick;
    visitors_t visitors;
    connection_t *sessions;
    connection_t *uploads; // requests of http_upload.c
    unsigned last_number;
    bool ended;
    server_end_t end;
    bool restarting;
    uint32_t restart_ms; // since then
    char scratch[OTA_WS_MESSAGE_SIZE];
};

// The two ends of a connection, without ports. False when it is gone already.
bool connection_peer(struct lws *wsi, ota_ws_address_t *address, char text[ADDRESS_TEXT_SIZE]);
bool connection_own_address(struct lws *wsi, ota_ws_address_t *address, char text[ADDRESS_TEXT_SIZE]);
