// SPDX-License-Identifier: Apache-2.0
#include "script.h"

#include <stdio.h>
#include <string.h>

#include "invariants.h"

// ---- boards ----

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

// The recovery layout: an application beside the recovery application.
static void put_application(life_t *life, otadata_state_t state) {
    prepare_fresh(life);
    put_image(life, life_slot_address(life, 0), 3);
    put_entry(life, 0, 1, state);
    life->ledger.confirmed = state == OTADATA_ABORTED ? 0 : 3;
}

static bool is_recovery_layout(const life_t *life) {
    return life->ledger.recovery >= 0;
}

static void prepare_settled(life_t *life) {
    if (is_recovery_layout(life)) {
        put_application(life, OTADATA_VALID);
        return;
    }
    prepare_fresh(life);
    put_image(life, life_slot_address(life, 0), 0);
    put_image(life, life_slot_address(life, 1), 3);
    put_entry(life, 1, 2, OTADATA_VALID);
    put_entry(life, 0, life->geometry->slots + 1, OTADATA_VALID);
}

static void prepare_after_abort(life_t *life) {
    if (is_recovery_layout(life)) {
        put_application(life, OTADATA_ABORTED);
        return;
    }
    prepare_fresh(life);
    put_image(life, life_slot_address(life, 0), 0);
    put_image(life, life_slot_address(life, 1), 3);
    put_entry(life, 0, 1, OTADATA_VALID);
    put_entry(life, 1, 2, OTADATA_ABORTED);
}

