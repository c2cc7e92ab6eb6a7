// SPDX-License-Identifier: Apache-2.0
#include "boot_record.h"

#include <stddef.h>
#include <string.h>

#include "esp_flash_partitions.h"
#include "esp_ota_ops.h"
#include "esp_rom_crc.h"

#define SECTOR 4096
#define NONE (-1)
#define MARK_SIZE 32 // behind the entry, in the same sector

typedef struct {
    const esp_partition_t *partition; // NULL: the device has no boot record
    esp_ota_select_entry_t entries[2];
} record_t;

static bool read_record(record_t *record) {
    record->partition = esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_DATA_OTA, NULL);
    for (int i = 0; i < 2 && record->partition != NULL; i++) {
        if (esp_partition_read(record->partition, (size_t)i * SECTOR, &record->entries[i], sizeof record->entries[i]) !=
            ESP_OK) {
            record->partition = NULL;
        }
    }
    return record->partition != NULL;
}

// The check covers the sequence number alone (ESP-IDF, esp_flash_partitions.h).
static bool is_written(const esp_ota_select_entry_t *entry) {
    return entry->ota_seq != UINT32_MAX && entry->ota_seq != 0 &&
           entry->crc == esp_rom_crc32_le(UINT32_MAX, (const uint8_t *)&entry->ota_seq, sizeof entry->ota_seq);
}

static const esp_partition_t *slot_of(const esp_ota_select_entry_t *entry) {
    uint32_t count = esp_ota_get_app_partition_count();
    if (count == 0) {
        return NULL;
    }
    esp_partition_subtype_t subtype = ESP_PARTITION_SUBTYPE_APP_OTA_MIN + (entry->ota_seq - 1) % count;
    return esp_partition_find_first(ESP_PARTITION_TYPE_APP, subtype, NULL);
}

// Is the entry one for `slot`; where `slot` is NULL: may the bootloader start what it selects?
static bool fits(const esp_ota_select_entry_t *entry, const esp_partition_t *slot) {
    if (!is_written(entry)) {
        return false;
    }
    return slot != NULL ? slot_of(entry) == slot
                        : entry->ota_state != ESP_OTA_IMG_INVALID && entry->ota_state != ESP_OTA_IMG_ABORTED;
}

// The newest entry that fits. With NULL: the one that counts.
static int newest(const record_t *record, const esp_partition_t *slot) {
    int found = NONE;
    for (int i = 0; i < 2; i++) {
        const esp_ota_select_entry_t *entry = &record->entries[i];
        if (fits(entry, slot) && (found == NONE || entry->ota_seq > record->entries[found].ota_seq)) {
            found = i;
        }
    }
    return found;
}

// The mark as it lies in flash: what flash encryption makes of erased bytes is nothing to compare with.
static ota_ws_boot_mark_t mark_of(const record_t *record, int entry) {
    uint8_t bytes[MARK_SIZE];
    int zeros = 0, ones = 0;
    if (esp_partition_read_raw(record->partition, (size_t)entry * SECTOR + sizeof record->entries[0], bytes,
                               sizeof bytes) != ESP_OK) {
        return OTA_WS_MARK_TORN;
    }
    for (int i = 0; i < MARK_SIZE; i++) {
        zeros += bytes[i] == 0;
        ones += bytes[i] == 0xFF;
    }
    return zeros == MARK_SIZE ? OTA_WS_MARK_THERE : ones == MARK_SIZE ? OTA_WS_MARK_GONE : OTA_WS_MARK_TORN;
}

// Puts the lost entry into `record`, in memory, beside entry `own` of the running `slot`, and returns its sector; NONE:
// no entry is lost. An update goes to the slot behind the running one, with a higher number. So the number before it
// selects the slot that the update came from, and does not count as long as the higher one does.
static int make_lost(record_t *record, const esp_partition_t *slot, int own) {
    int lost = own == 0;
    esp_ota_select_entry_t *entry = &record->entries[lost];
    uint32_t sequence = slot->subtype - ESP_PARTITION_SUBTYPE_APP_OTA_MIN + esp_ota_get_app_partition_count();
    if (own != NONE) {
        sequence = record->entries[own].ota_seq - 1;
    }
    if (is_written(entry) || (own == NONE && is_written(entry + 1)) || sequence == 0 ||
        esp_partition_find_first(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_APP_FACTORY, NULL) != NULL) {
        return NONE;
    }
    memset(entry, 0xFF, sizeof *entry);
    entry->ota_seq = sequence;
    entry->ota_state = ESP_OTA_IMG_VALID;
    entry->crc = esp_rom_crc32_le(UINT32_MAX, (const uint8_t *)&entry->ota_seq, sizeof entry->ota_seq);
    return slot_of(entry) != slot ? lost : NONE;
}

