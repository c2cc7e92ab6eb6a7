// SPDX-License-Identifier: Apache-2.0
// The boot record (otadata) as the bootloader reads it: two entries in two sectors, the valid one with the higher
// sequence number counts. Reads it, and does what ESP-IDF has no call for. Only one task at a time.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "esp_err.h"
#include "esp_partition.h"

// What ota_ws_boot_record_mark() has written behind an entry. TORN: an erase was cut off.
typedef enum { OTA_WS_MARK_TORN, OTA_WS_MARK_THERE, OTA_WS_MARK_GONE } ota_ws_boot_mark_t;

// What the record says of one slot.
typedef struct {
    bool is_known; // there is an entry for it; the newer one, when there are two. Then:
    uint32_t state;
    ota_ws_boot_mark_t mark;
    bool is_selected;            // the next start would run it, by the entry that counts
    bool has_other;              // the entry that does not count now is valid: it would run if the other one were gone
    const esp_partition_t *lost; // the slot before this one, when no sound entry speaks of another slot than this one,
                                 // and there is no factory partition. NULL: no entry is lost
} ota_ws_boot_entry_t;

void ota_ws_boot_record_look(const esp_partition_t *slot, ota_ws_boot_entry_t *entry);

// Takes away each entry that selects `slot`, or could do so when it is read again, so that the other entry counts: two
// flash operations for each. ESP_OK when there is none.
esp_err_t ota_ws_boot_record_forget(const esp_partition_t *slot);

// Marks the entry that counts as the one that was just written: 32 bytes behind it in its sector, which ESP-IDF neither
// reads nor keeps when it writes an entry again. False: this entry does not select `slot` with `state`, and nothing is
// written.
bool ota_ws_boot_record_mark(const esp_partition_t *slot, uint32_t state);

// Writes the entry that ota_ws_boot_record_look() calls lost, beside that of `slot`, and reads it back. While the entry
// of `slot` counts, it goes on to count. False: nothing is lost, or the new entry does not lie there as it should.
bool ota_ws_boot_record_restore(const esp_partition_t *slot);

// Rewrites the entry that counts with that state, as ESP-IDF does it, also when it has that state already, and reads it
// back. False: it does not lie there as it should.
bool ota_ws_boot_record_rewrite(uint32_t state);
