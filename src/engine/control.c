// SPDX-License-Identifier: Apache-2.0
#include "engine/control.h"

#include "engine/update.h"
#include "feature.h"

#define LOOK_INTERVAL_MS 1000
#define ASK_AGAIN_MS 10000 // so long after the application has refused to go back when the trial was over

// ---- confirm, go back, restart ----

static ota_ws_status_t confirm(ota_ws_device_t *device, ota_ws_session_t *session) {
    return device->on_trial ? ota_ws_update_start_job(device, session, OTA_WS_JOB_CONFIRM, OTA_WS_OUTCOME_NONE)
                            : OTA_WS_NOT_ON_TRIAL;
}

static void restart(ota_ws_device_t *device) {
    const ota_ws_platform_t *platform = device->ports.platform;
    device->restarting = true;
    device->notices->restarting(device);
    platform->restart(platform->context);
}

// Gives the running image up. Where there is not even memory for that, and the bootloader watches over the trial, a
// restart does the same.
static ota_ws_status_t go_back(ota_ws_device_t *device, ota_ws_session_t *session, ota_ws_outcome_t outcome) {
    ota_ws_status_t status = ota_ws_update_start_job(device, session, OTA_WS_JOB_ROLL_BACK, outcome);
    if (status == OTA_WS_NO_MEMORY && device->on_trial && ota_ws_trial_ends_by_restart(device->ports.platform)) {
        ota_ws_trial_intend(device->ports.platform, outcome);
        device->end.status = OTA_WS_OK;
        device->gave_up = true;
        restart(device);
        status = OTA_WS_OK;
    }
    return status;
}

static ota_ws_status_t roll_back(ota_ws_device_t *device, ota_ws_session_t *session) {
    return go_back(device, session, OTA_WS_OUTCOME_ROLLING_BACK);
}

ota_ws_status_t ota_ws_device_confirm(ota_ws_device_t *device) {
    return confirm(device, NULL);
}

ota_ws_status_t ota_ws_device_roll_back(ota_ws_device_t *device) {
    return roll_back(device, NULL);
}

ota_ws_status_t ota_ws_control_confirm(ota_ws_session_t *session) {
    return confirm(session->device, session);
}

// Asks the application. True when the device may restart; else `failure` has its reason.
static bool may_restart(const ota_ws_device_t *device, ota_ws_failure_t *failure) {
    ota_ws_policy_ask(device->ports.platform, OTA_WS_ASK_RESTART, failure);
    return failure->status == OTA_WS_OK;
}

void ota_ws_control_roll_back(ota_ws_session_t *session, ota_ws_failure_t *failure) {
    if (may_restart(session->device, failure)) {
        failure->status = roll_back(session->device, session);
    }
}

void ota_ws_control_restart(ota_ws_session_t *session, const char *into, ota_ws_failure_t *failure) {
    ota_ws_device_t *device = session->device;
    ota_ws_restart_into_t request = {session, into, false, failure};
    failure->status = ota_ws_update_occupation(device);
    if (failure->status != OTA_WS_OK || !may_restart(device, failure)) {
        return;
    }
    if (into[0] != '\0' && !ota_ws_features_run(OTA_WS_RESTART_INTO, &request)) {
        failure->status = OTA_WS_NO_RECOVERY;
    } else if (!request.is_job) {
        restart(device);
    }
}

// ---- what the writer has done ----

// Reports a failed job to its owner. True when it has not failed.
static bool control_succeeded(ota_ws_device_t *device, const ota_ws_job_result_t *result) {
    if (result->failure.status == OTA_WS_OK) {
        return true;
    }
    if (device->owner != NULL) {
        device->notices->failed(device->owner, &result->failure);
    }
    return false;
}

// The running image stays.
static void end_well(ota_ws_device_t *device) {
    device->on_trial = false;
    ota_ws_features_run(OTA_WS_TRIAL_KNOWN, device);
}

static void confirm_done(ota_ws_device_t *device, const ota_ws_job_result_t *result) {
    device->pending_action = OTA_WS_PENDING_NONE;
    if (control_succeeded(device, result)) {
        end_well(device);
    }
    ota_ws_update_rest(device, OTA_WS_UPDATE_IDLE);
}

static void roll_back_done(ota_ws_device_t *device, const ota_ws_job_result_t *result) {
    bool marked = control_succeeded(device, result);
    device->pending_action = OTA_WS_PENDING_NONE;
    device->next = marked ? NULL : device->next;
    ota_ws_update_rest(device, OTA_WS_UPDATE_IDLE);
    if (marked) {
        device->gave_up = true;
        restart(device);
    } else {
        device->trial_since_ms = device->now_ms; // the countdown starts again instead of trying at every tick
    }
}

// SELECT, ENTER_RECOVERY, ENTER_APPLICATION.
static void select_done(ota_ws_device_t *device, const ota_ws_job_result_t *result) {
    bool selected = control_succeeded(device, result);
    device->pending_action = OTA_WS_PENDING_NONE;
    device->next = selected ? NULL : device->next;
    ota_ws_update_rest(device, OTA_WS_UPDATE_IDLE);
    if (selected) {
        restart(device);
    }
}

static void deactivate_done(ota_ws_device_t *device, const ota_ws_job_result_t *result) {
    bool taken_back = control_succeeded(device, result);
    if (taken_back && device->owner != NULL) {
        ota_ws_failure_t failure = {.status = OTA_WS_CANCELLED};
        device->notices->failed(device->owner, &failure);
    }
    ota_ws_update_rest(device, taken_back ? OTA_WS_UPDATE_IDLE : OTA_WS_UPDATE_READY);
}

