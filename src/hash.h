// SPDX-License-Identifier: Apache-2.0
// The hash port: SHA-256, which every platform has. It is all the cryptography that the core needs from a platform.
// Beside it HMAC-SHA-256 (RFC 2104) and PBKDF2-HMAC-SHA-256 (RFC 8018, section 5.2), which are made of it.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define OTA_WS_SHA256_SIZE 32

#ifndef OTA_WS_HASH_STATE_SIZE
#define OTA_WS_HASH_STATE_SIZE 256 // enough for every library; a build whose library takes less defines it
#endif

// One running hash. Its content belongs to the port; between `start` and `finish` it does not move.
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
    // Also frees the memory that `start` took: each start is followed by one finish.
    void (*finish)(ota_ws_sha256_t *state, uint8_t digest[OTA_WS_SHA256_SIZE]);
} ota_ws_hash_t;

// ---- HMAC and PBKDF2 ----

#define OTA_WS_HMAC_BLOCK_SIZE 64

typedef struct {
    const ota_ws_hash_t *hash;
    uint8_t key[OTA_WS_HMAC_BLOCK_SIZE]; // of the hash that runs
    ota_ws_sha256_t state;
} ota_ws_hmac_t;

// Each start is followed by one finish. Does not move in between.
void ota_ws_hmac_start(ota_ws_hmac_t *hmac, const ota_ws_hash_t *hash, const void *key, size_t key_length);
void ota_ws_hmac_update(ota_ws_hmac_t *hmac, const void *bytes, size_t length);
void ota_ws_hmac_finish(ota_ws_hmac_t *hmac, uint8_t mac[OTA_WS_SHA256_SIZE]);

// The three in one. `mac` may be `key` or `bytes`.
void ota_ws_hmac(const ota_ws_hash_t *hash, const void *key, size_t key_length, const void *bytes, size_t length,
                 uint8_t mac[OTA_WS_SHA256_SIZE]);

// The first block of PBKDF2, 32 bytes, which is all that SCRAM needs (its function Hi).
void ota_ws_pbkdf2(const ota_ws_hash_t *hash, const char *password, const uint8_t *salt, size_t salt_length,
                   uint32_t iterations, uint8_t key[OTA_WS_SHA256_SIZE]);
