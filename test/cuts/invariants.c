// SPDX-License-Identifier: Apache-2.0
#include "invariants.h"

#include <stdio.h>
#include <string.h>

#include <zlib.h>

#include "text.h"

#define OTADATA_ADDRESS 0xd000
#define HEAD_SIZE 32 // of the image and of its first segment; the description follows, 256 bytes
#define ELF_OFFSET 176
#define DESCRIPTION_END 288

static bool is_told(const life_t *life, const char *name, const char *expected) {
    char value[64];
    return life_told(life, name, value, sizeof value) && strcmp(value, expected) == 0;
}

// ---- what runs ----

// Twice: the bootloader's own check, and the bytes themselves.
static bool a_whole_image_runs_that_was_sent(const life_t *life) {
    const machine_t *machine = &life->machine;
    return life_running_image(life) >= 0 &&
           app_image_verify(&life->board->nor, machine->running, &machine->parts.target, life->boot_hash) == OTA_WS_OK;
}

// A weak boot record may bring an image back that had been given up: on trial. The bootloader writes the entry anew
// then.
static bool came_back(const life_t *life) {
    return life->device.on_trial && life->began_weak;
}

static bool only_what_was_selected_runs(const life_t *life) {
    const life_ledger_t *ledger = &life->ledger;
    int running = life_running_image(life);
    bool is_new = running == ledger->incoming && ledger->may_run && !ledger->is_over;
    return running == ledger->confirmed || is_new || came_back(life) || (ledger->may_recover && life_recovers(life));
}

// A weak entry may read as NEW at one start: then the bootloader puts a confirmed image on trial.
static bool a_confirmed_image_stays(const life_t *life) {
    const life_ledger_t *ledger = &life->ledger;
    int running = life_running_image(life);
    bool replaced = (running == ledger->incoming && ledger->may_run) || came_back(life) ||
                    (ledger->may_recover && life_recovers(life));
    return running == ledger->confirmed ? !life->device.on_trial || life->began_weak : replaced;
}

static bool no_new_image_runs_without_its_trial(const life_t *life) {
    const life_ledger_t *ledger = &life->ledger;
    int running = life_running_image(life);
    return running == ledger->confirmed || life->device.on_trial || ledger->confirm_asked || life_recovers(life) ||
           ledger->mark_is_lost; // docs/design.md, "What remains the bootloader's"
}

// ---- reports ----

static bool slot_and_image_are_reported_truly(const life_t *life) {
    int running = life_running_image(life);
    char elf[17];
    if (running < 0) {
        return false;
    }
    ota_ws_text_hex(elf, life->images[running].bytes + ELF_OFFSET, 8);
    return is_told(life, "slot", life->machine.running->label) && is_told(life, "elf_sha256", elf);
}

