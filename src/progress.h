// SPDX-License-Identifier: Apache-2.0
// The record of how far an update has come, in the platform's store: what lies in flash before `offset` has the digest
// `prefix`.
#pragma once

#include "policy.h"
#include "ports.h"

typedef struct {
    uint32_t size; // of the file
    uint8_t sha256[OTA_WS_SHA256_SIZE];
    uint32_t offset;
    uint32_t erased; // flash is erased from `offset` to here
    uint8_t prefix[OTA_WS_SHA256_SIZE];
} ota_ws_progress_t;

// False when there is no record, or it is of another file.
bool ota_ws_progress_load(const ota_ws_platform_t *platform, const ota_ws_promise_t *promise,
                          ota_ws_progress_t *progress);
void ota_ws_progress_save(const ota_ws_platform_t *platform, const ota_ws_progress_t *progress);
void ota_ws_progress_clear(const ota_ws_platform_t *platform);
