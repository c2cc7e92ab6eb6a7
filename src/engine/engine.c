// SPDX-License-Identifier: Apache-2.0
#include "engine/engine.h"

#include "engine/control.h"
#include "engine/update.h"

typedef void (*done_t)(ota_ws_device_t *device, const ota_ws_job_result_t *result);

static const done_t done[] = {
    [OTA_WS_JOB_BEGIN] = ota_ws_update_begin_done,      [OTA_WS_JOB_CHUNK] = ota_ws_update_chunk_done,
    [OTA_WS_JOB_FINISH] = ota_ws_update_finish_done,    [OTA_WS_JOB_ABORT] = ota_ws_update_abort_done,
    [OTA_WS_JOB_CONFIRM] = ota_ws_control_completed,    [OTA_WS_JOB_ROLL_BACK] = ota_ws_control_completed,
    [OTA_WS_JOB_DEACTIVATE] = ota_ws_control_completed, [OTA_WS_JOB_SELECT] = ota_ws_control_completed,
};

void ota_ws_device_completed(ota_ws_device_t *device, const ota_ws_job_result_t *result, uint32_t now_ms) {
    device->now_ms = now_ms;
    done[result->kind](device, result);
}

bool ota_ws_device_wants_ticks(const ota_ws_device_t *device) {
    return device->on_trial || device->errand != OTA_WS_ERRAND_NONE || device->update != OTA_WS_UPDATE_IDLE;
}

void ota_ws_engine_tick(ota_ws_device_t *device) {
    ota_ws_update_tick(device);
    ota_ws_control_tick(device);
}
