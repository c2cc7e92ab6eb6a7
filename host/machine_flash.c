// SPDX-License-Identifier: Apache-2.0
// The core's flash port: the slot that an update goes to, and its selection in the boot record.
#include "app_signature.h"
#include "image/policy.h"
#include "machine.h"

static uint32_t slot_size(void *context) {
    const machine_t *machine = context;
    bool has_slot = machine->other != machine->running || machine->recovery != NULL;
    return has_slot ? machine->other->size / NOR_SECTOR_SIZE * NOR_SECTOR_SIZE : 0;
}

static ota_ws_status_t report(const machine_t *machine, ota_ws_status_t status) {
    if (status != OTA_WS_OK) {
        console_log(machine->parts.console, "flash", "%s", machine->parts.nor->fault);
    }
    return status;
}

static bool inside(const machine_t *machine, uint32_t offset, size_t length) {
    return offset <= machine->other->size && length <= machine->other->size - offset;
}

static ota_ws_status_t open_slot(void *context, uint32_t image_size) {
    machine_t *machine = context;
    ota_ws_identity_t identity;
    machine_describe(machine, &identity);
    if (machine->other == machine->running) {
        return OTA_WS_NO_SLOT;
    }
    if (identity.image_state == OTA_WS_IMAGE_TRIAL) {
        return OTA_WS_ON_TRIAL;
    }
    machine->touched = false;
    machine->is_update = image_size > 0;
    if (machine->is_update) {
        console_log(machine->parts.console, "update", "%u bytes for %s are announced", (unsigned)image_size,
                    machine->other->label);
    }
    return OTA_WS_OK;
}

static ota_ws_status_t read_slot(void *context, uint32_t offset, void *bytes, size_t length) {
    machine_t *machine = context;
    if (!inside(machine, offset, length)) {
        return OTA_WS_FLASH_READ;
    }
    return report(machine, nor_read(machine->parts.nor, machine->other->address + offset, bytes, length));
}

static ota_ws_status_t read_running(void *context, uint32_t offset, void *bytes, size_t length) {
    machine_t *machine = context;
    const partition_t *running = machine->running;
    if (offset > running->size || length > running->size - offset) {
        return OTA_WS_FLASH_READ;
    }
    return report(machine, nor_read(machine->parts.nor, running->address + offset, bytes, length));
}

// Could this entry select `slot`, today or when a write of it that was cut off reads differently? So may one whose
// state bars it: the state has no check, and weak cells may read as another one at the next start.
static bool could_select(const otadata_entry_t *entry, size_t slots, uint32_t slot) {
    bool is_blank = entry->sequence == OTADATA_NO_SEQUENCE && entry->crc == UINT32_MAX;
    bool is_sound = entry->sequence != OTADATA_NO_SEQUENCE && entry->crc == otadata_crc(entry->sequence);
    return is_sound ? otadata_slot(entry, slots) == slot : !is_blank;
}

ota_ws_status_t machine_unselect_other(machine_t *machine) {
    const machine_parts_t *parts = &machine->parts;
    size_t slots = partition_table_ota_count(parts->table);
    uint32_t slot = (uint32_t)partition_table_ota_index(machine->other);
    otadata_t otadata;
    ota_ws_status_t status = otadata_read(parts->nor, machine->otadata, &otadata);
    for (int sector = 0; sector < 2 && status == OTA_WS_OK; sector++) {
        if (could_select(&otadata.entries[sector], slots, slot)) {
            status = otadata_withdraw(parts->nor, machine->otadata, sector);
        }
    }
    return status;
}

// Before the first change of the slot: its image goes, and no entry of the boot record may select it any more.
static ota_ws_status_t touch(machine_t *machine) {
    if (machine->touched) {
        return OTA_WS_OK;
    }
    ota_ws_status_t status = machine_unselect_other(machine);
    machine->touched = status == OTA_WS_OK;
    machine_forget(machine, machine->other);
    machine_look(machine);
    return status;
}

