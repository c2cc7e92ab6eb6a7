// SPDX-License-Identifier: Apache-2.0
#include "worker.h"

#include <stdlib.h>

#include "compat.h"
#include "freertos/FreeRTOS.h"
#include "freertos/queue.h"
#include "freertos/semphr.h"
#include "freertos/task.h"
#include "sdkconfig.h"
#include "session/device.h"

#define JOBS 2                              // at most so many wait
#define RESULTS 2                           // of jobs; those of what was written replace each other
#define EARLY (CONFIG_OTA_RING_SIZE - 4096) // bytes of data that may come before BEGIN: the last sector is its scratch
#define PRIORITY (tskIDLE_PRIORITY + 4)     // below the server, whose default is 5: requests come first

typedef struct {
    ota_ws_writer_t writer;
    ota_ws_ring_t ring;
    TaskHandle_t task;
    QueueHandle_t jobs;
    QueueHandle_t results;
    QueueHandle_t written;  // the result of the newest chunk
    SemaphoreHandle_t wake; // the ring or `jobs` has something, or the task shall end
    SemaphoreHandle_t room; // the ring has some again
    SemaphoreHandle_t stopped;
    _Atomic bool ends;
    _Alignas(uint32_t) uint8_t bytes[CONFIG_OTA_RING_SIZE]; // so that a sector's begin on a word
} work_t;

// A job that changes the boot record is performed alone: no ring, no writer, no queues, and a stack that is enough for
// the store and for ESP-IDF's look at the earlier image. Verifying a signature needs more.
#if CONFIG_SECURE_SIGNED_ON_UPDATE
#define ALONE_STACK_SIZE CONFIG_OTA_WRITER_STACK_SIZE
#else
#define ALONE_STACK_SIZE 3584
#endif

typedef struct {
    ota_ws_job_t job;
    ota_ws_job_result_t result;
    TaskHandle_t task;
    bool taken;             // the result
    _Atomic bool performed; // the result is there
    _Atomic bool ends;      // the task does nothing any more
} alone_t;

static ota_ws_pipeline_ports_t pipeline_ports;
static void (*tell)(void);
static work_t *work;   // NULL: no writer
static alone_t *alone; // NULL: no job that is performed alone
static uint32_t stack_left;

// That something was written is no news: the next frame or tick takes its result. Waking the server costs as much as a
// message.
static void give_written(work_t *own, const ota_ws_job_result_t *result) {
    xQueueOverwrite(own->written, result);
    xSemaphoreGive(own->room);
    if (result->complete || result->failure.status != OTA_WS_OK) {
        tell();
    }
}

static void give_result(work_t *own, const ota_ws_job_result_t *result) {
    xQueueSend(own->results, result, portMAX_DELAY);
    tell();
}

// What waits in the ring, a job, or idle time's use. False: there is nothing to do.
static bool step(work_t *own) {
    ota_ws_job_t job;
    ota_ws_job_result_t result;
    bool has_job = uxQueueSpacesAvailable(own->jobs) < JOBS; // what came before it is in the ring by now
    if (ota_ws_writer_feed(&own->writer, &own->ring, has_job, &result)) {
        give_written(own, &result);
        return true;
    }
    if (!has_job) {
        return ota_ws_writer_idle(&own->writer);
    }
    xQueueReceive(own->jobs, &job, 0);
    ota_ws_writer_perform(&own->writer, &job, &result);
    give_result(own, &result);
    return true;
}

static void run(void *context) {
    work_t *own = context;
    while (!own->ends) {
        if (!step(own)) {
            xSemaphoreTake(own->wake, portMAX_DELAY);
        }
    }
    stack_left = uxTaskGetStackHighWaterMark(NULL);
    xSemaphoreGive(own->stopped);
    vTaskSuspend(NULL); // stop() deletes it: then its stack is free when stop() returns
}

static void free_work(work_t *old) {
    if (old->task != NULL) {
        vTaskDelete(old->task);
    }
    QueueHandle_t queues[] = {old->jobs, old->results, old->written, old->wake, old->room, old->stopped};
    for (size_t i = 0; i < sizeof queues / sizeof queues[0]; i++) {
        if (queues[i] != NULL) {
            vQueueDelete(queues[i]);
        }
    }
    free(old);
}

static bool make_queues(work_t *fresh) {
    fresh->jobs = xQueueCreate(JOBS, sizeof(ota_ws_job_t));
    fresh->results = xQueueCreate(RESULTS, sizeof(ota_ws_job_result_t));
    fresh->written = xQueueCreate(1, sizeof(ota_ws_job_result_t));
    fresh->wake = xSemaphoreCreateBinary();
    fresh->room = xSemaphoreCreateBinary();
    fresh->stopped = xSemaphoreCreateBinary();
    return fresh->jobs != NULL && fresh->results != NULL && fresh->written != NULL && fresh->wake != NULL &&
           fresh->room != NULL && fresh->stopped != NULL;
}

