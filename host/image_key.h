// SPDX-License-Identifier: Apache-2.0
// Keys of encrypted images (src/encrypted.h): RSA-3072, or P-256 for ECIES. The public one encrypts, the private one
// decrypts.
#pragma once

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/encrypted.h"

#define IMAGE_KEY_HMAC_SIZE 32

typedef enum { IMAGE_KEY_RSA, IMAGE_KEY_ECIES } image_key_scheme_t;

typedef struct {
    EVP_PKEY *pkey; // NULL: none
    image_key_scheme_t scheme;
    bool is_private;
} image_key_t;

// Reads a key from a PEM file; a private one is a public one too. NULL, or what is wrong, as the rest of a sentence
// that begins with the file's name. After NULL image_key_free() follows.
const char *image_key_load(image_key_t *key, const char *path);

// Makes a new RSA key. False when OpenSSL could not. After true image_key_free() follows.
bool image_key_make_rsa(image_key_t *key);

// The ECIES key of a chip that holds these bytes in an eFuse. False when they give none, which happens once in 2^32.
// After true image_key_free() follows.
bool image_key_from_hmac(image_key_t *key, const uint8_t hmac[IMAGE_KEY_HMAC_SIZE]);

// ECIES: the AES key that `own` (private) and `peer` share. False when they share none.
bool image_key_agree(const EVP_PKEY *own, const EVP_PKEY *peer, const uint8_t salt[OTA_WS_ENCRYPTED_SALT_SIZE],
                     uint8_t aes_key[OTA_WS_ENCRYPTED_AES_KEY_SIZE]);

// ECIES: the public key X, Y. NULL when it is no point of the curve; else EVP_PKEY_free() it.
EVP_PKEY *image_key_from_point(const uint8_t point[OTA_WS_ENCRYPTED_POINT_SIZE]);

// ECIES: X, Y of a key.
bool image_key_point(const EVP_PKEY *pkey, uint8_t point[OTA_WS_ENCRYPTED_POINT_SIZE]);

void image_key_free(image_key_t *key);
