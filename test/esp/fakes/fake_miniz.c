// SPDX-License-Identifier: Apache-2.0
#include "miniz.h"

static void *take(void *context, unsigned count, unsigned size) {
    tinfl_decompressor *own = context;
    void *at = own->memory + own->used;
    own->used += ((size_t)count * size + 15) & ~(size_t)15;
    return own->used <= sizeof own->memory ? at : NULL;
}

static void give(void *context, void *memory) {
    (void)context;
    (void)memory;
}

static void begin(tinfl_decompressor *own, size_t window) {
    own->m_state = 1;
    own->m_num_bits = 0;
    own->used = 0;
    own->zlib = (z_stream){.zalloc = take, .zfree = give, .opaque = own};
    inflateInit2(&own->zlib, window == TINFL_LZ_DICT_SIZE ? -MAX_WBITS : -12);
}

// The output is the window: it ends where that is full.
tinfl_status tinfl_decompress(tinfl_decompressor *own, const uint8_t *in, size_t *in_size, uint8_t *out_start,
                              uint8_t *out_next, size_t *out_size, uint32_t flags) {
    size_t window = (size_t)(out_next - out_start) + *out_size;
    if (flags != TINFL_FLAG_HAS_MORE_INPUT || (window != TINFL_LZ_DICT_SIZE && window != 4096)) {
        return TINFL_STATUS_BAD_PARAM;
    }
    if (own->m_state == 0) {
        begin(own, window);
    }
    own->zlib.next_in = (uint8_t *)in;
    own->zlib.avail_in = (unsigned)*in_size;
    own->zlib.next_out = out_next;
    own->zlib.avail_out = (unsigned)*out_size;
    int result = inflate(&own->zlib, Z_NO_FLUSH);
    *out_size -= own->zlib.avail_out;
    if (result == Z_STREAM_END) {
        unsigned beyond = own->zlib.avail_in < TINFL_OVERREAD ? own->zlib.avail_in : TINFL_OVERREAD;
        own->m_num_bits = 8 * beyond + 7;
        *in_size -= own->zlib.avail_in - beyond;
        return TINFL_STATUS_DONE;
    }
    *in_size -= own->zlib.avail_in;
    if (result != Z_OK && result != Z_BUF_ERROR) {
        return TINFL_STATUS_FAILED;
    }
    return own->zlib.avail_out == 0 ? TINFL_STATUS_HAS_MORE_OUTPUT : TINFL_STATUS_NEEDS_MORE_INPUT;
}
