// SPDX-License-Identifier: Apache-2.0
// The writer's task on a chip: it and all memory of an update exist from start to stop. Buffers come back from the
// writer itself, as soon as it has written them, so that whoever waits for one never waits for his own task.
#pragma once

#include <stdbool.h>

#include "ota_ws_update.h"
#include "ports.h"
#include "writer.h"

#define OTA_WS_BUFFER_SIZE 4096 // image bytes in one buffer; before them lie OTA_WS_OFFSET_SIZE more

// Fills the port. `result_waits` is called in the writer's task when a result can be taken.
void ota_ws_chip_worker(ota_ws_worker_t *worker, const ota_ws_pipeline_ports_t *ports, void (*result_waits)(void));

// The next result; false when there is none.
bool ota_ws_chip_worker_result(ota_ws_job_result_t *result);

// A free buffer, after waiting `wait_ms` at most; NULL when there is none, or no writer.
uint8_t *ota_ws_chip_worker_take(uint32_t wait_ms);

// Gives back a buffer that the core has not taken.
void ota_ws_chip_worker_give(uint8_t *buffer);

// Stack that the writer never used, in bytes, of the last update.
uint32_t ota_ws_chip_worker_stack_left(void);
