// SPDX-License-Identifier: Apache-2.0
// What a program that has the whole file sees beside src/image/image.h: the digest that is appended to the image is
// compared with that of the bytes, and the header's and the segments' other values are kept.
#pragma once

#include "image/image.h"

typedef struct {
    ota_ws_image_t image;                                       // to be read; `failed` is OTA_WS_BAD_IMAGE_DIGEST, too
    ota_ws_image_segment_t segments[OTA_WS_IMAGE_MAX_SEGMENTS]; // `image.segment_count` of them
    uint8_t start[8];                                           // of the image's header, once ota_ws_image_head_known()

    const ota_ws_hash_t *hash; // NULL: the digest is not to be compared, or not any more
    ota_ws_sha256_t sha256;
} image_inspection_t;

// image_inspection_finish() must follow. Without `hash` (NULL) the digest is not compared.
void image_inspection_start(image_inspection_t *inspection, const ota_ws_hash_t *hash);

// As the functions of ota_ws_image_t.
ota_ws_status_t image_inspection_feed(image_inspection_t *inspection, const uint8_t *bytes, size_t length);
ota_ws_status_t image_inspection_finish(image_inspection_t *inspection);

// From the header.
uint8_t image_inspection_flash_mode(const image_inspection_t *inspection);  // esp_image_spi_mode_t
uint8_t image_inspection_flash_speed(const image_inspection_t *inspection); // esp_image_spi_freq_t
uint8_t image_inspection_flash_size(const image_inspection_t *inspection);  // of 1 << it MB
uint32_t image_inspection_entry(const image_inspection_t *inspection);
