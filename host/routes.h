// SPDX-License-Identifier: Apache-2.0
// HTTP: the routes of the server.
#pragma once

#include "connection.h"

// One HTTP request with its headers. What a libwebsockets callback returns.
int routes_request(server_t *server, connection_t *connection, struct lws *wsi);

// A part of a request's body, and its end; an answer can leave.
int routes_body(connection_t *connection, const void *bytes, size_t length);
int routes_body_end(const connection_t *connection);
int routes_writable(connection_t *connection);

// An upgrade is asked for. 0: it may go on, 1: it was answered, -1: the connection closes.
int routes_upgrade(server_t *server, struct lws *wsi, const char *protocol);
