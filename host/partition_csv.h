// SPDX-License-Identifier: Apache-2.0
// partitions.csv in ESP-IDF's syntax (gen_esp32part.py): comments, K and M, hexadecimal, empty offsets, names or
// numbers of types and subtypes, flags, $NAME from the environment. Text in, table out; an error names its line.
#pragma once

#include "partition_table.h"

#define PARTITION_NOWHERE INT64_C(-1)

// Where the build puts what is in no partition of its own.
typedef struct {
    int64_t table;      // CONFIG_PARTITION_TABLE_OFFSET
    int64_t bootloader; // CONFIG_BOOTLOADER_OFFSET_IN_FLASH: by the chip
    int64_t recovery;   // CONFIG_BOOTLOADER_RECOVERY_OFFSET, or PARTITION_NOWHERE
} partition_layout_t;

// The table at 0x8000, the bootloader at 0, no recovery bootloader.
extern const partition_layout_t partition_layout_default;

typedef struct {
    const char *bytes; // UTF-8 or UTF-16; need not be terminated
    size_t length;
    partition_layout_t layout;
} partition_csv_t;

bool partition_csv_parse_at(partition_table_t *table, const partition_csv_t *text, partition_error_t *error);

// The same with partition_layout_default.
bool partition_csv_parse(partition_table_t *table, const char *text, size_t length, partition_error_t *error);

// From a file.
bool partition_csv_load(partition_table_t *table, const char *path, const partition_layout_t *layout,
                        partition_error_t *error);
