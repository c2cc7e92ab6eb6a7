// SPDX-License-Identifier: Apache-2.0
// partitions.csv in ESP-IDF's syntax (gen_esp32part.py): comments, K and M, hexadecimal, empty offsets, names or
// numbers of types and subtypes, flags. Text in, table out; an error names its line.
#pragma once

#include "partition_table.h"

// `text` need not be terminated.
bool partition_csv_parse(partition_table_t *table, const char *text, size_t length, partition_error_t *error);

// The same from a file.
bool partition_csv_load(partition_table_t *table, const char *path, partition_error_t *error);
