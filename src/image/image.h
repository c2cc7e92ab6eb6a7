// SPDX-License-Identifier: Apache-2.0
// The ESP application image, read as a stream: bytes in, a description and a verdict out. Knows neither flash nor
// device. Format: ESP-IDF, esp_app_format.h and esp_image_format.h; "ESP-IDF Programming Guide, App Image Format".
//
//   header 24 | segment header 8, data | ... | zeros, checksum: up to a multiple of 16 | SHA-256 32, if hash_appended
//               the first segment's data starts with the application description (256 bytes, so bytes 32..287)
//   signed images (Secure Boot v2): 0xFF up to a multiple of 4096, then one signature sector of 4096
//   Secure Boot v1 (ESP32 only; refused): 4 zeros and a signature of 64 bytes right behind the image
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "description.h"
#include "hash.h"
#include "status.h"

#define OTA_WS_IMAGE_HEAD_SIZE 288 // header, first segment header, application description
#define OTA_WS_IMAGE_MAX_SEGMENTS 16
#define OTA_WS_ENCRYPTED_MAGIC UINT32_C(0x0788B6CF) // the first four bytes of an encrypted image (encrypted.h)

// From esp_image_header_t.
typedef struct {
    uint8_t segment_count;
    uint8_t spi_mode;
    uint8_t spi_speed;
    uint8_t spi_size;
    uint32_t entry;
    uint16_t chip_id;
    uint16_t min_revision; // major * 100 + minor
    uint16_t max_revision; // 0 and 65535: no limit
    bool hash_appended;
} ota_ws_image_header_t;

typedef struct {
    uint32_t load_address;
    uint32_t length;
    uint32_t file_offset; // of the data
} ota_ws_image_segment_t;

// Reads an esp_app_desc_t of the image format: 256 bytes, of which the first 181 are looked at.
void ota_ws_image_describe(const uint8_t *bytes, ota_ws_image_description_t *description);

// One running examination. Public so that it can be static; read `header`, `description`, `segments`, `length`, `left`,
// `digest`, and nothing else.
typedef struct {
    uint32_t length; // of the image with checksum and digest, without signature; 0 until the last segment was seen
    bool is_signed;  // a signature sector follows

    const ota_ws_hash_t *hash; // NULL: the appended digest is not checked
    bool hashing;              // a hash was started and not finished
    uint8_t state;
    uint8_t segment_count; // of segments seen so far
    uint8_t checksum;
    ota_ws_status_t failed; // the first failure sticks
    uint32_t offset;        // bytes taken so far
    uint32_t left;          // bytes that have to come before anything else can
    uint16_t gathered;      // bytes in `gather`

    ota_ws_image_header_t header;                               // } sound once ota_ws_image_head_known()
    ota_ws_image_description_t description;                     // }
    ota_ws_image_segment_t segments[OTA_WS_IMAGE_MAX_SEGMENTS]; // of those seen so far

    uint8_t gather[OTA_WS_IMAGE_HEAD_SIZE];
    uint8_t digest[OTA_WS_SHA256_SIZE]; // the one that is appended, once it has come
    ota_ws_sha256_t *sha256;            // of the bytes before the appended digest
} ota_ws_image_t;

// Starts an examination. With `hash` the digest that is appended to the image is checked too, in the caller's `sha256`;
// without (both NULL) it is passed over. With `hash`, ota_ws_image_finish() must follow.
void ota_ws_image_init(ota_ws_image_t *image, const ota_ws_hash_t *hash, ota_ws_sha256_t *sha256);

// Takes the next `length` bytes of the file, split anywhere. OTA_WS_OK, or what is wrong with the file; that stays the
// answer.
ota_ws_status_t ota_ws_image_feed(ota_ws_image_t *image, const void *bytes, size_t length);

// The first OTA_WS_IMAGE_HEAD_SIZE bytes were seen and are the beginning of an application image.
bool ota_ws_image_head_known(const ota_ws_image_t *image);

// No bytes follow. OTA_WS_OK when the file was one whole image; OTA_WS_EMPTY, OTA_WS_TOO_SHORT, OTA_WS_TRUNCATED, or
// what feed said.
ota_ws_status_t ota_ws_image_finish(ota_ws_image_t *image);
