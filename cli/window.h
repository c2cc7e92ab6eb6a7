// SPDX-License-Identifier: Apache-2.0
// How far a client may run ahead of a device: docs/protocol.md, section 6. Numbers in, numbers out.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define WINDOW_CHUNK_MAX 65536 // larger frames are never sent, whatever the device allows
#define WINDOW_FIRST_FRAME 1024

typedef struct {
    uint32_t size;     // of what is sent
    uint32_t sent;     // where the next frame begins
    uint32_t received; // acknowledged
    uint32_t written;  // in flash
    uint32_t chunk;
    uint32_t credit;
    uint32_t file_size; // `size`, or more when a packed file is sent
} window_t;

// The device is ready for a file of `size` bytes from `offset` on. False when that makes no sense.
bool window_open(window_t *window, uint32_t size, uint32_t offset, uint32_t chunk, uint32_t credit);

// Likewise for one that is packed into `size` bytes; their offsets begin at 0.
bool window_open_packed(window_t *window, uint32_t size, uint32_t file_size, uint32_t chunk, uint32_t credit);

// Length of the frame that may be sent now; 0: none. The first one is short: the device looks at the image's head and
// begins to erase while the others are under way. The later ones end where chunks end.
uint32_t window_next(const window_t *window);

// A frame of `length` bytes has been sent.
void window_sent(window_t *window, uint32_t length);

// The device reports progress. False when it makes no sense: it knows more than was sent, or less than before.
bool window_progress(window_t *window, uint32_t received, uint32_t written);
