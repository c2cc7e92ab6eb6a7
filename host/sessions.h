// SPDX-License-Identifier: Apache-2.0
// WebSockets of the server, from open to closed.
#pragma once

#include "connection.h"

// What happens to a WebSocket; the int is what a libwebsockets callback returns.
void sessions_open(server_t *server, connection_t *connection, struct lws *wsi);
int sessions_writable(connection_t *connection);
void sessions_closed(server_t *server, connection_t *connection);

// WebSockets, also those that have ended and are not closed yet.
unsigned sessions_count(const server_t *server);

// Have all messages left?
bool sessions_are_flushed(const server_t *server);
