// SPDX-License-Identifier: Apache-2.0
// What the core's link port needs of one libwebsockets connection: messages wait here until the socket takes them.
#pragma once

#include <libwebsockets.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct link_message link_message_t;

typedef struct {
    struct lws *wsi;
    link_message_t *first;
    link_message_t *last;
    size_t count;
    bool closing;      // when all has been sent
    bool said_goodbye; // the Close frame has left
    bool answered;     // it has come from the peer too: the connection ends with it
    bool broken;       // at once: the peer does not take what it asked for
} link_t;

void link_init(link_t *link, struct lws *wsi);

// Drops what was not sent.
void link_free(link_t *link);

// Queues a copy of one text message.
void link_send(link_t *link, const char *text, size_t length);

// Queues an answer to a Ping: `length` bytes, 125 at most.
void link_pong(link_t *link, const uint8_t *payload, size_t length);

// Sends a Close frame when all has been sent, and closes the connection when the peer has answered, or after 2 s.
void link_close(link_t *link);

// The peer has sent a Close frame with this payload: the connection ends when it has been answered.
void link_peer_closes(link_t *link, const uint8_t *payload, size_t length);

// The socket can be written to. False: the connection is to be closed now.
bool link_writable(link_t *link);
