// SPDX-License-Identifier: Apache-2.0
// Reads WebSocket frames (RFC 6455, section 5) of a client out of a stream of bytes that comes in pieces of any size.
// It refuses what a client must not send: a frame without a mask, reserved bits, an unknown kind, a length that is not
// written as short as possible, a fragment, a long control frame. Knows no socket and no session.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "status.h"

#define WS_HEAD_SIZE 14    // the longest header of a frame
#define WS_CONTROL_MAX 125 // payload of a control frame

typedef enum {
    WS_TEXT = 1,
    WS_BINARY = 2,
    WS_CLOSE = 8,
    WS_PING = 9,
    WS_PONG = 10,
} ws_kind_t;

// All zero at first.
typedef struct {
    uint8_t head[WS_HEAD_SIZE]; // of the frame, as far as it has come
    size_t head_length;
    bool in_payload;
    size_t unmasked;        // bytes of the payload that have been passed on, modulo 4
    uint64_t left;          // bytes of the payload that are still to come
    ota_ws_status_t broken; // OTA_WS_OK while the stream is understood
} ws_reader_t;

// Some bytes of a frame's payload. An empty frame is one piece of length 0.
typedef struct {
    ws_kind_t kind;
    const uint8_t *bytes; // unmasked
    size_t length;
    uint64_t remaining; // bytes of the frame that are still to come
} ws_piece_t;

// Takes bytes from `*at`, of which there are `*length`, and moves both on. The payload is unmasked where it lies. True:
// `piece` holds what has come of the payload. False: all bytes are taken, or the client broke a rule: then `broken`
// says which, and the rest of the stream cannot be understood.
bool ws_reader_next(ws_reader_t *reader, uint8_t **at, size_t *length, ws_piece_t *piece);
