// SPDX-License-Identifier: Apache-2.0
// The device's web server: libwebsockets between sockets and the core. One thread, the session thread.
#pragma once

#include "console.h"
#include "device.h"
#include "worker.h"

#define SERVER_SESSION_MAX 16 // WebSockets at once; one that has not logged in makes room

typedef struct {
    const char *address; // to listen on
    int port;            // 0: any free one
    const char *certificate;
    const char *key;          // both NULL: http, ws
    const char *const *names; // of this device beside its addresses, ends with NULL
    const char *page_uri;     // "/ota"
    const char *ws_uri;
} server_settings_t;

typedef struct {
    ota_ws_device_t *device;
    worker_t *worker;
    const console_t *console;
    // Called a few times a second; true ends the server.
    bool (*stop_wanted)(void *context);
    void *stop_context;
} server_parts_t;

typedef enum { SERVER_STOPPED, SERVER_RESTART } server_end_t;

typedef struct server server_t;

// The clock of the core's events.
uint32_t server_now_ms(void);

// Listens. NULL: the console says why not. `settings` and `parts` are copied, what they point to is not.
server_t *server_open(const server_settings_t *settings, const server_parts_t *parts);

// The port that it listens on.
int server_port(const server_t *server);

// Serves until it is told to stop or to restart.
server_end_t server_run(server_t *server);

// Ends server_run() when the messages sent so far have left. The platform's `restart`.
void server_restart(void *server);

// Wakes the session thread to collect the worker's results. Any thread. The worker's `notify`.
void server_notify(void *server);

// Closes all connections.
void server_close(server_t *server);
