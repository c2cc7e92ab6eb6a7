// SPDX-License-Identifier: Apache-2.0
// The ESP application image, read as a stream: bytes in, a description and a verdict out. Knows neither flash nor
// device. A verdict has the most exact name that the bytes so far allow; programs that have the whole file say more
// (host/image_inspection.h, cli/firmware.c, web/src/image.js). Format: ESP-IDF, esp_app_format.h and
// esp_image_format.h; "ESP-IDF Programming Guide, App Image Format".
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

// From esp_image_header_t: the values by which a device decides.
typedef struct {
    uint8_t segment_count;
    bool hash_appended;
    uint16_t chip_id;
    uint16_t min_revision; // major * 100 + minor
    uint16_t max_revision; // 0 and 65535: no limit
} ota_ws_image_header_t;

typedef struct {
    uint32_t load_address;
    uint32_t length;
    uint32_t file_offset; // of the data
} ota_ws_image_segment_t;

// Reads an esp_app_desc_t of the image format: 256 bytes, of which the first 181 are looked at.
void ota_ws_image_describe(const uint8_t *bytes, ota_ws_image_description_t *description);

// One running examination. Public so that it can be static; read the members down to `failed`, and no others.
typedef struct {
    uint32_t length;        // of the image with checksum and digest, without signature; 0: not known yet
    bool is_signed;         // a signature sector has followed
    uint8_t segment_count;  // of segments seen so far
    uint32_t offset;        // bytes taken so far
    uint32_t left;          // bytes that must come before the state changes
    ota_ws_status_t failed; // the first failure stays

    ota_ws_image_header_t header;           // } sound once ota_ws_image_head_known()
    ota_ws_image_description_t description; // }
    ota_ws_image_segment_t segment;         // the latest one
    uint8_t digest[OTA_WS_SHA256_SIZE];     // the one that is appended, once it has come
    uint8_t gather[OTA_WS_IMAGE_HEAD_SIZE]; // the head, until the next byte comes

    uint8_t state;
    uint8_t checksum;
    uint16_t gathered; // bytes in `gather`
} ota_ws_image_t;

// Starts an examination. The digest that is appended to the image is kept and not checked: a device compares it with
// the digest of its flash (src/flow/commit.c).
void ota_ws_image_init(ota_ws_image_t *image);

// Takes the next `length` bytes of the file, split anywhere. OTA_WS_OK, or the fault of the file; it stays the answer.
ota_ws_status_t ota_ws_image_feed(ota_ws_image_t *image, const void *bytes, size_t length);

// The first OTA_WS_IMAGE_HEAD_SIZE bytes were seen and are the beginning of an application image.
bool ota_ws_image_head_known(const ota_ws_image_t *image);

// No bytes follow. OTA_WS_OK when the file was one whole image; OTA_WS_EMPTY, OTA_WS_TOO_SHORT, OTA_WS_TRUNCATED, or
// the answer of ota_ws_image_feed().
ota_ws_status_t ota_ws_image_finish(ota_ws_image_t *image);
