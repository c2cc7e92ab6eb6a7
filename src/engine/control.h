// SPDX-License-Identifier: Apache-2.0
// What happens beside an update: confirm, go back, restart, the trial's end, what a power cut has left to be done, and
// what a feature does at rest. Requests of sessions and time in, one job at a time for the writer out. Here results of
// the writer and time enter the engine; update.h has the update.
#pragma once

#include "engine/state.h"

// The application decides on the trial, as a client's `confirm` or `rollback` would. OTA_WS_OK: the job is with the
// writer, and `update` is no longer OTA_WS_UPDATE_CONTROL once it has completed. OTA_WS_BUSY, OTA_WS_DEVICE_BUSY,
// OTA_WS_RESTART_PENDING, OTA_WS_NOT_ON_TRIAL, OTA_WS_NO_MEMORY: nothing has changed.
ota_ws_status_t ota_ws_device_confirm(ota_ws_device_t *device);
ota_ws_status_t ota_ws_device_roll_back(ota_ws_device_t *device);

// Requests of a logged-in session. What cannot be done is the result (`failure` is all zeros before); all else is
// answered by a notice when the writer has done its part.
ota_ws_status_t ota_ws_control_confirm(ota_ws_session_t *session);
void ota_ws_control_roll_back(ota_ws_session_t *session, ota_ws_failure_t *failure);

// `into`: "recovery" or "application", "" for whatever the boot record selects.
void ota_ws_control_restart(ota_ws_session_t *session, const char *into, ota_ws_failure_t *failure);

// A restart into the recovery application or the application is asked for (feature.h). A feature starts a job, or
// leaves `job` as it is: then the device restarts as it is.
typedef struct {
    ota_ws_session_t *session;
    const char *into; // "recovery" or "application"
    bool is_job;      // a job was started, or `failure` says why not
    ota_ws_failure_t *failure;
} ota_ws_restart_into_t;

// The writer has performed a job.
void ota_ws_device_completed(ota_ws_device_t *device, const ota_ws_job_result_t *result, uint32_t now_ms);

// A trial runs, or a job, or something is left to be done after a power cut, or a slot is being prepared.
bool ota_ws_device_wants_ticks(const ota_ws_device_t *device);

// Time passes. Ends an update without data and a trial whose time is over, asks the application about itself, runs
// pending actions. Inside the core only: ota_ws_device_tick() calls it.
void ota_ws_engine_tick(ota_ws_device_t *device);
