// SPDX-License-Identifier: Apache-2.0
// What the verbs of `fleet` work on: plan, image, list, and the rollout as its journal has it, on disk or on the hub.
// Each function opens one part; a part that could not be opened is a `problem`, and fleet_load_close() closes what is
// open.
#pragma once

#include <stdbool.h>

#include "arguments.h"
#include "firmware.h"
#include "fleet_hub.h"
#include "fleet_journal.h"
#include "fleet_list.h"
#include "fleet_plan.h"
#include "output.h"
#include "rollout.h"

// All that a verb works on. Zero at first, but for `arguments` and `output`.
typedef struct {
    const arguments_t *arguments;
    output_t *output;
    fleet_plan_t plan;
    fleet_journal_t journal;
    fleet_hub_t hub;       // in its place with --nats
    char image_sha256[65]; // as the journal has it
    fleet_list_t list;
    fleet_device_t *devices;
    fleet_rollout_t rollout;
    firmware_t firmware;
    bool has_plan, has_journal, has_hub, has_firmware;
    int64_t *began_s, *ended_s; // report
    problem_t problem;
} fleet_t;

// False, always: sets the problem.
bool fleet_load_fail(fleet_t *fleet, exit_code_t code, const char *name, const char *sentence);

const char *fleet_load_plan_path(const fleet_t *fleet); // as it was written

// False: `fleet->problem`.
bool fleet_load_plan(fleet_t *fleet);
bool fleet_load_image(fleet_t *fleet);   // of the plan
bool fleet_load_devices(fleet_t *fleet); // the list is there: a rollout of its devices that has not begun
bool fleet_load_journal(fleet_t *fleet); // of a rollout that has begun: opens it
bool fleet_load_rollout(fleet_t *fleet); // all of a rollout that has begun, for those who look at it or give orders

// Plan, devices and the image's digest as they were when the rollout began. `must_agree`: with the plan that was read.
bool fleet_load_begun(fleet_t *fleet, bool must_agree);

// Applies all events of the journal.
bool fleet_load_replay(fleet_t *fleet);

bool fleet_load_is_run(fleet_t *fleet); // by some process

void fleet_load_close(fleet_t *fleet); // it may be loaded again
