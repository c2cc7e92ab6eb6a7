// SPDX-License-Identifier: Apache-2.0
// In the place of flash.c, where the firmware takes no updates (OTA_WS_INTO_RECOVERY_ONLY). What is left is the size of
// the application's slot, which clients compare a file with before they ask for the restart: it runs from there.
#include "esp_ota_ops.h"
#include "esp_partition.h"
#include "flash.h"
#include "platform.h"

static uint32_t slot_size(void *context) {
    (void)context;
    return ota_ws_chip_recovery() != NULL ? esp_ota_get_running_partition()->size : 0;
}

const ota_ws_flash_t ota_ws_chip_flash = {.sector_size = 4096, .block_size = 65536, .slot_size = slot_size};
