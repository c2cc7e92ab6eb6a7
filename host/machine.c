// SPDX-License-Identifier: Apache-2.0
#include "machine.h"

#include <string.h>

#include "app_signature.h"
#include "image/chip.h"
#include "text.h"

#define FACTORY_INDEX PARTITION_OTA_MAX

// ---- start ----

static void report_refusals(const machine_t *machine, const boot_outcome_t *outcome) {
    for (size_t i = 0; i < outcome->refusal_count; i++) {
        const boot_refusal_t *refusal = &outcome->refusals[i];
        console_log(machine->parts.console, "boot", "%s does not start: %s", refusal->partition->label,
                    ota_ws_status_name(refusal->status));
    }
}

static void report_abort(const machine_t *machine, const boot_outcome_t *outcome) {
    otadata_t otadata;
    if (outcome->aborted < 0 || otadata_read(machine->parts.nor, machine->otadata, &otadata) != OTA_WS_OK) {
        return;
    }
    size_t slots = partition_table_ota_count(machine->parts.table);
    uint32_t slot = otadata_slot(&otadata.entries[outcome->aborted], slots);
    console_log(machine->parts.console, "boot", "the image in ota_%u restarted before it was confirmed: aborted",
                (unsigned)slot);
}

// The OTA slot behind the running one, or the first: esp_ota_get_next_update_partition().
static const partition_t *next_slot(const partition_table_t *table, const partition_t *running) {
    size_t count = partition_table_ota_count(table);
    int index = partition_table_ota_index(running);
    return partition_table_ota(table, index < 0 ? 0 : ((size_t)index + 1) % count);
}

// One slot beside a factory partition: the factory image is the recovery application.
static const partition_t *find_recovery(const partition_table_t *table) {
    return partition_table_ota_count(table) == 1 ? partition_table_find(table, PARTITION_APP, PARTITION_FACTORY) : NULL;
}

static ota_ws_layout_t layout_of(const machine_t *machine) {
    return machine->recovery == NULL               ? OTA_WS_LAYOUT_TWO_SLOTS
           : machine->running == machine->recovery ? OTA_WS_LAYOUT_RECOVERY
                                                   : OTA_WS_LAYOUT_APPLICATION;
}

static void verify_others(machine_t *machine) {
    const partition_table_t *table = machine->parts.table;
    for (size_t i = 0; i < table->count; i++) {
        const partition_t *partition = &table->rows[i];
        app_image_t app;
        if (partition->type == PARTITION_APP && partition != machine->running &&
            app_image_describe(machine->parts.nor, partition, &app)) {
            machine_verify(machine, partition);
        }
    }
}

bool machine_start(machine_t *machine, const machine_parts_t *parts) {
    boot_outcome_t outcome;
    boot_input_t input = {parts->nor, parts->table, parts->hash, parts->target};
    memset(machine, 0, sizeof *machine);
    pthread_mutex_init(&machine->lock, NULL);
    machine->parts = *parts;
    machine->otadata = boot_otadata_partition(parts->table);
    boot_run(&input, &outcome);
    report_abort(machine, &outcome);
    report_refusals(machine, &outcome);
    if (outcome.partition == NULL) {
        console_log(parts->console, "boot", "no partition holds an image that starts");
        return false;
    }
    machine->running = outcome.partition;
    machine->other = next_slot(parts->table, machine->running);
    machine->recovery = find_recovery(parts->table);
    verify_others(machine);
    (void)app_signature_verify(parts->nor, machine->running, &machine->signers);
    machine_look(machine);
    return true;
}

void machine_stop(machine_t *machine) {
    pthread_mutex_destroy(&machine->lock);
}

void machine_on_restart(machine_t *machine, void (*restart)(void *context), void *context) {
    machine->restart = restart;
    machine->restart_context = context;
}

// ---- what starts ----

static bool *verified_flag(machine_t *machine, const partition_t *partition) {
    int index = partition_table_ota_index(partition);
    if (index >= 0) {
        return &machine->verified[index];
    }
    return partition->subtype == PARTITION_FACTORY ? &machine->verified[FACTORY_INDEX] : NULL;
}

