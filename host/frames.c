// SPDX-License-Identifier: Apache-2.0
#include "frames.h"

#include <stdlib.h>
#include <string.h>

void frames_init(frames_t *frames, ota_ws_session_t *session, worker_t *worker) {
    memset(frames, 0, sizeof *frames);
    frames->session = session;
    frames->worker = worker;
}

static void drop_buffer(frames_t *frames) {
    if (frames->buffer != NULL) {
        worker_give_back(frames->worker, frames->buffer);
        frames->buffer = NULL;
    }
}

void frames_free(frames_t *frames) {
    drop_buffer(frames);
    frames->open = false;
}

static void open_frame(frames_t *frames, const frames_piece_t *piece, uint32_t now_ms) {
    uint64_t length = piece->length + piece->remaining;
    frames->open = true;
    frames->filled = 0;
    frames->discard = ota_ws_session_admit(frames->session, piece->kind, length, now_ms) == OTA_WS_ADMIT_DISCARD;
    if (frames->discard || piece->kind == OTA_WS_FRAME_TEXT) {
        return;
    }
    frames->buffer = worker_take(frames->worker);
    if (frames->buffer == NULL) {
        ota_ws_session_broken(frames->session, OTA_WS_NO_MEMORY, now_ms);
        frames->discard = true;
    }
}

static size_t room(const frames_t *frames) {
    return (frames->buffer != NULL ? frames->worker->parts.chunk + OTA_WS_OFFSET_SIZE : sizeof frames->text) -
           frames->filled;
}

static void append(frames_t *frames, const frames_piece_t *piece) {
    uint8_t *to = frames->buffer != NULL ? frames->buffer : (uint8_t *)frames->text;
    if (piece->length > room(frames)) {
        abort(); // the session has admitted more than it may
    }
    memcpy(to + frames->filled, piece->bytes, piece->length);
    frames->filled += piece->length;
}

static void deliver(frames_t *frames, const frames_piece_t *piece, uint32_t now_ms) {
    uint8_t *buffer = frames->buffer;
    if (!piece->final) {
        drop_buffer(frames);
        ota_ws_session_broken(frames->session, OTA_WS_FRAGMENTED, now_ms);
    } else if (frames->discard) {
        return;
    } else if (buffer == NULL) {
        ota_ws_session_message(frames->session, frames->text, frames->filled, now_ms);
    } else {
        frames->buffer = NULL;
        if (!ota_ws_session_data(frames->session, buffer, frames->filled, now_ms)) {
            worker_give_back(frames->worker, buffer);
        }
    }
}

void frames_take(frames_t *frames, const frames_piece_t *piece, uint32_t now_ms) {
    if (!frames->open) {
        open_frame(frames, piece, now_ms);
    }
    if (!frames->discard && piece->length > 0) {
        append(frames, piece);
    }
    if (piece->remaining == 0) {
        frames->open = false;
        deliver(frames, piece, now_ms);
    }
}
