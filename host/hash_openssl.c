// SPDX-License-Identifier: Apache-2.0
#include "hash_openssl.h"

#include <openssl/evp.h>
#include <string.h>

// What lies in ota_ws_sha256_t.
typedef struct {
    EVP_MD_CTX *context; // NULL after a failure
} running_t;

static void fail(running_t *running) {
    EVP_MD_CTX_free(running->context);
    running->context = NULL;
}

static void start(ota_ws_sha256_t *state) {
    running_t *running = (running_t *)state->opaque;
    running->context = EVP_MD_CTX_new();
    if (running->context != NULL && EVP_DigestInit_ex(running->context, EVP_sha256(), NULL) != 1) {
        fail(running);
    }
}

static void update(ota_ws_sha256_t *state, const void *bytes, size_t length) {
    running_t *running = (running_t *)state->opaque;
    if (running->context != NULL && EVP_DigestUpdate(running->context, bytes, length) != 1) {
        fail(running);
    }
}

static void peek(const ota_ws_sha256_t *state, uint8_t digest[OTA_WS_SHA256_SIZE]) {
    const running_t *running = (const running_t *)state->opaque;
    EVP_MD_CTX *copy = EVP_MD_CTX_new();
    memset(digest, 0, OTA_WS_SHA256_SIZE);
    if (copy != NULL && running->context != NULL && EVP_MD_CTX_copy_ex(copy, running->context) == 1) {
        EVP_DigestFinal_ex(copy, digest, NULL);
    }
    EVP_MD_CTX_free(copy);
}

static void finish(ota_ws_sha256_t *state, uint8_t digest[OTA_WS_SHA256_SIZE]) {
    running_t *running = (running_t *)state->opaque;
    memset(digest, 0, OTA_WS_SHA256_SIZE);
    if (running->context != NULL && EVP_DigestFinal_ex(running->context, digest, NULL) != 1) {
        memset(digest, 0, OTA_WS_SHA256_SIZE);
    }
    fail(running);
}

const ota_ws_hash_t ota_ws_hash_openssl = {start, update, peek, finish};
