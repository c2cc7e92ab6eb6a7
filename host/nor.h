// SPDX-License-Identifier: Apache-2.0
// A NOR flash chip, strict: erasing sets whole sectors or one 64 KiB block to 1, programming only clears bits and in
// whole units. What breaks these rules fails and leaves flash alone. The bits are in a medium: a file, or memory.
// Addresses count from the start of the chip. Knows nothing of what lies in it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "status.h"

#define NOR_SECTOR_SIZE 4096
#define NOR_BLOCK_SIZE 65536
#define NOR_PAGE_SIZE 256

// Where the bits are. False: the medium has failed (a full disk, say).
typedef struct {
    void *context;
    bool (*read)(void *context, uint32_t address, void *bytes, size_t length);
    bool (*write)(void *context, uint32_t address, const void *bytes, size_t length);
} nor_medium_t;

typedef enum { NOR_READ, NOR_ERASE, NOR_PROGRAM } nor_kind_t;

typedef struct {
    nor_kind_t kind;
    uint32_t address;
    uint32_t length;
    const uint8_t *bytes; // PROGRAM
} nor_operation_t;

// Sees every operation; for timing, faults and power cuts. Both functions may be NULL.
typedef struct {
    void *context;
    // False: the operation fails without doing more. A torn operation is made here, on the medium.
    bool (*before)(void *context, const nor_operation_t *operation);
    // The bits are as they shall be. A cut after the operation is made here.
    void (*after)(void *context, const nor_operation_t *operation);
} nor_watch_t;

typedef struct {
    nor_medium_t medium;
    const nor_watch_t *watch; // may be NULL
    uint32_t size;
    uint32_t program_unit; // a power of two up to NOR_PAGE_SIZE
    char fault[96];        // why the last failed operation failed
} nor_t;

// OTA_WS_OK, or OTA_WS_FLASH_READ, OTA_WS_FLASH_ERASE, OTA_WS_FLASH_PROGRAM with the reason in `fault`.
ota_ws_status_t nor_read(nor_t *nor, uint32_t address, void *bytes, size_t length);
ota_ws_status_t nor_erase(nor_t *nor, uint32_t address, uint32_t length);
ota_ws_status_t nor_program(nor_t *nor, uint32_t address, const void *bytes, size_t length);

// A medium in memory, `size` bytes at `memory`; all 1 to begin with.
nor_medium_t nor_memory(uint8_t *memory, size_t size);
