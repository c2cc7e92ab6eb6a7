// SPDX-License-Identifier: Apache-2.0
// What WebSockets receive: read only when there is space.
#pragma once

#include "connection.h"

// Begins to report what sessions send. False: there are no descriptors.
bool receive_open(server_t *server);

// A session is read from now on, until receive_end().
void receive_begin(const server_t *server, connection_t *connection);
void receive_end(const server_t *server, connection_t *connection);

// Ends the connection soon, without a goodbye.
void receive_kill(const server_t *server, connection_t *connection);

// Reads what has come.
void receive_ready(server_t *server);

// At most `*length` bytes of a connection that libwebsockets does not read.
typedef enum { RECEIVE_SOME, RECEIVE_NOTHING, RECEIVE_END } receive_result_t;
receive_result_t receive_bytes(struct lws *wsi, uint8_t *to, size_t *length);

// Reports, or not any more, that the socket of `connection` can be read.
bool receive_watch(const server_t *server, struct lws *wsi, connection_t *connection, bool on);

// Reads again where there is space now.
void receive_resume(server_t *server);
