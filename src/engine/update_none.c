// SPDX-License-Identifier: Apache-2.0
// A device that takes no updates (OTA_WS_INTO_RECOVERY_ONLY): the application of the recovery layout. Its recovery
// application takes them. The device refuses each `begin`, and says that no data may follow one at once, so that no
// data come. What is left is the one job that changes the boot record (job.c).
#include "engine/update.h"

bool ota_ws_update_is_of(const ota_ws_session_t *session) {
    (void)session;
    return false;
}

ota_ws_status_t ota_ws_update_occupation(const ota_ws_device_t *device) {
    return device->update == OTA_WS_UPDATE_IDLE ? OTA_WS_OK : OTA_WS_DEVICE_BUSY;
}

uint32_t ota_ws_update_early_most(const ota_ws_device_t *device) {
    (void)device;
    return 0;
}

// In the order of update.c.
void ota_ws_update_begin(ota_ws_session_t *session, const ota_ws_upload_request_t *request, ota_ws_failure_t *failure) {
    const ota_ws_device_t *device = session->device;
    (void)request;
    bool has_work = device->update != OTA_WS_UPDATE_IDLE || device->pending_action != OTA_WS_PENDING_NONE;
    failure->status = has_work ? OTA_WS_DEVICE_BUSY : device->on_trial ? OTA_WS_ON_TRIAL : OTA_WS_RECOVERY_NEEDED;
}

void ota_ws_update_open_next(ota_ws_session_t *next) {
    (void)next;
}

bool ota_ws_update_wants_data(const ota_ws_session_t *session) {
    (void)session;
    return false;
}

// No session gets as far as here.
bool ota_ws_update_data(ota_ws_session_t *session, const ota_ws_data_t *data, ota_ws_failure_t *failure) {
    (void)session;
    (void)data;
    failure->status = OTA_WS_RECOVERY_NEEDED;
    return false;
}

void ota_ws_update_end(ota_ws_session_t *session) {
    (void)session;
}

ota_ws_status_t ota_ws_update_cancel(ota_ws_session_t *session) {
    (void)session;
    return OTA_WS_NO_UPDATE;
}

void ota_ws_update_session_gone(ota_ws_session_t *session, ota_ws_status_t status) {
    ota_ws_device_t *device = session->device;
    (void)status;
    if (device->owner == session) {
        device->owner = NULL;
    }
}

void ota_ws_update_completed(ota_ws_device_t *device, const ota_ws_job_result_t *result) {
    (void)device;
    (void)result;
}

void ota_ws_update_tick(ota_ws_device_t *device) {
    (void)device;
}
