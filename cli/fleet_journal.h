// SPDX-License-Identifier: Apache-2.0
// The journal of a rollout on disk, an SQLite file beside the plan: the plan as it was when the rollout began, the
// chosen devices, every event in its order, and orders of operators that the running process has not taken yet.
//
// Who gives an order (`pause`, `approve` ...) writes it into this file, and the running process looks there twice a
// second. So an order also counts when nobody runs at the moment, it survives a crash like every event, and there is no
// second protocol to guard: who may write the file may give orders.
//
// The file never has a password.
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "fleet_plan.h"
#include "problem.h"
#include "rollout.h"

typedef struct {
    sqlite3 *db;
    sqlite3_stmt *insert, *next_order;
    int lock; // descriptor; -1: not held
    char path[FLEET_PATH_SIZE];
} fleet_journal_t;

// A device as it was chosen.
typedef struct {
    char host[FLEET_HOST_SIZE];
    char labels[FLEET_LABELS_MAX * FLEET_LABEL_SIZE]; // separated by blanks
} fleet_entry_t;

// Opens the file of a rollout that has begun. False: `problem`; `journal_none` when there is no such file.
bool fleet_journal_open(fleet_journal_t *journal, const char *path, problem_t *problem);

// Makes the file, with the plan and the devices; `path` has none yet. Half a file is never left behind.
bool fleet_journal_create(fleet_journal_t *journal, const fleet_plan_t *plan, const char *image_sha256,
                          const fleet_entry_t *entries, uint32_t count, problem_t *problem);

// Only one process runs a rollout. False: another one does, and `problem` says so.
bool fleet_journal_lock(fleet_journal_t *journal, problem_t *problem);
bool fleet_journal_is_run(const fleet_journal_t *journal); // by some process

// What the file was made with; to be freed. `plan` is its text.
bool fleet_journal_read(fleet_journal_t *journal, char **plan, char image_sha256[65], fleet_entry_t **entries,
                        uint32_t *count, problem_t *problem);

// Applies all events to a fresh rollout. `each` (or NULL) is called after each one.
bool fleet_journal_replay(fleet_journal_t *journal, fleet_rollout_t *rollout,
                          void (*each)(void *context, const fleet_event_t *event), void *context, problem_t *problem);

// Writes events, all or none; only then they may take effect. Orders among them leave the list of orders.
bool fleet_journal_append(fleet_journal_t *journal, const fleet_event_t *events, uint32_t count, problem_t *problem);

// Adds an order.
bool fleet_journal_order(fleet_journal_t *journal, const fleet_event_t *order, problem_t *problem);

// The oldest order that was not taken. False: there is none, or `problem` has a code.
bool fleet_journal_next_order(fleet_journal_t *journal, fleet_event_t *order, problem_t *problem);

// The oldest order becomes an event: both in one step.
bool fleet_journal_take_order(fleet_journal_t *journal, const fleet_event_t *event, problem_t *problem);

void fleet_journal_close(fleet_journal_t *journal);
