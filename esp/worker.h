// SPDX-License-Identifier: Apache-2.0
// The writer's task on a chip: it and all memory of an update exist from start to stop. The writer itself makes room in
// its ring as soon as it has written, so that whoever waits for some never waits for his own task.
#pragma once

#include <stdbool.h>

#include "flow/writer.h"
#include "ota_ws_update.h"
#include "ports.h"

// Fills the port. `result_waits` is called in the writer's task when a result can be taken.
void ota_ws_chip_worker(ota_ws_worker_t *worker, const ota_ws_pipeline_ports_t *ports, void (*result_waits)(void));

// The next result; false when there is none.
bool ota_ws_chip_worker_result(ota_ws_job_result_t *result);

// Where the next bytes of data go, `length` of them at most, after waiting `wait_ms` at most; NULL when there is no
// room, or no writer.
uint8_t *ota_ws_chip_worker_room(size_t *length, uint32_t wait_ms);

// Stack that the writer never used, in bytes, of the last update.
uint32_t ota_ws_chip_worker_stack_left(void);
