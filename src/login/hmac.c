// SPDX-License-Identifier: Apache-2.0
#include "login/hmac.h"

#include <string.h>

#include "text.h"

void ota_ws_hmac_start(ota_ws_hmac_t *hmac, const ota_ws_hash_t *hash, const void *key, size_t key_length) {
    uint8_t block[OTA_WS_HMAC_BLOCK_SIZE] = {0};
    hmac->hash = hash;
    if (key_length > sizeof block) {
        hash->start(&hmac->inner);
        hash->update(&hmac->inner, key, key_length);
        hash->finish(&hmac->inner, block);
    } else {
        memcpy(block, key, key_length);
    }
    for (size_t i = 0; i < sizeof block; i++) {
        hmac->outer_key[i] = block[i] ^ 0x5c;
        block[i] ^= 0x36;
    }
    hash->start(&hmac->inner);
    hash->update(&hmac->inner, block, sizeof block);
    ota_ws_wipe(block, sizeof block);
}

void ota_ws_hmac_update(ota_ws_hmac_t *hmac, const void *bytes, size_t length) {
    hmac->hash->update(&hmac->inner, bytes, length);
}

void ota_ws_hmac_finish(ota_ws_hmac_t *hmac, uint8_t mac[OTA_WS_SHA256_SIZE]) {
    uint8_t digest[OTA_WS_SHA256_SIZE];
    hmac->hash->finish(&hmac->inner, digest);
    hmac->hash->start(&hmac->inner);
    hmac->hash->update(&hmac->inner, hmac->outer_key, sizeof hmac->outer_key);
    hmac->hash->update(&hmac->inner, digest, sizeof digest);
    hmac->hash->finish(&hmac->inner, mac);
    ota_ws_wipe(hmac->outer_key, sizeof hmac->outer_key);
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
