// SPDX-License-Identifier: Apache-2.0
// The buffers live as long as the worker, not only as long as an update: a frame may still be on its way into one when
// its update has ended.
#include "worker.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

// ---- the thread ----------------------------------------------------------------------------------------------------

// The time between two jobs.
static void use_idle_time(worker_t *worker) {
    bool worked = true;
    while (worker->queue.job_count == 0 && !worker->queue.quit && worked) {
        pthread_mutex_unlock(&worker->lock);
        worked = ota_ws_writer_idle(&worker->writer);
        pthread_mutex_lock(&worker->lock);
    }
}

// Waits for a job. False: the thread shall end.
static bool next_job(worker_t *worker, ota_ws_job_t *job) {
    worker_queue_t *queue = &worker->queue;
    pthread_mutex_lock(&worker->lock);
    use_idle_time(worker);
    while (queue->job_count == 0 && !queue->quit) {
        pthread_cond_wait(&worker->wake, &worker->lock);
    }
    bool goes_on = !queue->quit;
    if (goes_on) {
        *job = queue->jobs[0];
        queue->job_count--;
        memmove(queue->jobs, queue->jobs + 1, queue->job_count * sizeof queue->jobs[0]);
    }
    pthread_mutex_unlock(&worker->lock);
    return goes_on;
}

static void add_result(worker_t *worker, const ota_ws_job_result_t *result) {
    pthread_mutex_lock(&worker->lock);
    assert(worker->queue.result_count < WORKER_QUEUE_SIZE);
    worker->queue.results[worker->queue.result_count++] = *result;
    pthread_mutex_unlock(&worker->lock);
    worker->parts.notify(worker->parts.notify_context);
}

static void *work(void *context) {
    worker_t *worker = context;
    ota_ws_job_t job;
    while (next_job(worker, &job)) {
        ota_ws_job_result_t result;
        ota_ws_writer_perform(&worker->writer, &job, &result);
        add_result(worker, &result);
    }
    return NULL;
}

// ---- the port ------------------------------------------------------------------------------------------------------

static ota_ws_status_t start(void *context) {
    worker_t *worker = context;
    const worker_parts_t *parts = &worker->parts;
    ota_ws_pipeline_ports_t ports = {
        .flash = parts->flash,
        .platform = parts->platform,
        .hash = parts->hash,
        .policy = parts->policy,
        .inflate = parts->inflate,
        .decrypt = parts->decrypt,
        .scratch = worker->scratch,
        .scratch_size = sizeof worker->scratch,
    };
    ota_ws_writer_init(&worker->writer, &ports);
    memset(&worker->queue, 0, sizeof worker->queue);
    worker->running = pthread_create(&worker->thread, NULL, work, worker) == 0;
    return worker->running ? OTA_WS_OK : OTA_WS_NO_MEMORY;
}

static void submit(void *context, const ota_ws_job_t *job) {
    worker_t *worker = context;
    pthread_mutex_lock(&worker->lock);
    assert(worker->queue.job_count < WORKER_QUEUE_SIZE);
    worker->queue.jobs[worker->queue.job_count++] = *job;
    pthread_cond_signal(&worker->wake);
    pthread_mutex_unlock(&worker->lock);
}

static void stop(void *context) {
    worker_t *worker = context;
    if (!worker->running) {
        return;
    }
    pthread_mutex_lock(&worker->lock);
    worker->queue.quit = true;
    pthread_cond_signal(&worker->wake);
    pthread_mutex_unlock(&worker->lock);
    pthread_join(worker->thread, NULL);
    worker->running = false;
}

ota_ws_worker_t worker_port(worker_t *worker) {
    return (ota_ws_worker_t){.context = worker,
                             .inflates = worker->parts.inflate != NULL && worker->parts.decrypt == NULL,
                             .decrypts = worker->parts.decrypt != NULL,
                             .start = start,
                             .submit = submit,
                             .stop = stop};
}

// ---- buffers and results -------------------------------------------------------------------------------------------

bool worker_init(worker_t *worker, const worker_parts_t *parts) {
    memset(worker, 0, sizeof *worker);
    worker->parts = *parts;
    pthread_mutex_init(&worker->lock, NULL);
    pthread_cond_init(&worker->wake, NULL);
    for (size_t i = 0; i < worker->parts.buffers; i++) {
        worker->buffers[i] = malloc(parts->chunk + OTA_WS_OFFSET_SIZE);
        if (worker->buffers[i] == NULL) {
            worker_free(worker);
            return false;
        }
    }
    return true;
}

void worker_halt(worker_t *worker) {
    ota_ws_job_t job = {.kind = OTA_WS_JOB_ABORT};
    ota_ws_job_result_t result;
    bool was_running = worker->running;
    stop(worker);
    if (was_running) {
        ota_ws_writer_perform(&worker->writer, &job, &result);
    }
}

void worker_free(worker_t *worker) {
    worker_halt(worker);
    for (size_t i = 0; i < worker->parts.buffers; i++) {
        free(worker->buffers[i]);
        worker->buffers[i] = NULL;
    }
    pthread_cond_destroy(&worker->wake);
    pthread_mutex_destroy(&worker->lock);
}

uint8_t *worker_take(worker_t *worker) {
    for (size_t i = 0; i < worker->parts.buffers; i++) {
        if (!worker->taken[i]) {
            worker->taken[i] = true;
            return worker->buffers[i];
        }
    }
    return NULL;
}

void worker_give_back(worker_t *worker, uint8_t *buffer) {
    for (size_t i = 0; i < worker->parts.buffers; i++) {
        if (worker->buffers[i] == buffer) {
            worker->taken[i] = false;
        }
    }
}

bool worker_has_buffer(const worker_t *worker) {
    for (size_t i = 0; i < worker->parts.buffers; i++) {
        if (!worker->taken[i]) {
            return true;
        }
    }
    return false;
}

static bool take_result(worker_t *worker, ota_ws_job_result_t *result) {
    worker_queue_t *queue = &worker->queue;
    pthread_mutex_lock(&worker->lock);
    bool found = queue->result_count > 0;
    if (found) {
        *result = queue->results[0];
        queue->result_count--;
        memmove(queue->results, queue->results + 1, queue->result_count * sizeof queue->results[0]);
    }
    pthread_mutex_unlock(&worker->lock);
    return found;
}

void worker_collect(worker_t *worker, ota_ws_device_t *device, uint32_t now_ms) {
    ota_ws_job_result_t result;
    while (take_result(worker, &result)) {
        ota_ws_device_completed(device, &result, now_ms);
        if (result.buffer != NULL) {
            worker_give_back(worker, result.buffer);
        }
    }
}
