// SPDX-License-Identifier: Apache-2.0
// What must hold after every power on, whatever was cut off before: each a function, true when it holds.
#pragma once

#include "device_life.h"

typedef struct {
    const char *name;
    bool (*holds)(const life_t *life);
} invariant_t;

extern const invariant_t invariants[];
extern const size_t invariant_count;

// NULL when all hold; else the name of the first that does not. A client is connected.
const char *invariants_check(const life_t *life);
