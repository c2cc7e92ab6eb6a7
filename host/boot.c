// SPDX-License-Identifier: Apache-2.0
#include "boot.h"

#include <string.h>

#define FACTORY (-1) // index below ota_0

typedef struct {
    const boot_input_t *input;
    boot_outcome_t *outcome;
    int slots;
    otadata_t otadata;
    bool is_initial; // no factory, and neither entry was ever written: the choice gets recorded
} boot_t;

const partition_t *boot_otadata_partition(const partition_table_t *table) {
    return partition_table_find(table, PARTITION_DATA, PARTITION_OTADATA);
}

static const partition_t *partition_of(const boot_t *boot, int index) {
    const partition_table_t *table = boot->input->table;
    return index == FACTORY ? partition_table_find(table, PARTITION_APP, PARTITION_FACTORY)
                            : partition_table_ota(table, (size_t)index);
}

static void write_entry(boot_t *boot, int sector) {
    const boot_input_t *input = boot->input;
    (void)otadata_write(input->nor, boot_otadata_partition(input->table), sector, &boot->otadata.entries[sector]);
}

// ---- the choice ----

// An image that was on trial when the chip stopped has failed it.
static void abort_trials(boot_t *boot) {
    for (int sector = 0; sector < 2; sector++) {
        otadata_entry_t *entry = &boot->otadata.entries[sector];
        if (entry->state == OTADATA_PENDING_VERIFY) {
            entry->state = OTADATA_ABORTED;
            write_entry(boot, sector);
            boot->outcome->aborted = sector;
        }
    }
}

static bool is_unwritten(const otadata_entry_t *entry) {
    return entry->sequence == OTADATA_NO_SEQUENCE || entry->crc != otadata_crc(entry->sequence);
}

static int choose_default(boot_t *boot) {
    if (partition_of(boot, FACTORY) != NULL) {
        return FACTORY;
    }
    boot->is_initial = is_unwritten(&boot->otadata.entries[0]) && is_unwritten(&boot->otadata.entries[1]);
    return 0;
}

// A new image's trial begins before it is loaded: a cut from here on has used it up.
static int choose_active(boot_t *boot) {
    int active = otadata_active(&boot->otadata);
    if (active < 0) {
        return FACTORY;
    }
    otadata_entry_t *entry = &boot->otadata.entries[active];
    if (entry->state == OTADATA_NEW) {
        entry->state = OTADATA_PENDING_VERIFY;
        write_entry(boot, active);
    }
    return (int)otadata_slot(entry, (size_t)boot->slots);
}

static int choose(boot_t *boot) {
    const otadata_entry_t *entries = boot->otadata.entries;
    abort_trials(boot);
    if ((!otadata_is_candidate(&entries[0]) && !otadata_is_candidate(&entries[1])) || boot->slots == 0) {
        return choose_default(boot);
    }
    return choose_active(boot);
}

// ---- loading ----

static void refuse(boot_outcome_t *outcome, const partition_t *partition, ota_ws_status_t status) {
    if (outcome->refusal_count < BOOT_REFUSAL_MAX) {
        outcome->refusals[outcome->refusal_count++] = (boot_refusal_t){partition, status};
    }
}

static bool try_partition(boot_t *boot, const partition_t *partition) {
    const boot_input_t *input = boot->input;
    if (partition == NULL || partition->size == 0) {
        return false;
    }
    ota_ws_status_t status = app_image_verify(input->nor, partition, &input->target, input->hash);
    if (status != OTA_WS_OK) {
        refuse(boot->outcome, partition, status);
        return false;
    }
    boot->outcome->partition = partition;
    return true;
}

static void record_first_choice(boot_t *boot, int index) {
    if (index == FACTORY || !boot->is_initial) {
        return;
    }
    boot->otadata.entries[0] = otadata_entry((uint32_t)index + 1, OTADATA_VALID);
    write_entry(boot, 0);
}

static bool try_index(boot_t *boot, int index) {
    if (!try_partition(boot, partition_of(boot, index))) {
        return false;
    }
    record_first_choice(boot, index);
    return true;
}

// From the choice down to the factory image, then up from it, then the test image.
static bool load(boot_t *boot, int start) {
    for (int index = start; index >= FACTORY; index--) {
        if (try_index(boot, index)) {
            return true;
        }
    }
    for (int index = start + 1; index < boot->slots; index++) {
        if (try_index(boot, index)) {
            return true;
        }
    }
    return try_partition(boot, partition_table_find(boot->input->table, PARTITION_APP, PARTITION_TEST));
}

void boot_run(const boot_input_t *input, boot_outcome_t *outcome) {
    boot_t boot = {.input = input, .outcome = outcome, .slots = (int)partition_table_ota_count(input->table)};
    memset(outcome, 0, sizeof *outcome);
    outcome->aborted = -1;
    if (otadata_read(input->nor, boot_otadata_partition(input->table), &boot.otadata) != OTA_WS_OK) {
        return; // ESP-IDF: INVALID_INDEX, and the chip resets
    }
    (void)load(&boot, choose(&boot));
}
