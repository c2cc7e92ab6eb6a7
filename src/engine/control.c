// SPDX-License-Identifier: Apache-2.0
#include "engine/control.h"

#include "engine/update.h"

#define LOOK_INTERVAL_MS 1000
#define ASK_AGAIN_MS 10000 // so long after the application has refused to go back when the trial was over

// ---- confirm, go back, restart -------------------------------------------------------------------------------------

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

void ota_ws_control_restart(ota_ws_session_t *session, ota_ws_failure_t *failure) {
    ota_ws_device_t *device = session->device;
    failure->status = ota_ws_update_occupation(device);
    if (failure->status == OTA_WS_OK && may_restart(device, failure)) {
        restart(device);
    }
}

// ---- what the writer has done --------------------------------------------------------------------------------------

// Tells the owner of the job when it has failed. True when it has not.
static bool control_succeeded(ota_ws_device_t *device, const ota_ws_job_result_t *result) {
    if (result->failure.status == OTA_WS_OK) {
        return true;
    }
    if (device->owner != NULL) {
        device->notices->failed(device->owner, &result->failure);
    }
    return false;
}

static void confirm_done(ota_ws_device_t *device, const ota_ws_job_result_t *result) {
    device->errand = OTA_WS_ERRAND_NONE;
    if (control_succeeded(device, result)) {
        device->on_trial = false;
    }
    ota_ws_update_rest(device, OTA_WS_UPDATE_IDLE);
}

static void roll_back_done(ota_ws_device_t *device, const ota_ws_job_result_t *result) {
    bool marked = control_succeeded(device, result);
    device->errand = OTA_WS_ERRAND_NONE;
    device->next = marked ? NULL : device->next;
    ota_ws_update_rest(device, OTA_WS_UPDATE_IDLE);
    if (marked) {
        device->gave_up = true;
        restart(device);
    } else {
        device->trial_since_ms = device->now_ms; // the countdown starts again instead of trying at every tick
    }
}

static void select_done(ota_ws_device_t *device, const ota_ws_job_result_t *result) {
    bool selected = result->failure.status == OTA_WS_OK;
    device->errand = OTA_WS_ERRAND_NONE;
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

typedef void (*done_t)(ota_ws_device_t *device, const ota_ws_job_result_t *result);

void ota_ws_control_completed(ota_ws_device_t *device, const ota_ws_job_result_t *result) {
    static const done_t done[] = {
        [OTA_WS_JOB_CONFIRM - OTA_WS_JOB_CONFIRM] = confirm_done,
        [OTA_WS_JOB_ROLL_BACK - OTA_WS_JOB_CONFIRM] = roll_back_done,
        [OTA_WS_JOB_DEACTIVATE - OTA_WS_JOB_CONFIRM] = deactivate_done,
        [OTA_WS_JOB_SELECT - OTA_WS_JOB_CONFIRM] = select_done,
    };
    device->end = result->failure;
    done[result->kind - OTA_WS_JOB_CONFIRM](device, result);
}

// ---- time ----------------------------------------------------------------------------------------------------------

// What a power cut has left to be done, as soon as the worker can be had.
static void run_errand(ota_ws_device_t *device) {
    static const uint8_t kinds[] = {
        [OTA_WS_ERRAND_CONFIRM] = OTA_WS_JOB_CONFIRM,
        [OTA_WS_ERRAND_GO_BACK] = OTA_WS_JOB_ROLL_BACK,
        [OTA_WS_ERRAND_SELECT] = OTA_WS_JOB_SELECT,
    };
    ota_ws_outcome_t outcome = (ota_ws_outcome_t)device->last.outcome;
    bool going = outcome == OTA_WS_OUTCOME_ABORTING || outcome == OTA_WS_OUTCOME_EXPIRING;
    (void)ota_ws_update_start_job(device, NULL, (ota_ws_job_kind_t)kinds[device->errand],
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

// A finding is acted upon once: what has failed then is not tried every second.
static void act_on_finding(ota_ws_device_t *device, ota_ws_finding_t finding) {
    bool good = finding == OTA_WS_HEALTH_IS_GOOD;
    if ((good || may_go_back(device)) && (good ? confirm(device, NULL) : roll_back(device, NULL)) == OTA_WS_OK) {
        device->finding = finding;
    }
}

static void ask_for_health(ota_ws_device_t *device) {
    const ota_ws_platform_t *platform = device->ports.platform;
    if (platform->examine == NULL) {
        return;
    }
    ota_ws_finding_t finding = platform->examine(platform->context);
    if (finding != OTA_WS_HEALTH_NOT_KNOWN && finding != device->finding) {
        act_on_finding(device, finding);
    }
}

// Has the application decided, past us or when we ask?
static void look_at_trial(ota_ws_device_t *device) {
    device->trial_looked_ms = device->now_ms;
    if (ota_ws_trial_was_confirmed(device->ports.platform)) {
        device->on_trial = false;
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

void ota_ws_control_tick(ota_ws_device_t *device) {
    if (device->update != OTA_WS_UPDATE_IDLE || device->restarting) {
        return;
    }
    if (device->errand != OTA_WS_ERRAND_NONE) {
        run_errand(device);
    } else if (device->on_trial) {
        tick_trial(device);
    }
}
