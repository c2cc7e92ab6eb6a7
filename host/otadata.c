// SPDX-License-Identifier: Apache-2.0
#include "otadata.h"

#include <string.h>

#include "bytes.h"
#include "little_endian.h"

#define CRC_POLYNOMIAL 0xEDB88320
#define STATE_OFFSET 24
#define CRC_OFFSET 28
#define MARK_SIZE 32

uint32_t otadata_crc(uint32_t sequence) {
    uint8_t bytes[4];
    write_u32(bytes, sequence);
    uint32_t crc = 0; // the ROM inverts its start value 0xFFFFFFFF first
    for (size_t i = 0; i < sizeof bytes; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? CRC_POLYNOMIAL : 0);
        }
    }
    return ~crc;
}

bool otadata_is_candidate(const otadata_entry_t *entry) {
    return entry->sequence != OTADATA_NO_SEQUENCE && entry->state != OTADATA_INVALID && entry->state != OTADATA_ABORTED;
}

bool otadata_is_valid(const otadata_entry_t *entry) {
    return otadata_is_candidate(entry) && entry->crc == otadata_crc(entry->sequence);
}

int otadata_active(const otadata_t *otadata) {
    bool first = otadata_is_valid(&otadata->entries[0]);
    bool second = otadata_is_valid(&otadata->entries[1]);
    if (first && second) {
        return otadata->entries[0].sequence >= otadata->entries[1].sequence ? 0 : 1;
    }
    return first ? 0 : second ? 1 : -1;
}

uint32_t otadata_slot(const otadata_entry_t *entry, size_t slots) {
    return (uint32_t)((entry->sequence - 1) % slots);
}

uint32_t otadata_next_sequence(uint32_t current, uint32_t slot, size_t slots) {
    uint32_t sequence = (uint32_t)((slot + 1) % slots);
    if (sequence < current) {
        sequence += (uint32_t)((current - sequence + slots - 1) / slots * slots);
    }
    return sequence;
}

const char *otadata_state_name(uint32_t state) {
    static const char *const names[] = {"NEW", "PENDING_VERIFY", "VALID", "INVALID", "ABORTED"};
    if (state == (uint32_t)OTADATA_UNDEFINED) {
        return "UNDEFINED";
    }
    return state < sizeof names / sizeof names[0] ? names[state] : "?";
}

otadata_entry_t otadata_entry(uint32_t sequence, otadata_state_t state) {
    otadata_entry_t entry = {.sequence = sequence, .state = (uint32_t)state, .crc = otadata_crc(sequence)};
    memset(entry.label, 0xFF, sizeof entry.label);
    return entry;
}

// ---- flash ----

static void decode(const uint8_t *bytes, otadata_entry_t *entry) {
    entry->sequence = ota_ws_read_u32(bytes);
    memcpy(entry->label, bytes + 4, sizeof entry->label);
    entry->state = ota_ws_read_u32(bytes + STATE_OFFSET);
    entry->crc = ota_ws_read_u32(bytes + CRC_OFFSET);
}

static void encode(const otadata_entry_t *entry, uint8_t *bytes) {
    write_u32(bytes, entry->sequence);
    memcpy(bytes + 4, entry->label, sizeof entry->label);
    write_u32(bytes + STATE_OFFSET, entry->state);
    write_u32(bytes + CRC_OFFSET, entry->crc);
}

static uint32_t address_of(const partition_t *partition, int sector) {
    return partition->address + (uint32_t)sector * NOR_SECTOR_SIZE;
}

ota_ws_status_t otadata_read(nor_t *nor, const partition_t *partition, otadata_t *otadata) {
    for (int sector = 0; sector < 2; sector++) {
        uint8_t bytes[OTADATA_ENTRY_SIZE];
        ota_ws_status_t status = nor_read(nor, address_of(partition, sector), bytes, sizeof bytes);
        if (status != OTA_WS_OK) {
            return status;
        }
        decode(bytes, &otadata->entries[sector]);
    }
    return OTA_WS_OK;
}

static ota_ws_status_t erase(nor_t *nor, const partition_t *partition, int sector) {
    return nor_erase(nor, address_of(partition, sector), NOR_SECTOR_SIZE);
}

ota_ws_status_t otadata_write(nor_t *nor, const partition_t *partition, int sector, const otadata_entry_t *entry) {
    uint8_t bytes[OTADATA_ENTRY_SIZE];
    encode(entry, bytes);
    ota_ws_status_t status = erase(nor, partition, sector);
    return status == OTA_WS_OK ? nor_program(nor, address_of(partition, sector), bytes, sizeof bytes) : status;
}

ota_ws_status_t otadata_write_checked(nor_t *nor, const partition_t *partition, int sector,
                                      const otadata_entry_t *entry) {
    uint8_t wanted[OTADATA_ENTRY_SIZE];
    uint8_t found[OTADATA_ENTRY_SIZE];
    encode(entry, wanted);
    if (otadata_write(nor, partition, sector, entry) != OTA_WS_OK ||
        nor_read(nor, address_of(partition, sector), found, sizeof found) != OTA_WS_OK) {
        return OTA_WS_BOOT_RECORD;
    }
    return memcmp(wanted, found, sizeof found) == 0 ? OTA_WS_OK : OTA_WS_BOOT_RECORD;
}

// ---- the mark ----

static bool is_all(const uint8_t *bytes, size_t length, uint8_t value) {
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != value) {
            return false;
        }
    }
    return true;
}

ota_ws_status_t otadata_put_mark(nor_t *nor, const partition_t *partition, int sector) {
    static const uint8_t zeros[MARK_SIZE];
    return nor_program(nor, address_of(partition, sector) + OTADATA_ENTRY_SIZE, zeros, sizeof zeros);
}

otadata_mark_t otadata_mark(nor_t *nor, const partition_t *partition, int sector) {
    uint8_t bytes[MARK_SIZE];
    if (nor_read(nor, address_of(partition, sector) + OTADATA_ENTRY_SIZE, bytes, sizeof bytes) != OTA_WS_OK) {
        return OTADATA_MARK_TORN;
    }
    return is_all(bytes, sizeof bytes, 0)      ? OTADATA_MARK_THERE
           : is_all(bytes, sizeof bytes, 0xFF) ? OTADATA_MARK_GONE
                                               : OTADATA_MARK_TORN;
}

ota_ws_status_t otadata_withdraw(nor_t *nor, const partition_t *partition, int sector) {
    uint8_t bytes[OTADATA_ENTRY_SIZE];
    ota_ws_status_t status = nor_read(nor, address_of(partition, sector), bytes, sizeof bytes);
    memset(bytes + CRC_OFFSET, 0, 4);
    if (status == OTA_WS_OK) {
        status = nor_program(nor, address_of(partition, sector), bytes, sizeof bytes);
    }
    return status == OTA_WS_OK ? erase(nor, partition, sector) : status;
}
