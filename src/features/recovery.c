// SPDX-License-Identifier: Apache-2.0
// The recovery layout (docs/design.md): one slot for the application, and a recovery application in the factory
// partition, which writes that slot. This feature carries out `restart` with `into`. Into the recovery application: the
// boot record's entries of the application are taken away; ESP-IDF's bootloader then starts the factory partition. Back
// into the application: it is verified and selected again. One that was confirmed stays confirmed, any other one runs
// on trial. Without this feature a device says that it has no recovery application.
#include <string.h>

#include "engine/control.h"
#include "engine/update.h"
#include "feature.h"
#include "record/trial.h"

// ---- in the session thread ----

// What stands in the way of a job? The trial's end is a way into the recovery application of its own.
static ota_ws_status_t find_obstacle(const ota_ws_device_t *device) {
    return device->layout == OTA_WS_LAYOUT_TWO_SLOTS       ? OTA_WS_NO_RECOVERY
           : device->on_trial                              ? OTA_WS_ON_TRIAL
           : device->pending_action != OTA_WS_PENDING_NONE ? OTA_WS_DEVICE_BUSY
                                                           : OTA_WS_OK;
}

// Where a plain restart runs the application, no job is needed.
static void restart_into(void *subject) {
    ota_ws_restart_into_t *request = subject;
    ota_ws_session_t *session = request->session;
    const ota_ws_device_t *device = session->device;
    bool into_recovery = strcmp(request->into, "recovery") == 0;
    bool starts_anyway = device->layout == OTA_WS_LAYOUT_APPLICATION || device->update == OTA_WS_UPDATE_READY;
    ota_ws_status_t status = find_obstacle(device);
    request->is_job = status != OTA_WS_OK || into_recovery || !starts_anyway;
    if (status == OTA_WS_OK && request->is_job) {
        ota_ws_job_kind_t kind = into_recovery ? OTA_WS_JOB_ENTER_RECOVERY : OTA_WS_JOB_ENTER_APPLICATION;
        status = ota_ws_update_start_job(session->device, session, kind, OTA_WS_OUTCOME_NONE);
    }
    request->failure->status = status;
}

// ---- in the writer ----

static void enter(void *subject) {
    const ota_ws_lone_job_t *alone = subject;
    const ota_ws_platform_t *platform = alone->ports->platform;
    ota_ws_job_kind_t kind = alone->job->kind;
    if (kind > OTA_WS_JOB_ENTER_APPLICATION) {
        return;
    }
    ota_ws_status_t status = platform->enter_recovery(platform->context);
    if (status == OTA_WS_OK && kind == OTA_WS_JOB_ENTER_APPLICATION) {
        status = ota_ws_trial_return(platform, alone->ports->flash);
    }
    alone->failure->status = status;
}

const ota_ws_feature_t ota_ws_feature_recovery[] = {
    {OTA_WS_RESTART_INTO, restart_into},
    {OTA_WS_JOB_ALONE, enter},
    {0},
};