void ota_ws_boot_record_look(const esp_partition_t *slot, ota_ws_boot_entry_t *entry) {
    record_t record;
    memset(entry, 0, sizeof *entry);
    if (!read_record(&record)) {
        return;
    }
    int own = newest(&record, slot);
    int active = newest(&record, NULL);
    if (own != NONE) {
        entry->is_known = true;
        entry->state = record.entries[own].ota_state;
        entry->mark = mark_of(&record, own);
    }
    if (active != NONE) {
        entry->is_selected = slot_of(&record.entries[active]) == slot;
        entry->has_other = fits(&record.entries[1 - active], NULL);
    }
    int lost = make_lost(&record, slot, own);
    entry->lost = lost != NONE ? slot_of(&record.entries[lost]) : NULL;
}

bool ota_ws_boot_record_mark(const esp_partition_t *slot, uint32_t state) {
    static const uint8_t zeros[MARK_SIZE];
    record_t record;
    int active = read_record(&record) ? newest(&record, NULL) : NONE;
    if (active == NONE || slot_of(&record.entries[active]) != slot || record.entries[active].ota_state != state) {
        return false;
    }
    (void)esp_partition_write_raw(record.partition, (size_t)active * SECTOR + sizeof record.entries[0], zeros,
                                  sizeof zeros);
    return true;
}

// Could this entry select `slot`, today or when a write of it that was cut off reads differently? So may one whose
// state bars it: the state has no check, and weak cells may read as another one at the next start.
static bool could_select(const esp_ota_select_entry_t *entry, const esp_partition_t *slot) {
    bool is_blank = entry->ota_seq == UINT32_MAX && entry->crc == UINT32_MAX;
    return is_written(entry) ? slot_of(entry) == slot : !is_blank;
}

// First its CRC is made wrong: so no part of it that a power cut leaves counts, and a half-erased state lifts no bar.
static esp_err_t withdraw(const record_t *record, int entry) {
    static const uint32_t zero;
    size_t at = (size_t)entry * SECTOR;
    esp_err_t error =
        esp_partition_write_raw(record->partition, at + offsetof(esp_ota_select_entry_t, crc), &zero, sizeof zero);
    return error == ESP_OK ? esp_partition_erase_range(record->partition, at, SECTOR) : error;
}

esp_err_t ota_ws_boot_record_forget(const esp_partition_t *slot) {
    record_t record;
    esp_err_t error = ESP_OK;
    if (!read_record(&record)) {
        return ESP_OK;
    }
    for (int i = 0; i < 2 && error == ESP_OK; i++) {
        if (could_select(&record.entries[i], slot)) {
            error = withdraw(&record, i);
        }
    }
    return error;
}

// Writes entry `i` of `record`, as ESP-IDF does it, and reads it back.
static bool write_entry(const record_t *record, int i) {
    const esp_ota_select_entry_t *entry = &record->entries[i];
    size_t offset = (size_t)i * SECTOR;
    esp_ota_select_entry_t written;
    return esp_partition_erase_range(record->partition, offset, SECTOR) == ESP_OK &&
           esp_partition_write(record->partition, offset, entry, sizeof *entry) == ESP_OK &&
           esp_partition_read(record->partition, offset, &written, sizeof written) == ESP_OK &&
           memcmp(&written, entry, sizeof written) == 0;
}

bool ota_ws_boot_record_restore(const esp_partition_t *slot) {
    record_t record;
    int lost = read_record(&record) ? make_lost(&record, slot, newest(&record, slot)) : NONE;
    return lost != NONE && write_entry(&record, lost);
}

bool ota_ws_boot_record_rewrite(uint32_t state) {
    record_t record;
    int active = read_record(&record) ? newest(&record, NULL) : NONE;
    if (active == NONE) {
        return false;
    }
    record.entries[active].ota_state = state;
    return write_entry(&record, active);
}
