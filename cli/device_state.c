// SPDX-License-Identifier: Apache-2.0
#include "device_state.h"

#include <string.h>

#include "text.h"

// A member of `message` into `to`; a member of `from` into `object`.
#define DEVICE_TEXT_READ(name) device_message_string(message, #name, to->name, sizeof to->name);
#define DEVICE_NUMBER_READ(name) to->has_##name = device_message_number(message, #name, &to->name);
#define DEVICE_TRUE_READ(name) to->name = device_message_true(message, #name);
#define DEVICE_TEXT_WRITE(name)                                                                                        \
    if (from->name[0] != '\0') {                                                                                       \
        ota_ws_reply_string(object, #name, from->name);                                                                \
    }
#define DEVICE_NUMBER_WRITE(name)                                                                                      \
    if (from->has_##name) {                                                                                            \
        ota_ws_reply_number(object, #name, from->name);                                                                \
    }
#define DEVICE_TRUE_WRITE(name)                                                                                        \
    if (from->name) {                                                                                                  \
        ota_ws_reply_true(object, #name);                                                                              \
    }

static void group_slots(device_state_t *to) {
    device_slot_t *running = &to->running;
    device_slot_t *other = &to->other;
    memcpy(running->slot, to->slot, sizeof to->slot);
    memcpy(running->project, to->project, sizeof to->project);
    memcpy(running->version, to->version, sizeof to->version);
    memcpy(running->elf_sha256, to->elf_sha256, sizeof to->elf_sha256);
    memcpy(running->image, to->image, sizeof to->image);
    memcpy(other->slot, to->other_slot, sizeof to->other_slot);
    memcpy(other->project, to->other_project, sizeof to->other_project);
    memcpy(other->version, to->other_version, sizeof to->other_version);
    memcpy(other->elf_sha256, to->other_elf_sha256, sizeof to->other_elf_sha256);
    memcpy(other->image, to->other_image, sizeof to->other_image);
}

static void group_last(device_state_t *to) {
    memcpy(to->last.outcome, to->last_outcome, sizeof to->last_outcome);
    memcpy(to->last.from, to->last_from, sizeof to->last_from);
    memcpy(to->last.to, to->last_to, sizeof to->last_to);
    memcpy(to->last.reset, to->last_reset, sizeof to->last_reset);
}

static bool has_text(const device_message_t *message, const char *name) {
    char text[DEVICE_TEXT_SIZE];
    return device_message_string(message, name, text, sizeof text);
}

bool device_state_read(device_state_t *to, const device_message_t *message) {
    memset(to, 0, sizeof *to);
#define STATE(name, kind, source, field) DEVICE_AS(kind, READ)(name)
#include "schema.def"
    group_slots(to);
    group_last(to);
    return has_text(message, "slot") && has_text(message, "version") && has_text(message, "boot") && to->has_chip_id;
}

bool device_update_read(device_update_t *to, const device_message_t *message) {
    memset(to, 0, sizeof *to);
#define HISTORY(name, kind, source, field) DEVICE_AS(kind, READ)(name)
#include "schema.def"
    return has_text(message, "outcome");
}

void device_state_write(ota_ws_reply_t *object, const device_state_t *from) {
#define STATE(name, kind, source, field) DEVICE_AS(kind, WRITE)(name)
#include "schema.def"
}

void device_update_write(ota_ws_reply_t *object, const device_update_t *from) {
#define HISTORY(name, kind, source, field) DEVICE_AS(kind, WRITE)(name)
#include "schema.def"
}

void device_state_identity(const device_state_t *state, ota_ws_identity_t *identity) {
    memset(identity, 0, sizeof *identity);
    identity->device_name = state->device;
    identity->chip_id = (uint16_t)state->chip_id;
    identity->chip_revision = (uint16_t)state->revision;
    identity->checks_efuse = state->has_efuse_revision;
    identity->efuse_revision = (uint16_t)state->efuse_revision;
    identity->mmu_page_bits = state->mmu_page_size > 0 ? (uint8_t)__builtin_ctz(state->mmu_page_size) : 0;
    identity->secure_version = state->secure_version;
    ota_ws_text_copy(identity->running.project, sizeof identity->running.project, state->running.project);
    ota_ws_text_copy(identity->running.version, sizeof identity->running.version, state->running.version);
    if (strcmp(state->mode, "recovery") == 0) { // a file is compared with the application
        identity->layout = OTA_WS_LAYOUT_RECOVERY;
        identity->other_valid = state->other.version[0] != '\0';
        ota_ws_text_copy(identity->other.project, sizeof identity->other.project, state->other.project);
        ota_ws_text_copy(identity->other.version, sizeof identity->other.version, state->other.version);
    }
}
