// SPDX-License-Identifier: Apache-2.0
#include "window.h"

static uint32_t smaller(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

bool window_open(window_t *window, uint32_t size, uint32_t offset, uint32_t chunk, uint32_t credit) {
    *window = (window_t){size, offset, offset, offset, smaller(chunk, WINDOW_CHUNK_MAX), credit, size};
    return offset <= size && chunk > 0 && credit > 0;
}

bool window_open_packed(window_t *window, uint32_t size, uint32_t file_size, uint32_t chunk, uint32_t credit) {
    bool makes_sense = window_open(window, size, 0, chunk, credit);
    window->file_size = file_size;
    return makes_sense;
}

static uint32_t until_chunk_ends(const window_t *window) {
    uint32_t left = window->chunk - window->sent % window->chunk;
    return window->sent == 0 ? smaller(left, WINDOW_FIRST_FRAME) : left;
}

uint32_t window_next(const window_t *window) {
    uint32_t ahead = window->sent - window->received;
    if (ahead >= window->credit) {
        return 0;
    }
    return smaller(smaller(until_chunk_ends(window), window->credit - ahead), window->size - window->sent);
}

void window_sent(window_t *window, uint32_t length) {
    window->sent += length;
}

bool window_progress(window_t *window, uint32_t received, uint32_t written) {
    bool is_packed = window->file_size != window->size;
    uint32_t written_max = is_packed ? window->file_size : received;
    if (received > window->sent || received < window->received || written > written_max || written < window->written) {
        return false;
    }
    window->received = received;
    window->written = written;
    return true;
}
