// SPDX-License-Identifier: Apache-2.0
// The plan of a rollout: one JSON file, docs/fleet.md has each member. A member that is not known, a value that makes
// no sense and a file that cannot be read are refused by a name of their own, before any device is asked.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "problem.h"
#include "rollout.h"

#define FLEET_PATH_SIZE 1024
#define FLEET_LABEL_SIZE 33
#define FLEET_LABELS_MAX 8     // of a device, of a plan's selection
#define FLEET_PASSWORDS_MAX 64 // files, of one kind
#define FLEET_SITES_MAX 64
#define FLEET_HOST_SIZE 264

// `whose` is a label, or a device as the list names it, or its id.
typedef struct {
    char whose[FLEET_HOST_SIZE];
    char path[FLEET_PATH_SIZE];
} fleet_password_t;

typedef struct {
    char rollout[64]; // its name
    char image[FLEET_PATH_SIZE];
    char devices[FLEET_PATH_SIZE]; // the list; "": none
    bool discover;                 // also the devices that announce themselves
    char project[33], chip[17];    // "": any
    char labels[FLEET_LABELS_MAX][FLEET_LABEL_SIZE];
    size_t label_count;
    bool allow_downgrade;
    char sites[FLEET_SITES_MAX][FLEET_LABEL_SIZE]; // each is the label of its devices; of `fleet serve` alone
    size_t site_count;
    uint32_t at_once; // on all gateways together; 0: it is not said
    fleet_rules_t rules;
    char password[FLEET_PATH_SIZE]; // file for the whole fleet; "": none
    fleet_password_t *label_passwords, *device_passwords;
    size_t label_password_count, device_password_count;
    char journal[FLEET_PATH_SIZE]; // where it is
    char *text;                    // the plan as it was read
} fleet_plan_t;

// Reads the plan in the file `path`. What it names is looked for in the plan's folder. False: `problem`; nothing has to
// be freed then.
bool fleet_plan_load(fleet_plan_t *plan, const char *path, problem_t *problem);

// The same of a text that an earlier process has read from `path`.
bool fleet_plan_parse(fleet_plan_t *plan, const char *text, const char *path, problem_t *problem);

void fleet_plan_free(fleet_plan_t *plan);
