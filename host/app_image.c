// SPDX-License-Identifier: Apache-2.0
#include "app_image.h"

#include "image/policy.h"
#include "image_inspection.h"

#define READ_SIZE 4096
#define FEED_SIZE 16 // an image ends at a multiple of it, and its length is known before

bool app_image_describe(nor_t *nor, const partition_t *partition, app_image_t *app) {
    uint8_t head[OTA_WS_IMAGE_HEAD_SIZE];
    ota_ws_image_t image;
    if (partition->size < sizeof head || nor_read(nor, partition->address, head, sizeof head) != OTA_WS_OK) {
        return false;
    }
    ota_ws_image_init(&image);
    ota_ws_image_feed(&image, head, sizeof head);
    app->header = image.header;
    app->description = image.description;
    return ota_ws_image_head_known(&image);
}

// Feeds no byte behind the image's end: those bytes of flash are not part of it.
static ota_ws_status_t feed(image_inspection_t *inspection, const uint8_t *bytes, uint32_t offset, uint32_t length) {
    const ota_ws_image_t *image = &inspection->image;
    uint32_t done = 0;
    while (done < length && (image->length == 0 || offset + done < image->length)) {
        uint32_t end = image->length != 0 && image->length - offset < length ? image->length - offset : length;
        uint32_t sure = image->left > FEED_SIZE ? image->left : FEED_SIZE; // as much at least belongs to the image
        uint32_t part = image->length == 0 && length - done > sure ? sure : end - done;
        ota_ws_status_t status = image_inspection_feed(inspection, bytes + done, part);
        if (status != OTA_WS_OK) {
            return status;
        }
        done += part;
    }
    return OTA_WS_OK;
}

static ota_ws_status_t read_all(nor_t *nor, const partition_t *partition, image_inspection_t *inspection) {
    const ota_ws_image_t *image = &inspection->image;
    uint8_t bytes[READ_SIZE];
    uint32_t offset = 0;
    while (offset < partition->size && (image->length == 0 || offset < image->length)) {
        uint32_t left = partition->size - offset;
        uint32_t length = left < sizeof bytes ? left : (uint32_t)sizeof bytes;
        ota_ws_status_t status = nor_read(nor, partition->address + offset, bytes, length);
        if (status == OTA_WS_OK) {
            status = feed(inspection, bytes, offset, length);
        }
        if (status != OTA_WS_OK) {
            return status;
        }
        offset += length;
    }
    return OTA_WS_OK;
}

static bool is_erased(nor_t *nor, const partition_t *partition) {
    uint8_t start[FEED_SIZE];
    if (partition->size < sizeof start || nor_read(nor, partition->address, start, sizeof start) != OTA_WS_OK) {
        return false;
    }
    for (size_t i = 0; i < sizeof start; i++) {
        if (start[i] != 0xFF) {
            return false;
        }
    }
    return true;
}

static ota_ws_status_t check_target(const ota_ws_image_t *image, const app_target_t *target) {
    const ota_ws_policy_t hardware_only = {false, false};
    const ota_ws_upload_request_t request = {0};
    const ota_ws_identity_t device = {
        .chip_id = target->chip_id,
        .chip_revision = target->chip_revision,
        .checks_efuse = target->checks_efuse,
        .efuse_revision = target->efuse_revision,
        .mmu_page_bits = target->mmu_page_bits,
        .secure_version = target->secure_version,
    };
    ota_ws_failure_t failure;
    ota_ws_policy_decide(&hardware_only, &device, &request, &image->header, &image->description, &failure);
    return failure.status;
}

bool app_image_measure(nor_t *nor, const partition_t *partition, uint32_t *length) {
    image_inspection_t inspection;
    image_inspection_start(&inspection, NULL);
    bool read = read_all(nor, partition, &inspection) == OTA_WS_OK;
    *length = inspection.image.length;
    return image_inspection_finish(&inspection) == OTA_WS_OK && read;
}

ota_ws_status_t app_image_verify(nor_t *nor, const partition_t *partition, const app_target_t *target,
                                 const ota_ws_hash_t *hash) {
    image_inspection_t inspection;
    if (is_erased(nor, partition)) {
        return OTA_WS_EMPTY;
    }
    image_inspection_start(&inspection, hash);
    ota_ws_status_t status = read_all(nor, partition, &inspection);
    ota_ws_status_t finished = image_inspection_finish(&inspection);
    if (status == OTA_WS_OK) {
        status = finished;
    }
    return status == OTA_WS_OK ? check_target(&inspection.image, target) : status;
}
