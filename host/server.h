// SPDX-License-Identifier: Apache-2.0
// The device's web server: libwebsockets between sockets and the core. One thread, the session thread.
#pragma once

#include "server_settings.h"

// Listens. NULL: the console says why not. `settings` and `parts` are copied, what they point to is not.
server_t *server_open(const server_settings_t *settings, const server_parts_t *parts);

// The port that it listens on.
int server_port(const server_t *server);

// Serves until a stop or a restart is asked for.
server_end_t server_run(server_t *server);

// Ends server_run() when the messages sent so far have left. The platform's `restart`.
void server_restart(void *server);

// Wakes the session thread to collect the worker's results. Any thread. The worker's `notify`.
void server_notify(void *server);

// Closes all connections.
void server_close(server_t *server);
