// SPDX-License-Identifier: Apache-2.0
// Makes a NOR flash as slow as a real part: a watch (nor.h) that sleeps for the typical times of the operations. It
// sleeps as soon as they come to 2 ms together: waking up costs the processor more than a page does, and twenty virtual
// devices may share it. What a sleep overshoots is taken off the next one.
#pragma once

#include <stdint.h>

#include "nor.h"

// Typical times. Sources: Winbond W25Q32JV and GigaDevice GD25Q32 datasheets; reading as measured by ESP-IDF.
typedef struct {
    const char *name;
    uint32_t sector_erase_us;
    uint32_t block_erase_us;
    uint32_t page_program_us;
    uint32_t read_bytes_per_s;
} nor_part_t;

typedef struct {
    const nor_part_t *part;
    nor_watch_t watch; // put it into nor_t
    int64_t owed_ns;   // of the times so far, what was not slept yet; below 0: was slept too long
    int64_t busy_ns;   // all times together, for tests
} nor_timing_t;

// "w25q32jv" or "gd25q32"; NULL for others.
const nor_part_t *nor_part_find(const char *name);

// `timing` must stay where it is.
void nor_timing_init(nor_timing_t *timing, const nor_part_t *part);

// How long the part takes for it.
int64_t nor_part_time_ns(const nor_part_t *part, const nor_operation_t *operation);
