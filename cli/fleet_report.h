// SPDX-License-Identifier: Apache-2.0
// The report of a rollout as a table (CSV, RFC 4180) or for a build server (JUnit XML).
#pragma once

#include <stdbool.h>

#include "fleet_journal.h"
#include "fleet_plan.h"
#include "rollout.h"

typedef struct {
    const fleet_plan_t *plan;
    const fleet_entry_t *entries;
    const fleet_rollout_t *rollout;
    const int64_t *began_s, *ended_s; // per device: its first lease, its last event; 0: none
} fleet_report_t;

// To standard output. A device that has failed is a failure of JUnit, one that has not ended is skipped.
void fleet_report_csv(const fleet_report_t *report);
void fleet_report_junit(const fleet_report_t *report);
