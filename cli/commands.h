// SPDX-License-Identifier: Apache-2.0
// The commands that are one question to one device: `info`, `confirm`, `rollback`, `restart`, `cancel`, and the part of
// `inspect` that asks a device. Only `info` needs a task.
#pragma once

#include "visit.h"

#define HISTORY_MAX 16

typedef struct {
    device_update_t updates[HISTORY_MAX]; // the newest first
    size_t count;
} history_t;

// Ends with the outcome `running`; what the device said of itself is in `visit->state`.
extern const command_t look_command;

// Likewise, and fills the task, a history_t.
extern const command_t info_command;

extern const command_t confirm_command;
extern const command_t rollback_command;
extern const command_t restart_command;
extern const command_t cancel_command;
