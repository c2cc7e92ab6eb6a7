// SPDX-License-Identifier: Apache-2.0
#include "window.h"

static uint32_t smaller(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

bool window_open(window_t *window, uint32_t size, uint32_t offset, uint32_t chunk, uint32_t credit) {
    *window = (window_t){size, offset, offset, offset, smaller(chunk, WINDOW_CHUNK_MAX), credit};
    return offset <= size && chunk > 0 && credit > 0;
}

uint32_t window_next(const window_t *window) {
    uint32_t ahead = window->sent - window->received;
    if (ahead >= window->credit) {
        return 0;
    }
    return smaller(smaller(window->chunk, window->credit - ahead), window->size - window->sent);
}

void window_sent(window_t *window, uint32_t length) {
    window->sent += length;
}

bool window_progress(window_t *window, uint32_t received, uint32_t written) {
    if (received > window->sent || received < window->received || written > received || written < window->written) {
        return false;
    }
    window->received = received;
    window->written = written;
    return true;
}
