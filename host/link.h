// SPDX-License-Identifier: Apache-2.0
// What the core's link port needs of one libwebsockets connection: messages wait here until the socket takes them.
#pragma once

#include <libwebsockets.h>
#include <stdbool.h>
#include <stddef.h>

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

// Queues a copy of one text message.
void link_send(link_t *link, const char *text, size_t length);

// Closes the connection when all has been sent, or the peer does not read.
void link_close(link_t *link);

// The socket can be written to. False: the connection is to be closed now.
bool link_writable(link_t *link);
