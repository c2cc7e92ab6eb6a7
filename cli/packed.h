// SPDX-License-Identifier: Apache-2.0
// A firmware file from an offset on as one raw deflate stream (RFC 1951), in memory, as it is or as a patch against the
// image that a device runs; and whether sending it that way gains.
#pragma once

#include "base.h"
#include "firmware.h"

typedef struct {
    uint8_t *bytes; // NULL: there is none
    uint32_t length;
    uint32_t offset; // of the file
} packed_t;

// Packs the file from `offset` on; `packed` holds nothing or an earlier result. False when it cannot be read, or there
// is no memory: then there is none.
// `window`: how far back the stream refers, 512 to 32768 bytes.
bool packed_make(packed_t *packed, const firmware_t *firmware, uint32_t offset, uint32_t window);

// The same with a patch against `base`. Takes a second or two for 2 MB.
bool packed_make_patch(packed_t *packed, const firmware_t *firmware, uint32_t offset, const base_t *base);
void packed_free(packed_t *packed);

// Percent of the file that are left of it.
uint32_t packed_percent(const packed_t *packed, uint32_t file_size);

// Is the network slower than the flash, by its round trip? Then each byte that is not sent saves time.
bool packed_is_slow(uint32_t round_trip_ms);
// Does packing shorten an update by more than a few percent? It does where the network is slower than the flash.
bool packed_gains(uint32_t file_size, uint32_t packed_size, uint32_t round_trip_ms);
