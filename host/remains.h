// SPDX-License-Identifier: Apache-2.0
// What a crash leaves behind on a virtual chip: the ring of the last log lines, which a chip has in RTC memory, and the
// core dump. Both lie in a file beside the flash file, mapped into memory and written there as a chip does, so that
// they outlive a restart and also a process that is killed. Any thread.
#pragma once

#include <pthread.h>

#include "ports.h"
#include "record/log_ring.h"

#define REMAINS_RING_SIZE 2048 // as the component's default
#define REMAINS_STACK_SIZE 1024

typedef struct {
    void *map; // NULL: nothing is kept
    pthread_mutex_t lock;
    ota_ws_log_memory_t memory;
    uint8_t elf[OTA_WS_LOG_ELF_SIZE]; // of the image that runs
} remains_t;

// "FLASH.rtc" for the flash file "FLASH". Without it, when it cannot be had, nothing is kept.
void remains_open(remains_t *remains, const char *flash_path);
void remains_close(remains_t *remains);

// The image with this digest of its ELF file starts.
void remains_start(remains_t *remains, const uint8_t *elf_sha256);

// The running image logs this line.
void remains_log(remains_t *remains, const char *line);

// The running image has ended: what the console says from now on is not its own.
void remains_stop(remains_t *remains);

// The running image crashes: `core` becomes the core dump. At most REMAINS_STACK_SIZE bytes of stack.
void remains_dump(remains_t *remains, const ota_ws_core_dump_t *core);

// For the platform port.
const ota_ws_log_memory_t *remains_memory(remains_t *remains); // NULL: there is none
bool remains_open_core(remains_t *remains, ota_ws_core_dump_t *core);
