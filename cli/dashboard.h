// SPDX-License-Identifier: Apache-2.0
// The dashboard of a rollout: a small web server on 127.0.0.1 with one page, the status as JSON, and the orders of an
// operator (fleet_order.h). It listens nowhere else: from another machine it is reached through an ssh tunnel. It runs
// on the event loop of its caller, or on one of its own that the caller polls.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dashboard_routes.h"
#include "loop.h"

typedef struct dashboard dashboard_t;

typedef struct {
    uint16_t port;
    const char *password_file; // NULL: a random code
    bool was_asked_for;        // by an option: then it keeps the process up where a person has to decide
} dashboard_settings_t;

// Listens, and prints the link to the page to standard error. `loop` NULL: a loop of its own. NULL: `problem`
// ("dashboard_port": the port is in use ...). Shows nothing yet.
dashboard_t *dashboard_open(const dashboard_settings_t *settings, loop_t *loop, problem_t *problem);

// From now on it shows this rollout, and gives orders to it; both stay the caller's. `orders` NULL: another process
// leads.
void dashboard_show(dashboard_t *dashboard, const fleet_shown_t *shown, const fleet_orders_t *orders);

// What the rollout does not know; NULL while nothing is shown, or where `dashboard` is NULL.
fleet_status_t *dashboard_status(dashboard_t *dashboard);

// Answers what has come; only where it has a loop of its own. Does not wait.
void dashboard_poll(dashboard_t *dashboard);

// True once after an order was given.
bool dashboard_was_ordered(dashboard_t *dashboard);

// Must the process stay although the rollout cannot go on? Where a person has to decide: when the dashboard was asked
// for, or somebody looks at it. At its end (`is_final`): until those who look have seen it, three seconds at most.
// `dashboard` NULL: no.
bool dashboard_holds(dashboard_t *dashboard, bool is_final);

// After the caller's loop was closed. NULL is allowed.
void dashboard_close(dashboard_t *dashboard);
