// SPDX-License-Identifier: Apache-2.0
// The core's link port over one libwebsockets connection: messages wait here until the socket takes them.
#pragma once

#include <libwebsockets.h>

#include "ports.h"

typedef struct link_message link_message_t;

typedef struct {
    struct lws *wsi;
    link_message_t *first;
    link_message_t *last;
    size_t count;
    bool closing; // when all has been sent
    bool broken;  // at once: the peer does not take what it asked for
} link_t;

void link_init(link_t *link, struct lws *wsi);

// Drops what was not sent.
void link_free(link_t *link);

ota_ws_link_t link_port(link_t *link);

// The socket can be written to. False: the connection is to be closed now.
bool link_writable(link_t *link);
