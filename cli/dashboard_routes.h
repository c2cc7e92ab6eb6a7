// SPDX-License-Identifier: Apache-2.0
// What the dashboard answers: a request in, an answer out. Knows no socket. docs/fleet.md lists the routes.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dashboard_login.h"
#include "fleet_order.h"
#include "fleet_status.h"
#include "response.h"

#define DASHBOARD_BODY_MAX 4096

// A header that is absent is "", as is one that is too long or comes twice (`has_origin` says that there was one).
typedef struct {
    int method;     // LWSHUMETH_...
    char path[64];  // "": too long for any route
    char since[64]; // of the query
    char host[128];
    char origin[128];
    bool has_origin;
    char token[DASHBOARD_TOKEN_SIZE + 1]; // one that is longer stays too long
    char etag[64];
    const char *body; // of `length` bytes
    size_t length;
    bool is_long; // its body has more than DASHBOARD_BODY_MAX bytes
} dashboard_request_t;

typedef struct {
    dashboard_login_t login;
    int port;               // that it listens on
    fleet_status_t *status; // NULL: this process does not lead the rollout
    fleet_orders_t orders;  // of the live rollout; it is not changed here
    bool was_ordered;       // an order was given: the caller may want to look at it at once
    uint64_t asked_ms;      // when somebody who is logged in has asked last; 0: never
} dashboard_state_t;

typedef struct {
    response_t response;
    char *text; // to be freed by the caller; NULL: the body is constant
} dashboard_answer_t;

// Always answers.
void dashboard_route(dashboard_state_t *state, const dashboard_request_t *request, uint64_t now_ms,
                     dashboard_answer_t *answer);
