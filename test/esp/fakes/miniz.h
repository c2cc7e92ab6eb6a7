// SPDX-License-Identifier: Apache-2.0
// What esp/inflate.c uses of miniz 1.15, as it is in the ROM, over zlib. Like the original it reads up to three bytes
// beyond the end of a stream, which then wait in its bit buffer.
#pragma once

#include <stddef.h>
#include <stdint.h>
#if __has_include(<zlib.h>)
#include <zlib.h>
#define TINFL_MEMORY (64 * 1024)
#else // test/size.sh: as large as on the chip
typedef uint32_t z_stream;
#define TINFL_MEMORY 10980
#endif

#define TINFL_LZ_DICT_SIZE 32768
#define TINFL_FLAG_HAS_MORE_INPUT 2
#define TINFL_OVERREAD 3

typedef enum {
    TINFL_STATUS_BAD_PARAM = -3,
    TINFL_STATUS_FAILED = -1,
    TINFL_STATUS_DONE = 0,
    TINFL_STATUS_NEEDS_MORE_INPUT = 1,
    TINFL_STATUS_HAS_MORE_OUTPUT = 2
} tinfl_status;

typedef struct {
    uint32_t m_state, m_num_bits;
    z_stream zlib;
    size_t used;
    uint8_t memory[TINFL_MEMORY]; // zlib's: nothing is to be freed
} tinfl_decompressor;

#define tinfl_init(r) ((r)->m_state = 0)

tinfl_status tinfl_decompress(tinfl_decompressor *r, const uint8_t *in, size_t *in_size, uint8_t *out_start,
                              uint8_t *out_next, size_t *out_size, uint32_t flags);
