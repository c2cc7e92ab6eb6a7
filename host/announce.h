// SPDX-License-Identifier: Apache-2.0
// Says on the network that this device exists: the service _ota-ws._tcp of DNS-SD, through the Avahi daemon of this
// machine. Has a thread of its own. Without a daemon the console says so once; the device works without it.
#pragma once

#include <stdbool.h>

#include "console.h"

typedef struct {
    const char *name; // of the device; another device of that name makes it "name #2"
    const char *id;
    const char *path; // of the page
    bool tls;
    int port;
    const console_t *console;
} announce_settings_t;

typedef struct announce announce_t;

// What `settings` points to must live until announce_stop(). NULL: the console says why not.
announce_t *announce_start(const announce_settings_t *settings);

// Takes the announcement back. NULL does nothing.
void announce_stop(announce_t *announce);
