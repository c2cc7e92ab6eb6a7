// SPDX-License-Identifier: Apache-2.0
// One job that stands alone, from rest to rest. Every device has it, also one without updates
// (update_none.c).
#include "engine/update.h"

// The device is at rest: the job gets its own small thread.
ota_ws_status_t ota_ws_update_start_alone(ota_ws_device_t *device, ota_ws_session_t *session, ota_ws_job_kind_t kind,
                                          ota_ws_outcome_t outcome) {
    ota_ws_job_t job = {.kind = kind, .outcome = outcome, .block = device->prepared};
    const ota_ws_worker_t *worker = device->ports.worker;
    ota_ws_status_t status = worker->start_alone(worker->context, &job);
    if (status == OTA_WS_OK) {
        device->update = OTA_WS_UPDATE_CONTROL;
        device->owner = session;
    }
    return status;
}

ota_ws_status_t ota_ws_update_start_job(ota_ws_device_t *device, ota_ws_session_t *session, ota_ws_job_kind_t kind,
                                        ota_ws_outcome_t outcome) {
    if (device->restarting || device->update == OTA_WS_UPDATE_READY) {
        return OTA_WS_RESTART_PENDING;
    }
    ota_ws_status_t status = ota_ws_update_occupation(device);
    return status == OTA_WS_OK ? ota_ws_update_start_alone(device, session, kind, outcome) : status;
}

static void stop_worker(ota_ws_device_t *device) {
    const ota_ws_worker_t *worker = device->ports.worker;
    worker->stop(worker->context);
}

void ota_ws_update_rest(ota_ws_device_t *device, ota_ws_update_state_t state) {
    ota_ws_history_newest(device->ports.platform, &device->last);
    device->update = state;
    device->owner = NULL;
    device->image = NULL; // it goes with the worker's memory
    stop_worker(device);
    device->notices->state(device);
    ota_ws_session_t *next = device->next;
    device->next = NULL;
    if (next != NULL) {
        ota_ws_update_open_next(next);
    }
}
