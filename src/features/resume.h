// SPDX-License-Identifier: Apache-2.0
// The record of how far a file has come, in the platform's store: the slot's head, which is not in flash yet, and
// the bytes of flash between it and `offset` have the digest `prefix`. From before the first erase to the end of an
// update there is one. Only resume.c uses it, and tests that look at it or change it.
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
void ota_ws_progress_save(const ota_ws_platform_t *platform, const ota_ws_progress_t *progress);
