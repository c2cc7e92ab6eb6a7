// SPDX-License-Identifier: Apache-2.0
#include "nor_timing.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define NS_PER_S 1000000000
#define NS_PER_US 1000
#define SHORTEST_SLEEP_NS 2000000

static const nor_part_t parts[] = {
    {"w25q32jv", 45000, 150000, 400, 7800000},
    {"gd25q32", 50000, 200000, 400, 7800000},
};

const nor_part_t *nor_part_find(const char *name) {
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (strcmp(parts[i].name, name) == 0) {
            return &parts[i];
        }
    }
    return NULL;
}

static int64_t pages_of(const nor_operation_t *operation) {
    uint32_t first = operation->address / NOR_PAGE_SIZE;
    uint32_t end = (operation->address + operation->length + NOR_PAGE_SIZE - 1) / NOR_PAGE_SIZE;
    return end - first;
}

int64_t nor_part_time_ns(const nor_part_t *part, const nor_operation_t *operation) {
    switch (operation->kind) {
    case NOR_READ:
        return (int64_t)operation->length * NS_PER_S / part->read_bytes_per_s;
    case NOR_PROGRAM:
        return pages_of(operation) * part->page_program_us * NS_PER_US;
    case NOR_ERASE:
    default:
        break;
    }
    bool is_block = operation->length == NOR_BLOCK_SIZE && operation->address % NOR_BLOCK_SIZE == 0;
    int64_t sectors = operation->length / NOR_SECTOR_SIZE;
    return (is_block ? (int64_t)part->block_erase_us : sectors * part->sector_erase_us) * NS_PER_US;
}

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void sleep_until(int64_t when_ns) {
    struct timespec when = {.tv_sec = when_ns / NS_PER_S, .tv_nsec = when_ns % NS_PER_S};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINTR) {
    }
}

static void take_time(void *context, const nor_operation_t *operation) {
    nor_timing_t *timing = context;
    int64_t time_ns = nor_part_time_ns(timing->part, operation);
    timing->busy_ns += time_ns;
    timing->owed_ns += time_ns;
    if (timing->owed_ns >= SHORTEST_SLEEP_NS) {
        int64_t end_ns = now_ns() + timing->owed_ns;
        sleep_until(end_ns);
        timing->owed_ns = end_ns - now_ns();
    }
}

void nor_timing_init(nor_timing_t *timing, const nor_part_t *part) {
    *timing = (nor_timing_t){.part = part, .watch = {timing, NULL, take_time}};
}
