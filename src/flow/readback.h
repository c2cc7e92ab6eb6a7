// SPDX-License-Identifier: Apache-2.0
// The digest of what flash holds, in order from the slot's start, as it is read back; at two marks on the way also that
// of all before them. Knows no flash: the slot reads (slot.h).
#pragma once

#include <stdint.h>

#include "hash.h"
#include "status.h"

enum { OTA_WS_READBACK_FIRST, OTA_WS_READBACK_IMAGE, OTA_WS_READBACK_MARKS };

typedef struct {
    uint32_t at; // 0: nowhere. Set before the position comes there
    uint8_t digest[OTA_WS_SHA256_SIZE];
} ota_ws_readback_mark_t;

typedef struct {
    const ota_ws_hash_t *hash;
    ota_ws_sha256_t sha256;
    uint32_t position;                                   // so many bytes are in it
    ota_ws_readback_mark_t marks[OTA_WS_READBACK_MARKS]; // the end of the first sector; where the image's own digest
                                                         // begins
} ota_ws_readback_t;

// `drop` follows.
void ota_ws_readback_start(ota_ws_readback_t *readback, const ota_ws_hash_t *hash);

// The next bytes that flash holds.
void ota_ws_readback_take(ota_ws_readback_t *readback, const uint8_t *bytes, uint32_t length);

// The same as an ota_ws_sink_t.
ota_ws_status_t ota_ws_readback_sink(void *context, const uint8_t *bytes, size_t length);

void ota_ws_readback_digest(const ota_ws_readback_t *readback, uint8_t digest[OTA_WS_SHA256_SIZE]);

void ota_ws_readback_drop(ota_ws_readback_t *readback);