static ota_ws_status_t start(void *context) {
    (void)context;
    work_t *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) {
        return OTA_WS_NO_MEMORY;
    }
    pipeline_ports.scratch = fresh->bytes + EARLY;
    pipeline_ports.scratch_size = sizeof fresh->bytes - EARLY;
    ota_ws_ring_init(&fresh->ring, fresh->bytes, sizeof fresh->bytes);
    ota_ws_writer_init(&fresh->writer, &pipeline_ports);
    if (!make_queues(fresh) ||
        xTaskCreate(run, "ota_ws_writer", CONFIG_OTA_WRITER_STACK_SIZE, fresh, PRIORITY, &fresh->task) != pdPASS) {
        fresh->task = NULL;
        free_work(fresh);
        return OTA_WS_NO_MEMORY;
    }
    work = fresh;
    ota_ws_compat_wifi_awake();
    return OTA_WS_OK;
}

static void run_alone(void *context) {
    alone_t *own = context;
    ota_ws_writer_perform_alone(&pipeline_ports, &own->job, &own->result);
    stack_left = uxTaskGetStackHighWaterMark(NULL);
    own->performed = true;
    tell();
    own->ends = true;
    vTaskSuspend(NULL); // free_alone() deletes it
}

static ota_ws_status_t start_alone(void *context, const struct ota_ws_job *job) {
    (void)context;
    alone_t *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) {
        return OTA_WS_NO_MEMORY;
    }
    fresh->job = *job;
    if (xTaskCreate(run_alone, "ota_ws_alone", ALONE_STACK_SIZE, fresh, PRIORITY, &fresh->task) != pdPASS) {
        free(fresh);
        return OTA_WS_NO_MEMORY;
    }
    alone = fresh;
    return OTA_WS_OK;
}

// Its result was taken; it may still be on its way out of tell(), which waits for nobody.
static void free_alone(void) {
    alone_t *old = alone;
    alone = NULL;
    while (!old->ends) {
        vTaskDelay(1);
    }
    vTaskDelete(old->task);
    free(old);
}

static bool take_alone(ota_ws_job_result_t *result) {
    if (alone == NULL || !alone->performed || alone->taken) {
        return false;
    }
    alone->taken = true;
    *result = alone->result;
    return true;
}

static void filled(void *context, size_t length) {
    (void)context;
    ota_ws_ring_put(&work->ring, (uint32_t)length);
    xSemaphoreGive(work->wake);
}

static void submit(void *context, const struct ota_ws_job *job) {
    (void)context;
    xQueueSend(work->jobs, job, 0); // the core never has more jobs than there is room for
    xSemaphoreGive(work->wake);
}

static void stop(void *context) {
    (void)context;
    if (alone != NULL) {
        free_alone();
        return;
    }
    work_t *old = work;
    work = NULL;
    old->ends = true;
    xSemaphoreGive(old->wake);
    xSemaphoreTake(old->stopped, portMAX_DELAY);
    free_work(old);
    ota_ws_compat_wifi_restore();
}

// That BEGIN was performed comes before what was written since.
bool ota_ws_chip_worker_result(ota_ws_job_result_t *result) {
    if (take_alone(result)) {
        return true;
    }
    bool has_written = work != NULL && uxQueueMessagesWaiting(work->written) > 0;
    return work != NULL && (xQueueReceive(work->results, result, 0) == pdTRUE ||
                            (has_written && xQueueReceive(work->written, result, 0) == pdTRUE));
}

// The semaphore may have been given for room that is used up since.
uint8_t *ota_ws_chip_worker_room(size_t *length, uint32_t wait_ms) {
    *length = 0;
    if (work != NULL && ota_ws_ring_free(&work->ring) == 0) {
        xSemaphoreTake(work->room, pdMS_TO_TICKS(wait_ms));
    }
    uint8_t *room = work != NULL ? ota_ws_ring_room(&work->ring, length) : NULL;
    return *length > 0 ? room : NULL;
}

uint32_t ota_ws_chip_worker_stack_left(void) {
    return stack_left;
}

void ota_ws_chip_worker(ota_ws_worker_t *worker, const ota_ws_pipeline_ports_t *ports, void (*result_waits)(void)) {
    pipeline_ports = *ports;
    tell = result_waits;
    *worker = (ota_ws_worker_t){
        .inflates = ports->inflate != NULL,
        .decrypts = ports->decrypt != NULL,
        .early = EARLY,
        .start = start,
        .start_alone = start_alone,
        .filled = filled,
        .submit = submit,
        .stop = stop,
    };
}
