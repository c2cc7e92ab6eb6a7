// SPDX-License-Identifier: Apache-2.0
#include "script.h"

#include <string.h>

#include "invariants.h"

// ---- boards --------------------------------------------------------------------------------------------------------

static void put_image(life_t *life, uint32_t address, int image) {
    memcpy(life->board->flash + address, life->images[image].bytes, life->images[image].length);
}

static void put_entry(life_t *life, int sector, uint32_t sequence, otadata_state_t state) {
    const partition_t *otadata = boot_otadata_partition(&life->table);
    otadata_entry_t entry = otadata_entry(sequence, state);
    life->board->is_quiet = true;
    otadata_write(&life->board->nor, otadata, sector, &entry);
    life->board->is_quiet = false;
}

static void prepare_fresh(life_t *life) {
    put_image(life, life->table.rows[1].address, 0); // factory, or ota_0
}

static void prepare_settled(life_t *life) {
    prepare_fresh(life);
    put_image(life, life_slot_address(life, 0), 0);
    put_image(life, life_slot_address(life, 1), 3);
    put_entry(life, 1, 2, OTADATA_VALID);
    put_entry(life, 0, life->geometry->slots + 1, OTADATA_VALID);
}

static void prepare_after_abort(life_t *life) {
    prepare_fresh(life);
    put_image(life, life_slot_address(life, 0), 0);
    put_image(life, life_slot_address(life, 1), 3);
    put_entry(life, 0, 1, OTADATA_VALID);
    put_entry(life, 1, 2, OTADATA_ABORTED);
}

static void prepare_old_loader(life_t *life) {
    prepare_fresh(life);
    put_image(life, life_slot_address(life, 0), 0);
    put_entry(life, 0, 1, OTADATA_UNDEFINED);
    life->ledger.has_old_loader = true;
}

const start_state_t start_states[] = {
    {"fresh from the factory", prepare_fresh},
    {"two confirmed images", prepare_settled},
    {"after an aborted update", prepare_after_abort},
    {"a bootloader without rollback", prepare_old_loader},
};
const size_t start_state_count = sizeof start_states / sizeof *start_states;

// ---- a life --------------------------------------------------------------------------------------------------------

static const char *power_cycle(life_t *life, ota_ws_reset_t reset) {
    life_power_off(life);
    if (!life_power_on(life, reset)) {
        return "the device does not boot";
    }
    life_connect(life);
    return invariants_check(life);
}

static const char *restart(life_t *life) {
    life_say(life, "{\"type\":\"restart\"}");
    if (!life_restart_if_wanted(life)) {
        return "the device does not boot";
    }
    life_connect(life);
    return invariants_check(life);
}

static uint32_t size_of(const life_t *life, int image) {
    return (uint32_t)life->images[image].length;
}

static const char *send_all(life_t *life, int image) {
    life_begin(life, image);
    life_send(life, image, size_of(life, image));
    return life->is_done ? NULL : "an update does not succeed";
}

static const char *expect(const life_t *life, int image, bool on_trial) {
    return life_running_image(life) == image && life->device.on_trial == on_trial ? NULL : "another image runs";
}

// Each link is done unless one before has failed.
#define DO(step) violation = violation != NULL ? violation : (step)
#define RUN(call) violation = violation != NULL ? violation : ((call), NULL)

static const char *drop_resume_confirm(life_t *life) {
    const char *violation = NULL;
    RUN(life_begin(life, 1));
    RUN(life_send(life, 1, size_of(life, 1) - 1500));
    RUN(life_disconnect(life));
    RUN(life_connect(life));
    RUN(life_begin(life, 1));
    DO(life->ready_offset + 1500 + life->geometry->program_unit > size_of(life, 1) ? NULL : "a drop loses bytes");
    RUN(life_send(life, 1, size_of(life, 1)));
    DO(life->is_done ? NULL : "an update does not succeed");
    DO(restart(life));
    DO(expect(life, 1, true));
    RUN(life_confirm(life));
    DO(power_cycle(life, OTA_WS_RESET_POWER_ON));
    return violation != NULL ? violation : expect(life, 1, false);
}

