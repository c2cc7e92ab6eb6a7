// SPDX-License-Identifier: Apache-2.0
// The result for one device in one line, as the device reports it. docs/cli.md lists the kinds.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "device_state.h"
#include "problem.h"

typedef enum {
    OUTCOME_RUNNING,     // it runs what it should
    OUTCOME_UNCHANGED,   // it runs the file's image already; nothing was sent
    OUTCOME_READY,       // the new image is verified and selected, and not restarted into
    OUTCOME_RESTARTING,  // it restarts and was not waited for
    OUTCOME_ROLLED_BACK, // it has gone back to the image before
    OUTCOME_STILL,       // it answers and runs what it ran before
    OUTCOME_UNREACHABLE, // it does not answer (any more)
    OUTCOME_FAILED,      // before anything was known of the device
    OUTCOME_NOT_TRIED,   // an earlier device of the same command went wrong
    OUTCOME_REFUSED,     // the file is at fault; no device was touched
    OUTCOME_ACCEPTED,    // inspect: the file is one that the device would take
} outcome_kind_t;

#define OUTCOME_TEXT_SIZE 512

typedef struct {
    outcome_kind_t kind;
    exit_code_t code;
    problem_t problem;     // its code is EXIT_CODE_OK when there is none
    device_state_t state;  // the last one received; its version is "" when none was
    char by[200];          // OUTCOME_ACCEPTED: by whom
    device_slot_t updated; // OUTCOME_READY and OUTCOME_RESTARTING: the image that runs after a restart
} outcome_t;

// The image that a device should come back with; `expected` may be NULL when nothing is expected but that it comes
// back. `before` and `after` are what it said around its restart.
void outcome_after_restart(outcome_t *outcome, const device_state_t *before, const device_slot_t *expected,
                           const device_state_t *after);

// It ended with a problem; `state` is the last one received, or NULL.
void outcome_from_problem(outcome_t *outcome, const problem_t *problem, const device_state_t *state);

// Has the device's newest update been given up: rolled back, expired, aborted, lost?
bool outcome_is_given_up(const device_state_t *state);

// It runs what `state` says, as it should.
void outcome_running(outcome_t *outcome, const device_state_t *state);

// Word for JSON: "running", "ready" ...
const char *outcome_name(outcome_kind_t kind);

// The line: "running 2.0.0 from ota_1, on trial".
void outcome_describe(const outcome_t *outcome, char text[OUTCOME_TEXT_SIZE]);

// What the boot record's word (`image` of `state`) means: "on trial", "confirmed" ...
const char *outcome_image_words(const char *image);

// What became of an update, as a clause: "2.0.0 restarted (panic) before it was confirmed". False and "" when there was
// none.
bool outcome_of_update(const device_update_t *update, char text[OUTCOME_TEXT_SIZE]);
