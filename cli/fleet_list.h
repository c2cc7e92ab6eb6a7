// SPDX-License-Identifier: Apache-2.0
// The list of a fleet's devices, a text file: one device a line, its address first, then its labels. '#' begins a
// comment. People edit it; `ota-ws fleet label` changes labels in it and leaves all else as it was.
//
//     lamp-kitchen.local   beta kitchen
//     192.168.1.7          # the one in the hall
#pragma once

#include "fleet_journal.h"
#include "fleet_plan.h"
#include "problem.h"

#define FLEET_DEVICES_MAX 100000

typedef struct {
    fleet_entry_t *entries;
    uint32_t count;
} fleet_list_t;

// Reads the file. False: `problem` names the line, and nothing has to be freed.
bool fleet_list_load(fleet_list_t *list, const char *path, problem_t *problem);

// The devices of the plan: those of its list that have all of its labels, and those that announce themselves. An empty
// selection is a problem.
bool fleet_list_select(fleet_list_t *list, const fleet_plan_t *plan, problem_t *problem);

void fleet_list_free(fleet_list_t *list);

// Does the entry have the label?
bool fleet_entry_has(const fleet_entry_t *entry, const char *label);

// Adds the label to the devices `hosts` in the file, or takes it away. The file is replaced as a whole.
bool fleet_list_label(const char *path, const char *label, bool add, char *const *hosts, size_t host_count,
                      problem_t *problem);
