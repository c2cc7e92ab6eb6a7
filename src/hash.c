// SPDX-License-Identifier: Apache-2.0
#include "hash.h"

#include <string.h>

#include "text.h"

#define INNER 0x36 // } RFC 2104: ipad and opad
#define OUTER 0x5c // }

// The key of one of the two hashes comes from the other one's by flipping bits.
static void start_hash(ota_ws_hmac_t *hmac, uint8_t flip) {
    for (size_t i = 0; i < sizeof hmac->key; i++) {
        hmac->key[i] ^= flip;
    }
    hmac->hash->start(&hmac->state);
    hmac->hash->update(&hmac->state, hmac->key, sizeof hmac->key);
}

void ota_ws_hmac_start(ota_ws_hmac_t *hmac, const ota_ws_hash_t *hash, const void *key, size_t key_length) {
    hmac->hash = hash;
    memset(hmac->key, 0, sizeof hmac->key);
    if (key_length > sizeof hmac->key) {
        hash->start(&hmac->state);
        hash->update(&hmac->state, key, key_length);
        hash->finish(&hmac->state, hmac->key);
    } else {
        memcpy(hmac->key, key, key_length);
    }
    start_hash(hmac, INNER);
}

void ota_ws_hmac_update(ota_ws_hmac_t *hmac, const void *bytes, size_t length) {
    hmac->hash->update(&hmac->state, bytes, length);
}

void ota_ws_hmac_finish(ota_ws_hmac_t *hmac, uint8_t mac[OTA_WS_SHA256_SIZE]) {
    hmac->hash->finish(&hmac->state, mac);
    start_hash(hmac, INNER ^ OUTER);
    hmac->hash->update(&hmac->state, mac, OTA_WS_SHA256_SIZE);
    hmac->hash->finish(&hmac->state, mac);
    ota_ws_wipe(hmac->key, sizeof hmac->key);
}

void ota_ws_hmac(const ota_ws_hash_t *hash, const void *key, size_t key_length, const void *bytes, size_t length,
                 uint8_t mac[OTA_WS_SHA256_SIZE]) {
    ota_ws_hmac_t hmac;
    ota_ws_hmac_start(&hmac, hash, key, key_length);
    ota_ws_hmac_update(&hmac, bytes, length);
    ota_ws_hmac_finish(&hmac, mac);
}

void ota_ws_pbkdf2(const ota_ws_hash_t *hash, const char *password, const uint8_t *salt, size_t salt_length,
                   uint32_t iterations, uint8_t key[OTA_WS_SHA256_SIZE]) {
    static const uint8_t block_index[4] = {0, 0, 0, 1};
    uint8_t round[OTA_WS_SHA256_SIZE];
    size_t password_length = strlen(password);
    ota_ws_hmac_t hmac;
    ota_ws_hmac_start(&hmac, hash, password, password_length);
    ota_ws_hmac_update(&hmac, salt, salt_length);
    ota_ws_hmac_update(&hmac, block_index, sizeof block_index);
    ota_ws_hmac_finish(&hmac, round);
    memcpy(key, round, sizeof round);
    for (uint32_t i = 1; i < iterations; i++) {
        ota_ws_hmac(hash, password, password_length, round, sizeof round, round);
        for (size_t j = 0; j < sizeof round; j++) {
            key[j] ^= round[j];
        }
    }
    ota_ws_wipe(round, sizeof round);
}
