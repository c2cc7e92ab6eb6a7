// SPDX-License-Identifier: Apache-2.0
// Raw deflate through tinfl of the ROM. Its output is the window that it looks back into, so the bytes go on from
// there, without a copy. A stream that refers back to 4 KiB at most needs a window of 4 KiB. tinfl never reads outside
// of the window, whatever the stream says: a stream that refers back farther gives other bytes, and their digest shows
// it.
#include "inflate.h"

#include <stdlib.h>

#include "miniz.h"

#define PIECE_SIZE 4096 // divides the window

typedef struct {
    tinfl_decompressor tinfl;
    bool ended;   // the stream has
    size_t made;  // bytes in the window
    size_t given; // of them, to the sink
    size_t size;  // of the window: a power of two
    uint8_t window[];
} inflate_t;

static inflate_t *own; // of the writer

static ota_ws_status_t start(void *context, uint32_t window) {
    size_t size = window > 0 && window <= OTA_WS_SMALL_WINDOW ? OTA_WS_SMALL_WINDOW : TINFL_LZ_DICT_SIZE;
    (void)context;
    own = malloc(sizeof *own + size);
    if (own == NULL) {
        return OTA_WS_NO_MEMORY;
    }
    tinfl_init(&own->tinfl);
    own->ended = false;
    own->made = 0;
    own->given = 0;
    own->size = size;
    return OTA_WS_OK;
}

// Only whole pieces go on, and the last one: the slot compares whole sectors with what flash holds.
static ota_ws_status_t pass_on(ota_ws_sink_t sink, void *sink_context) {
    size_t length = own->made - own->given;
    length -= own->ended ? 0 : length % PIECE_SIZE;
    ota_ws_status_t status = length > 0 ? sink(sink_context, own->window + own->given, length) : OTA_WS_OK;
    own->given += length;
    if (own->given == own->size) {
        own->made = 0;
        own->given = 0;
    }
    return status;
}

// One call of tinfl; returns how many bytes it took. What it has read beyond the stream's end waits in its bit buffer.
static size_t step(const uint8_t *bytes, size_t length, tinfl_status *result) {
    size_t space = own->size - own->made;
    *result = tinfl_decompress(&own->tinfl, bytes, &length, own->window, own->window + own->made, &space,
                               TINFL_FLAG_HAS_MORE_INPUT);
    own->made += space;
    own->ended = *result == TINFL_STATUS_DONE;
    if (own->ended && own->tinfl.m_num_bits >= 8) {
        *result = TINFL_STATUS_FAILED;
    }
    return length;
}

static ota_ws_status_t feed(void *context, const uint8_t *bytes, size_t length, ota_ws_sink_t sink,
                            void *sink_context) {
    (void)context;
    tinfl_status result = TINFL_STATUS_HAS_MORE_OUTPUT;
    ota_ws_status_t status = OTA_WS_OK;
    if (own->ended) {
        return OTA_WS_BAD_COMPRESSION;
    }
    while (status == OTA_WS_OK && result == TINFL_STATUS_HAS_MORE_OUTPUT) {
        size_t taken = step(bytes, length, &result);
        bytes += taken;
        length -= taken;
        status = result < TINFL_STATUS_DONE ? OTA_WS_BAD_COMPRESSION : pass_on(sink, sink_context);
    }
    return status == OTA_WS_OK && length > 0 ? OTA_WS_BAD_COMPRESSION : status;
}

static ota_ws_status_t finish(void *context, ota_ws_sink_t sink, void *sink_context) {
    (void)context;
    (void)sink;
    (void)sink_context;
    return own->ended ? OTA_WS_OK : OTA_WS_BAD_COMPRESSION;
}

static void stop(void *context) {
    (void)context;
    free(own);
    own = NULL;
}

const ota_ws_filter_t *ota_ws_chip_inflate(void) {
    static const ota_ws_filter_t port = {.start = start, .feed = feed, .finish = finish, .stop = stop};
    return &port;
}