static uint32_t word_at(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

// The state word of the entry that selects, read from the bytes without the device's help; -2 when none does.
static int64_t selected_state(const life_t *life, uint32_t *slot) {
    int64_t state = -2;
    uint32_t highest = 0;
    for (int i = 0; i < 2; i++) {
        const uint8_t *entry = life->board->flash + OTADATA_ADDRESS + i * 0x1000;
        uint32_t sequence = word_at(entry);
        bool sound = sequence != UINT32_MAX && crc32(UINT32_MAX, entry, 4) == word_at(entry + 28);
        bool barred = word_at(entry + 24) == 3 || word_at(entry + 24) == 4;
        if (sound && !barred && sequence > highest) {
            highest = sequence;
            state = word_at(entry + 24);
            *slot = (sequence - 1) % life->geometry->slots;
        }
    }
    return state;
}

static bool the_boot_record_is_reported_truly(const life_t *life) {
    uint32_t slot = 0;
    int64_t state = selected_state(life, &slot);
    if (board_is_weak(life->board, OTADATA_ADDRESS, OTADATA_ADDRESS + PARTITION_OTADATA_SIZE)) {
        return true; // nobody can say what is there
    }
    bool of_running = state != -2 && life_slot_address(life, slot) == life->machine.running->address;
    bool told_valid = is_told(life, "image", "valid");
    if (is_told(life, "image", "trial")) {
        bool watched = of_running && state == 1;
        return life->device.on_trial && watched != is_told(life, "unwatched", "true");
    }
    return !life->device.on_trial && told_valid == (of_running && state == 2);
}

static bool holds_an_image(const life_t *life, uint32_t address) {
    for (int i = 0; i < LIFE_IMAGES; i++) {
        if (memcmp(life->board->flash + address, life->images[i].bytes, life->images[i].length) == 0) {
            return true;
        }
    }
    return false;
}

// The head of the image and its description, which are read for the report. A part of the head may be torn all the
// same: the whole image is verified before it starts.
static bool holds_a_description(const life_t *life, uint32_t address, const char *reported) {
    char elf[17];
    for (int i = 0; i < LIFE_IMAGES; i++) {
        const uint8_t *bytes = life->images[i].bytes;
        ota_ws_text_hex(elf, bytes + ELF_OFFSET, 8);
        if (memcmp(life->board->flash + address + HEAD_SIZE, bytes + HEAD_SIZE, DESCRIPTION_END - HEAD_SIZE) == 0) {
            return strcmp(elf, reported) == 0;
        }
    }
    return false;
}

static bool the_other_slot_is_reported_truly(const life_t *life) {
    bool is_recovery = life->machine.recovery != NULL && !life_recovers(life);
    const partition_t *other = is_recovery ? life->machine.recovery : life->machine.other;
    char elf[32];
    if (board_is_weak(life->board, other->address, other->address + other->size)) {
        return true;
    }
    return life_told(life, "other_elf_sha256", elf, sizeof elf) ? holds_a_description(life, other->address, elf)
                                                                : !holds_an_image(life, other->address);
}

// Not only as it reads today.
static bool a_slot_that_is_told_to_be_blank_is_erased(const life_t *life) {
    const partition_t *other = life->machine.other;
    const uint8_t *bytes = life->board->flash + other->address;
    bool is_blank = bytes[0] == 0xFF && memcmp(bytes, bytes + 1, other->size - 1) == 0;
    return !is_told(life, "other_image", "blank") ||
           (is_blank && !board_is_weak(life->board, other->address, other->address + other->size));
}

static bool the_last_outcome_is_reported_truly(const life_t *life) {
    char outcome[32], to[33], version[33];
    if (!life_told(life, "last_outcome", outcome, sizeof outcome)) {
        return true;
    }
    if (!life_told(life, "last_to", to, sizeof to) || !life_told(life, "version", version, sizeof version)) {
        return false;
    }
    bool runs = strcmp(to, version) == 0 && strcmp(life->device.last.slot, life->machine.running->label) == 0;
    if (strcmp(outcome, "trial") == 0) {
        return runs && life->device.on_trial;
    }
    if (strcmp(outcome, "confirmed") ==
        0) { // an application that was confirmed may be left for the recovery application
        return (runs || life_recovers(life)) && !life->device.on_trial;
    }
    bool is_past = strcmp(outcome, "confirming") != 0 && strcmp(outcome, "going_back") != 0;
    return is_past && !runs;
}

static bool layout_and_mode_are_reported_truly(const life_t *life) {
    char mode[16];
    if (life->machine.recovery == NULL) {
        return is_told(life, "layout", "two_slots") && !life_told(life, "mode", mode, sizeof mode);
    }
    return is_told(life, "layout", "recovery") &&
           is_told(life, "mode", life_recovers(life) ? "recovery" : "application");
}

const invariant_t invariants[] = {
    {"a whole image runs that was sent", a_whole_image_runs_that_was_sent},
    {"only what was selected runs", only_what_was_selected_runs},
    {"a confirmed image stays", a_confirmed_image_stays},
    {"no new image runs without its trial", no_new_image_runs_without_its_trial},
    {"slot and image are reported truly", slot_and_image_are_reported_truly},
    {"the boot record is reported truly", the_boot_record_is_reported_truly},
    {"the other slot is reported truly", the_other_slot_is_reported_truly},
    {"a slot that is told to be blank is erased", a_slot_that_is_told_to_be_blank_is_erased},
    {"the last outcome is reported truly", the_last_outcome_is_reported_truly},
    {"layout and mode are reported truly", layout_and_mode_are_reported_truly},
};
const size_t invariant_count = sizeof invariants / sizeof *invariants;

const char *invariants_check(const life_t *life) {
    for (size_t i = 0; i < invariant_count; i++) {
        if (!invariants[i].holds(life)) {
            return invariants[i].name;
        }
    }
    return NULL;
}
