// SPDX-License-Identifier: Apache-2.0
// The boot record (otadata) as the bootloader reads it: two entries in two sectors, the valid one with the higher
// sequence number counts. Reads it, and does what ESP-IDF has no call for. Only one task at a time.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "esp_err.h"
#include "esp_partition.h"

// State of the record's entry for `slot`; false when there is none. The newer one, when both speak of it.
bool ota_ws_boot_record_state(const esp_partition_t *slot, uint32_t *state);

// What the next start would run: the slot of the valid entry with the higher sequence number; NULL when there is none
// (then the factory image, or the first slot, runs).
const esp_partition_t *ota_ws_boot_record_selected(void);

// The entry that does not count now is valid: what would run if the other one were gone.
bool ota_ws_boot_record_has_other(void);

// The entry that counts selects `slot`, with `state`.
bool ota_ws_boot_record_selects(const esp_partition_t *slot, uint32_t state);

// Erases the sector of the entry for `slot`, so that the other entry counts: one flash operation (two when both entries
// speak of it). ESP_OK when there is none.
esp_err_t ota_ws_boot_record_forget(const esp_partition_t *slot);

// Marks the entry for `slot` as the one that was just written: 32 bytes behind it in its sector, which ESP-IDF neither
// reads nor keeps when it writes an entry again.
void ota_ws_boot_record_put_mark(const esp_partition_t *slot);

// The mark is there, all of it; all of it is gone. Neither: an erase was cut off.
bool ota_ws_boot_record_is_marked(const esp_partition_t *slot);
bool ota_ws_boot_record_was_rewritten(const esp_partition_t *slot);

// Rewrites the entry that counts with that state, as ESP-IDF does it, also when it has that state already.
esp_err_t ota_ws_boot_record_rewrite(uint32_t state);
