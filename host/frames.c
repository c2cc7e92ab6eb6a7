// SPDX-License-Identifier: Apache-2.0
#include "frames.h"

#include <stdlib.h>
#include <string.h>

void frames_init(frames_t *frames, ota_ws_session_t *session, worker_t *worker) {
    memset(frames, 0, sizeof *frames);
    frames->session = session;
    frames->worker = worker;
}

void frames_free(frames_t *frames) {
    free(frames->long_text);
    frames->long_text = NULL;
    frames->open = false;
}

// Space for a text of that length. False when there is none.
static bool take_space(frames_t *frames, uint64_t length) {
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
    frames->offset = 0;
    frames->left = length > OTA_WS_OFFSET_SIZE ? length - OTA_WS_OFFSET_SIZE : 0;
    frames->discard = ota_ws_session_admit(frames->session, piece->kind, length, now_ms) == OTA_WS_ADMIT_DISCARD;
    if (!frames->discard && piece->kind == OTA_WS_FRAME_TEXT && !take_space(frames, length)) {
        ota_ws_session_broken(frames->session, OTA_WS_NO_MEMORY, now_ms);
        frames->discard = true;
    }
}

// ---- text ----

static char *text_space(frames_t *frames, size_t *size) {
    *size = frames->long_text != NULL ? OTA_WS_MESSAGE_SIZE : sizeof frames->text;
    return frames->long_text != NULL ? frames->long_text : frames->text;
}

static void append_text(frames_t *frames, const frames_piece_t *piece) {
    size_t size;
    char *to = text_space(frames, &size);
    if (piece->length > size - frames->filled) {
        abort(); // the session has admitted more than it may
    }
    memcpy(to + frames->filled, piece->bytes, piece->length);
    frames->filled += piece->length;
}

static void deliver_text(frames_t *frames, uint32_t now_ms) {
    size_t size;
    ota_ws_session_message(frames->session, text_space(frames, &size), frames->filled, now_ms);
}

// ---- data ----

// Returns how many bytes of the piece belong to the offset before the data.
static size_t take_offset(frames_t *frames, const frames_piece_t *piece) {
    size_t at = 0;
    for (; frames->filled < OTA_WS_OFFSET_SIZE && at < piece->length; at++) {
        frames->offset |= (uint32_t)piece->bytes[at] << 8 * frames->filled++;
    }
    return at;
}

// As much as lies in one piece of the ring. False: it was not taken.
static bool deliver_data(frames_t *frames, const uint8_t *bytes, size_t *length, uint32_t now_ms) {
    size_t space;
    uint8_t *to = worker_space(frames->worker, &space);
    if (to == NULL) {
        return false; // the update has ended
    }
    if (space == 0) {
        abort(); // more was read than there was space for
    }
    *length = *length < space ? *length : space;
    memcpy(to, bytes, *length);
    ota_ws_data_t data = {frames->offset, (uint32_t)*length, *length == frames->left};
    frames->left -= *length;
    frames->offset += data.length;
    return ota_ws_session_data(frames->session, &data, now_ms);
}

static void take_data(frames_t *frames, const frames_piece_t *piece, uint32_t now_ms) {
    size_t at = take_offset(frames, piece);
    while (at < piece->length && !frames->discard) {
        size_t length = piece->length - at;
        frames->discard = !deliver_data(frames, piece->bytes + at, &length, now_ms);
        at += length;
    }
}

// ---- frames ----

static void end_frame(frames_t *frames, const frames_piece_t *piece, uint32_t now_ms) {
    frames->open = false;
    if (!frames->discard && piece->kind == OTA_WS_FRAME_TEXT) {
        deliver_text(frames, now_ms);
    }
    frames_free(frames);
}

void frames_take(frames_t *frames, const frames_piece_t *piece, uint32_t now_ms) {
    bool ends = piece->remaining == 0;
    if (!frames->open) {
        open_frame(frames, piece, now_ms);
    }
    if (!frames->discard && piece->kind == OTA_WS_FRAME_DATA) {
        take_data(frames, piece, now_ms);
    } else if (!frames->discard) {
        append_text(frames, piece);
    }
    if (ends) {
        end_frame(frames, piece, now_ms);
    }
}
