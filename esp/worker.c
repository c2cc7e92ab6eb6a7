// SPDX-License-Identifier: Apache-2.0
#include "worker.h"

#include <stdlib.h>

#include "compat.h"
#include "device.h"
#include "freertos/FreeRTOS.h"
#include "freertos/queue.h"
#include "freertos/semphr.h"
#include "freertos/task.h"
#include "sdkconfig.h"

#define BUFFERS 2
#define JOBS (BUFFERS + 3) // all buffers, two more, and the one that ends the task
#define RESULTS 4          // when they are not taken, the writer waits
#define PRIORITY (tskIDLE_PRIORITY + 4) // below the server, whose default is 5: requests come first

// The job that ends the task.
#define JOB_STOP ((ota_ws_job_kind_t)(-1))

typedef struct {
    ota_ws_writer_t writer;
    TaskHandle_t task;
    QueueHandle_t jobs;
    QueueHandle_t results;
    QueueHandle_t free_buffers;
    SemaphoreHandle_t stopped;
    uint8_t buffers[BUFFERS][OTA_WS_OFFSET_SIZE + OTA_WS_BUFFER_SIZE];
} work_t;

static ota_ws_pipeline_ports_t pipeline_ports;
static void (*tell)(void);
static work_t *work; // NULL: no writer
static uint32_t stack_left;

static void give(work_t *at, uint8_t *buffer) {
    xQueueSend(at->free_buffers, &buffer, 0); // has room for all of them
}

// A chunk that was written is no news: the next frame or tick takes its result. Waking the server costs as much as a
// message.
static bool is_news(const work_t *own, const ota_ws_job_result_t *result) {
    bool plain_chunk = result->kind == OTA_WS_JOB_CHUNK && !result->complete && result->failure.status == OTA_WS_OK;
    return !plain_chunk || uxQueueSpacesAvailable(own->results) <= 1;
}

// While no job waits, the flash is prepared for the next ones.
static void next_job(work_t *own, ota_ws_job_t *job) {
    bool works = true;
    while (xQueueReceive(own->jobs, job, works ? 0 : portMAX_DELAY) != pdTRUE) {
        works = ota_ws_writer_idle(&own->writer);
    }
}

static void run(void *context) {
    work_t *own = context;
    ota_ws_job_t job;
    ota_ws_job_result_t result;
    for (;;) {
        next_job(own, &job);
        if (job.kind == JOB_STOP) {
            break;
        }
        ota_ws_writer_perform(&own->writer, &job, &result);
        if (job.buffer != NULL) {
            give(own, job.buffer);
        }
        xQueueSend(own->results, &result, portMAX_DELAY);
        if (is_news(own, &result)) {
            tell();
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
    QueueHandle_t queues[] = {old->jobs, old->results, old->free_buffers, old->stopped};
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
    fresh->free_buffers = xQueueCreate(BUFFERS, sizeof(uint8_t *));
    fresh->stopped = xSemaphoreCreateBinary();
    return fresh->jobs != NULL && fresh->results != NULL && fresh->free_buffers != NULL && fresh->stopped != NULL;
}

static ota_ws_status_t start(void *context) {
    (void)context;
    work_t *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) {
        return OTA_WS_NO_MEMORY;
    }
    pipeline_ports.scratch = fresh->buffers[0];
    pipeline_ports.scratch_size = sizeof fresh->buffers[0];
    ota_ws_writer_init(&fresh->writer, &pipeline_ports);
    bool made = make_queues(fresh);
    for (int i = 0; made && i < BUFFERS; i++) {
        give(fresh, fresh->buffers[i]);
    }
    if (!made || xTaskCreate(run, "ota_ws_writer", CONFIG_OTA_WRITER_STACK_SIZE, fresh, PRIORITY,
                             &fresh->task) != pdPASS) {
        fresh->task = NULL;
        free_work(fresh);
        return OTA_WS_NO_MEMORY;
    }
    work = fresh;
    ota_ws_compat_wifi_awake();
    return OTA_WS_OK;
}

static void submit(void *context, const struct ota_ws_job *job) {
    (void)context;
    xQueueSend(work->jobs, job, 0); // the core never has more jobs than there is room for
}

static void stop(void *context) {
    (void)context;
    work_t *old = work;
    ota_ws_job_t last = {.kind = JOB_STOP};
    work = NULL;
    xQueueSend(old->jobs, &last, portMAX_DELAY);
    xSemaphoreTake(old->stopped, portMAX_DELAY);
    free_work(old);
    ota_ws_compat_wifi_restore();
}

bool ota_ws_chip_worker_result(ota_ws_job_result_t *result) {
    return work != NULL && xQueueReceive(work->results, result, 0) == pdTRUE;
}

uint8_t *ota_ws_chip_worker_take(uint32_t wait_ms) {
    uint8_t *buffer;
    return work != NULL && xQueueReceive(work->free_buffers, &buffer, pdMS_TO_TICKS(wait_ms)) == pdTRUE ? buffer : NULL;
}

void ota_ws_chip_worker_give(uint8_t *buffer) {
    give(work, buffer);
}

uint32_t ota_ws_chip_worker_stack_left(void) {
    return stack_left;
}

void ota_ws_chip_worker(ota_ws_worker_t *worker, const ota_ws_pipeline_ports_t *ports, void (*result_waits)(void)) {
    pipeline_ports = *ports;
    tell = result_waits;
    *worker = (ota_ws_worker_t){.decrypts = ports->decrypt != NULL, .start = start, .submit = submit, .stop = stop};
}
