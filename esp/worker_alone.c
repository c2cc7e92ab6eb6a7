// SPDX-License-Identifier: Apache-2.0
// In the place of worker.c, where the firmware takes no updates (OTA_WS_INTO_RECOVERY_ONLY): one task and one block of
// memory for one job that changes the boot record. The core never has more than one. The holder of the core's lock
// makes the block and takes the result; the task performs the job in between.
#include "worker.h"

#include <stdlib.h>

#include "freertos/FreeRTOS.h"
#include "own_task.h"
#include "sdkconfig.h"

typedef struct {
    ota_ws_task_t task;
    ota_ws_job_t job;
    ota_ws_job_result_t result;
    _Atomic bool is_done; // the result is there
    bool is_taken;        // and the core has it
} work_t;

static ota_ws_pipeline_ports_t (*get_ports)(void);
static void (*result_waits)(void);
static work_t *work; // NULL: no task

static void run(void *context) {
    work_t *own = context;
    ota_ws_pipeline_ports_t ports = get_ports();
    ota_ws_writer_perform_alone(&ports, &own->job, &own->result);
    own->is_done = true;
    result_waits();
}

static ota_ws_status_t start_alone(void *context, const struct ota_ws_job *job) {
    (void)context;
    work_t *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) {
        return OTA_WS_NO_MEMORY;
    }
    fresh->job = *job;
    fresh->task.body = run;
    fresh->task.context = fresh;
    if (!ota_ws_task_start(&fresh->task, "ota_ws_alone", OTA_WS_ALONE_STACK_SIZE, OTA_WS_WORKER_PRIORITY)) {
        free(fresh);
        return OTA_WS_NO_MEMORY;
    }
    work = fresh;
    return OTA_WS_OK;
}

// The task may still be on its way out of result_waits(), which waits for nobody.
static void stop(void *context) {
    (void)context;
    work_t *old = work;
    work = NULL;
    (void)ota_ws_task_end(&old->task);
    free(old);
}

bool ota_ws_chip_worker_result(ota_ws_job_result_t *result) {
    if (work == NULL || !work->is_done || work->is_taken) {
        return false;
    }
    work->is_taken = true;
    *result = work->result;
    return true;
}

uint8_t *ota_ws_chip_worker_space(size_t *length, uint32_t wait_ms) {
    (void)wait_ms;
    *length = 0;
    return NULL;
}

uint32_t ota_ws_chip_worker_stack_left(void) {
    return 0;
}

const ota_ws_worker_t *ota_ws_chip_worker(ota_ws_pipeline_ports_t (*ports)(void), void (*notify)(void)) {
    static const ota_ws_worker_t port = {.start_alone = start_alone, .stop = stop};
    get_ports = ports;
    result_waits = notify;
    return &port;
}
