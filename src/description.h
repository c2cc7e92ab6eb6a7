// SPDX-License-Identifier: Apache-2.0
// The description that an application image carries of itself. src/image/image.c reads it from the bytes of a file; a
// platform fills it for the running image (ports.h).
#pragma once

#include <stdint.h>

#define OTA_WS_SLOT_HEAD_SIZE 32 // bytes at the start of an image that go to flash last: the longest program unit

// From esp_app_desc_t. Strings are terminated and hold printable UTF-8 only; other bytes were replaced by '?'.
typedef struct {
    uint32_t secure_version;
    char version[33];
    char project[33];
    char time[17];
    char date[17];
    char idf[33];
    uint8_t elf_sha256[32];
    uint16_t min_efuse_revision; // of the eFuse block: major * 100 + minor; 0: not limited, as older ESP-IDF has it
    uint16_t max_efuse_revision; // 0 and 65535: not limited
    uint8_t mmu_page_bits;       // the page size of the flash MMU is 1 << it; 0: not known
} ota_ws_image_description_t;
