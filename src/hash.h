// SPDX-License-Identifier: Apache-2.0
// The hash port: SHA-256, which every platform has and which is all the cryptography that the core asks of it.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define OTA_WS_SHA256_SIZE 32

#ifndef OTA_WS_HASH_STATE_SIZE
#define OTA_WS_HASH_STATE_SIZE 256 // enough for every library; a build whose library takes less says so
#endif

// One running hash. The port decides what lies in it; between `start` and `finish` it does not move.
typedef struct {
    uint64_t opaque[OTA_WS_HASH_STATE_SIZE / 8];
} ota_ws_sha256_t;

// Any thread, one state in one thread at a time. A port whose library can fail remembers that in the state and finishes
// with a digest that fits nothing.
typedef struct {
    void (*start)(ota_ws_sha256_t *state);
    void (*update)(ota_ws_sha256_t *state, const void *bytes, size_t length);
    // The digest of the bytes so far; the hash goes on.
    void (*peek)(const ota_ws_sha256_t *state, uint8_t digest[OTA_WS_SHA256_SIZE]);
    // Also frees what `start` took: each start is followed by one finish.
    void (*finish)(ota_ws_sha256_t *state, uint8_t digest[OTA_WS_SHA256_SIZE]);
} ota_ws_hash_t;
