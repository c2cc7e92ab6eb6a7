// SPDX-License-Identifier: Apache-2.0
// The boards a life can start with, and a whole life: all that a device goes through, one operation of flash or store
// after the other.
#pragma once

#include "device_life.h"

typedef struct {
    const char *name;
    void (*prepare)(life_t *life);
} start_state_t;

extern const start_state_t start_states[];
extern const size_t start_state_count;

// From power on to power off, without cuts. NULL, or what went wrong.
const char *script_run(life_t *life);