// The feature brings the device back to rest.
static void prepare_done(ota_ws_device_t *device, const ota_ws_job_result_t *result) {
    (void)result;
    (void)ota_ws_features_run(OTA_WS_BLOCK_PREPARED, device);
}

typedef void (*done_t)(ota_ws_device_t *device, const ota_ws_job_result_t *result);

void ota_ws_device_completed(ota_ws_device_t *device, const ota_ws_job_result_t *result, uint32_t now_ms) {
    static const done_t done[] = {
        [OTA_WS_JOB_BEGIN] = ota_ws_update_completed,  [OTA_WS_JOB_CHUNK] = ota_ws_update_completed,
        [OTA_WS_JOB_FINISH] = ota_ws_update_completed, [OTA_WS_JOB_ABORT] = ota_ws_update_completed,
        [OTA_WS_JOB_CONFIRM] = confirm_done,           [OTA_WS_JOB_ROLL_BACK] = roll_back_done,
        [OTA_WS_JOB_DEACTIVATE] = deactivate_done,     [OTA_WS_JOB_SELECT] = select_done,
        [OTA_WS_JOB_ENTER_RECOVERY] = select_done,     [OTA_WS_JOB_ENTER_APPLICATION] = select_done,
        [OTA_WS_JOB_PREPARE] = prepare_done,
    };
    device->now_ms = now_ms;
    if (result->kind >= OTA_WS_JOB_CONFIRM) {
        device->end = result->failure;
    }
    done[result->kind](device, result);
}

// ---- time ----

// What a power cut has left to be done, as soon as the worker can be had.
static void run_pending_action(ota_ws_device_t *device) {
    static const uint8_t kinds[] = {
        [OTA_WS_PENDING_CONFIRM] = OTA_WS_JOB_CONFIRM,
        [OTA_WS_PENDING_GO_BACK] = OTA_WS_JOB_ROLL_BACK,
        [OTA_WS_PENDING_SELECT] = OTA_WS_JOB_SELECT,
    };
    ota_ws_outcome_t outcome = (ota_ws_outcome_t)device->last.outcome;
    bool going = outcome == OTA_WS_OUTCOME_ABORTING || outcome == OTA_WS_OUTCOME_EXPIRING;
    (void)ota_ws_update_start_job(device, NULL, (ota_ws_job_kind_t)kinds[device->pending_action],
                                  going ? outcome : OTA_WS_OUTCOME_ROLLING_BACK);
}

static bool may_go_back(const ota_ws_device_t *device) {
    ota_ws_failure_t failure;
    return may_restart(device, &failure);
}

static void end_trial(ota_ws_device_t *device) {
    if (may_go_back(device)) {
        (void)go_back(device, NULL, OTA_WS_OUTCOME_EXPIRING);
    } else {
        device->trial_since_ms = device->now_ms - device->settings->trial_timeout_ms + ASK_AGAIN_MS;
    }
}

// A health is acted upon once: what has failed then is not tried every second.
static void act_on_health(ota_ws_device_t *device, ota_ws_health_result_t health) {
    bool good = health == OTA_WS_HEALTH_IS_GOOD;
    if ((good || may_go_back(device)) && (good ? confirm(device, NULL) : roll_back(device, NULL)) == OTA_WS_OK) {
        device->health = health;
    }
}

static void ask_for_health(ota_ws_device_t *device) {
    const ota_ws_platform_t *platform = device->ports.platform;
    if (platform->check_health == NULL) {
        return;
    }
    ota_ws_health_result_t health = platform->check_health(platform->context);
    if (health != OTA_WS_HEALTH_NOT_KNOWN && health != device->health) {
        act_on_health(device, health);
    }
}

// Has the application decided, past us or when we ask?
static void look_at_trial(ota_ws_device_t *device) {
    device->trial_looked_ms = device->now_ms;
    if (ota_ws_trial_was_confirmed(device->ports.platform)) {
        end_well(device);
        ota_ws_history_newest(device->ports.platform, &device->last);
        device->notices->state(device);
    } else {
        ask_for_health(device);
    }
}

static void tick_trial(ota_ws_device_t *device) {
    uint32_t timeout_ms = device->settings->trial_timeout_ms;
    if (timeout_ms > 0 && device->now_ms - device->trial_since_ms >= timeout_ms) {
        end_trial(device);
    } else if (device->now_ms - device->trial_looked_ms >= LOOK_INTERVAL_MS) {
        look_at_trial(device);
    }
}

static void tick_control(ota_ws_device_t *device) {
    if (device->update != OTA_WS_UPDATE_IDLE || device->restarting) {
        return;
    }
    if (device->pending_action != OTA_WS_PENDING_NONE) {
        run_pending_action(device);
    } else if (device->on_trial) {
        tick_trial(device);
    } else {
        ota_ws_features_run(OTA_WS_AT_REST, device);
    }
}

bool ota_ws_device_wants_ticks(const ota_ws_device_t *device) {
    return device->on_trial || ota_ws_device_is_preparing(device) || device->pending_action != OTA_WS_PENDING_NONE ||
           device->update != OTA_WS_UPDATE_IDLE;
}

void ota_ws_engine_tick(ota_ws_device_t *device) {
    ota_ws_update_tick(device);
    tick_control(device);
}
