// SPDX-License-Identifier: Apache-2.0
#include "flow/ring.h"

static uint32_t smaller(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

void ota_ws_ring_init(ota_ws_ring_t *ring, uint8_t *bytes, uint32_t size) {
    ring->bytes = bytes;
    ring->size = size;
    atomic_init(&ring->put, 0);
    atomic_init(&ring->taken, 0);
}

uint32_t ota_ws_ring_free(const ota_ws_ring_t *ring) {
    uint32_t put = atomic_load_explicit(&ring->put, memory_order_relaxed);
    return ring->size - (put - atomic_load_explicit(&ring->taken, memory_order_acquire));
}

uint8_t *ota_ws_ring_space(const ota_ws_ring_t *ring, size_t *length) {
    uint32_t at = atomic_load_explicit(&ring->put, memory_order_relaxed) % ring->size;
    *length = smaller(ota_ws_ring_free(ring), ring->size - at);
    return ring->bytes + at;
}

// The counts are loaded and stored, each by one side only: not all chips can add atomically.
void ota_ws_ring_put(ota_ws_ring_t *ring, uint32_t length) {
    uint32_t put = atomic_load_explicit(&ring->put, memory_order_relaxed);
    atomic_store_explicit(&ring->put, put + length, memory_order_release);
}

void ota_ws_ring_look(const ota_ws_ring_t *ring, ota_ws_ring_view_t *view) {
    uint32_t taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);
    uint32_t filled = atomic_load_explicit(&ring->put, memory_order_acquire) - taken;
    uint32_t at = taken % ring->size;
    view->bytes = ring->bytes + at;
    view->length = smaller(filled, ring->size - at);
    view->ahead = ring->bytes;
    view->ahead_length = filled - view->length;
}

void ota_ws_ring_take(ota_ws_ring_t *ring, uint32_t length) {
    uint32_t taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);
    atomic_store_explicit(&ring->taken, taken + length, memory_order_release);
}