bool machine_verify(machine_t *machine, const partition_t *partition) {
    const machine_parts_t *parts = &machine->parts;
    bool *flag = verified_flag(machine, partition);
    bool starts = app_image_verify(parts->nor, partition, &parts->target, parts->hash) == OTA_WS_OK;
    if (flag != NULL) {
        *flag = starts;
    }
    return starts;
}

void machine_trust(machine_t *machine, const partition_t *partition) {
    bool *flag = verified_flag(machine, partition);
    if (flag != NULL) {
        *flag = true;
    }
}

void machine_forget(machine_t *machine, const partition_t *partition) {
    bool *flag = verified_flag(machine, partition);
    if (flag != NULL) {
        *flag = false;
    }
}

static bool is_verified(machine_t *machine, const partition_t *partition) {
    const bool *flag = partition == NULL ? NULL : verified_flag(machine, partition);
    return flag != NULL && *flag;
}

// ---- identity ----

static bool is_sound(const otadata_entry_t *entry) {
    return entry->sequence != OTADATA_NO_SEQUENCE && entry->crc == otadata_crc(entry->sequence);
}

// The entry that speaks of a slot: the active one if it does, else the first one whose CRC fits. NULL: none.
static const otadata_entry_t *entry_of(const machine_t *machine, const otadata_t *otadata, int slot) {
    size_t slots = partition_table_ota_count(machine->parts.table);
    int active = otadata_active(otadata);
    int first = active < 0 ? 0 : active;
    for (int i = 0; i < 2; i++) {
        const otadata_entry_t *entry = &otadata->entries[(first + i) % 2];
        if (is_sound(entry) && otadata_slot(entry, slots) == (uint32_t)slot) {
            return entry;
        }
    }
    return NULL;
}

static otadata_mark_t mark_of(const machine_t *machine, const otadata_t *otadata, const partition_t *partition) {
    int slot = partition_table_ota_index(partition);
    const otadata_entry_t *entry = slot < 0 ? NULL : entry_of(machine, otadata, slot);
    if (entry == NULL) {
        return OTADATA_MARK_TORN; // nothing is known
    }
    return otadata_mark(machine->parts.nor, machine->otadata, (int)(entry - otadata->entries));
}

static ota_ws_image_state_t state_of(const machine_t *machine, const otadata_t *otadata, const partition_t *partition) {
    int slot = partition_table_ota_index(partition);
    if (slot < 0) {
        return OTA_WS_IMAGE_FACTORY;
    }
    const otadata_entry_t *entry = entry_of(machine, otadata, slot);
    if (entry == NULL) {
        return partition == machine->running ? OTA_WS_IMAGE_UNWATCHED : OTA_WS_IMAGE_NONE;
    }
    switch ((otadata_state_t)entry->state) {
    case OTADATA_NEW:
        return OTA_WS_IMAGE_UNCONFIRMED;
    case OTADATA_PENDING_VERIFY:
        return OTA_WS_IMAGE_TRIAL;
    case OTADATA_VALID:
        return OTA_WS_IMAGE_VALID;
    case OTADATA_INVALID:
        return OTA_WS_IMAGE_ROLLED_BACK;
    case OTADATA_ABORTED:
        return OTA_WS_IMAGE_ABORTED;
    case OTADATA_UNDEFINED:
    default:
        return OTA_WS_IMAGE_UNWATCHED;
    }
}

// An update goes to the slot behind the running one, with a higher number. So the number before the running image's
// selects the slot that the update came from, and does not count as long as the higher one does.
const partition_t *machine_find_lost(const machine_t *machine, const otadata_t *otadata, int *sector,
                                     otadata_entry_t *entry) {
    const partition_table_t *table = machine->parts.table;
    int running = partition_table_ota_index(machine->running);
    size_t slots = partition_table_ota_count(table);
    if (running < 0 || partition_table_find(table, PARTITION_APP, PARTITION_FACTORY) != NULL) {
        return NULL;
    }
    const otadata_entry_t *own = entry_of(machine, otadata, running);
    uint32_t sequence = own != NULL ? own->sequence - 1 : (uint32_t)(running + (int)slots);
    *sector = own == &otadata->entries[0];
    bool has_other = is_sound(&otadata->entries[*sector]) || (own == NULL && is_sound(&otadata->entries[1]));
    if (has_other || sequence == 0) {
        return NULL; // the other one may bar its image
    }
    *entry = otadata_entry(sequence, OTADATA_VALID);
    const partition_t *lost = partition_table_ota(table, otadata_slot(entry, slots));
    return lost != machine->running ? lost : NULL;
}

