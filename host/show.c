// SPDX-License-Identifier: Apache-2.0
#include "show.h"

#include <inttypes.h>
#include <stdio.h>

#include "boot.h"
#include "hash_openssl.h"
#include "image/chip.h"
#include "partition_names.h"

static void show_table(const partition_table_t *table, uint32_t address) {
    printf("partition table at 0x%" PRIx32 "\n", address);
    for (size_t i = 0; i < table->count; i++) {
        const partition_t *row = &table->rows[i];
        char type[8];
        char subtype[8];
        printf("  %-16s %-4s %-9s 0x%06" PRIx32 " 0x%06" PRIx32 "%s%s\n", row->label, partition_type_name(row, type),
               partition_subtype_name(row, subtype), row->address, row->size,
               (row->flags & PARTITION_ENCRYPTED) != 0 ? " encrypted" : "",
               (row->flags & PARTITION_READONLY) != 0 ? " readonly" : "");
    }
}

static void show_entry(const otadata_t *otadata, int sector, size_t slots) {
    const otadata_entry_t *entry = &otadata->entries[sector];
    if (entry->sequence == OTADATA_NO_SEQUENCE) {
        printf("  otadata[%d] empty\n", sector);
        return;
    }
    bool crc_fits = entry->crc == otadata_crc(entry->sequence);
    printf("  otadata[%d] sequence %" PRIu32 " -> ota_%" PRIu32 ", %s, CRC %08" PRIx32 "%s%s\n", sector,
           entry->sequence, slots == 0 ? 0 : otadata_slot(entry, slots), otadata_state_name(entry->state), entry->crc,
           crc_fits ? "" : " (does not fit)", otadata_active(otadata) == sector ? ", active" : "");
}

static void show_record(board_t *board) {
    const partition_t *partition = boot_otadata_partition(&board->table);
    otadata_t otadata;
    printf("boot record\n");
    if (partition == NULL || otadata_read(&board->nor, partition, &otadata) != OTA_WS_OK) {
        printf("  none\n");
        return;
    }
    for (int sector = 0; sector < 2; sector++) {
        show_entry(&otadata, sector, partition_table_ota_count(&board->table));
    }
}

static void show_image(board_t *board, const partition_t *partition) {
    app_image_t app;
    if (!app_image_describe(&board->nor, partition, &app)) {
        printf("  %-16s no image\n", partition->label);
        return;
    }
    const char *chip = ota_ws_chip_name(app.header.chip_id);
    ota_ws_status_t status = app_image_verify(&board->nor, partition, &board->target, &ota_ws_hash_openssl);
    printf("  %-16s %s %s, %s, %s\n", partition->label, app.description.project, app.description.version,
           chip != NULL ? chip : "unknown chip", status == OTA_WS_OK ? "starts" : ota_ws_status_name(status));
}

void show_board(board_t *board) {
    show_table(&board->table, board->table_address);
    show_record(board);
    printf("images\n");
    for (size_t i = 0; i < board->table.count; i++) {
        if (board->table.rows[i].type == PARTITION_APP) {
            show_image(board, &board->table.rows[i]);
        }
    }
}
