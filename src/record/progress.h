// SPDX-License-Identifier: Apache-2.0
// The record of how far a file has come, in the platform's store: the slot's head, which is not in flash yet, and
// the bytes of flash between it and `offset` have the digest `prefix`. From before the first erase to the end of an
// update there is one (features/resume.c). It also says what of the slot a power cut may have left half-erased or
// half-written; features/prepare.c keeps it for this alone.
#pragma once

#include "ports.h"

typedef struct {
    uint32_t size; // of the file
    uint8_t sha256[OTA_WS_SHA256_SIZE];
    uint32_t offset;
    uint32_t erased; // flash is erased from `offset` to here
    uint8_t prefix[OTA_WS_SHA256_SIZE];
    uint8_t clean; // 1: no operation of flash was under way when it was made; else two blocks from `offset` on may
                   // have been cut off in the middle of one, and read differently each time
    uint8_t unsafe_range; // 0: none; 1: likewise all of the slot; n: likewise its first n - 1 blocks
    uint8_t committed;    // 1: the head may be in flash already, whole or half
    uint8_t unused;
    uint8_t head[OTA_WS_SLOT_HEAD_SIZE];
    char project[33]; // of the image; both terminated
    char version[33];
} ota_ws_progress_t;

// False when there is no record that makes sense.
bool ota_ws_progress_load(const ota_ws_platform_t *platform, ota_ws_progress_t *progress);

// NULL removes the record.
void ota_ws_progress_save(const ota_ws_platform_t *platform, const ota_ws_progress_t *progress);

// Can its file go on behind what flash holds?
bool ota_ws_progress_keeps(const ota_ws_progress_t *progress);

// Where that ends, counted from the slot's start, what is in doubt: not beyond `space`, the size of the slot. Of an
// update that was cut off only what lies before `end` and in the blocks of its file.
uint32_t ota_ws_progress_doubt(const ota_ws_progress_t *progress, uint32_t block, uint32_t end, uint32_t space);