static bool entry_is_lost(machine_t *machine, const otadata_t *otadata) {
    otadata_entry_t entry;
    int sector;
    return is_verified(machine, machine_find_lost(machine, otadata, &sector, &entry));
}

// esp_ota_check_rollback_is_possible(), from what is known to start; and the record must speak of the running image.
static bool can_roll_back(machine_t *machine, const otadata_t *otadata) {
    const partition_table_t *table = machine->parts.table;
    size_t slots = partition_table_ota_count(table);
    int active = otadata_active(otadata);
    if (active < 0) {
        return false;
    }
    const otadata_entry_t *entry = &otadata->entries[1 - active];
    if (partition_table_ota(table, otadata_slot(&otadata->entries[active], slots)) != machine->running) {
        return false;
    }
    if (!otadata_is_valid(entry)) {
        return is_verified(machine, partition_table_find(table, PARTITION_APP, PARTITION_FACTORY));
    }
    const partition_t *target = partition_table_ota(table, otadata_slot(entry, slots));
    return target != machine->running && is_verified(machine, target);
}

static void look_at_other(machine_t *machine, const partition_t *other, const otadata_t *otadata,
                          ota_ws_identity_t *identity) {
    app_image_t app;
    ota_ws_text_copy(identity->other_slot, sizeof identity->other_slot, other->label);
    identity->other_state = state_of(machine, otadata, other);
    identity->other_is_marked = mark_of(machine, otadata, other) == OTADATA_MARK_THERE;
    identity->other_valid = is_verified(machine, other) && app_image_describe(machine->parts.nor, other, &app);
    if (identity->other_valid) {
        identity->other = app.description;
    }
}

void machine_look(machine_t *machine) {
    const machine_parts_t *parts = &machine->parts;
    ota_ws_identity_t identity = {
        .device_name = parts->name,
        .chip_id = parts->target.chip_id,
        .chip_revision = parts->target.chip_revision,
        .checks_efuse = parts->target.checks_efuse,
        .efuse_revision = parts->target.efuse_revision,
        .mmu_page_bits = parts->target.mmu_page_bits,
        .secure_version = parts->target.secure_version,
    };
    ota_ws_text_copy(identity.id, sizeof identity.id, parts->id != NULL ? parts->id : "");
    otadata_t otadata;
    app_image_t app;
    if (otadata_read(parts->nor, machine->otadata, &otadata) != OTA_WS_OK) {
        memset(&otadata, 0xFF, sizeof otadata);
    }
    ota_ws_text_copy(identity.slot, sizeof identity.slot, machine->running->label);
    identity.image_state = state_of(machine, &otadata, machine->running);
    identity.was_rewritten = mark_of(machine, &otadata, machine->running) == OTADATA_MARK_GONE;
    if (app_image_describe(parts->nor, machine->running, &app)) {
        identity.running = app.description;
    }
    identity.layout = layout_of(machine);
    const partition_t *other = identity.layout == OTA_WS_LAYOUT_APPLICATION ? machine->recovery : machine->other;
    if (other != machine->running) {
        look_at_other(machine, other, &otadata, &identity);
    }
    identity.can_roll_back = can_roll_back(machine, &otadata);
    identity.entry_is_lost = entry_is_lost(machine, &otadata);
    identity.requires_signed = parts->signer != NULL;
    identity.is_signed = machine->signers.count > 0;
    memcpy(identity.signer, machine->signers.signers[0].key_digest, sizeof identity.signer);
    pthread_mutex_lock(&machine->lock);
    machine->identity = identity;
    pthread_mutex_unlock(&machine->lock);
}

void machine_describe(machine_t *machine, ota_ws_identity_t *identity) {
    pthread_mutex_lock(&machine->lock);
    *identity = machine->identity;
    pthread_mutex_unlock(&machine->lock);
}
