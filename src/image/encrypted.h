// SPDX-License-Identifier: Apache-2.0
// The header of an ESP Encrypted Image, read as a stream: is the file one, and is it as long as it says? Knows no key.
// Format: Espressif's component esp_encrypted_img, README.md, "Image Format" (2.7.1):
//
//     0    4  magic
//     4  384  RSA-3072: the AES key, RSAES-PKCS1-v1_5. ECIES-P256: public key 64, HKDF salt 32, zeros
//   388   16  IV
//   404    4  length of the content; 408: 16, tag of AES-256-GCM over the ciphertext; 424: 88, reserved
//   512       ciphertext, as long as the content
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/image.h"
#include "status.h"

#define OTA_WS_ENCRYPTED_KEY_AT 4
#define OTA_WS_ENCRYPTED_KEY_SIZE 384
#define OTA_WS_ENCRYPTED_POINT_SIZE 64 // ECIES: X and Y
#define OTA_WS_ENCRYPTED_SALT_SIZE 32  // ECIES: behind the point
#define OTA_WS_ENCRYPTED_IV_AT 388
#define OTA_WS_ENCRYPTED_IV_SIZE 16
#define OTA_WS_ENCRYPTED_LENGTH_AT 404
#define OTA_WS_ENCRYPTED_TAG_AT 408
#define OTA_WS_ENCRYPTED_TAG_SIZE 16
#define OTA_WS_ENCRYPTED_HEADER_SIZE 512

#define OTA_WS_ENCRYPTED_AES_KEY_SIZE 32
#define OTA_WS_ENCRYPTED_HKDF_INFO "_esp_enc_img_ecc" // ECIES, without its zero

// One header on its way. Read `length`, and nothing else.
typedef struct {
    uint32_t length; // of the content; 0 until it is known
    uint32_t file_size;
    uint32_t offset; // bytes seen, as far as they matter
    uint32_t word;   // the last four bytes
} ota_ws_encrypted_t;

// A file of `file_size` bytes begins.
void ota_ws_encrypted_init(ota_ws_encrypted_t *header, uint32_t file_size);

// Takes the next bytes of the file, split anywhere; those behind the header are passed over. OTA_WS_NOT_ENCRYPTED,
// OTA_WS_TRUNCATED, OTA_WS_TRAILING_BYTES and OTA_WS_TOO_SHORT come as soon as they are certain, which is before the
// first byte of ciphertext.
ota_ws_status_t ota_ws_encrypted_feed(ota_ws_encrypted_t *header, const uint8_t *bytes, size_t length);

// Decrypted bytes were examined as the head of an image and refused with `status`. Returns the status to report: with a
// wrong key the bytes are random, so OTA_WS_WRONG_KEY, unless they look as if one of Espressif's tools had written
// them.
ota_ws_status_t ota_ws_encrypted_judge(ota_ws_status_t status, const uint8_t *bytes, size_t length);
