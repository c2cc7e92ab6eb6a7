// SPDX-License-Identifier: Apache-2.0
// The core's platform port: identity, confirmation, going back, restart, random bytes.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "machine.h"

static void describe(void *context, ota_ws_identity_t *identity) {
    machine_describe(context, identity);
}

// The active entry, when it speaks of the running image: its sector, or -1.
static int running_sector(const machine_t *machine, otadata_t *otadata) {
    const machine_parts_t *parts = &machine->parts;
    if (otadata_read(parts->nor, machine->otadata, otadata) != OTA_WS_OK) {
        return -1;
    }
    int active = otadata_active(otadata);
    if (active < 0) {
        return -1;
    }
    uint32_t slot = otadata_slot(&otadata->entries[active], partition_table_ota_count(parts->table));
    return partition_table_ota(parts->table, slot) == machine->running ? active : -1;
}

// Rewrites the entry in place, as esp_ota_ops.c does, and looks again.
static ota_ws_status_t mark(machine_t *machine, int sector, otadata_entry_t entry, otadata_state_t state) {
    const machine_parts_t *parts = &machine->parts;
    entry.state = (uint32_t)state;
    ota_ws_status_t status = otadata_write_checked(parts->nor, machine->otadata, sector, &entry);
    machine_look(machine);
    if (status != OTA_WS_OK) {
        console_log(parts->console, "flash", "the boot record cannot be written");
    }
    return status;
}

// esp_ota_mark_app_valid_cancel_rollback(), but it also writes what reads as valid already: a write that was cut off
// may read so today and not tomorrow.
static ota_ws_status_t confirm(void *context) {
    machine_t *machine = context;
    otadata_t otadata;
    int sector = running_sector(machine, &otadata);
    if (sector < 0) {
        return OTA_WS_NOT_ON_TRIAL;
    }
    ota_ws_status_t status = mark(machine, sector, otadata.entries[sector], OTADATA_VALID);
    if (status == OTA_WS_OK) {
        console_log(machine->parts.console, "trial", "the image in %s is confirmed", machine->running->label);
    }
    return status;
}

// What would start if the running image's entry were gone; NULL when nothing verified would.
static const partition_t *earlier_image(machine_t *machine, const otadata_t *otadata, int sector) {
    const partition_table_t *table = machine->parts.table;
    const otadata_entry_t *entry = &otadata->entries[1 - sector];
    const partition_t *target = otadata_is_valid(entry)
                                    ? partition_table_ota(table, otadata_slot(entry, partition_table_ota_count(table)))
                                    : partition_table_find(table, PARTITION_APP, PARTITION_FACTORY);
    if (target == NULL || target == machine->running || !machine_verify(machine, target)) {
        return NULL;
    }
    return target;
}

// Writes the entry of the image before anew, if it is lost and the image is whole. True also when nothing is lost.
static bool restore_lost(machine_t *machine, bool *restored) {
    const machine_parts_t *parts = &machine->parts;
    otadata_t otadata;
    otadata_entry_t entry;
    int sector;
    if (otadata_read(parts->nor, machine->otadata, &otadata) != OTA_WS_OK) {
        return false;
    }
    const partition_t *lost = machine_find_lost(machine, &otadata, &sector, &entry);
    *restored = lost != NULL && machine_verify(machine, lost);
    return !*restored || otadata_write_checked(parts->nor, machine->otadata, sector, &entry) == OTA_WS_OK;
}

// esp_ota_mark_app_invalid_rollback(). Where the bootloader has started the running image for want of an entry that
// counts, the restored entry is all that is needed.
static ota_ws_status_t roll_back(void *context, bool on_trial) {
    machine_t *machine = context;
    otadata_t otadata;
    bool restored = false;
    if (on_trial && !restore_lost(machine, &restored)) {
        machine_look(machine);
        return OTA_WS_BOOT_RECORD;
    }
    int sector = running_sector(machine, &otadata);
    if (restored && sector < 0) {
        machine_look(machine);
        return OTA_WS_OK;
    }
    const partition_t *target = sector < 0 ? NULL : earlier_image(machine, &otadata, sector);
    if (target == NULL) {
        return OTA_WS_NOTHING_TO_GO_BACK_TO;
    }
    ota_ws_status_t status = mark(machine, sector, otadata.entries[sector], OTADATA_INVALID);
    if (status == OTA_WS_OK) {
        console_log(machine->parts.console, "trial", "%s is given up, %s starts next", machine->running->label,
                    target->label);
    }
    return status;
}

