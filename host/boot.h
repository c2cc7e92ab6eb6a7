// SPDX-License-Identifier: Apache-2.0
// What ESP-IDF's second-stage bootloader does at every start, with CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE: reads and
// rewrites the boot record, chooses a partition, verifies its image, falls back. Source: bootloader_utility.c,
// bootloader_utility_get_selected_boot_partition() and bootloader_utility_load_boot_image(). Flash in, choice out.
#pragma once

#include "app_image.h"
#include "otadata.h"

// What the bootloader works on.
typedef struct {
    nor_t *nor;
    const partition_table_t *table;
    const ota_ws_hash_t *hash;
    app_target_t target;
} boot_input_t;

// A partition that was tried and did not start.
typedef struct {
    const partition_t *partition;
    ota_ws_status_t status;
} boot_refusal_t;

#define BOOT_REFUSAL_MAX (PARTITION_OTA_MAX + 2)

typedef struct {
    const partition_t *partition; // that starts; NULL: none does
    int aborted;                  // sector whose entry was PENDING_VERIFY and is ABORTED now; -1: none
    boot_refusal_t refusals[BOOT_REFUSAL_MAX];
    size_t refusal_count;
} boot_outcome_t;

// One start. It reacts to failures of flash as the bootloader does: a record that cannot be written is left.
void boot_run(const boot_input_t *input, boot_outcome_t *outcome);

// The otadata partition of the table; the caller has checked that there is one.
const partition_t *boot_otadata_partition(const partition_table_t *table);
