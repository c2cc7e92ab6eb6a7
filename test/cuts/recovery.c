// SPDX-License-Identifier: Apache-2.0
#include "recovery.h"

#include <string.h>

#include "invariants.h"

// After a life of which nothing was written down.
static void look_up(life_t *life) {
    life_ledger_t *ledger = &life->ledger;
    if (!ledger->is_free) {
        return;
    }
    int running = life_running_image(life);
    bool on_trial = life->device.on_trial;
    *ledger = (life_ledger_t){.confirmed = on_trial ? life_earlier_image(life) : running,
                              .incoming = on_trial ? running : -1,
                              .may_run = true,
                              .has_old_loader = ledger->has_old_loader,
                              .recovery = ledger->recovery};
}

// A confirmation that was cut off may have come through: once it is reported, it stands.
static const char *check(life_t *life) {
    life_ledger_t *ledger = &life->ledger;
    look_up(life);
    const char *violation = invariants_check(life);
    ledger->written = life_running_image(life) == ledger->incoming ? 0 : ledger->written;
    if (violation == NULL && life_recovers(life)) {
        life_settle_recovery(life);
    }
    if (violation == NULL && !life->device.on_trial && life_running_image(life) == ledger->incoming) {
        ledger->confirmed = ledger->incoming;
        ledger->is_over = true;
        ledger->may_run = false;
    }
    return violation;
}

const char *recovery_start(life_t *life, ota_ws_reset_t reset) {
    life_power_off(life);
    if (!life_power_on(life, reset)) {
        return "the device boots";
    }
    if (life->board->dead) {
        return NULL;
    }
    life_connect(life);
    return life->board->dead ? NULL : check(life);
}

static const char *restart_if_wanted(life_t *life) {
    if (!life_restart_if_wanted(life)) {
        return "the device boots";
    }
    if (life->board->dead) {
        return NULL;
    }
    if (!life->is_connected) {
        life_connect(life);
    }
    return life->board->dead ? NULL : check(life);
}

static const char *confirm_once_more(life_t *life) {
    life_say(life, "{\"type\":\"confirm\"}");
    return life->device.on_trial && !life->board->dead ? "a trial can be confirmed" : NULL;
}

static const char *end_trial(life_t *life, recovery_choice_t choice) {
    const char *violation = NULL;
    switch (choice) {
    case RECOVERY_CONFIRM:
        life_confirm(life);
        if (!life->board->dead && life->ledger.confirmed != life->ledger.incoming) {
            return "a trial can be confirmed";
        }
        return life->board->dead ? NULL : recovery_start(life, OTA_WS_RESET_POWER_ON);
    case RECOVERY_RESTART:
        violation = recovery_start(life, OTA_WS_RESET_PANIC);
        break;
    case RECOVERY_EXPIRE:
        life_pass(life, LIFE_TRIAL_MS);
        violation = restart_if_wanted(life);
        break;
    default:
        life_say(life, "{\"type\":\"rollback\"}");
        violation = restart_if_wanted(life);
        break;
    }
    if (violation != NULL || life->board->dead) {
        return violation;
    }
    return life_running_image(life) == life->ledger.confirmed ? NULL : "an image that is not confirmed is left";
}

// The update that was under way, or another one.
static int next_image(const life_t *life) {
    int running = life_running_image(life);
    int incoming = life->ledger.incoming;
    return incoming >= 0 && incoming != running ? incoming : (running + 1) % LIFE_IMAGES;
}

static const char *check_resume(const life_t *life, uint32_t written) {
    if (!life->is_ready) {
        return "an update can begin";
    }
    return !life_resumes() || life->ready_offset + life->flash.block_size >= written
               ? NULL
               : "at most one block is lost by a restart";
}

// Where the recovery application takes updates, it has to run first.
static const char *enter_recovery(life_t *life) {
    if (life->ledger.recovery < 0 || life_recovers(life)) {
        return NULL;
    }
    life_enter_recovery(life);
    const char *violation = restart_if_wanted(life);
    bool failed = violation == NULL && !life->board->dead && !life_recovers(life);
    return failed ? "the recovery application can be entered" : violation;
}

static const char *update(life_t *life, recovery_t *result) {
    const char *entered = enter_recovery(life);
    if (entered != NULL || life->board->dead) {
        return entered;
    }
    int image = next_image(life);
    uint32_t written = image == life->ledger.incoming && !life->ledger.is_over ? life->ledger.written : 0;
    life_begin(life, image);
    const char *violation = life->board->dead ? NULL : check_resume(life, written);
    if (violation != NULL || life->board->dead) {
        return violation;
    }
    result->was_resumed = life->ready_offset > 0;
    life_send(life, image, (uint32_t)life->files[image].length);
    if (!life->board->dead && !life->is_done) {
        return "a whole update succeeds";
    }
    life->ledger.written = 0;
    life_say(life, "{\"type\":\"restart\"}");
    violation = restart_if_wanted(life);
    if (violation != NULL || life->board->dead) {
        return violation;
    }
    return life_running_image(life) == image && life->device.on_trial ? NULL : "a new image starts on trial";
}

// What was cut off is gone on with, or the update comes in the middle.
static const char *prepare(life_t *life, recovery_choice_t choice) {
    if (!life->ledger.is_preparing || choice == RECOVERY_RESTART) {
        return NULL;
    }
    life_pass_blocks(life);
    return life->board->dead ? NULL : check(life);
}

static const char *finish(life_t *life) {
    const char *violation = end_trial(life, RECOVERY_CONFIRM);
    if (violation != NULL || life->board->dead) {
        return violation;
    }
    violation = recovery_start(life, OTA_WS_RESET_POWER_ON);
    if (violation != NULL || life->board->dead) {
        return violation;
    }
    return life_running_image(life) == life->ledger.confirmed ? NULL : "what was confirmed last runs";
}

void recovery_run(life_t *life, recovery_choice_t choice, recovery_t *result) {
    int confirmed = life->ledger.confirmed;
    memset(result, 0, sizeof *result);
    result->running = -1;
    result->violation = recovery_start(life, OTA_WS_RESET_BROWNOUT);
    if (result->violation != NULL || life->board->dead) {
        return;
    }
    result->running = life_running_image(life);
    result->is_confirmed = result->running == confirmed;
    result->on_trial = life->device.on_trial;
    result->is_unproved =
        life->ledger.mark_is_lost && !life->ledger.confirm_asked && !result->is_confirmed && !result->on_trial;
    result->boots = life->boots;
    if (!life_told(life, "last_outcome", result->outcome, sizeof result->outcome)) {
        strcpy(result->outcome, "none");
    }
    if (life->device.on_trial && result->is_confirmed) {
        result->violation = confirm_once_more(life);
    } else if (life->device.on_trial) {
        result->violation = end_trial(life, choice);
    }
    if (result->violation == NULL && !life->board->dead) {
        result->violation = prepare(life, choice);
    }
    if (result->violation == NULL && !life->board->dead) {
        result->violation = update(life, result);
    }
    if (result->violation == NULL && !life->board->dead) {
        result->violation = finish(life);
    }
}
