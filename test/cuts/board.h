// SPDX-License-Identifier: Apache-2.0
// What survives a power cut: flash with its half-done operations, and the small store. A whole board can be copied, so
// that many cuts start from one moment. Knows neither the core nor the bootloader.
#pragma once

#include "nor.h"
#include "ports.h"

#define BOARD_FLASH_MAX 0x90000
#define BOARD_STORE_MAX 4
#define BOARD_WEAK_MAX 6

// Cells that were cut off half-way and read differently after each power on, until they are erased to the end.
typedef struct {
    uint32_t from, to;
} board_weak_t;

// Flash that reports success and lies.
typedef enum {
    BOARD_SOUND,
    BOARD_BAD_SECTOR,   // does not erase
    BOARD_STUCK_BITS,   // some bits do not program
    BOARD_FLIPPED_READ, // one read has a wrong bit
    BOARD_FAULT_COUNT
} board_fault_t;

extern const char *const board_fault_names[];

typedef struct board {
    uint8_t flash[BOARD_FLASH_MAX]; // set once by the test; then changed by the board itself
    uint32_t size;
    // So that a copy of a copy costs what has changed: when each sector was written last, on a clock of all boards.
    uint64_t written[BOARD_FLASH_MAX / NOR_SECTOR_SIZE];
    uint64_t born;        // when all of the flash was set
    uint64_t source_born; // of the board that this is a copy of, and when it was copied
    uint64_t copied;
    struct {
        char key[16];
        uint8_t value[OTA_WS_STORE_VALUE_MAX];
        size_t size;
    } store[BOARD_STORE_MAX];
    board_weak_t weak[BOARD_WEAK_MAX];
    size_t weak_count;
    uint32_t noise; // of weak cells, until the next power on; not 0
    bool dead;      // the power is gone: nothing has an effect any more
    unsigned operations;

    nor_t nor;
    nor_watch_t watch;
    // Sees each operation before it happens; NULL: nobody does. `key` is NULL for flash.
    void (*before)(void *context, struct board *board, const nor_operation_t *operation, const char *key);
    void *before_context;
    bool is_quiet;       // operations are not shown to `before`
    board_fault_t fault; // at operation, or read, number `fault_at`
    unsigned fault_at, reads;
    int fail_at; // this operation fails, power stays on; -1: none
} board_t;

// All bits 1, the store empty.
void board_init(board_t *board, uint32_t size, uint32_t program_unit);

// A board in the same state, switched off and without a watcher. `to` is zeroed, or has been copied to before.
void board_copy(board_t *to, const board_t *from);

// Power is back.
void board_power(board_t *board);

size_t board_load(board_t *board, const char *key, void *value, size_t size);
void board_save(board_t *board, const char *key, const void *value, size_t size);

// How an operation of flash can be cut off.
extern const char *const board_program_tears[];
extern const char *const board_erase_tears[];
unsigned board_tears(nor_kind_t kind);

// Does it so far as variant `tear` says; then the power is gone.
void board_tear(board_t *board, const nor_operation_t *operation, unsigned tear);

// Is a cell of that range weak?
bool board_is_weak(const board_t *board, uint32_t from, uint32_t to);
