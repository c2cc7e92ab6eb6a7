// SPDX-License-Identifier: Apache-2.0
#include "packed.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "patch.h"

#define PIECE_SIZE 65536
#define FLASH_BYTES_PER_S 260000 // W25Q32JV, erased by blocks: 4.0 s for 1 MiB
#define TCP_WINDOW 5760          // ESP-IDF's default: so much travels in one round trip
#define SMALLEST_WBITS 9         // of zlib
#define PATCH_MEM_LEVEL 5        // short blocks: how dense the differences are changes often; saves 3 %
#define PATCH_WINDOW_BITS 12     // 4 KiB, which a device needs as memory to inflate it
#define WORTH_PERCENT 95         // packing costs the device time and memory

// Space for all of it, even when it does not shrink.
static bool take_space(packed_t *packed, z_stream *stream, uint32_t plain) {
    uLong space = deflateBound(stream, plain);
    packed->bytes = space <= UINT32_MAX ? malloc(space) : NULL;
    stream->next_out = packed->bytes;
    stream->avail_out = packed->bytes != NULL ? (uInt)space : 0;
    return packed->bytes != NULL;
}

static bool pack(z_stream *stream, const firmware_t *firmware, uint32_t offset) {
    uint8_t piece[PIECE_SIZE];
    int result = Z_OK;
    do {
        uint32_t left = firmware->size - offset;
        uint32_t length = left < sizeof piece ? left : (uint32_t)sizeof piece;
        if (!firmware_read(firmware, offset, piece, length)) {
            return false;
        }
        offset += length;
        stream->next_in = piece;
        stream->avail_in = length;
        result = deflate(stream, offset == firmware->size ? Z_FINISH : Z_NO_FLUSH);
    } while (result == Z_OK && offset < firmware->size);
    return result == Z_STREAM_END;
}

static int bits_of(uint32_t window) {
    int bits = MAX_WBITS;
    while (bits > SMALLEST_WBITS && UINT32_C(1) << bits > window) {
        bits--;
    }
    return bits;
}

static bool start(packed_t *packed, z_stream *stream, int window_bits, int mem_level) {
    memset(stream, 0, sizeof *stream);
    packed_free(packed);
    return deflateInit2(stream, Z_BEST_COMPRESSION, Z_DEFLATED, -window_bits, mem_level, Z_DEFAULT_STRATEGY) == Z_OK;
}

static bool end(packed_t *packed, z_stream *stream, uint32_t offset, bool made) {
    packed->length = (uint32_t)stream->total_out;
    packed->offset = offset;
    deflateEnd(stream);
    if (!made) {
        packed_free(packed);
    }
    return made;
}

bool packed_make(packed_t *packed, const firmware_t *firmware, uint32_t offset, uint32_t window) {
    z_stream stream;
    if (!start(packed, &stream, bits_of(window), MAX_MEM_LEVEL)) {
        return false;
    }
    bool made = take_space(packed, &stream, firmware->size - offset) && pack(&stream, firmware, offset);
    return end(packed, &stream, offset, made);
}

static bool make_patch(patch_t *patch, const firmware_t *firmware, uint32_t offset, const base_t *base) {
    uint32_t length = firmware->size - offset;
    uint8_t *bytes = malloc(length + 1);
    bool made = bytes != NULL && firmware_read(firmware, offset, bytes, length) &&
                patch_make(patch, base->bytes, base->length, bytes, length);
    free(bytes);
    return made;
}

bool packed_make_patch(packed_t *packed, const firmware_t *firmware, uint32_t offset, const base_t *base) {
    z_stream stream;
    patch_t patch;
    if (!make_patch(&patch, firmware, offset, base)) {
        packed_free(packed);
        return false;
    }
    bool made = start(packed, &stream, PATCH_WINDOW_BITS, PATCH_MEM_LEVEL);
    if (made) {
        made = take_space(packed, &stream, patch.length);
        stream.next_in = patch.bytes;
        stream.avail_in = patch.length;
        made = made && deflate(&stream, Z_FINISH) == Z_STREAM_END;
        made = end(packed, &stream, offset, made);
    }
    patch_free(&patch);
    return made;
}

void packed_free(packed_t *packed) {
    free(packed->bytes);
    memset(packed, 0, sizeof *packed);
}

uint32_t packed_percent(const packed_t *packed, uint32_t file_size) {
    uint32_t plain = file_size - packed->offset;
    return plain > 0 ? (uint32_t)((uint64_t)packed->length * 100 / plain) : 100;
}

// Whichever is slower, network or flash.
static uint64_t estimate_ms(uint32_t sent, uint32_t written, uint32_t round_trip_ms) {
    uint64_t network_ms = (uint64_t)sent * round_trip_ms / TCP_WINDOW;
    uint64_t flash_ms = (uint64_t)written * 1000 / FLASH_BYTES_PER_S;
    return network_ms > flash_ms ? network_ms : flash_ms;
}

bool packed_is_slow(uint32_t round_trip_ms) {
    return estimate_ms(FLASH_BYTES_PER_S, FLASH_BYTES_PER_S, round_trip_ms) * WORTH_PERCENT / 100 > 1000;
}

bool packed_gains(uint32_t file_size, uint32_t packed_size, uint32_t round_trip_ms) {
    return estimate_ms(packed_size, file_size, round_trip_ms) <
           estimate_ms(file_size, file_size, round_trip_ms) * WORTH_PERCENT / 100;
}
