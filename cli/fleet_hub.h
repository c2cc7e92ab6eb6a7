// SPDX-License-Identifier: Apache-2.0
// The journal of a rollout on the hub: what fleet_journal.h is on a disk. A stream has the plan, the devices and all
// events in their order. Each message names the one before it, so of two controllers only one can write. Orders lie in
// a stream of their own until the controller takes them. All calls wait for the server.
#pragma once

#include "firmware.h"
#include "fleet_journal.h"
#include "fleet_plan.h"
#include "jetstream.h"
#include "rollout.h"

typedef struct {
    nats_link_t link;
    char rollout[64], subject[96]; // its journal's
    uint64_t first, last;          // sequence of the journal's first and last message; 0: none
    uint64_t events, orders;       // sequence of the last one in OTAWS_EVENTS, OTAWS_ORDERS that the journal has
    uint32_t written;              // messages of this process
} fleet_hub_t;

// Connects. False: `problem` ("not_hub": the server is that of a site). After true fleet_hub_close() follows.
bool fleet_hub_open(fleet_hub_t *hub, const nats_settings_t *settings, const char *rollout, problem_t *problem);
void fleet_hub_close(fleet_hub_t *hub); // one that was never opened, and is zero, may be closed

// Makes the streams and buckets, with the events of the plan's sites.
bool fleet_hub_set_up(fleet_hub_t *hub, const fleet_plan_t *plan, uint32_t lease_s, problem_t *problem);

// As fleet_journal_create(); events from before do not belong to it. "nats_conflict": another controller was faster.
bool fleet_hub_create(fleet_hub_t *hub, const fleet_plan_t *plan, const char *image_sha256,
                      const fleet_entry_t *entries, uint32_t count, problem_t *problem);

// As fleet_journal_read(); "journal_none".
bool fleet_hub_read(fleet_hub_t *hub, char **plan, char image_sha256[65], fleet_entry_t **entries, uint32_t *count,
                    problem_t *problem);

// As fleet_journal_replay(), after fleet_hub_read().
bool fleet_hub_replay(fleet_hub_t *hub, fleet_rollout_t *rollout,
                      void (*each)(void *context, const fleet_event_t *event), void *context, problem_t *problem);

// Writes events down, and how far `events` and `orders` were read. "nats_conflict": another controller has written.
// With any other problem it is not known; the same call again settles it.
bool fleet_hub_append(fleet_hub_t *hub, const fleet_event_t *events, uint32_t count, problem_t *problem);

bool fleet_hub_order(fleet_hub_t *hub, const fleet_event_t *order, problem_t *problem);
bool fleet_hub_is_led(fleet_hub_t *hub);

// Stores the image in pieces, unless it is there.
bool fleet_hub_put_image(fleet_hub_t *hub, const firmware_t *firmware, const char *sha256, problem_t *problem);
