// SPDX-License-Identifier: Apache-2.0
// Partition tables, as text and as bytes: what is read can be written and read again, and is the same.
#include <stdlib.h>
#include <string.h>

#include "partition_csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const partition_table_t *table) {
    uint8_t bytes[PARTITION_TABLE_SIZE];
    partition_table_t again;
    partition_error_t error;
    partition_table_encode(table, bytes);
    if (!partition_table_decode(&again, bytes, &error)) {
        return; // a text may say what no table in flash may
    }
    if (again.count != table->count) {
        abort();
    }
    for (size_t i = 0; i < table->count; i++) {
        if (again.rows[i].address != table->rows[i].address || again.rows[i].size != table->rows[i].size ||
            strcmp(again.rows[i].label, table->rows[i].label) != 0) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    partition_table_t table;
    partition_error_t error;
    uint8_t bytes[PARTITION_TABLE_SIZE];
    memset(bytes, 0xFF, sizeof bytes);
    memcpy(bytes, data, size < sizeof bytes ? size : sizeof bytes);
    if (partition_table_decode(&table, bytes, &error)) {
        check_round_trip(&table);
    }
    if (partition_csv_parse(&table, (const char *)data, size, &error)) {
        check_round_trip(&table);
        (void)partition_table_check(&table, 1u << 22, &error);
    }
    return 0;
}
