// SPDX-License-Identifier: Apache-2.0
// host/partition_csv.c as a program: a partitions.csv in, the table's bytes out, as ESP-IDF's gen_esp32part.py writes
// them. usage: read_partitions TABLE_OFFSET BOOTLOADER_OFFSET RECOVERY_OFFSET CSV OUT; exit 1 after a sentence on
// stderr.
#include <stdio.h>
#include <stdlib.h>

#include "partition_csv.h"

int main(int count, char *arguments[]) {
    partition_table_t table;
    partition_error_t error = {""};
    uint8_t bytes[PARTITION_TABLE_SIZE];
    if (count != 6) {
        fputs("usage: read_partitions TABLE_OFFSET BOOTLOADER_OFFSET RECOVERY_OFFSET CSV OUT\n", stderr);
        return 2;
    }
    const partition_layout_t layout = {strtoll(arguments[1], NULL, 0), strtoll(arguments[2], NULL, 0),
                                       strtoll(arguments[3], NULL, 0)};
    if (!partition_csv_load(&table, arguments[4], &layout, &error)) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    partition_table_encode(&table, bytes);
    FILE *file = fopen(arguments[5], "wb");
    bool written = file != NULL && fwrite(bytes, 1, sizeof bytes, file) == sizeof bytes;
    return file != NULL && fclose(file) == 0 && written ? 0 : 2;
}