static void prepare_old_loader(life_t *life) {
    if (is_recovery_layout(life)) {
        put_application(life, OTADATA_UNDEFINED);
        life->ledger.has_old_loader = true;
        return;
    }
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

// ---- a life ----

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

// Less than one program unit of so many bytes is sent again; all of them by a device that does not go on.
static bool goes_on(const life_t *life, uint32_t bytes) {
    return life_resumes() ? life->ready_offset + life->geometry->program_unit > bytes : life->ready_offset == 0;
}

// The recovery layout: the recovery application takes the next update.
static const char *enter_recovery(life_t *life) {
    const char *violation = NULL;
    if (!is_recovery_layout(life) || life_recovers(life)) {
        return NULL;
    }
    RUN(life_enter_recovery(life));
    DO(life_restart_if_wanted(life) ? NULL : "the device does not boot");
    RUN(life_connect(life));
    DO(invariants_check(life));
    DO(expect(life, 0, false));
    RUN(life_settle_recovery(life));
    return violation;
}

// Back into the application without an update.
static const char *return_to(life_t *life, int image, bool on_trial) {
    const char *violation = NULL;
    RUN(life_return(life));
    DO(life_restart_if_wanted(life) ? NULL : "the device does not boot");
    RUN(life_connect(life));
    DO(invariants_check(life));
    DO(expect(life, image, on_trial));
    return violation;
}

static const char *leave_trial(life_t *life) {
    const char *violation = NULL;
    RUN(life_say(life, "{\"type\":\"rollback\"}"));
    DO(life_restart_if_wanted(life) ? NULL : "the device does not boot");
    RUN(life_connect(life));
    DO(invariants_check(life));
    return violation != NULL ? violation : expect(life, 0, false);
}

static const char *drop_resume_confirm(life_t *life) {
    const char *violation = NULL;
    RUN(life_begin(life, 1));
    RUN(life_send(life, 1, size_of(life, 1) - 1500));
    RUN(life_disconnect(life));
    RUN(life_connect(life));
    RUN(life_begin(life, 1));
    DO(goes_on(life, size_of(life, 1) - 1500) ? NULL : "a drop loses bytes");
    RUN(life_send(life, 1, size_of(life, 1)));
    DO(life->is_done ? NULL : "an update does not succeed");
    DO(restart(life));
    DO(expect(life, 1, true));
    RUN(life_confirm(life));
    DO(power_cycle(life, OTA_WS_RESET_POWER_ON));
    return violation != NULL ? violation : expect(life, 1, false);
}

// What runs after a trial that was not confirmed.
static int earlier(const life_t *life) {
    return is_recovery_layout(life) ? 0 : 1;
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
    return violation != NULL ? violation : expect(life, earlier(life), false);
}

static const char *expire_then_abort(life_t *life) {
    const char *violation = NULL;
    DO(send_all(life, 3));
    DO(restart(life));
    DO(expect(life, 3, true));
    RUN(life_pass(life, LIFE_TRIAL_MS));
    DO(life_restart_if_wanted(life) ? NULL : "the device does not boot");
    RUN(life_connect(life));
    DO(expect(life, earlier(life), false));
    DO(send_all(life, 2));
    DO(power_cycle(life, OTA_WS_RESET_POWER_ON));
    DO(expect(life, 2, true));
    DO(power_cycle(life, OTA_WS_RESET_PANIC));
    return violation != NULL ? violation : expect(life, earlier(life), false);
}

static const char *cut_resume_confirm(life_t *life) {
    int last = is_recovery_layout(life) ? 1 : 0;
    const char *violation = NULL;
    RUN(life_begin(life, 3));
    RUN(life_send(life, 3, size_of(life, 3) - 100));
    DO(power_cycle(life, OTA_WS_RESET_BROWNOUT));
    DO(send_all(life, 3));
    DO(restart(life));
    RUN(life_confirm(life));
    DO(enter_recovery(life));
    DO(send_all(life, last));
    DO(restart(life));
    RUN(life_confirm(life));
    return violation != NULL ? violation : expect(life, last, false);
}

// Where the bootloader watches, the restart is the way back.
static void pass_without_memory(life_t *life) {
    life->is_short = !life->ledger.has_old_loader;
    life_pass(life, LIFE_TRIAL_MS);
}

static const char *expire_without_memory(life_t *life) {
    const char *violation = NULL;
    DO(enter_recovery(life));
    DO(send_all(life, 2));
    DO(restart(life));
    DO(expect(life, 2, true));
    RUN(pass_without_memory(life));
    DO(life_restart_if_wanted(life) ? NULL : "the device does not boot");
    RUN(life_connect(life));
    return violation != NULL ? violation : expect(life, 0, false);
}

// The earlier image's entry does not read right any more: all bits of it have fallen.
static void lose_entry(life_t *life) {
    static const uint8_t zeros[OTADATA_ENTRY_SIZE];
    otadata_t otadata;
    life->board->is_quiet = true;
    (void)otadata_read(&life->board->nor, life->machine.otadata, &otadata);
    uint32_t sector = otadata_active(&otadata) == 0 ? 1 : 0;
    (void)nor_program(&life->board->nor, life->machine.otadata->address + sector * NOR_SECTOR_SIZE, zeros,
                      sizeof zeros);
    life->board->is_quiet = false;
    life->ledger.entry_is_lost = true;
    machine_look(&life->machine);
}

// Without a factory image only the lost entry says what ran before.
static const char *go_back_without_an_entry(life_t *life, int image) {
    const char *violation = NULL;
    DO(send_all(life, image));
    DO(restart(life));
    DO(expect(life, image, true));
    RUN(lose_entry(life));
    RUN(life_say(life, "{\"type\":\"rollback\"}"));
    DO(life_restart_if_wanted(life) ? NULL : "the device does not boot");
    RUN(life_connect(life));
    DO(invariants_check(life));
    life->ledger.entry_is_lost = false;
    return violation != NULL ? violation : expect(life, 0, false);
}

static bool has_failed(const life_t *life, const char *name) {
    char member[48];
    snprintf(member, sizeof member, "\"name\":\"%s\"", name);
    return strstr(life->failure, member) != NULL;
}

// Patches that must come to nothing: one for an image that does not run, one that gives another image than was
// promised.
static const char *refuse_patches(life_t *life, int image) {
    const char *violation = NULL;
    int running = life_running_image(life);
    RUN(life_begin_patch_for(life, image, image));
    DO(has_failed(life, "delta_base") ? NULL : "a patch for another image is taken");
    RUN(life_send_wrong_patch(life, running, image));
    DO(has_failed(life, "digest_mismatch") ? NULL : "a patch that gives another image is taken");
    DO(power_cycle(life, OTA_WS_RESET_POWER_ON));
    return violation != NULL ? violation : expect(life, running, false);
}

// A patch in the place of the file: cut off half-way by the link, then by the power, then whole.
static const char *update_by_patch(life_t *life, int image) {
    const char *violation = NULL;
    RUN(life_begin_patch(life, image));
    RUN(life_send_patch(life, image, size_of(life, image) / 2));
    RUN(life_disconnect(life));
    RUN(life_connect(life));
    RUN(life_begin_patch(life, image));
    RUN(life_send_patch(life, image, 1000));
    DO(power_cycle(life, OTA_WS_RESET_BROWNOUT));
    RUN(life_begin_patch(life, image));
    RUN(life_send_patch(life, image, 0));
    DO(life->is_done ? NULL : "an update by a patch does not succeed");
    DO(restart(life));
    DO(expect(life, image, true));
    RUN(life_confirm(life));
    return violation != NULL ? violation : expect(life, image, false);
}

static const char *application_confirms(life_t *life, application_t when, int image) {
    const char *violation = NULL;
    DO(enter_recovery(life));
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

// The way back goes, and the next update finds nothing to erase.
static const char *prepare_all(life_t *life) {
    char told[16] = "";
    int running = life_running_image(life);
    bool has_another = life->geometry->has_factory || life->geometry->slots > 2;
    life_prepare(life, true);
    life_pass_blocks(life);
    if (!life_told(life, "other_image", told, sizeof told) || strcmp(told, "blank") != 0) {
        return "the slot is not prepared";
    }
    if (!has_another && life_told(life, "can_roll_back", told, sizeof told)) {
        return "a way back to a blank slot";
    }
    if (!has_another) {
        life_say(life, "{\"type\":\"rollback\"}");
        return has_failed(life, "nothing_to_go_back_to") ? expect(life, running, false)
                                                         : "a device goes back to nothing";
    }
    return NULL;
}

// A trial keeps its way back, and what it has left is prepared only after it; an update may come in the middle of that,
// and what is left of one that stops is kept.
static const char *update_prepared(life_t *life, int image, int next) {
    const char *violation = NULL;
    DO(prepare_all(life));
    DO(power_cycle(life, OTA_WS_RESET_POWER_ON));
    RUN(life_pass_blocks(life));
    DO(invariants_check(life));
    DO(send_all(life, image));
    DO(restart(life));
    RUN(life_pass(life, 1000));
    DO(expect(life, image, true));
    RUN(life_confirm(life));
    RUN(life_pass_block(life));
    DO(invariants_check(life));
    RUN(life_begin(life, next));
    RUN(life_send(life, next, size_of(life, next) - 1500));
    RUN(life_disconnect(life));
    RUN(life_pass_blocks(life));
    RUN(life_connect(life));
    RUN(life_begin(life, next));
    DO(!life_resumes() || goes_on(life, size_of(life, next) - 1500) ? NULL : "preparing destroys what is kept");
    RUN(life_cancel(life));
    RUN(life_prepare(life, false));
    return violation != NULL ? violation : expect(life, image, false);
}

// In and out without an update: an image without a record, one that was confirmed, one that was given up.
static const char *come_and_go(life_t *life) {
    const char *violation = NULL;
    DO(enter_recovery(life));
    DO(return_to(life, 1, false));
    DO(power_cycle(life, OTA_WS_RESET_POWER_ON));
    DO(expect(life, 1, false));
    DO(enter_recovery(life));
    return violation;
}

const char *script_run(life_t *life) {
    const char *violation = power_cycle(life, OTA_WS_RESET_POWER_ON);
    if (is_recovery_layout(life)) {
        bool has_application = life_running_image(life) == 3;
        DO(enter_recovery(life));
        DO(has_application ? return_to(life, 3, true) : NULL);
        DO(has_application ? leave_trial(life) : NULL);
    }
    DO(drop_resume_confirm(life));
    DO(is_recovery_layout(life) ? come_and_go(life) : NULL);
    DO(cancel_twice_then_go_back(life));
    DO(is_recovery_layout(life) ? return_to(life, 2, true) : NULL);
    DO(is_recovery_layout(life) ? leave_trial(life) : NULL);
    DO(expire_then_abort(life));
    DO(cut_resume_confirm(life));
    DO(expire_without_memory(life));
    DO(life->geometry->has_factory ? NULL : go_back_without_an_entry(life, 3));
    DO(application_confirms(life, APPLICATION_BEFORE, 1));
    DO(application_confirms(life, APPLICATION_AND_RESTARTS, 2));
    DO(application_confirms(life, APPLICATION_AND_LOSES_POWER, 3));
    DO(application_confirms(life, APPLICATION_AT, 1));
    DO(application_confirms(life, APPLICATION_AFTER, 2));
    DO(life_takes_patches() && !is_recovery_layout(life) ? refuse_patches(life, 3) : NULL);
    DO(life_takes_patches() && !is_recovery_layout(life) ? update_by_patch(life, 3) : NULL);
    DO(life_prepares() && !is_recovery_layout(life) ? update_prepared(life, 1, 2) : NULL);
    life_power_off(life);
    return violation;
}
