// SPDX-License-Identifier: Apache-2.0
// The HTTP connections that are open: a client connects without any proof, so their number is limited. When
// there are too many, the address that has most of them loses its oldest one. So idle connections keep nobody out, and
// the process never runs out of descriptors. WebSockets count, but are not in the list: sessions.c limits them.
#pragma once

#include <libwebsockets.h>

#include "login/login.h"

#define VISITORS_MAX 256 // connections, WebSockets among them
#define VISITORS_MIN 32
#define VISITORS_BURST 8 // more than the limit, until those that must leave have left

typedef struct {
    struct lws *wsi;
    ota_ws_address_t peer;
    bool leaves; // its connection is about to be closed
} visitor_t;

typedef struct {
    visitor_t list[VISITORS_MAX + VISITORS_BURST]; // the oldest first
    unsigned count;
    unsigned limit;
} visitors_t;

// How many connections the limit of this process allows: VISITORS_MAX or fewer; 0: not even VISITORS_MIN.
unsigned visitors_limit(void);

// A new connection. False: there is no space, and it must be closed.
bool visitors_add(visitors_t *visitors, struct lws *wsi, const ota_ws_address_t *peer);

// The connection is gone, or it is a WebSocket now. One that is not in the list is ignored.
void visitors_remove(visitors_t *visitors, const struct lws *wsi);

// Closes one soon when there are too many together with so many WebSockets. The newest one stays.
void visitors_make_space(visitors_t *visitors, unsigned websockets);

// A few times a second: libwebsockets forgets that a connection must leave when a request comes at the same moment.
void visitors_tick(visitors_t *visitors);
