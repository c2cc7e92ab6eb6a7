// SPDX-License-Identifier: Apache-2.0
// ESP-IDF's partition table as it lies in flash, by default at 0x8000. Format: "ESP-IDF Programming Guide, Partition
// Tables" and esp_flash_partitions.h: rows of 32 bytes that start with 0xAA50, one row with the MD5 of all before, 0xFF
// to the end.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PARTITION_TABLE_ADDRESS 0x8000 // CONFIG_PARTITION_TABLE_OFFSET, by default
#define PARTITION_TABLE_SIZE 0xC00
#define PARTITION_TABLE_SECTOR 0x1000 // the first partition may start behind it
#define PARTITION_MAX 94              // rows, beside the one with the MD5
#define PARTITION_LABEL_SIZE 17       // terminated
#define PARTITION_APP_ALIGNMENT 0x10000
#define PARTITION_DATA_ALIGNMENT 0x1000
#define PARTITION_OTADATA_SIZE 0x2000
#define PARTITION_OTA_MAX 16
#define PARTITION_ERROR_SIZE 200

enum { PARTITION_APP = 0, PARTITION_DATA = 1, PARTITION_BOOTLOADER = 2, PARTITION_TABLE = 3 };
enum { PARTITION_PRIMARY = 0x00, PARTITION_RECOVERY = 0x02 };                     // of the last two
enum { PARTITION_FACTORY = 0x00, PARTITION_OTA_0 = 0x10, PARTITION_TEST = 0x20 }; // subtypes of PARTITION_APP
enum {
    PARTITION_OTADATA = 0x00,
    PARTITION_NVS = 0x02,
    PARTITION_COREDUMP = 0x03,
    PARTITION_TEE_OTADATA = 0x90
};                                                                  // subtypes of PARTITION_DATA
enum { PARTITION_ENCRYPTED = 1 << 0, PARTITION_READONLY = 1 << 1 }; // flags

typedef struct {
    uint8_t type;
    uint8_t subtype;
    uint32_t address;
    uint32_t size;
    char label[PARTITION_LABEL_SIZE];
    uint32_t flags;
} partition_t;

typedef struct {
    partition_t rows[PARTITION_MAX];
    size_t count;
} partition_table_t;

// What is wrong, as a sentence for people; "" when nothing is.
typedef struct {
    char text[PARTITION_ERROR_SIZE];
} partition_error_t;

// The table's bytes, all of them.
void partition_table_encode(const partition_table_t *table, uint8_t bytes[PARTITION_TABLE_SIZE]);

// The reverse. False, and why, when there is no table, or a damaged one.
bool partition_table_decode(partition_table_t *table, const uint8_t bytes[PARTITION_TABLE_SIZE],
                            partition_error_t *error);

// The first partition of that kind, or NULL.
const partition_t *partition_table_find(const partition_table_t *table, uint8_t type, uint8_t subtype);

// ota_`index`, or NULL.
const partition_t *partition_table_ota(const partition_table_t *table, size_t index);

// ota_0, ota_1 ... without a gap, as ESP-IDF counts them.
size_t partition_table_ota_count(const partition_table_t *table);

// The number of `partition` among the OTA slots; -1 when it is none.
int partition_table_ota_index(const partition_t *partition);

// Can a device of `flash_size` be updated with this table? It lies within flash, it has otadata and two OTA slots, or
// one and a factory partition (the recovery layout).
bool partition_table_check(const partition_table_t *table, uint32_t flash_size, partition_error_t *error);