static void log_prepared(const machine_t *machine, uint32_t offset, uint32_t length) {
    if (!machine->is_update) {
        console_log(machine->parts.console, "prepare", "%s is erased from 0x%x to 0x%x", machine->other->label,
                    (unsigned)offset, (unsigned)(offset + length));
    }
}

static ota_ws_status_t erase_slot(void *context, uint32_t offset, uint32_t length) {
    machine_t *machine = context;
    if (!inside(machine, offset, length)) {
        return OTA_WS_FLASH_ERASE;
    }
    ota_ws_status_t status = touch(machine);
    if (status == OTA_WS_OK) {
        status = nor_erase(machine->parts.nor, machine->other->address + offset, length);
    }
    if (status == OTA_WS_OK) {
        log_prepared(machine, offset, length);
    }
    return report(machine, status);
}

static ota_ws_status_t program_slot(void *context, uint32_t offset, const void *bytes, size_t length) {
    machine_t *machine = context;
    if (!inside(machine, offset, length)) {
        return OTA_WS_FLASH_PROGRAM;
    }
    ota_ws_status_t status = touch(machine); // a blank slot is not erased
    if (status == OTA_WS_OK) {
        status = nor_program(machine->parts.nor, machine->other->address + offset, bytes, length);
    }
    return report(machine, status);
}

// ---- selection ----

// Writes {next number, state} for `partition` into the inactive sector, as esp_ota_set_boot_partition() does; when it
// cannot be read back, that sector is erased again.
static ota_ws_status_t select_partition(machine_t *machine, const partition_t *partition, otadata_state_t state) {
    const machine_parts_t *parts = &machine->parts;
    size_t slots = partition_table_ota_count(parts->table);
    uint32_t slot = (uint32_t)partition_table_ota_index(partition);
    otadata_t otadata;
    if (otadata_read(parts->nor, machine->otadata, &otadata) != OTA_WS_OK) {
        return OTA_WS_BOOT_RECORD;
    }
    int active = otadata_active(&otadata);
    int sector = active < 0 ? 0 : 1 - active;
    uint32_t sequence = active < 0 ? slot + 1 : otadata_next_sequence(otadata.entries[active].sequence, slot, slots);
    otadata_entry_t entry = otadata_entry(sequence, state);
    ota_ws_status_t status = otadata_write_checked(parts->nor, machine->otadata, sector, &entry);
    if (status != OTA_WS_OK) {
        (void)otadata_withdraw(parts->nor, machine->otadata, sector);
    } else if (state == OTADATA_NEW) {
        (void)otadata_put_mark(parts->nor, machine->otadata, sector); // without it a trial costs more, no update fails
    }
    return status;
}

// The running image may have no record: a first start that was cut off leaves one that neither counts nor is written
// again. It needs one to be gone back to.
static ota_ws_status_t record_running(machine_t *machine) {
    otadata_t otadata;
    ota_ws_status_t status = otadata_read(machine->parts.nor, machine->otadata, &otadata);
    bool is_slot = partition_table_ota_index(machine->running) >= 0;
    if (status != OTA_WS_OK || !is_slot || otadata_active(&otadata) >= 0) {
        return status;
    }
    return select_partition(machine, machine->running, OTADATA_VALID);
}

// Only what was signed with our key, when there is one.
static ota_ws_status_t check_signature(const machine_t *machine) {
    const machine_parts_t *parts = &machine->parts;
    signers_t signers;
    if (parts->signer == NULL) {
        return OTA_WS_OK;
    }
    ota_ws_status_t status = app_signature_verify(parts->nor, machine->other, &signers);
    if (status == OTA_WS_OK && !signature_is_by(&signers, parts->signer)) {
        status = OTA_WS_BAD_SIGNATURE;
    }
    return status;
}

