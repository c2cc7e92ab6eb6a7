// SPDX-License-Identifier: Apache-2.0
// Bytes that wait to be written, in memory of the caller. The receiver puts them in, the writer takes them out.
// Every byte of it is used, whatever the frames' sizes. One thread each; no lock is needed.
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint8_t *bytes;
    uint32_t size;
    _Atomic uint32_t put; // counts of bytes since `init`, which is once an update: they do not turn over
    _Atomic uint32_t taken;
} ota_ws_ring_t;

// What can be taken. When it goes over the memory's end, the rest of it lies at `ahead`.
typedef struct {
    const uint8_t *bytes;
    uint32_t length;
    const uint8_t *ahead;
    uint32_t ahead_length;
} ota_ws_ring_view_t;

void ota_ws_ring_init(ota_ws_ring_t *ring, uint8_t *bytes, uint32_t size);

// The receiver's: how many bytes are free, and where the next one goes; `length` of them lie in one piece.
uint32_t ota_ws_ring_free(const ota_ws_ring_t *ring);
uint8_t *ota_ws_ring_space(const ota_ws_ring_t *ring, size_t *length);
void ota_ws_ring_put(ota_ws_ring_t *ring, uint32_t length);

// The writer's.
void ota_ws_ring_look(const ota_ws_ring_t *ring, ota_ws_ring_view_t *view);
void ota_ws_ring_take(ota_ws_ring_t *ring, uint32_t length);
