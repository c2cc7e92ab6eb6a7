// SPDX-License-Identifier: Apache-2.0
// What changes the boot record beside an update: confirm, go back, restart, the trial's end, and what a power cut has
// left to be done. Requests of sessions and time in, one job at a time for the writer out. Inside the core only.
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
void ota_ws_control_restart(ota_ws_session_t *session, ota_ws_failure_t *failure);

// The writer has performed a CONFIRM, ROLL_BACK, DEACTIVATE or SELECT.
void ota_ws_control_completed(ota_ws_device_t *device, const ota_ws_job_result_t *result);

// Ends a trial whose time is over, asks the application about itself, runs errands.
void ota_ws_control_tick(ota_ws_device_t *device);
