// SPDX-License-Identifier: Apache-2.0
// The commands that are one question to one device, or two: `info`, `crash`, `confirm`, `rollback`, `restart`,
// `cancel`, `prepare`, and the part of `inspect` that asks a device. Only `info`, `crash` and `prepare` need a task.
#pragma once

#include "device_job.h"
#include "remains.h"

#define HISTORY_MAX 16

typedef struct {
    device_update_t updates[HISTORY_MAX]; // the newest first
    size_t count;
} history_t;

typedef struct {
    history_t history;
    device_logs_t logs; // of a trial that has failed, or runs
} info_t;

// `prepare`; neither: it only says what would be lost.
typedef struct {
    bool yes, off;
} prepare_options_t;

// Ends with the outcome `running`; what the device said of itself is in `job->state`.
extern const command_t look_command;

// Likewise, and fills the task, an info_t.
extern const command_t info_command;

// Likewise, and fills the task, a device_crash_t. A device without a core dump: a problem.
extern const command_t crash_command;

// Switches the prepared slot on or off, as the task says, a prepare_options_t. A device without it: a problem.
extern const command_t prepare_command;

extern const command_t confirm_command;
extern const command_t rollback_command;
extern const command_t restart_command;
extern const command_t cancel_command;
