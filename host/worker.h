// SPDX-License-Identifier: Apache-2.0
// The core's worker port: a thread that writes beside the network what the ring holds and performs the jobs of an
// update, the queue to it, and the results from it. All functions are the session thread's.
#pragma once

#include <pthread.h>

#include "session/device.h"

#define WORKER_RING_MIN 8192
#define WORKER_RING_MAX 0x100000
#define WORKER_QUEUE_SIZE 2

typedef struct {
    ota_ws_job_t jobs[WORKER_QUEUE_SIZE];
    size_t job_count;
    ota_ws_job_result_t results[WORKER_QUEUE_SIZE];
    size_t result_count;
    ota_ws_job_result_t written; // of the newest CHUNK; comes before the other results
    bool has_written;
    bool quit;
} worker_queue_t;

// What the worker needs to know. `notify` is called in its thread when there are results.
typedef struct {
    const ota_ws_flash_t *flash;
    const ota_ws_platform_t *platform;
    const ota_ws_hash_t *hash;
    const ota_ws_policy_t *policy;
    const ota_ws_filter_t *inflate; // or NULL
    const ota_ws_filter_t *decrypt; // or NULL: plain images are expected
    uint32_t ring_size;             // WORKER_RING_MIN to WORKER_RING_MAX
    void *notify_context;
    void (*notify)(void *context);
} worker_parts_t;

typedef struct {
    worker_parts_t parts;
    ota_ws_writer_t writer;
    ota_ws_ring_t ring; // its memory exists while the worker runs
    bool running;
    bool alone; // a job that changes the boot record is performed, without an update's memory
    pthread_t thread;
    pthread_mutex_t lock; // of `queue`
    pthread_cond_t wake;  // the queue or the ring has something
    unsigned calls;       // that something has come
    worker_queue_t queue;
} worker_t;

void worker_init(worker_t *worker, const worker_parts_t *parts);

// Waits for the job that is being performed and performs no other; an update that is open is given up, which gives back
// what it holds. (A power cut is a SIGKILL.) Jobs may still be submitted.
void worker_halt(worker_t *worker);

void worker_free(worker_t *worker);

ota_ws_worker_t worker_port(worker_t *worker);

// Where the next bytes of data go: `length` of them at most, which is less than all that are free when the ring goes
// over its end. NULL: no update runs.
uint8_t *worker_space(const worker_t *worker, size_t *length);

// So many bytes can come now. Without an update any number: nobody will take them.
uint32_t worker_free_space(const worker_t *worker);

// Hands the results to the device, after `notify`.
void worker_collect(worker_t *worker, ota_ws_device_t *device, uint32_t now_ms);
