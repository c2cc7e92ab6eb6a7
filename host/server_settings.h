// SPDX-License-Identifier: Apache-2.0
// What a server is given, and how it ends.
#pragma once

#include "console.h"
#include "page.h"
#include "session/device.h"
#include "worker.h"

#define SERVER_SESSION_MAX 16 // WebSockets at once; one that has not logged in makes space

typedef struct {
    const char *address; // to listen on
    int port;            // 0: any free one
    const char *certificate;
    const char *key;          // both NULL: http, ws
    const char *const *names; // of this device beside its addresses, ends with NULL
    const char *page_uri;     // "/ota"
    const page_t *page;
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
