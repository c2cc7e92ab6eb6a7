// SPDX-License-Identifier: Apache-2.0
// Images that fail. The virtual device runs no image, so an image for tests and demos says in its bytes what would go
// wrong: right behind its application description (where an application may put data of its own) stands a text like
// "ota-ws-fault:panic 42008a3c 42008a10 4200123e", with the program counter and the return addresses, the innermost
// first. `ota-ws-image --fault` puts it there.
#pragma once

#include "console.h"
#include "nor.h"
#include "partition_table.h"
#include "ports.h"
#include "remains.h"

typedef enum {
    FAULT_NONE,
    FAULT_PANIC,  // reads from address 0
    FAULT_HANG,   // until the watchdog resets the chip
    FAULT_MEMORY, // gets no memory, and aborts
} fault_kind_t;

typedef struct {
    fault_kind_t kind;
    uint32_t pc;
    uint32_t calls[OTA_WS_CORE_CALLS];
    uint32_t call_count;
} fault_t;

// What the image in that partition would do.
fault_t fault_read(nor_t *nor, const partition_t *partition);

// The image does it: its last lines, its core dump. Returns why the chip starts again.
ota_ws_reset_t fault_happen(const fault_t *fault, const uint8_t *elf_sha256, remains_t *remains,
                            const console_t *console);
