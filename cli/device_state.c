// SPDX-License-Identifier: Apache-2.0
#include "device_state.h"

#include <string.h>

#include "text.h"

#define READ(message, name, to) device_message_string((message), (name), (to), sizeof(to))

static bool read_running(device_slot_t *slot, const device_message_t *message) {
    READ(message, "project", slot->project);
    READ(message, "elf_sha256", slot->elf_sha256);
    READ(message, "image", slot->image);
    return READ(message, "slot", slot->slot) && READ(message, "version", slot->version);
}

static void read_other(device_slot_t *slot, const device_message_t *message) {
    READ(message, "other_slot", slot->slot);
    READ(message, "other_project", slot->project);
    READ(message, "other_version", slot->version);
    READ(message, "other_elf_sha256", slot->elf_sha256);
    READ(message, "other_image", slot->image);
}

static void read_update(device_state_t *state, const device_message_t *message) {
    READ(message, "update", state->update);
    state->yours = device_message_true(message, "yours");
    device_message_number(message, "size", &state->size);
    device_message_number(message, "received", &state->received);
    device_message_number(message, "written", &state->written);
    READ(message, "peer", state->peer);
    READ(message, "sha256", state->sha256);
    device_message_number(message, "kept", &state->kept);
    device_message_number(message, "kept_size", &state->kept_size);
    READ(message, "kept_sha256", state->kept_sha256);
    READ(message, "kept_project", state->kept_project);
    READ(message, "kept_version", state->kept_version);
    READ(message, "last_outcome", state->last.outcome);
    READ(message, "last_from", state->last.from);
    READ(message, "last_to", state->last.to);
    READ(message, "last_reset", state->last.reset);
}

bool device_state_read(device_state_t *state, const device_message_t *message) {
    memset(state, 0, sizeof *state);
    READ(message, "device", state->device);
    READ(message, "id", state->id);
    READ(message, "chip", state->chip);
    READ(message, "built", state->built);
    READ(message, "idf", state->idf);
    device_message_number(message, "revision", &state->revision);
    state->has_efuse_revision = device_message_number(message, "efuse_revision", &state->efuse_revision);
    device_message_number(message, "mmu_page_size", &state->mmu_page_size);
    device_message_number(message, "secure_version", &state->secure_version);
    device_message_number(message, "slot_size", &state->slot_size);
    state->has_trial_left = device_message_number(message, "trial_left_s", &state->trial_left_s);
    state->can_roll_back = device_message_true(message, "can_roll_back");
    state->check_project = device_message_true(message, "check_project");
    READ(message, "signed_by", state->signed_by);
    state->requires_signed = device_message_true(message, "requires_signed");
    state->encrypted = device_message_true(message, "encrypted");
    state->deflate = device_message_true(message, "deflate");
    device_message_number(message, "early", &state->early);
    read_other(&state->other, message);
    read_update(state, message);
    return read_running(&state->running, message) && READ(message, "boot", state->boot) &&
           device_message_number(message, "chip_id", &state->chip_id);
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
}

bool device_update_read(device_update_t *update, const device_message_t *message) {
    memset(update, 0, sizeof *update);
    READ(message, "from", update->from);
    READ(message, "to", update->to);
    READ(message, "reset", update->reset);
    READ(message, "slot", update->slot);
    READ(message, "peer", update->peer);
    update->has_when = device_message_number(message, "when", &update->when);
    return READ(message, "outcome", update->outcome);
}
