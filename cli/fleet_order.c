// SPDX-License-Identifier: Apache-2.0
#include "fleet_order.h"

#include <string.h>
#include <strings.h>

#include "fleet_run.h"
#include "fleet_view.h"

// Orders that nobody has taken yet count before this one.
static bool makes_sense(const fleet_orders_t *orders, const fleet_event_t *order, problem_t *problem) {
    char phase[96];
    if (fleet_apply(orders->rollout, order)) {
        return true;
    }
    fleet_view_phase(orders->rollout, order->time_s, phase, sizeof phase);
    problem_set(problem, EXIT_CODE_USAGE, "order_refused", "'%s' makes no sense now: the rollout %s %s%s.",
                fleet_event_name(order->kind), orders->plan->rollout, strncmp(phase, "waits", 5) == 0 ? "" : "is ",
                phase);
    return false;
}

bool fleet_order_give(const fleet_orders_t *orders, fleet_event_t *order, problem_t *problem) {
    order->time_s = fleet_time().time_s;
    return makes_sense(orders, order, problem) &&
           (orders->hub != NULL ? fleet_hub_order(orders->hub, order, problem)
                                : fleet_journal_order(orders->journal, order, problem));
}

fleet_event_t fleet_order_approve(const fleet_orders_t *orders, unsigned long wave) {
    fleet_event_t order = {.kind = FLEET_APPROVE, .device = FLEET_ALL};
    uint32_t waiting = orders->plan->rules.approve & ~orders->rollout->approved;
    uint32_t first = waiting == 0 ? 0 : (uint32_t)__builtin_ctz(waiting);
    order.value = wave == 0 ? first : wave <= FLEET_WAVES_MAX ? (uint32_t)wave - 1 : FLEET_WAVES_MAX;
    return order;
}

bool fleet_order_retry(const fleet_orders_t *orders, const char *name, fleet_event_t *order, problem_t *problem) {
    *order = (fleet_event_t){.kind = FLEET_RETRY};
    for (uint32_t i = 0; i < orders->rollout->count; i++) {
        order->device = i;
        if (strcasecmp(orders->entries[i].host, name) == 0 || strcasecmp(orders->rollout->devices[i].id, name) == 0) {
            return true;
        }
    }
    problem_set(problem, EXIT_CODE_USAGE, "not_in_rollout", "'%.160s' is no device of this rollout.", name);
    return false;
}
