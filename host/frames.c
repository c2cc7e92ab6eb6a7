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
    free(frames->long_text);
    frames->long_text = NULL;
}

void frames_free(frames_t *frames) {
    drop_buffer(frames);
    frames->open = false;
}

// Room for a frame of that length. False when there is none.
static bool take_room(frames_t *frames, ota_ws_frame_kind_t kind, uint64_t length) {
    if (kind == OTA_WS_FRAME_DATA) {
        frames->buffer = worker_take(frames->worker);
        return frames->buffer != NULL;
    }
    if (length <= sizeof frames->text) {
        return true;
    }
    frames->long_text = malloc(OTA_WS_MESSAGE_SIZE);
    return frames->long_text != NULL;
}

static void open_frame(frames_t *frames, const frames_piece_t *piece, uint32_t now_ms) {
    uint64_t length = piece->length + piece->remaining;
    frames->open = true;
    frames->filled = 0;
    frames->discard = ota_ws_session_admit(frames->session, piece->kind, length, now_ms) == OTA_WS_ADMIT_DISCARD;
    if (!frames->discard && !take_room(frames, piece->kind, length)) {
        ota_ws_session_broken(frames->session, OTA_WS_NO_MEMORY, now_ms);
        frames->discard = true;
    }
}

// Where the frame's bytes go, and how many it may have.
static uint8_t *room(frames_t *frames, size_t *size) {
    if (frames->buffer != NULL) {
        *size = frames->worker->parts.chunk + OTA_WS_OFFSET_SIZE;
        return frames->buffer;
    }
    *size = frames->long_text != NULL ? OTA_WS_MESSAGE_SIZE : sizeof frames->text;
    return (uint8_t *)(frames->long_text != NULL ? frames->long_text : frames->text);
}

static void append(frames_t *frames, const frames_piece_t *piece) {
    size_t size;
    uint8_t *to = room(frames, &size);
    if (piece->length > size - frames->filled) {
        abort(); // the session has admitted more than it may
    }
    memcpy(to + frames->filled, piece->bytes, piece->length);
    frames->filled += piece->length;
}

static void deliver_text(frames_t *frames, uint32_t now_ms) {
    size_t size;
    ota_ws_session_message(frames->session, (const char *)room(frames, &size), frames->filled, now_ms);
    drop_buffer(frames);
}

static void deliver_data(frames_t *frames, uint32_t now_ms) {
    uint8_t *buffer = frames->buffer;
    frames->buffer = NULL;
    if (!ota_ws_session_data(frames->session, buffer, frames->filled, now_ms)) {
        worker_give_back(frames->worker, buffer);
    }
}

static void deliver(frames_t *frames, const frames_piece_t *piece, uint32_t now_ms) {
    if (!piece->final) {
        drop_buffer(frames);
        ota_ws_session_broken(frames->session, OTA_WS_FRAGMENTED, now_ms);
    } else if (frames->discard) {
        return;
    } else if (frames->buffer == NULL) {
        deliver_text(frames, now_ms);
    } else {
        deliver_data(frames, now_ms);
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
