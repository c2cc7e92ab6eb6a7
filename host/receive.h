// SPDX-License-Identifier: Apache-2.0
// What WebSockets receive: read only when there is room.
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

// Reads again where there is room now.
void receive_resume(server_t *server);
