// SPDX-License-Identifier: Apache-2.0
// The life of the one update, from `begin` to the restart or the failure: requests of sessions in, jobs for the writer
// out. control.h has what changes the boot record beside it. Inside the core only. update.c carries it out. A build
// that takes no updates (OTA_WS_INTO_RECOVERY_ONLY) has update_none.c in its place. job.c belongs to both.
#pragma once

#include "engine/state.h"

// Requests of a logged-in session. What cannot be done is the result (`failure` is all zeros before); all else is
// answered by a notice, now or when the writer has done its part.
void ota_ws_update_begin(ota_ws_session_t *session, const ota_ws_upload_request_t *request, ota_ws_failure_t *failure);
void ota_ws_update_end(ota_ws_session_t *session);
ota_ws_status_t ota_ws_update_cancel(ota_ws_session_t *session);

// Does an update of this session run, or wait for its turn (not: end, or wait for the restart)?
bool ota_ws_update_is_of(const ota_ws_session_t *session);

// OTA_WS_OK when the device is at rest; OTA_WS_BUSY: a client updates it, or is about to; OTA_WS_DEVICE_BUSY: the
// device finishes something by itself.
ota_ws_status_t ota_ws_update_occupation(const ota_ws_device_t *device);

// How many bytes a `begin` may let follow at once: a frame's, where the ring has space for them. 0: none.
uint32_t ota_ws_update_early_most(const ota_ws_device_t *device);

// May this session send data now?
bool ota_ws_update_wants_data(const ota_ws_session_t *session);

// The session wants data. False: it is not taken, and `failure` ends the session.
bool ota_ws_update_data(ota_ws_session_t *session, const ota_ws_data_t *data, ota_ws_failure_t *failure);

// The session has ended: its update ends with `status` unless all data is there.
void ota_ws_update_session_gone(ota_ws_session_t *session, ota_ws_status_t status);

// Hands one job that stands alone to the writer, from IDLE only; `outcome` is that of ROLL_BACK; `session`
// hears how it ends, NULL: nobody. OTA_WS_RESTART_PENDING, OTA_WS_BUSY, OTA_WS_DEVICE_BUSY, OTA_WS_NO_MEMORY: nothing
// has changed.
ota_ws_status_t ota_ws_update_start_job(ota_ws_device_t *device, ota_ws_session_t *session, ota_ws_job_kind_t kind,
                                        ota_ws_outcome_t outcome);

// The same, whatever stands in the way: the caller knows that the worker is free. OTA_WS_NO_MEMORY.
ota_ws_status_t ota_ws_update_start_alone(ota_ws_device_t *device, ota_ws_session_t *session, ota_ws_job_kind_t kind,
                                          ota_ws_outcome_t outcome);

// Back at rest, in IDLE or READY; a `begin` that had to wait has its turn.
void ota_ws_update_rest(ota_ws_device_t *device, ota_ws_update_state_t state);

// The `begin` of this session had to wait (device->next_request).
void ota_ws_update_open_next(ota_ws_session_t *next);

void ota_ws_update_tick(ota_ws_device_t *device);

// The writer has performed a BEGIN, CHUNK, FINISH or ABORT.
void ota_ws_update_completed(ota_ws_device_t *device, const ota_ws_job_result_t *result);
