// SPDX-License-Identifier: Apache-2.0
#include "flow/readback.h"

#include <string.h>

void ota_ws_readback_start(ota_ws_readback_t *readback, const ota_ws_hash_t *hash) {
    memset(readback, 0, sizeof *readback);
    readback->hash = hash;
    hash->start(&readback->sha256);
}

// How many of the bytes lie before the next mark.
static uint32_t until_mark(const ota_ws_readback_t *readback, uint32_t length) {
    for (size_t i = 0; i < OTA_WS_READBACK_MARKS; i++) {
        uint32_t at = readback->marks[i].at;
        if (at > readback->position && at - readback->position < length) {
            length = at - readback->position;
        }
    }
    return length;
}

static void note_marks(ota_ws_readback_t *readback) {
    for (size_t i = 0; i < OTA_WS_READBACK_MARKS; i++) {
        if (readback->marks[i].at == readback->position) {
            ota_ws_readback_digest(readback, readback->marks[i].digest);
        }
    }
}

void ota_ws_readback_take(ota_ws_readback_t *readback, const uint8_t *bytes, uint32_t length) {
    while (length > 0) {
        uint32_t step = until_mark(readback, length);
        readback->hash->update(&readback->sha256, bytes, step);
        readback->position += step;
        note_marks(readback);
        bytes += step;
        length -= step;
    }
}

ota_ws_status_t ota_ws_readback_sink(void *context, const uint8_t *bytes, size_t length) {
    ota_ws_readback_take(context, bytes, (uint32_t)length);
    return OTA_WS_OK;
}

void ota_ws_readback_digest(const ota_ws_readback_t *readback, uint8_t digest[OTA_WS_SHA256_SIZE]) {
    readback->hash->peek(&readback->sha256, digest);
}

void ota_ws_readback_drop(ota_ws_readback_t *readback) {
    uint8_t unused[OTA_WS_SHA256_SIZE];
    readback->hash->finish(&readback->sha256, unused);
}
