// SPDX-License-Identifier: Apache-2.0
// What changes the boot record beside an update: confirm, go back, restart, the trial's end, and what a power cut has
// left to be done. Requests of sessions and time in, one job at a time for the writer out. Inside the core only.
#pragma once

#include "session.h"

// Requests of a logged-in session. Each is answered, now or when the writer has done its part.
void ota_ws_control_confirm(ota_ws_session_t *session);
void ota_ws_control_roll_back(ota_ws_session_t *session);
void ota_ws_control_restart(ota_ws_session_t *session);

// The writer has performed a CONFIRM, ROLL_BACK, DEACTIVATE or SELECT.
void ota_ws_control_completed(ota_ws_device_t *device, const ota_ws_job_result_t *result);

// Ends a trial whose time is over, asks the application about itself, runs errands.
void ota_ws_control_tick(ota_ws_device_t *device);
