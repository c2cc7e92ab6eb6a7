// SPDX-License-Identifier: Apache-2.0
// Takes the pieces of WebSocket frames as they come from the socket. The session gets whole text frames, from a fixed
// array; data goes on piece by piece, into the worker's ring, which has space for each. Knows no socket.
#pragma once

#include "session/device.h"
#include "session/session.h"
#include "worker.h"

typedef struct {
    ota_ws_frame_kind_t kind;
    const uint8_t *bytes;
    size_t length;
    uint64_t remaining; // bytes of the frame that are still to come
} frames_piece_t;

typedef struct {
    ota_ws_session_t *session;
    worker_t *worker;
    bool open;       // in the middle of a frame
    bool discard;    // throw the frame away
    size_t filled;   // text: bytes of it; data: bytes of `offset`
    uint32_t offset; // data: where the next byte belongs
    uint64_t left;   // data: bytes of it that have not gone on
    char *long_text; // a message that is only allowed after the login
    char text[OTA_WS_LOGIN_SIZE];
} frames_t;

void frames_init(frames_t *frames, ota_ws_session_t *session, worker_t *worker);

// Gives back what it holds.
void frames_free(frames_t *frames);

void frames_take(frames_t *frames, const frames_piece_t *piece, uint32_t now_ms);
