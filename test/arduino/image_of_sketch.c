// SPDX-License-Identifier: Apache-2.0
// The image that runs: its page, and what an update leaves in the store when it has selected this image.
#include <string.h>

#include "esp_app_desc.h"
#include "esp_ota_ops.h"
#include "platform.h"
#include "record/history.h"

extern const uint8_t page_start[] asm("_binary_ota_html_gz_start");
extern const uint8_t page_end[] asm("_binary_ota_html_gz_end");

size_t page_size(void);
size_t page_size(void) {
    return (size_t)(page_end - page_start);
}

void selected_image(void);
void selected_image(void) {
    ota_ws_history_entry_t entry = {
        .from = "0.9.0", .to = "1.0.0", .outcome = OTA_WS_OUTCOME_STAGED, .watched = OTA_WS_WATCH_MARK};
    strcpy(entry.slot, esp_ota_get_running_partition()->label);
    memcpy(entry.elf, esp_app_get_description()->app_elf_sha256, sizeof entry.elf);
    ota_ws_history_add(&ota_ws_chip_platform, &entry);
}
