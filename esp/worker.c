// SPDX-License-Identifier: Apache-2.0
// One task and one block of memory for each piece of work. The block begins with the desk, on which jobs and results
// change hands: two of each, in turns. The holder of the core's lock puts jobs and takes results; the task takes jobs
// and puts results. Each side stores counts of its own only, so jobs and results need no lock. The newest result of
// what was written has one place, in which the task overwrites it: a spinlock keeps that place. An update's block has
// ring and writer behind the desk. A job that changes the boot record is performed alone: its block ends with the desk.
//
// Semaphores and not task notifications: esp_http_server and every application link semaphores already; notifications
// would add 378 bytes of IRAM to an application that uses none.
#include "worker.h"

#include <stdlib.h>

#include "compat.h"
#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"
#include "own_task.h"
#include "sdkconfig.h"
#include "session/device.h"

#define TURNS 2                             // the core never has more jobs at once
#define EARLY (CONFIG_OTA_RING_SIZE - 4096) // bytes of data that may come before BEGIN: the last sector is its scratch

typedef struct {
    ota_ws_task_t task;
    bool is_alone;     // a desk alone, and no work_t
    _Atomic bool ends; // the task shall
    _Atomic uint8_t jobs_put, jobs_taken, results_put, results_taken;
    ota_ws_job_t jobs[TURNS];
    ota_ws_job_result_t results[TURNS];
} desk_t;

typedef struct {
    desk_t desk;
    SemaphoreHandle_t wake;  // given when there is something to do
    SemaphoreHandle_t space; // given when the ring has some again
    StaticSemaphore_t wake_memory, space_memory;
    _Atomic bool has_written;
    ota_ws_job_result_t written; // the newest one, while has_written
    ota_ws_writer_t writer;
    ota_ws_ring_t ring;
    _Alignas(uint32_t) uint8_t bytes[CONFIG_OTA_RING_SIZE]; // so that a sector's begin on a word
} work_t;

static ota_ws_pipeline_ports_t (*get_ports)(void);
static void (*result_waits)(void);
static desk_t *desk; // NULL: no task
static portMUX_TYPE written_lock = portMUX_INITIALIZER_UNLOCKED;
static uint32_t stack_left;

static work_t *work_of(desk_t *own) {
    return (work_t *)own;
}

// ---- in the task ----

static const ota_ws_job_t *next_job(const desk_t *own) {
    return own->jobs_put != own->jobs_taken ? &own->jobs[own->jobs_taken % TURNS] : NULL;
}

static ota_ws_job_result_t *next_result(desk_t *own) {
    return &own->results[own->results_put % TURNS];
}

static void hand_over(desk_t *own) {
    own->jobs_taken = (uint8_t)(own->jobs_taken + 1);
    own->results_put = (uint8_t)(own->results_put + 1);
    result_waits();
}

// The next frame or tick takes this result. Waking the server costs as much as a message, so it is woken only when the
// file is complete or has failed.
static void give_written(work_t *own, const ota_ws_job_result_t *result) {
    portENTER_CRITICAL(&written_lock);
    own->written = *result;
    own->has_written = true;
    portEXIT_CRITICAL(&written_lock);
    xSemaphoreGive(own->space);
    if (result->complete || result->failure.status != OTA_WS_OK) {
        result_waits();
    }
}

// Performs what waits in the ring, a job, or what idle time is for. False: there is nothing to do.
static bool step(work_t *own) {
    ota_ws_job_result_t written;
    const ota_ws_job_t *job = next_job(&own->desk); // what came before it is in the ring by now
    if (ota_ws_writer_feed(&own->writer, &own->ring, job != NULL, &written)) {
        give_written(own, &written);
        return true;
    }
    if (job == NULL) {
        return ota_ws_writer_idle(&own->writer);
    }
    ota_ws_writer_perform(&own->writer, job, next_result(&own->desk));
    hand_over(&own->desk);
    return true;
}

static void run(void *context) {
    work_t *own = context;
    while (!own->desk.ends) {
        if (!step(own)) {
            xSemaphoreTake(own->wake, portMAX_DELAY);
        }
    }
}

static void run_alone(void *context) {
    desk_t *own = context;
    ota_ws_pipeline_ports_t ports = get_ports();
    ota_ws_writer_perform_alone(&ports, next_job(own), next_result(own));
    hand_over(own);
}

// ---- with the lock ----

static void put_job(desk_t *own, const ota_ws_job_t *job) {
    own->jobs[own->jobs_put % TURNS] = *job;
    own->jobs_put = (uint8_t)(own->jobs_put + 1);
}