static void log_selected(const machine_t *machine) {
    const char *from = machine->identity.running.version;
    const char *to = machine->identity.other.version;
    console_log(machine->parts.console, "update", "%s is verified and selected for the next start",
                machine->other->label);
    if (ota_ws_policy_is_downgrade(to, from)) {
        console_log(machine->parts.console, "update", "that is a downgrade from %s to %s, as the client allowed", from,
                    to);
    }
}

static ota_ws_status_t activate_verified(void *context, uint32_t image_size) {
    machine_t *machine = context;
    (void)image_size;
    ota_ws_status_t signature = check_signature(machine);
    if (signature != OTA_WS_OK) {
        console_log(machine->parts.console, "update", "the image in %s is refused: %s", machine->other->label,
                    ota_ws_status_name(signature));
        return signature;
    }
    machine_trust(machine, machine->other);
    ota_ws_status_t status = report(machine, record_running(machine));
    if (status == OTA_WS_OK) {
        status = report(machine, select_partition(machine, machine->other, OTADATA_NEW));
    }
    machine_look(machine);
    if (status == OTA_WS_OK) {
        log_selected(machine);
    }
    return status;
}

static ota_ws_status_t activate(void *context, uint32_t image_size) {
    machine_t *machine = context;
    if (!machine_verify(machine, machine->other)) {
        console_log(machine->parts.console, "update", "the image in %s would not start", machine->other->label);
        return OTA_WS_NOT_VERIFIED;
    }
    return activate_verified(machine, image_size);
}

// True when a start now would choose the running image, by the record alone.
static bool running_is_selected(const machine_t *machine, const otadata_t *otadata) {
    int active = otadata_active(otadata);
    int running = partition_table_ota_index(machine->running);
    if (active < 0) {
        return running < 0;
    }
    size_t slots = partition_table_ota_count(machine->parts.table);
    return otadata_slot(&otadata->entries[active], slots) == (uint32_t)running;
}

// Erases the entries that select another image; writes one for the running image when none is left for it.
static ota_ws_status_t select_running(machine_t *machine) {
    const machine_parts_t *parts = &machine->parts;
    otadata_t otadata;
    for (int attempt = 0; attempt < 3; attempt++) {
        if (otadata_read(parts->nor, machine->otadata, &otadata) != OTA_WS_OK) {
            return OTA_WS_BOOT_RECORD;
        }
        if (running_is_selected(machine, &otadata)) {
            return OTA_WS_OK;
        }
        int active = otadata_active(&otadata);
        if (active < 0) {
            return select_partition(machine, machine->running, OTADATA_VALID);
        }
        if (otadata_withdraw(parts->nor, machine->otadata, active) != OTA_WS_OK) {
            return OTA_WS_BOOT_RECORD;
        }
    }
    return OTA_WS_BOOT_RECORD;
}

static ota_ws_status_t deactivate(void *context) {
    machine_t *machine = context;
    ota_ws_status_t status = report(machine, select_running(machine));
    machine_look(machine);
    if (status == OTA_WS_OK) {
        console_log(machine->parts.console, "update", "taken back: %s stays selected", machine->running->label);
    }
    return status;
}

static void close_slot(void *context) {
    machine_t *machine = context;
    if (machine->is_update) {
        console_log(machine->parts.console, "update", "%s is closed", machine->other->label);
    }
}

ota_ws_flash_t machine_flash(machine_t *machine) {
    return (ota_ws_flash_t){
        .context = machine,
        .sector_size = NOR_SECTOR_SIZE,
        .block_size = NOR_BLOCK_SIZE,
        .program_unit = machine->parts.nor->program_unit,
        .slot_size = slot_size,
        .open = open_slot,
        .read = read_slot,
        .read_base = read_running,
        .erase = erase_slot,
        .program = program_slot,
        .activate = activate,
        .activate_verified = activate_verified,
        .deactivate = deactivate,
        .close = close_slot,
    };
}
