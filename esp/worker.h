// SPDX-License-Identifier: Apache-2.0
// The writer's task on a chip: it and all memory of an update exist from start to stop. The writer itself makes space
// in its ring as soon as it has written, so that a task that waits for space never waits for itself.
#pragma once

#include <stdbool.h>

#include "flow/writer.h"
#include "ota_ws_update.h"
#include "ports.h"
#include "sdkconfig.h"

// As the server by default: a server that is never idle must not keep us waiting.
#define OTA_WS_WORKER_PRIORITY (tskIDLE_PRIORITY + 5)

// Stack of a job that changes the boot record. Enough for the store and for ESP-IDF's look at the earlier image.
// Verifying a signature needs more.
#if CONFIG_SECURE_SIGNED_ON_UPDATE
#define OTA_WS_ALONE_STACK_SIZE CONFIG_OTA_WRITER_STACK_SIZE
#else
#define OTA_WS_ALONE_STACK_SIZE 3584
#endif

// The port. `ports` makes the pipeline's ports without its scratch, each time they are needed. `notify` is called in
// the writer's task when a result can be taken; it waits for nobody.
const ota_ws_worker_t *ota_ws_chip_worker(ota_ws_pipeline_ports_t (*ports)(void), void (*notify)(void));

// The next result; false when there is none.
bool ota_ws_chip_worker_result(ota_ws_job_result_t *result);

// Where the next bytes of data go, `length` of them at most, after waiting `wait_ms` at most; NULL when there is no
// space, or no writer.
uint8_t *ota_ws_chip_worker_space(size_t *length, uint32_t wait_ms);

// Stack that the writer never used, in bytes, of the last update.
uint32_t ota_ws_chip_worker_stack_left(void);
