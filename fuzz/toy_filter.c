// SPDX-License-Identifier: Apache-2.0
#include "toy_filter.h"

#include <stdlib.h>

#include "image/encrypted.h"
#include "little_endian.h"

#define PIECE_SIZE 700

static size_t seen; // of the one update that there is

static ota_ws_status_t start(void *context, uint32_t window) {
    (void)window;
    (void)context;
    seen = 0;
    return OTA_WS_OK;
}

static ota_ws_status_t feed(void *context, const uint8_t *bytes, size_t length, ota_ws_sink_t sink,
                            void *sink_context) {
    uint8_t piece[PIECE_SIZE];
    size_t filled = 0;
    ota_ws_status_t status = OTA_WS_OK;
    (void)context;
    for (size_t i = 0; i < length && status == OTA_WS_OK; i++, seen++) {
        if (seen >= OTA_WS_ENCRYPTED_HEADER_SIZE) {
            piece[filled++] = (uint8_t)~bytes[i];
        }
        if (filled == sizeof piece || (filled > 0 && i + 1 == length)) {
            status = sink(sink_context, piece, filled);
            filled = 0;
        }
    }
    return status;
}

static ota_ws_status_t finish(void *context, ota_ws_sink_t sink, void *sink_context) {
    (void)context;
    (void)sink;
    (void)sink_context;
    return OTA_WS_OK;
}

static void stop(void *context) {
    (void)context;
}

const ota_ws_filter_t toy_filter = {NULL, start, feed, finish, stop};

image_file_t toy_encrypt(const image_file_t *image) {
    size_t length = image->length + OTA_WS_ENCRYPTED_HEADER_SIZE;
    image_file_t file = {calloc(1, length), length};
    if (file.bytes == NULL) {
        abort();
    }
    write_u32(file.bytes, OTA_WS_ENCRYPTED_MAGIC);
    write_u32(file.bytes + OTA_WS_ENCRYPTED_LENGTH_AT, (uint32_t)image->length);
    for (size_t i = 0; i < image->length; i++) {
        file.bytes[OTA_WS_ENCRYPTED_HEADER_SIZE + i] = (uint8_t)~image->bytes[i];
    }
    return file;
}
