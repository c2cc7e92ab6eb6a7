// SPDX-License-Identifier: Apache-2.0
// Orders of an operator (`pause`, `resume`, `abort`, `approve`, `retry`): the one way from a person to a rollout. An
// order that makes no sense now is refused; any other goes into the journal on disk, or to the hub, where the process
// that runs the rollout takes it. So it does not matter who gives it: a verb of the command line, or the dashboard.
#pragma once

#include "fleet_hub.h"
#include "fleet_journal.h"
#include "fleet_plan.h"
#include "problem.h"
#include "rollout.h"

// One of `journal` and `hub` is NULL. All of it stays the caller's.
typedef struct {
    const fleet_plan_t *plan;
    const fleet_entry_t *entries;
    fleet_rollout_t *rollout; // orders take effect in it at once: of the process that runs it, a copy
    fleet_journal_t *journal;
    fleet_hub_t *hub;
} fleet_orders_t;

// Gives an order; its time is set here. False: `problem` (`order_refused`, or what is wrong with journal or hub).
bool fleet_order_give(const fleet_orders_t *orders, fleet_event_t *order, problem_t *problem);

// The order that approves `wave`, counted from 1. 0: the first one that still waits.
fleet_event_t fleet_order_approve(const fleet_orders_t *orders, unsigned long wave);

// The order that tries the device again which has this address or id. False: `not_in_rollout`.
bool fleet_order_retry(const fleet_orders_t *orders, const char *name, fleet_event_t *order, problem_t *problem);
