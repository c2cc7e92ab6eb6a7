// SPDX-License-Identifier: Apache-2.0
// HMAC-SHA-256 (RFC 2104) and PBKDF2-HMAC-SHA-256 (RFC 8018, section 5.2), over the hash port.
#pragma once

#include "hash.h"

#define OTA_WS_HMAC_BLOCK_SIZE 64

typedef struct {
    const ota_ws_hash_t *hash;
    uint8_t outer_key[OTA_WS_HMAC_BLOCK_SIZE];
    ota_ws_sha256_t inner;
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