static ota_ws_status_t start_task(desk_t *fresh, const char *name, uint32_t stack_size, void (*body)(void *context)) {
    fresh->task.body = body;
    fresh->task.context = fresh;
    if (!ota_ws_task_start(&fresh->task, name, stack_size, OTA_WS_WORKER_PRIORITY)) {
        free(fresh);
        return OTA_WS_NO_MEMORY;
    }
    desk = fresh;
    return OTA_WS_OK;
}

static void prepare(work_t *fresh) {
    ota_ws_pipeline_ports_t ports = get_ports();
    ports.scratch = fresh->bytes + EARLY;
    ports.scratch_size = sizeof fresh->bytes - EARLY;
    fresh->wake = xSemaphoreCreateBinaryStatic(&fresh->wake_memory);
    fresh->space = xSemaphoreCreateBinaryStatic(&fresh->space_memory);
    ota_ws_ring_init(&fresh->ring, fresh->bytes, sizeof fresh->bytes);
    ota_ws_writer_init(&fresh->writer, &ports);
}

static ota_ws_status_t start(void *context) {
    (void)context;
    work_t *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) {
        return OTA_WS_NO_MEMORY;
    }
    prepare(fresh);
    ota_ws_status_t status = start_task(&fresh->desk, "ota_ws_writer", CONFIG_OTA_WRITER_STACK_SIZE, run);
    if (status == OTA_WS_OK) {
        ota_ws_compat_wifi_awake();
    }
    return status;
}

static ota_ws_status_t start_alone(void *context, const struct ota_ws_job *job) {
    (void)context;
    desk_t *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) {
        return OTA_WS_NO_MEMORY;
    }
    fresh->is_alone = true;
    put_job(fresh, job);
    return start_task(fresh, "ota_ws_alone", OTA_WS_ALONE_STACK_SIZE, run_alone);
}

static uint8_t *find_space(void *context) {
    (void)context;
    size_t length;
    return ota_ws_ring_space(&work_of(desk)->ring, &length);
}

static void filled(void *context, size_t length) {
    (void)context;
    ota_ws_ring_put(&work_of(desk)->ring, (uint32_t)length);
    xSemaphoreGive(work_of(desk)->wake);
}

static void submit(void *context, const struct ota_ws_job *job) {
    (void)context;
    put_job(desk, job);
    xSemaphoreGive(work_of(desk)->wake);
}

// The task may still be on its way out of result_waits(), which waits for nobody.
static void stop(void *context) {
    (void)context;
    desk_t *old = desk;
    desk = NULL;
    old->ends = true;
    if (!old->is_alone) {
        xSemaphoreGive(work_of(old)->wake);
        ota_ws_compat_wifi_restore();
    }
    stack_left = ota_ws_task_end(&old->task);
    free(old);
}

static bool take_written(work_t *own, ota_ws_job_result_t *result) {
    portENTER_CRITICAL(&written_lock);
    bool has_written = own->has_written;
    own->has_written = false;
    *result = own->written;
    portEXIT_CRITICAL(&written_lock);
    return has_written;
}

// That BEGIN was performed comes before what was written since: has_written is read first.
bool ota_ws_chip_worker_result(ota_ws_job_result_t *result) {
    if (desk == NULL) {
        return false;
    }
    bool has_written = !desk->is_alone && work_of(desk)->has_written;
    if (desk->results_taken != desk->results_put) {
        *result = desk->results[desk->results_taken % TURNS];
        desk->results_taken = (uint8_t)(desk->results_taken + 1);
        return true;
    }
    return has_written && take_written(work_of(desk), result);
}

// The semaphore may have been given for space that is used up since.
uint8_t *ota_ws_chip_worker_space(size_t *length, uint32_t wait_ms) {
    *length = 0;
    if (desk == NULL || desk->is_alone) {
        return NULL;
    }
    work_t *own = work_of(desk);
    if (ota_ws_ring_free(&own->ring) == 0) {
        xSemaphoreTake(own->space, pdMS_TO_TICKS(wait_ms));
    }
    uint8_t *space = ota_ws_ring_space(&own->ring, length);
    return *length > 0 ? space : NULL;
}

uint32_t ota_ws_chip_worker_stack_left(void) {
    return stack_left;
}

const ota_ws_worker_t *ota_ws_chip_worker(ota_ws_pipeline_ports_t (*ports)(void), void (*notify)(void)) {
    static const ota_ws_worker_t port = {
        .inflates = OTA_WS_INFLATES,
        .decrypts = OTA_WS_DECRYPTS,
        .early = EARLY,
        .start = start,
        .start_alone = start_alone,
        .space = find_space,
        .filled = filled,
        .submit = submit,
        .stop = stop,
    };
    get_ports = ports;
    result_waits = notify;
    return &port;
}
