// SPDX-License-Identifier: Apache-2.0
// Feeds the machine of src/image/image.c no further than to its next state, so that no segment is missed.
#include "image_inspection.h"

#include <string.h>

#include "bytes.h"

void image_inspection_start(image_inspection_t *inspection, const ota_ws_hash_t *hash) {
    memset(inspection, 0, sizeof *inspection);
    ota_ws_image_init(&inspection->image);
    inspection->hash = hash;
    if (hash != NULL) {
        hash->start(&inspection->sha256);
    }
}

static void finish_hash(image_inspection_t *inspection, uint8_t digest[OTA_WS_SHA256_SIZE]) {
    if (inspection->hash != NULL) {
        inspection->hash->finish(&inspection->sha256, digest);
        inspection->hash = NULL;
    }
}

// The bytes from `offset` on have been fed. The appended digest covers those before it.
static void hash_covered(image_inspection_t *inspection, const uint8_t *bytes, uint32_t offset, uint32_t length) {
    const ota_ws_image_t *image = &inspection->image;
    uint32_t digest = image->header.hash_appended ? OTA_WS_SHA256_SIZE : 0;
    uint32_t end = image->length > 0 ? image->length - digest : UINT32_MAX;
    if (inspection->hash != NULL && offset < end) {
        inspection->hash->update(&inspection->sha256, bytes, length < end - offset ? length : end - offset);
    }
}

static void compare_digest(image_inspection_t *inspection) {
    ota_ws_image_t *image = &inspection->image;
    uint8_t digest[OTA_WS_SHA256_SIZE];
    if (inspection->hash == NULL || image->length == 0 || image->offset < image->length) {
        return;
    }
    finish_hash(inspection, digest);
    bool differs = image->header.hash_appended && memcmp(digest, image->digest, sizeof digest) != 0;
    image->failed = image->failed == OTA_WS_OK && differs ? OTA_WS_BAD_IMAGE_DIGEST : image->failed;
}

static void keep_what_passes(image_inspection_t *inspection, uint8_t segments) {
    const ota_ws_image_t *image = &inspection->image;
    if (image->segment_count > segments) {
        inspection->segments[segments] = image->segment;
    }
    if (image->segment_count == 1 && segments == 0) {
        memcpy(inspection->start, image->gather, sizeof inspection->start);
    }
}

ota_ws_status_t image_inspection_feed(image_inspection_t *inspection, const uint8_t *bytes, size_t length) {
    ota_ws_image_t *image = &inspection->image;
    while (length > 0 && image->failed == OTA_WS_OK) {
        uint32_t step = image->left > 0 ? image->left : 1; // 1: the state changes first
        step = length < step ? (uint32_t)length : step;
        uint32_t offset = image->offset;
        uint8_t segments = image->segment_count;
        ota_ws_image_feed(image, bytes, step);
        keep_what_passes(inspection, segments);
        hash_covered(inspection, bytes, offset, step);
        compare_digest(inspection);
        bytes += step;
        length -= step;
    }
    return image->failed;
}

ota_ws_status_t image_inspection_finish(image_inspection_t *inspection) {
    uint8_t unused[OTA_WS_SHA256_SIZE];
    finish_hash(inspection, unused);
    return ota_ws_image_finish(&inspection->image);
}

uint8_t image_inspection_flash_mode(const image_inspection_t *inspection) {
    return inspection->start[2];
}

uint8_t image_inspection_flash_speed(const image_inspection_t *inspection) {
    return inspection->start[3] & 15;
}

uint8_t image_inspection_flash_size(const image_inspection_t *inspection) {
    return inspection->start[3] >> 4;
}

uint32_t image_inspection_entry(const image_inspection_t *inspection) {
    return ota_ws_read_u32(inspection->start + 4);
}
