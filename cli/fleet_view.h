// SPDX-License-Identifier: Apache-2.0
// What people see of a rollout: on a terminal a table that is drawn again and again, elsewhere a line for each thing
// that happens, or JSON objects. Knows neither journal nor network.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "fleet_journal.h"
#include "fleet_plan.h"
#include "rollout.h"

typedef struct {
    const fleet_plan_t *plan;
    const fleet_entry_t *entries;
    const fleet_rollout_t *rollout;
    uint64_t written; // bytes to all devices that are under way
    bool json, quiet, terminal;
    unsigned lines; // of the table that stands on the terminal
    uint64_t drawn_ms;
    int64_t began_s;    // of this process; 0: no time is shown
    uint32_t done_then; // devices that had ended at that time
} fleet_view_t;

// One event was applied: a line, or an object.
void fleet_view_event(void *view, const fleet_event_t *event);

// The table, at most four times a second. `now_ms` 0: at once.
void fleet_view_draw(fleet_view_t *view, uint64_t now_ms, int64_t time_s);

// How the rollout stands, at the end or between: the table without colours, or an object.
void fleet_view_summary(fleet_view_t *view, int64_t time_s, int code);

// "running", "paused", "waits for approval of wave 2", "stopped by failed_count" ...
void fleet_view_phase(const fleet_rollout_t *rollout, int64_t time_s, char *text, size_t size);

// "running", "paused", "approval", "stopped", "aborted", "finished".
const char *fleet_view_phase_word(const fleet_rollout_t *rollout, int64_t time_s);

// Of a rollout that waits for an approval: of which wave, from 1.
uint32_t fleet_view_waiting_wave(const fleet_rollout_t *rollout);

// A device with all that is known of it.
void fleet_view_json_device(const fleet_view_t *view, uint32_t device);
