// SPDX-License-Identifier: Apache-2.0
// The ways in which a file can come, each as an update from begin to confirmation; a failure is reported and ends it.
#pragma once

#include "device_life.h"

typedef struct {
    const char *name;
    void (*prepare)(life_t *life); // before power on
    void (*update)(life_t *life, int image);
} way_t;

extern const way_t ways[];
extern const size_t way_count;

// The link drops half-way.
void ways_plain(life_t *life, int image);

void ways_free(void);
