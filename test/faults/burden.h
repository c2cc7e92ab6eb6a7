// SPDX-License-Identifier: Apache-2.0
// What must not grow from update to update.
#pragma once

#include "board.h"

typedef struct {
    long blocks; // of memory, not freed
    unsigned descriptors;
    size_t stored;     // bytes
    long resident_kib; // only printed: sanitizers keep what was freed
} burden_t;

burden_t burden_weigh(const board_t *board);
