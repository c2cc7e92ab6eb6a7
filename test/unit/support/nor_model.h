// SPDX-License-Identifier: Apache-2.0
// A slot of NOR flash in memory behind the flash port, strict, with a record of every operation: bits only fall, erases
// are aligned and stay inside, programs meet erased bytes and whole units. What breaks a rule fails the test.
#pragma once

#include <stdbool.h>

#include "ports.h"

#define NOR_OPERATIONS_MAX 8192

typedef enum { NOR_OPEN, NOR_READ, NOR_ERASE, NOR_PROGRAM, NOR_ACTIVATE, NOR_DEACTIVATE, NOR_CLOSE } nor_kind_t;

typedef struct {
    nor_kind_t kind;
    uint32_t offset, length;
} nor_operation_t;

typedef struct {
    ota_ws_flash_t port;
    uint8_t *bytes;
    uint32_t size;
    bool open;
    bool active;         // activate() was called last
    const uint8_t *base; // the running image: the whole of its partition; NULL: there is none
    uint32_t base_size;
    unsigned base_misses; // reads of it that went outside
    bool base_fails;      // its reads fail
    nor_operation_t operations[NOR_OPERATIONS_MAX];
    size_t count;
    nor_kind_t failing;     // this kind of operation ...
    int fail_after;         // ... fails after so many that succeed; -1: never
    ota_ws_status_t status; // with this
} nor_model_t;

// A slot full of old bytes (0x5A).
nor_model_t *nor_model_new(uint32_t size, uint32_t program_unit);
void nor_model_free(nor_model_t *nor);

// Operations of one kind so far.
size_t nor_model_count(const nor_model_t *nor, nor_kind_t kind);

// Neither erased nor programmed since it was made.
bool nor_model_untouched(const nor_model_t *nor);
