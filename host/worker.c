// SPDX-License-Identifier: Apache-2.0
#include "worker.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SCRATCH_SIZE 4096 // the ring's last bytes: what comes early does not reach them

// ---- the thread ----

static void take_first_job(worker_queue_t *queue, ota_ws_job_t *job) {
    *job = queue->jobs[0];
    queue->job_count--;
    memmove(queue->jobs, queue->jobs + 1, queue->job_count * sizeof queue->jobs[0]);
}

static void add_result(worker_t *worker, const ota_ws_job_result_t *result) {
    worker_queue_t *queue = &worker->queue;
    pthread_mutex_lock(&worker->lock);
    if (result->kind == OTA_WS_JOB_CHUNK) {
        queue->written = *result;
        queue->has_written = true;
    } else {
        assert(queue->result_count < WORKER_QUEUE_SIZE);
        queue->results[queue->result_count++] = *result;
    }
    pthread_mutex_unlock(&worker->lock);
    worker->parts.notify(worker->parts.notify_context);
}

// One step: what waits in the ring, a job, or idle time's use. False: there is nothing to do. With the lock held; it is
// open while flash works.
static bool step(worker_t *worker) {
    worker_queue_t *queue = &worker->queue;
    ota_ws_job_result_t result;
    ota_ws_job_t job;
    bool has_job = queue->job_count > 0;
    pthread_mutex_unlock(&worker->lock);
    bool worked = ota_ws_writer_feed(&worker->writer, &worker->ring, has_job, &result);
    if (!worked && has_job) {
        pthread_mutex_lock(&worker->lock);
        take_first_job(queue, &job);
        pthread_mutex_unlock(&worker->lock);
        ota_ws_writer_perform(&worker->writer, &job, &result);
        worked = true;
    }
    if (worked) {
        add_result(worker, &result);
    } else {
        worked = ota_ws_writer_idle(&worker->writer);
    }
    pthread_mutex_lock(&worker->lock);
    return worked;
}

static void *work(void *context) {
    worker_t *worker = context;
    pthread_mutex_lock(&worker->lock);
    while (!worker->queue.quit) {
        unsigned seen = worker->calls;
        if (!step(worker) && worker->calls == seen && !worker->queue.quit) {
            pthread_cond_wait(&worker->wake, &worker->lock);
        }
    }
    pthread_mutex_unlock(&worker->lock);
    return NULL;
}

static void call(worker_t *worker) {
    worker->calls++;
    pthread_cond_signal(&worker->wake);
}

// ---- the port ----

static ota_ws_pipeline_ports_t pipeline_ports(const worker_parts_t *parts) {
    return (ota_ws_pipeline_ports_t){
        .flash = parts->flash,
        .platform = parts->platform,
        .hash = parts->hash,
        .policy = parts->policy,
        .inflate = parts->inflate,
        .decrypt = parts->decrypt,
    };
}

static ota_ws_status_t start(void *context) {
    worker_t *worker = context;
    const worker_parts_t *parts = &worker->parts;
    uint8_t *bytes = malloc(parts->ring_size);
    if (bytes == NULL) {
        return OTA_WS_NO_MEMORY;
    }
    ota_ws_pipeline_ports_t ports = pipeline_ports(parts);
    ports.scratch = bytes + parts->ring_size - SCRATCH_SIZE;
    ports.scratch_size = SCRATCH_SIZE;
    ota_ws_ring_init(&worker->ring, bytes, parts->ring_size);
    ota_ws_writer_init(&worker->writer, &ports);
    memset(&worker->queue, 0, sizeof worker->queue);
    worker->running = pthread_create(&worker->thread, NULL, work, worker) == 0;
    if (!worker->running) {
        free(bytes);
    }
    return worker->running ? OTA_WS_OK : OTA_WS_NO_MEMORY;
}

