// SPDX-License-Identifier: Apache-2.0
#include "inflate_zlib.h"

#include <string.h>

#define SMALL_WBITS 12 // of OTA_WS_SMALL_WINDOW

static void clear_piece(inflate_zlib_t *filter) {
    filter->stream.next_out = filter->piece;
    filter->stream.avail_out = sizeof filter->piece;
}

static ota_ws_status_t start(void *context, uint32_t window) {
    inflate_zlib_t *filter = context;
    memset(&filter->stream, 0, sizeof filter->stream);
    filter->ended = false;
    clear_piece(filter);
    bool is_small = window > 0 && window <= OTA_WS_SMALL_WINDOW;
    return inflateInit2(&filter->stream, is_small ? -SMALL_WBITS : -MAX_WBITS) == Z_OK ? OTA_WS_OK : OTA_WS_NO_MEMORY;
}

// Only whole pieces go on, and the last one: the slot compares whole sectors with what flash holds.
static ota_ws_status_t pass_on(inflate_zlib_t *filter, ota_ws_sink_t sink, void *sink_context) {
    size_t made = sizeof filter->piece - filter->stream.avail_out;
    if (made == 0 || (filter->stream.avail_out > 0 && !filter->ended)) {
        return OTA_WS_OK;
    }
    clear_piece(filter);
    return sink(sink_context, filter->piece, made);
}

// One call of zlib.
static ota_ws_status_t step(inflate_zlib_t *filter, ota_ws_sink_t sink, void *sink_context) {
    int result = inflate(&filter->stream, Z_NO_FLUSH);
    filter->ended = result == Z_STREAM_END;
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
        return OTA_WS_BAD_COMPRESSION;
    }
    filter->full = filter->stream.avail_out == 0;
    return pass_on(filter, sink, sink_context);
}

static ota_ws_status_t feed(void *context, const uint8_t *bytes, size_t length, ota_ws_sink_t sink,
                            void *sink_context) {
    inflate_zlib_t *filter = context;
    ota_ws_status_t status = OTA_WS_OK;
    filter->stream.next_in = (uint8_t *)bytes;
    filter->stream.avail_in = (uInt)length;
    do {
        if (filter->ended) {
            return filter->stream.avail_in > 0 ? OTA_WS_BAD_COMPRESSION : OTA_WS_OK;
        }
        status = step(filter, sink, sink_context);
    } while (status == OTA_WS_OK && (filter->stream.avail_in > 0 || filter->full));
    return status;
}

static ota_ws_status_t finish(void *context, ota_ws_sink_t sink, void *sink_context) {
    (void)sink;
    (void)sink_context;
    const inflate_zlib_t *filter = context;
    return filter->ended ? OTA_WS_OK : OTA_WS_BAD_COMPRESSION;
}

static void stop(void *context) {
    inflate_zlib_t *filter = context;
    inflateEnd(&filter->stream);
}

ota_ws_filter_t inflate_zlib_port(inflate_zlib_t *inflate) {
    return (ota_ws_filter_t){.context = inflate, .start = start, .feed = feed, .finish = finish, .stop = stop};
}
