// SPDX-License-Identifier: Apache-2.0
// Who holds how much of the heap: what lwIP and the network's driver allocate, and what everybody else does, from a
// start on, by ESP-IDF's heap hooks (HEAP_USE_HOOKS; without them all is 0).
#pragma once

#include <stdint.h>

typedef struct {
    uint32_t network; // bytes, at the peak of each
    uint32_t others;
    uint32_t lost; // allocations that the ledger had no room for
} ledger_peaks_t;

// From now on. What was allocated before does not count, nor when it is freed.
void ledger_start(void);

ledger_peaks_t ledger_peaks(void);