// As esp_ota_set_boot_partition() of a factory partition, which erases the whole record.
static ota_ws_status_t enter_recovery(void *context) {
    machine_t *machine = context;
    if (!machine_verify(machine, machine->recovery)) {
        return OTA_WS_NOT_VERIFIED;
    }
    ota_ws_status_t status = machine_unselect_other(machine);
    machine_look(machine);
    if (status != OTA_WS_OK) {
        return OTA_WS_BOOT_RECORD;
    }
    console_log(machine->parts.console, "recovery", "%s starts next", machine->recovery->label);
    return OTA_WS_OK;
}

static void restart(void *context) {
    machine_t *machine = context;
    if (machine->restart != NULL) {
        machine->restart(machine->restart_context);
    }
}

static void fill_random(void *context, uint8_t *bytes, size_t length) {
    (void)context;
    while (length > 0) {
        ssize_t got = getrandom(bytes, length, 0);
        if (got < 0) {
            abort(); // no device can go on without
        }
        bytes += got;
        length -= (size_t)got;
    }
}

static size_t load(void *context, const char *key, void *value, size_t size) {
    const machine_t *machine = context;
    return machine->parts.store == NULL ? 0 : store_load(machine->parts.store, key, value, size);
}

static void save(void *context, const char *key, const void *value, size_t size) {
    const machine_t *machine = context;
    if (machine->parts.store != NULL) {
        store_save(machine->parts.store, key, value, size);
    }
}

static ota_ws_reset_t reset_reason(void *context) {
    return ((const machine_t *)context)->parts.reset;
}

static uint32_t clock_s(void *context) {
    (void)context;
    return (uint32_t)time(NULL);
}

static const ota_ws_log_memory_t *get_log(void *context) {
    return remains_memory(((const machine_t *)context)->parts.remains);
}

static bool open_core(void *context, ota_ws_core_dump_t *core) {
    return remains_open_core(((const machine_t *)context)->parts.remains, core);
}

static void close_core(void *context, ota_ws_core_dump_t *core) {
    (void)context;
    (void)core;
}

// What an application would find of itself: a word in a file, so that a script can say it.
static ota_ws_health_result_t check_health(void *context) {
    const machine_t *machine = context;
    char word[8] = "";
    FILE *file = fopen(machine->parts.health, "re");
    if (file == NULL) {
        return OTA_WS_HEALTH_NOT_KNOWN;
    }
    (void)!fscanf(file, "%7s", word);
    fclose(file);
    return strcmp(word, "good") == 0  ? OTA_WS_HEALTH_IS_GOOD
           : strcmp(word, "bad") == 0 ? OTA_WS_HEALTH_IS_BAD
                                      : OTA_WS_HEALTH_NOT_KNOWN;
}

ota_ws_platform_t machine_platform(machine_t *machine) {
    bool keeps = machine->parts.remains != NULL;
    return (ota_ws_platform_t){
        .context = machine,
        .describe = describe,
        .confirm = confirm,
        .roll_back = roll_back,
        .enter_recovery = enter_recovery,
        .restart = restart,
        .check_health = machine->parts.health != NULL ? check_health : NULL,
        .random = fill_random,
        .load = load,
        .save = save,
        .reset_reason = reset_reason,
        .clock_s = clock_s,
        .log = keeps ? get_log : NULL,
        .open_core = keeps ? open_core : NULL,
        .close_core = keeps ? close_core : NULL,
    };
}
