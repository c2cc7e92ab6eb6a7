// SPDX-License-Identifier: Apache-2.0
// The boot record of ESP-IDF: two sectors of the otadata partition, one entry of 32 bytes at the start of each. Rules:
// esp_flash_partitions.h, bootloader_common_loader.c and esp_ota_ops.c. The CRC covers the sequence number only.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "nor.h"
#include "partition_table.h"

#define OTADATA_ENTRY_SIZE 32
#define OTADATA_NO_SEQUENCE UINT32_MAX // of an erased entry

typedef enum {
    OTADATA_NEW = 0,
    OTADATA_PENDING_VERIFY = 1,
    OTADATA_VALID = 2,
    OTADATA_INVALID = 3,
    OTADATA_ABORTED = 4,
    OTADATA_UNDEFINED = -1, // 0xFFFFFFFF
} otadata_state_t;

typedef struct {
    uint32_t sequence;
    uint8_t label[20];
    uint32_t state; // any value may stand in flash
    uint32_t crc;
} otadata_entry_t;

// Both entries. Sector 0 and sector 1.
typedef struct {
    otadata_entry_t entries[2];
} otadata_t;

// CRC-32 of the sequence number as the chips' ROM computes it (start 0xFFFFFFFF).
uint32_t otadata_crc(uint32_t sequence);

// Number there, state neither INVALID nor ABORTED: what the bootloader asks first.
bool otadata_is_candidate(const otadata_entry_t *entry);

// A candidate whose CRC fits: it can be chosen.
bool otadata_is_valid(const otadata_entry_t *entry);

// The sector of the valid entry with the higher number, or -1.
int otadata_active(const otadata_t *otadata);

// The OTA slot that an entry selects, of `slots`.
uint32_t otadata_slot(const otadata_entry_t *entry, size_t slots);

// The smallest sequence number that is not below `current` and selects `slot`.
uint32_t otadata_next_sequence(uint32_t current, uint32_t slot, size_t slots);

// "NEW", "PENDING_VERIFY" ...; "?" for a value that is none.
const char *otadata_state_name(uint32_t state);

ota_ws_status_t otadata_read(nor_t *nor, const partition_t *partition, otadata_t *otadata);

// An entry that selects a slot by its number, with its CRC; the label is erased.
otadata_entry_t otadata_entry(uint32_t sequence, otadata_state_t state);

// Erases the sector and writes the entry as it is.
ota_ws_status_t otadata_write(nor_t *nor, const partition_t *partition, int sector, const otadata_entry_t *entry);

// The same, and reads all 32 bytes back: OTA_WS_BOOT_RECORD when they differ or when flash has failed.
ota_ws_status_t otadata_write_checked(nor_t *nor, const partition_t *partition, int sector,
                                      const otadata_entry_t *entry);

// A mark behind the entry, which a bootloader neither reads nor keeps: is the entry still the one that was written
// together with it?
typedef enum {
    OTADATA_MARK_THERE,
    OTADATA_MARK_TORN, // some of its bits are gone
    OTADATA_MARK_GONE, // the sector was erased to the end since; or there never was one
} otadata_mark_t;

ota_ws_status_t otadata_put_mark(nor_t *nor, const partition_t *partition, int sector);
otadata_mark_t otadata_mark(nor_t *nor, const partition_t *partition, int sector);

// Takes the entry away: makes its CRC wrong first, then erases the sector. So no part of it that a power cut leaves
// counts, and a half-erased state lifts no bar.
ota_ws_status_t otadata_withdraw(nor_t *nor, const partition_t *partition, int sector);
