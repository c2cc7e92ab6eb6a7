// SPDX-License-Identifier: Apache-2.0
#include "boot_record.h"

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

static bool is_valid(const esp_ota_select_entry_t *entry) {
    return is_written(entry) && entry->ota_state != ESP_OTA_IMG_INVALID && entry->ota_state != ESP_OTA_IMG_ABORTED;
}

static int active_of(const record_t *record) {
    const esp_ota_select_entry_t *entries = record->entries;
    if (is_valid(&entries[0]) && is_valid(&entries[1])) {
        return entries[1].ota_seq > entries[0].ota_seq;
    }
    return is_valid(&entries[0]) ? 0 : is_valid(&entries[1]) ? 1 : NONE;
}

static const esp_partition_t *slot_of(const esp_ota_select_entry_t *entry) {
    uint32_t count = esp_ota_get_app_partition_count();
    if (count == 0) {
        return NULL;
    }
    esp_partition_subtype_t subtype = ESP_PARTITION_SUBTYPE_APP_OTA_MIN + (entry->ota_seq - 1) % count;
    return esp_partition_find_first(ESP_PARTITION_TYPE_APP, subtype, NULL);
}

// The entry for `slot`, the newer one of two.
static int entry_of(const record_t *record, const esp_partition_t *slot) {
    int found = NONE;
    for (int i = 0; i < 2; i++) {
        const esp_ota_select_entry_t *entry = &record->entries[i];
        bool newer = found == NONE || entry->ota_seq > record->entries[found].ota_seq;
        if (is_written(entry) && slot_of(entry) == slot && newer) {
            found = i;
        }
    }
    return found;
}

bool ota_ws_boot_record_state(const esp_partition_t *slot, uint32_t *state) {
    record_t record;
    int entry = read_record(&record) ? entry_of(&record, slot) : NONE;
    if (entry == NONE) {
        return false;
    }
    *state = record.entries[entry].ota_state;
    return true;
}

const esp_partition_t *ota_ws_boot_record_selected(void) {
    record_t record;
    int active = read_record(&record) ? active_of(&record) : NONE;
    return active == NONE ? NULL : slot_of(&record.entries[active]);
}

bool ota_ws_boot_record_has_other(void) {
    record_t record;
    int active = read_record(&record) ? active_of(&record) : NONE;
    return active != NONE && is_valid(&record.entries[1 - active]);
}

bool ota_ws_boot_record_selects(const esp_partition_t *slot, uint32_t state) {
    record_t record;
    int active = read_record(&record) ? active_of(&record) : NONE;
    return active != NONE && slot_of(&record.entries[active]) == slot && record.entries[active].ota_state == state;
}

esp_err_t ota_ws_boot_record_forget(const esp_partition_t *slot) {
    record_t record;
    esp_err_t error = ESP_OK;
    if (!read_record(&record)) {
        return ESP_OK;
    }
    for (int i = 0; i < 2 && error == ESP_OK; i++) {
        if (is_written(&record.entries[i]) && slot_of(&record.entries[i]) == slot) {
            error = esp_partition_erase_range(record.partition, (size_t)i * SECTOR, SECTOR);
        }
    }
    return error;
}

// ---- the mark ------------------------------------------------------------------------------------------------------

// As it lies in flash: what flash encryption makes of erased bytes is nothing to compare with.
static bool mark_is(const record_t *record, int entry, uint8_t value) {
    uint8_t bytes[MARK_SIZE];
    size_t offset = (size_t)entry * SECTOR + sizeof(esp_ota_select_entry_t);
    bool is_so = esp_partition_read_raw(record->partition, offset, bytes, sizeof bytes) == ESP_OK;
    for (size_t i = 0; i < sizeof bytes && is_so; i++) {
        is_so = bytes[i] == value;
    }
    return is_so;
}

void ota_ws_boot_record_put_mark(const esp_partition_t *slot) {
    static const uint8_t zeros[MARK_SIZE];
    record_t record;
    int entry = read_record(&record) ? entry_of(&record, slot) : NONE;
    if (entry != NONE) {
        size_t offset = (size_t)entry * SECTOR + sizeof record.entries[0];
        (void)esp_partition_write_raw(record.partition, offset, zeros, sizeof zeros);
    }
}

static bool has_mark(const esp_partition_t *slot, uint8_t value) {
    record_t record;
    int entry = read_record(&record) ? entry_of(&record, slot) : NONE;
    return entry != NONE && mark_is(&record, entry, value);
}

bool ota_ws_boot_record_is_marked(const esp_partition_t *slot) {
    return has_mark(slot, 0);
}

bool ota_ws_boot_record_was_rewritten(const esp_partition_t *slot) {
    return has_mark(slot, 0xFF);
}

// ---- states --------------------------------------------------------------------------------------------------------

esp_err_t ota_ws_boot_record_rewrite(uint32_t state) {
    record_t record;
    int active = read_record(&record) ? active_of(&record) : NONE;
    if (active == NONE) {
        return ESP_ERR_NOT_FOUND;
    }
    size_t offset = (size_t)active * SECTOR;
    record.entries[active].ota_state = state;
    esp_err_t error = esp_partition_erase_range(record.partition, offset, SECTOR);
    if (error == ESP_OK) {
        error = esp_partition_write(record.partition, offset, &record.entries[active], sizeof record.entries[active]);
    }
    return error;
}
