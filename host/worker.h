// SPDX-License-Identifier: Apache-2.0
// The core's worker port: a thread that performs the jobs of an update beside the network, the queue to it, the results
// from it, and the buffers that data frames are received into. All functions are the session thread's.
#pragma once

#include <pthread.h>

#include "device.h"

#define WORKER_BUFFER_MIN 2
#define WORKER_BUFFER_MAX 16
#define WORKER_QUEUE_SIZE (WORKER_BUFFER_MAX + 2)
#define WORKER_SCRATCH_SIZE 4096

typedef struct {
    ota_ws_job_t jobs[WORKER_QUEUE_SIZE];
    size_t job_count;
    ota_ws_job_result_t results[WORKER_QUEUE_SIZE];
    size_t result_count;
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
    uint32_t chunk;
    uint32_t buffers; // of `chunk` + 4 bytes; WORKER_BUFFER_MIN to WORKER_BUFFER_MAX
    void *notify_context;
    void (*notify)(void *context);
} worker_parts_t;

typedef struct {
    worker_parts_t parts;
    uint8_t *buffers[WORKER_BUFFER_MAX];
    bool taken[WORKER_BUFFER_MAX]; // by the transport or a job
    ota_ws_writer_t writer;
    uint8_t scratch[WORKER_SCRATCH_SIZE];
    bool running;
    pthread_t thread;
    pthread_mutex_t lock; // of `queue`
    pthread_cond_t wake;
    worker_queue_t queue;
} worker_t;

// False when there is no memory.
bool worker_init(worker_t *worker, const worker_parts_t *parts);

// Waits for the job that is being performed and performs no other; an update that is open is given up, which gives back
// what it holds. (A power cut is a SIGKILL.) Jobs may still be submitted.
void worker_halt(worker_t *worker);

void worker_free(worker_t *worker);

ota_ws_worker_t worker_port(worker_t *worker);

// A buffer for one data frame, or NULL when all are taken.
uint8_t *worker_take(worker_t *worker);
void worker_give_back(worker_t *worker, uint8_t *buffer);
bool worker_has_buffer(const worker_t *worker);

// Hands the results to the device, after `notify`.
void worker_collect(worker_t *worker, ota_ws_device_t *device, uint32_t now_ms);
