// SPDX-License-Identifier: Apache-2.0
// Shared by server.c (life and time), routes.c (HTTP), sessions.c (WebSocket) and receive.c (its bytes); nobody else's.
#pragma once

#include <libwebsockets.h>

#include "frames.h"
#include "link.h"
#include "server.h"
#include "visitors.h"
#include "ws_reader.h"

#define ADDRESS_TEXT_SIZE 64
#define SERVER_RECEIVE_SIZE 1024 // what libwebsockets reads at once

// What libwebsockets keeps for each connection, zeroed. HTTP connections use `draining` only.
typedef struct connection {
    struct connection *next; // of the server's open sessions
    const console_t *console;
    struct lws *wsi;
    unsigned number; // for the console
    char peer[ADDRESS_TEXT_SIZE];
    bool draining; // the body of a refused request is read, since `draining_ms`
    uint32_t draining_ms;
    bool watched; // its bytes are reported
    bool paused;  // the ring is full: nothing is read until there is room
    bool over;    // nothing is read any more
    ws_reader_t reader;
    uint8_t control[WS_CONTROL_MAX]; // payload of a control frame
    size_t control_length;
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
    unsigned last_number;
    bool ended;
    server_end_t end;
    bool restarting;
    uint32_t restart_ms; // since then
    char scratch[OTA_WS_MESSAGE_SIZE];
};

// The two ends of a connection, without ports. False when it is gone already.
bool server_peer(struct lws *wsi, ota_ws_address_t *address, char text[ADDRESS_TEXT_SIZE]);
bool server_own_address(struct lws *wsi, ota_ws_address_t *address, char text[ADDRESS_TEXT_SIZE]);

// One HTTP request with its headers. What a libwebsockets callback returns.
int routes_request(server_t *server, connection_t *connection, struct lws *wsi);

// A part of a request's body, which nobody wants.
int routes_body(const connection_t *connection);

// An upgrade is asked for. 0: it may go on, 1: it was answered, -1: the connection closes.
int routes_upgrade(server_t *server, struct lws *wsi, const char *protocol);

// What happens to a WebSocket; the int is what a libwebsockets callback returns.
void sessions_open(server_t *server, connection_t *connection, struct lws *wsi);
int sessions_writable(connection_t *connection);
void sessions_closed(server_t *server, connection_t *connection);

// WebSockets, also those that have ended and are not closed yet.
unsigned sessions_count(const server_t *server);

// Have all messages left?
bool sessions_are_flushed(const server_t *server);

// Begins to report what sessions send. False: there are no descriptors.
bool receive_open(server_t *server);

// A session is read from now on, until receive_end().
void receive_begin(const server_t *server, connection_t *connection);
void receive_end(const server_t *server, connection_t *connection);

// Ends the connection soon, without a goodbye.
void receive_kill(const server_t *server, connection_t *connection);

// Reads what has come.
void receive_ready(server_t *server);

// Reads again where there is room now.
void receive_resume(server_t *server);
