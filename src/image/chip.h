// SPDX-License-Identifier: Apache-2.0
// Chip ids of the image header and their names. Source: ESP-IDF, esp_chip_id_t in esp_app_format.h;
// ESP32-E22: esptool 5 (August 2026), IMAGE_CHIP_ID.
#pragma once

#include <stdint.h>

// "ESP32-C3" for 0x0005; "chip 0x00ff" style numbers are left to the caller: NULL for an unknown id.
const char *ota_ws_chip_name(uint32_t chip_id);

// The reverse, without regard to case and hyphens ("esp32c3", "ESP32-C3"); -1 when there is no such chip.
int ota_ws_chip_id(const char *name);
