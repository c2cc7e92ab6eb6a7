// SPDX-License-Identifier: Apache-2.0
// Makes ESP Encrypted Images, over OpenSSL: bytes in, as many bytes of ciphertext out, and the header at the end,
// because the tag stands in it.
#pragma once

#include "image_key.h"

typedef struct {
    EVP_CIPHER_CTX *cipher;
    uint8_t header[OTA_WS_ENCRYPTED_HEADER_SIZE];
} encrypt_openssl_t;

// A file of `length` bytes begins; `key` is a public key, or a private one. False when OpenSSL could not. After true
// encrypt_openssl_end() follows.
bool encrypt_openssl_begin(encrypt_openssl_t *encryption, const image_key_t *key, uint32_t length);

// The next bytes; `to` has space for as many, and may be `from`.
bool encrypt_openssl_update(encrypt_openssl_t *encryption, const uint8_t *from, uint8_t *to, size_t length);

// All bytes were given: `header` is complete and stands before the ciphertext.
bool encrypt_openssl_finish(encrypt_openssl_t *encryption);

void encrypt_openssl_end(encrypt_openssl_t *encryption);
