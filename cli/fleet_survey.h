// SPDX-License-Identifier: Apache-2.0
// Asks all devices of a list what they run, many at once, and changes nothing.
#pragma once

#include "device_job.h"
#include "fleet_list.h"
#include "fleet_plan.h"
#include "loop.h"

// Called for each device, in any order; `outcome->state` holds what it said when its code is EXIT_CODE_OK.
typedef void fleet_seen_t(void *context, uint32_t device, const outcome_t *outcome);

typedef struct {
    const fleet_plan_t *plan;  // for the passwords
    const char *password_file; // NULL: none
    const fleet_list_t *list;
    fleet_seen_t *seen;
    void *context;
} fleet_survey_t;

// Opens a loop of its own. False: `problem`, also when it was interrupted.
bool fleet_survey(const fleet_survey_t *survey, const loop_tls_t *tls, problem_t *problem);
