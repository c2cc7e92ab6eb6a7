// SPDX-License-Identifier: Apache-2.0
// What went wrong, in the three forms in which the command line reports it: exit code, name, sentence. docs/cli.md
// lists all of them.
#pragma once

#include <stdint.h>

#include "status.h"

typedef enum {
    EXIT_CODE_OK = 0,
    EXIT_CODE_TROUBLE = 1,        // on this machine: no memory, standard output cannot be written ...
    EXIT_CODE_USAGE = 2,          // the command line makes no sense
    EXIT_CODE_FILE_REFUSED = 3,   // the file cannot be read, is damaged, or is not for this device
    EXIT_CODE_DEVICE_REFUSED = 4, // the device said no, or its update failed
    EXIT_CODE_UNREACHABLE = 5,    // no connection, or what answers is no such device
    EXIT_CODE_LOGIN = 6,          // no password, the wrong one, or a device that does not know it
    EXIT_CODE_OLD_IMAGE = 7,      // the device answers, but it does not run what it should
    EXIT_CODE_STOPPED = 8,        // fleet: the rollout was stopped, by its rule or by an abort
    EXIT_CODE_APPROVAL = 9,       // fleet: the next wave waits for approval
    EXIT_CODE_INTERRUPTED = 130,  // Ctrl-C, as a shell reports it
} exit_code_t;

typedef struct {
    exit_code_t code; // EXIT_CODE_OK: no problem
    char name[33];    // a word that never changes
    char text[384];   // a sentence for people
    uint32_t wait_s;  // the device asks to come back after so long; 0: it does not
} problem_t;

// Sets all of `problem`; the sentence is cut where it does not fit.
void problem_set(problem_t *problem, exit_code_t code, const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

// The name and the sentence that the core has for `failure`, its values filled in.
void problem_from_failure(problem_t *problem, exit_code_t code, const ota_ws_failure_t *failure);
