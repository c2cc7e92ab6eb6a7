// SPDX-License-Identifier: Apache-2.0
// A firmware file from an offset on as one raw deflate stream (RFC 1951), in memory; and whether sending it that way
// gains.
#pragma once

#include "firmware.h"

typedef struct {
    uint8_t *bytes; // NULL: there is none
    uint32_t length;
    uint32_t offset; // of the file
} packed_t;

// Packs the file from `offset` on; `packed` holds nothing or an earlier result. False when it cannot be read, or there
// is no memory: then there is none.
bool packed_make(packed_t *packed, const firmware_t *firmware, uint32_t offset);
void packed_free(packed_t *packed);

// Percent of the file that are left of it.
uint32_t packed_percent(const packed_t *packed, uint32_t file_size);

// Does packing shorten an update by more than a few percent? It does where the network is slower than the flash.
bool packed_gains(uint32_t file_size, uint32_t packed_size, uint32_t round_trip_ms);
