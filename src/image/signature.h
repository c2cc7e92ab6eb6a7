// SPDX-License-Identifier: Apache-2.0
// The signature sector of Secure Boot v2: 4096 bytes in, one to three signature blocks out. Knows where everything lies
// and checks the format; whether a signature is right is the platform's to say (ESP-IDF, host/signature_openssl.h).
// Format: ESP-IDF, rom/secure_boot.h (ets_secure_boot_sig_block_t); Espressif's espsecure writes it.
//
//   block, 1216 bytes: magic 0xE7, version, 2 zeros | SHA-256 of all before the sector | key, signature, by the version
//   |
//                      CRC-32 of the 1196 bytes before it | 16 zeros
//   version 2, RSA-3072-PSS: key n 384, e 4, R^2 mod n 384, -1/n mod 2^32 4; signature 384; little-endian numbers
//   version 3, ECDSA: key curve 1, x 32, y 32; signature r 32, s 32; likewise; 1031 zeros
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hash.h"

#define OTA_WS_SIGNATURE_SECTOR_SIZE 4096
#define OTA_WS_SIGNATURE_BLOCK_SIZE 1216
#define OTA_WS_SIGNATURE_BLOCK_MAX 3
#define OTA_WS_SIGNATURE_RSA_SIZE 384
#define OTA_WS_SIGNATURE_RSA_KEY_SIZE 776
#define OTA_WS_SIGNATURE_EC_SIZE 32
#define OTA_WS_SIGNATURE_EC_KEY_SIZE 65
#define OTA_WS_SIGNATURE_CURVE_P256 2

typedef enum { OTA_WS_SIGNATURE_RSA_3072, OTA_WS_SIGNATURE_ECDSA_P256 } ota_ws_signature_scheme_t;

// Points into the sector.
typedef struct {
    ota_ws_signature_scheme_t scheme;
    const uint8_t *image_digest; // SHA-256 of all before the sector, which was signed
    const uint8_t *key;
    size_t key_size;
    const uint8_t *signature;
} ota_ws_signature_block_t;

// Where the sector of an image begins that has `image_length` bytes with checksum and digest.
uint32_t ota_ws_signature_offset(uint32_t image_length);

// Reads the blocks of a sector; returns their number. 0: it is none, or any byte of it is not as the format says.
unsigned ota_ws_signature_read(const uint8_t sector[OTA_WS_SIGNATURE_SECTOR_SIZE],
                               ota_ws_signature_block_t blocks[OTA_WS_SIGNATURE_BLOCK_MAX]);

// The key's SHA-256, by which Espressif's tools and the chips' eFuses name it.
void ota_ws_signature_key_digest(const ota_ws_signature_block_t *block, const ota_ws_hash_t *hash,
                                 uint8_t digest[OTA_WS_SHA256_SIZE]);

// "RSA-3072", "ECDSA-P256".
const char *ota_ws_signature_scheme_name(ota_ws_signature_scheme_t scheme);
