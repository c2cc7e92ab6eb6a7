// SPDX-License-Identifier: Apache-2.0
#include "ws_reader.h"

#define FINAL 0x80
#define RESERVED 0x70
#define KIND 0x0F
#define CONTINUATION 0
#define IS_CONTROL 0x08
#define MASKED 0x80
#define LENGTH 0x7F
#define LENGTH_IN_2 126 // the length stands in the next 2 bytes
#define LENGTH_IN_8 127
#define MASK_SIZE 4

// Of the length after the first two bytes.
static size_t length_size(const ws_reader_t *reader) {
    uint8_t code = reader->head[1] & LENGTH;
    return code == LENGTH_IN_2 ? 2 : code == LENGTH_IN_8 ? 8 : 0;
}

static size_t head_size(const ws_reader_t *reader) {
    return reader->head_length < 2 ? 2 : 2 + length_size(reader) + MASK_SIZE;
}

static bool is_known(uint8_t kind) {
    return kind == WS_TEXT || kind == WS_BINARY || kind == WS_CLOSE || kind == WS_PING || kind == WS_PONG;
}

// The first two bytes say enough to refuse a frame.
static ota_ws_status_t judge_start(const ws_reader_t *reader) {
    uint8_t kind = reader->head[0] & KIND;
    bool final = (reader->head[0] & FINAL) != 0;
    if ((reader->head[0] & RESERVED) != 0 || (reader->head[1] & MASKED) == 0) {
        return OTA_WS_BAD_FRAME;
    }
    if (kind == CONTINUATION) {
        return OTA_WS_FRAGMENTED;
    }
    if (!is_known(kind)) {
        return OTA_WS_BAD_FRAME;
    }
    if ((kind & IS_CONTROL) != 0) {
        return final && (reader->head[1] & LENGTH) <= WS_CONTROL_MAX ? OTA_WS_OK : OTA_WS_BAD_FRAME;
    }
    return final ? OTA_WS_OK : OTA_WS_FRAGMENTED;
}

static uint64_t read_length(const ws_reader_t *reader) {
    size_t size = length_size(reader);
    uint64_t length = size == 0 ? reader->head[1] & LENGTH : 0;
    for (size_t i = 0; i < size; i++) {
        length = length << 8 | reader->head[2 + i];
    }
    return length;
}

// A length has one form only, and 63 bits.
static bool is_length_right(const ws_reader_t *reader) {
    size_t size = length_size(reader);
    return size == 0 || (size == 2 && reader->left >= LENGTH_IN_2) ||
           (size == 8 && reader->left > UINT16_MAX && reader->left <= INT64_MAX);
}

static void take_head_byte(ws_reader_t *reader, uint8_t byte) {
    reader->head[reader->head_length++] = byte;
    if (reader->head_length == 2) {
        reader->broken = judge_start(reader);
    }
    if (reader->head_length == head_size(reader)) {
        reader->left = read_length(reader);
        reader->unmasked = 0;
        reader->in_payload = true;
        if (reader->broken == OTA_WS_OK && !is_length_right(reader)) {
            reader->broken = OTA_WS_BAD_FRAME;
        }
    }
}

static void unmask(ws_reader_t *reader, uint8_t *bytes, size_t length) {
    const uint8_t *mask = reader->head + reader->head_length - MASK_SIZE;
    for (size_t i = 0; i < length; i++) {
        bytes[i] ^= mask[(reader->unmasked + i) % MASK_SIZE];
    }
    reader->unmasked = (reader->unmasked + length) % MASK_SIZE;
}

static void take_payload(ws_reader_t *reader, uint8_t **at, size_t *length, ws_piece_t *piece) {
    size_t taken = *length < reader->left ? *length : (size_t)reader->left;
    unmask(reader, *at, taken);
    reader->left -= taken;
    *piece = (ws_piece_t){.kind = reader->head[0] & KIND, .bytes = *at, .length = taken, .remaining = reader->left};
    *at += taken;
    *length -= taken;
    if (reader->left == 0) {
        reader->in_payload = false;
        reader->head_length = 0;
    }
}

bool ws_reader_next(ws_reader_t *reader, uint8_t **at, size_t *length, ws_piece_t *piece) {
    while (!reader->in_payload && *length > 0 && reader->broken == OTA_WS_OK) {
        take_head_byte(reader, **at);
        ++*at;
        --*length;
    }
    if (reader->broken != OTA_WS_OK || !reader->in_payload || (*length == 0 && reader->left > 0)) {
        return false;
    }
    take_payload(reader, at, length, piece);
    return true;
}