static void *work_alone(void *context) {
    worker_t *worker = context;
    ota_ws_pipeline_ports_t ports = pipeline_ports(&worker->parts);
    ota_ws_job_result_t result;
    ota_ws_writer_perform_alone(&ports, &worker->queue.jobs[0], &result);
    add_result(worker, &result);
    return NULL;
}

static ota_ws_status_t start_alone(void *context, const ota_ws_job_t *job) {
    worker_t *worker = context;
    memset(&worker->queue, 0, sizeof worker->queue);
    worker->queue.jobs[0] = *job;
    worker->alone = pthread_create(&worker->thread, NULL, work_alone, worker) == 0;
    return worker->alone ? OTA_WS_OK : OTA_WS_NO_MEMORY;
}

static uint8_t *find_space(void *context) {
    size_t length;
    return worker_space(context, &length);
}

static void filled(void *context, size_t length) {
    worker_t *worker = context;
    pthread_mutex_lock(&worker->lock);
    ota_ws_ring_put(&worker->ring, (uint32_t)length);
    call(worker);
    pthread_mutex_unlock(&worker->lock);
}

static void submit(void *context, const ota_ws_job_t *job) {
    worker_t *worker = context;
    pthread_mutex_lock(&worker->lock);
    assert(worker->queue.job_count < WORKER_QUEUE_SIZE);
    worker->queue.jobs[worker->queue.job_count++] = *job;
    call(worker);
    pthread_mutex_unlock(&worker->lock);
}

static void stop(void *context) {
    worker_t *worker = context;
    if (worker->alone) {
        pthread_join(worker->thread, NULL);
        worker->alone = false;
    }
    if (!worker->running) {
        return;
    }
    pthread_mutex_lock(&worker->lock);
    worker->queue.quit = true;
    call(worker);
    pthread_mutex_unlock(&worker->lock);
    pthread_join(worker->thread, NULL);
    free(worker->ring.bytes);
    worker->running = false;
}

ota_ws_worker_t worker_port(worker_t *worker) {
    return (ota_ws_worker_t){.context = worker,
                             .inflates = worker->parts.inflate != NULL && worker->parts.decrypt == NULL,
                             .decrypts = worker->parts.decrypt != NULL,
                             .early = worker->parts.ring_size - SCRATCH_SIZE,
                             .start = start,
                             .start_alone = start_alone,
                             .space = find_space,
                             .filled = filled,
                             .submit = submit,
                             .stop = stop};
}

// ---- space and results ----

void worker_init(worker_t *worker, const worker_parts_t *parts) {
    memset(worker, 0, sizeof *worker);
    worker->parts = *parts;
    pthread_mutex_init(&worker->lock, NULL);
    pthread_cond_init(&worker->wake, NULL);
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
    pthread_cond_destroy(&worker->wake);
    pthread_mutex_destroy(&worker->lock);
}

uint8_t *worker_space(const worker_t *worker, size_t *length) {
    *length = 0;
    return worker->running ? ota_ws_ring_space(&worker->ring, length) : NULL;
}

uint32_t worker_free_space(const worker_t *worker) {
    return worker->running ? ota_ws_ring_free(&worker->ring) : UINT32_MAX;
}

static bool take_result(worker_t *worker, ota_ws_job_result_t *result) {
    worker_queue_t *queue = &worker->queue;
    pthread_mutex_lock(&worker->lock);
    bool found = queue->has_written || queue->result_count > 0;
    if (queue->result_count > 0) {
        *result = queue->results[0];
        queue->result_count--;
        memmove(queue->results, queue->results + 1, queue->result_count * sizeof queue->results[0]);
    } else if (found) {
        *result = queue->written;
        queue->has_written = false;
    }
    pthread_mutex_unlock(&worker->lock);
    return found;
}

void worker_collect(worker_t *worker, ota_ws_device_t *device, uint32_t now_ms) {
    ota_ws_job_result_t result;
    while (take_result(worker, &result)) {
        ota_ws_device_completed(device, &result, now_ms);
    }
}
