// SPDX-License-Identifier: Apache-2.0
// A rollout as the dashboard shows it, as JSON; docs/fleet.md lists the members. Who asks names the change that he has
// seen last, and gets the devices that have changed since then. So the first answer has all devices, and the next ones
// are as short as what has happened.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "fleet_journal.h"
#include "fleet_plan.h"
#include "rollout.h"

#define FLEET_STATUS_NO_PERCENT 255

// What is shown; all of it stays the caller's.
typedef struct {
    const fleet_plan_t *plan;
    const fleet_entry_t *entries;
    const fleet_rollout_t *rollout;
    const char *project, *version; // of the image
} fleet_shown_t;

typedef struct fleet_status fleet_status_t;

// The pace counts from now on. NULL: no memory.
fleet_status_t *fleet_status_open(const fleet_shown_t *shown, int64_t now_s);
void fleet_status_close(fleet_status_t *status); // NULL is allowed

// What the rollout itself does not know of a device: the version that it runs, and how far its update has come.
void fleet_status_version(fleet_status_t *status, uint32_t device, const char *version);
void fleet_status_percent(fleet_status_t *status, uint32_t device, uint32_t percent); // or FLEET_STATUS_NO_PERCENT

typedef enum { FLEET_STATUS_SAME, FLEET_STATUS_CHANGED, FLEET_STATUS_NO_MEMORY } fleet_status_news_t;

// `since`: the "change" of an earlier answer; "" or a foreign one: all devices. With FLEET_STATUS_CHANGED `text` is to
// be freed.
fleet_status_news_t fleet_status_write(fleet_status_t *status, const char *since, int64_t now_s, char **text);
