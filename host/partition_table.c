// SPDX-License-Identifier: Apache-2.0
#include "partition_table.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "little_endian.h"

#define ROW_SIZE 32
#define ROW_MAGIC 0x50AA // the bytes AA 50
#define MD5_MAGIC 0xEBEB
#define MD5_OFFSET 16
#define MD5_SIZE 16
#define LABEL_OFFSET 12
#define LABEL_LENGTH 16

__attribute__((format(printf, 2, 3))) static bool refuse(partition_error_t *error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return false;
}

// ---- bytes ----

static void encode_row(const partition_t *partition, uint8_t row[ROW_SIZE]) {
    memset(row, 0, ROW_SIZE);
    write_u16(row, ROW_MAGIC);
    row[2] = partition->type;
    row[3] = partition->subtype;
    write_u32(row + 4, partition->address);
    write_u32(row + 8, partition->size);
    memcpy(row + LABEL_OFFSET, partition->label, strnlen(partition->label, LABEL_LENGTH));
    write_u32(row + 28, partition->flags);
}

static void decode_row(partition_t *partition, const uint8_t row[ROW_SIZE]) {
    memset(partition, 0, sizeof *partition);
    partition->type = row[2];
    partition->subtype = row[3];
    partition->address = ota_ws_read_u32(row + 4);
    partition->size = ota_ws_read_u32(row + 8);
    memcpy(partition->label, row + LABEL_OFFSET, LABEL_LENGTH);
    partition->flags = ota_ws_read_u32(row + 28);
}

static void hash_rows(const uint8_t *rows, size_t length, uint8_t md5[MD5_SIZE]) {
    if (EVP_Digest(rows, length, md5, NULL, EVP_md5(), NULL) != 1) {
        memset(md5, 0, MD5_SIZE);
    }
}

void partition_table_encode(const partition_table_t *table, uint8_t bytes[PARTITION_TABLE_SIZE]) {
    memset(bytes, 0xFF, PARTITION_TABLE_SIZE);
    size_t length = 0;
    for (size_t i = 0; i < table->count; i++, length += ROW_SIZE) {
        encode_row(&table->rows[i], bytes + length);
    }
    hash_rows(bytes, length, bytes + length + MD5_OFFSET);
    write_u16(bytes + length, MD5_MAGIC);
}

static bool is_erased(const uint8_t *row) {
    for (size_t i = 0; i < ROW_SIZE; i++) {
        if (row[i] != 0xFF) {
            return false;
        }
    }
    return true;
}

bool partition_table_decode(partition_table_t *table, const uint8_t bytes[PARTITION_TABLE_SIZE],
                            partition_error_t *error) {
    memset(table, 0, sizeof *table);
    for (size_t at = 0; at < PARTITION_TABLE_SIZE; at += ROW_SIZE) {
        const uint8_t *row = bytes + at;
        uint8_t md5[MD5_SIZE];
        if (is_erased(row)) {
            return table->count > 0 || refuse(error, "there is no partition table");
        }
        if (ota_ws_read_u16(row) == MD5_MAGIC) {
            hash_rows(bytes, at, md5);
            if (memcmp(md5, row + MD5_OFFSET, MD5_SIZE) != 0) {
                return refuse(error, "the partition table is damaged: its MD5 does not fit");
            }
        } else if (ota_ws_read_u16(row) != ROW_MAGIC || table->count == PARTITION_MAX) {
            return refuse(error, "there is no partition table, or it is damaged (row %zu)", at / ROW_SIZE);
        } else {
            decode_row(&table->rows[table->count++], row);
        }
    }
    return refuse(error, "the partition table has no end");
}

// ---- questions ----

const partition_t *partition_table_find(const partition_table_t *table, uint8_t type, uint8_t subtype) {
    for (size_t i = 0; i < table->count; i++) {
        if (table->rows[i].type == type && table->rows[i].subtype == subtype) {
            return &table->rows[i];
        }
    }
    return NULL;
}

const partition_t *partition_table_ota(const partition_table_t *table, size_t index) {
    if (index >= PARTITION_OTA_MAX) {
        return NULL;
    }
    return partition_table_find(table, PARTITION_APP, (uint8_t)(PARTITION_OTA_0 + index));
}

size_t partition_table_ota_count(const partition_table_t *table) {
    size_t count = 0;
    while (partition_table_ota(table, count) != NULL) {
        count++;
    }
    return count;
}

int partition_table_ota_index(const partition_t *partition) {
    bool is_ota = partition->type == PARTITION_APP && partition->subtype >= PARTITION_OTA_0 &&
                  partition->subtype < PARTITION_OTA_0 + PARTITION_OTA_MAX;
    return is_ota ? partition->subtype - PARTITION_OTA_0 : -1;
}

bool partition_table_check(const partition_table_t *table, uint32_t flash_size, partition_error_t *error) {
    for (size_t i = 0; i < table->count; i++) {
        const partition_t *partition = &table->rows[i];
        if (partition->address > flash_size || partition->size > flash_size - partition->address) {
            return refuse(error,
                          "partition '%s' ends at 0x%" PRIx64 ", behind the end of the flash (%" PRIu32 " KiB); "
                          "--flash-size makes a larger one",
                          partition->label, (uint64_t)partition->address + partition->size, flash_size / 1024);
        }
    }
    const partition_t *otadata = partition_table_find(table, PARTITION_DATA, PARTITION_OTADATA);
    if (otadata == NULL) {
        return refuse(error, "the partition table has no otadata partition (data, ota, size 0x2000): "
                             "a device with it cannot be updated");
    }
    if (otadata->size < PARTITION_OTADATA_SIZE) {
        return refuse(error, "the otadata partition '%s' is smaller than 0x2000", otadata->label);
    }
    size_t slots = partition_table_ota_count(table);
    bool has_factory = partition_table_find(table, PARTITION_APP, PARTITION_FACTORY) != NULL;
    if (slots < 2 && !(slots == 1 && has_factory)) {
        return refuse(error,
                      "the partition table has %zu OTA slot%s (app, ota_0 and ota_1), two are needed, or one and a "
                      "factory partition: a device with it cannot be updated",
                      slots, slots == 1 ? "" : "s");
    }
    return true;
}
