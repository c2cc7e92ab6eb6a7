// SPDX-License-Identifier: Apache-2.0
// Makes a NOR flash as slow as a real part: a watch (nor.h) that sleeps after each operation for its typical time, on
// an absolute schedule, so that what a sleep overshoots is taken off the next one.
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
    nor_watch_t watch;   // put it into nor_t
    int64_t overshot_ns; // the last sleep was so much too long
    int64_t busy_ns;     // all times together, for tests
} nor_timing_t;

// "w25q32jv" or "gd25q32"; NULL for others.
const nor_part_t *nor_part_find(const char *name);

// `timing` must stay where it is.
void nor_timing_init(nor_timing_t *timing, const nor_part_t *part);

// How long the part takes for it.
int64_t nor_part_time_ns(const nor_part_t *part, const nor_operation_t *operation);
