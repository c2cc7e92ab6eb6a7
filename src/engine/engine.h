// SPDX-License-Identifier: Apache-2.0
// Where results of the writer and time enter the engine. Requests of sessions go to update.h and control.h.
#pragma once

#include "engine/state.h"

// The writer has performed a job.
void ota_ws_device_completed(ota_ws_device_t *device, const ota_ws_job_result_t *result, uint32_t now_ms);

// A trial runs, or a job, or something is left to be done after a power cut.
bool ota_ws_device_wants_ticks(const ota_ws_device_t *device);

// Time passes: an update without data ends, a trial ends. Inside the core only: ota_ws_device_tick() calls it.
void ota_ws_engine_tick(ota_ws_device_t *device);
