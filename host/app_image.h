// SPDX-License-Identifier: Apache-2.0
// An application image that lies in a partition: what it is, and whether a bootloader would start it. The model of
// ESP-IDF's esp_image_verify: segments, checksum, appended SHA-256, chip, revision, eFuse block, page size, secure
// version.
#pragma once

#include "image/image.h"
#include "nor.h"
#include "partition_table.h"

// The chip that is to run it.
typedef struct {
    uint16_t chip_id;
    uint16_t chip_revision;  // major * 100 + minor
    uint32_t secure_version; // lowest that may boot
    bool checks_efuse;       // } as in ota_ws_identity_t
    uint16_t efuse_revision; // }
    uint8_t mmu_page_bits;   // }
} app_target_t;

typedef struct {
    ota_ws_image_header_t header;
    ota_ws_image_description_t description;
} app_image_t;

// Reads the head only. False when no application image begins there.
bool app_image_describe(nor_t *nor, const partition_t *partition, app_image_t *app);

// Length of the image with checksum and digest, without signature. False when there is no sound one.
bool app_image_measure(nor_t *nor, const partition_t *partition, uint32_t *length);

// Reads and hashes all of it. OTA_WS_OK: it would start. OTA_WS_EMPTY: erased flash.
ota_ws_status_t app_image_verify(nor_t *nor, const partition_t *partition, const app_target_t *target,
                                 const ota_ws_hash_t *hash);