static const char *cancel_twice_then_go_back(life_t *life) {
    const char *violation = NULL;
    RUN(life_begin(life, 2));
    RUN(life_send(life, 2, size_of(life, 2) / 2));
    RUN(life_cancel(life));
    DO(send_all(life, 2));
    RUN(life_cancel(life));
    DO(send_all(life, 2));
    DO(restart(life));
    DO(expect(life, 2, true));
    RUN(life_say(life, "{\"type\":\"rollback\"}"));
    DO(life_restart_if_wanted(life) ? NULL : "the device does not boot");
    RUN(life_connect(life));
    DO(invariants_check(life));
    return violation != NULL ? violation : expect(life, 1, false);
}

static const char *expire_then_abort(life_t *life) {
    const char *violation = NULL;
    DO(send_all(life, 3));
    DO(restart(life));
    DO(expect(life, 3, true));
    RUN(life_pass(life, LIFE_TRIAL_MS));
    DO(life_restart_if_wanted(life) ? NULL : "the device does not boot");
    RUN(life_connect(life));
    DO(expect(life, 1, false));
    DO(send_all(life, 2));
    DO(power_cycle(life, OTA_WS_RESET_POWER_ON));
    DO(expect(life, 2, true));
    DO(power_cycle(life, OTA_WS_RESET_PANIC));
    return violation != NULL ? violation : expect(life, 1, false);
}

static const char *cut_resume_confirm(life_t *life) {
    const char *violation = NULL;
    RUN(life_begin(life, 3));
    RUN(life_send(life, 3, size_of(life, 3) - 100));
    DO(power_cycle(life, OTA_WS_RESET_BROWNOUT));
    DO(send_all(life, 3));
    DO(restart(life));
    RUN(life_confirm(life));
    DO(send_all(life, 0));
    DO(restart(life));
    RUN(life_confirm(life));
    return violation != NULL ? violation : expect(life, 0, false);
}

// Where the bootloader watches, the restart is the way back.
static void pass_without_memory(life_t *life) {
    life->is_short = !life->ledger.has_old_loader;
    life_pass(life, LIFE_TRIAL_MS);
}

static const char *expire_without_memory(life_t *life) {
    const char *violation = NULL;
    DO(send_all(life, 2));
    DO(restart(life));
    DO(expect(life, 2, true));
    RUN(pass_without_memory(life));
    DO(life_restart_if_wanted(life) ? NULL : "the device does not boot");
    RUN(life_connect(life));
    return violation != NULL ? violation : expect(life, 0, false);
}

static const char *application_confirms(life_t *life, application_t when, int image) {
    const char *violation = NULL;
    DO(send_all(life, image));
    life->application = when;
    DO(restart(life));
    life->application = APPLICATION_NEVER;
    DO(expect(life, image, when == APPLICATION_AFTER));
    RUN(when == APPLICATION_AFTER ? life_application_confirms(life) : (void)0);
    RUN(life_pass(life, 1000)); // so often it looks
    DO(invariants_check(life));
    DO(expect(life, image, false));
    RUN(life_pass(life, LIFE_TRIAL_MS));
    DO(life->wants_restart ? "a confirmed image is left" : NULL);
    DO(power_cycle(life, OTA_WS_RESET_POWER_ON));
    return violation != NULL ? violation : expect(life, image, false);
}

const char *script_run(life_t *life) {
    const char *violation = power_cycle(life, OTA_WS_RESET_POWER_ON);
    DO(drop_resume_confirm(life));
    DO(cancel_twice_then_go_back(life));
    DO(expire_then_abort(life));
    DO(cut_resume_confirm(life));
    DO(expire_without_memory(life));
    DO(application_confirms(life, APPLICATION_BEFORE, 1));
    DO(application_confirms(life, APPLICATION_AND_RESTARTS, 2));
    DO(application_confirms(life, APPLICATION_AND_LOSES_POWER, 3));
    DO(application_confirms(life, APPLICATION_AT, 1));
    DO(application_confirms(life, APPLICATION_AFTER, 2));
    life_power_off(life);
    return violation;
}
