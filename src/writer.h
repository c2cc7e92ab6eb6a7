// SPDX-License-Identifier: Apache-2.0
// What runs beside the network: jobs in, results out. The writer has its own thread and stack because flash blocks.
// Jobs of one update: BEGIN, then CHUNK ..., then FINISH or ABORT. CONFIRM, ROLL_BACK, DEACTIVATE and SELECT stand
// alone.
#pragma once

#include "history.h"
#include "pipeline.h"
#include "policy.h"
#include "ports.h"

typedef enum {
    OTA_WS_JOB_BEGIN,
    OTA_WS_JOB_CHUNK,
    OTA_WS_JOB_FINISH,
    OTA_WS_JOB_ABORT,
    OTA_WS_JOB_CONFIRM,
    OTA_WS_JOB_ROLL_BACK,
    OTA_WS_JOB_DEACTIVATE,
    OTA_WS_JOB_SELECT, // again, an image that was confirmed
} ota_ws_job_kind_t;

typedef struct ota_ws_job {
    ota_ws_job_kind_t kind;
    ota_ws_promise_t promise;       // BEGIN
    uint8_t peer[OTA_WS_PEER_SIZE]; // BEGIN: who sends it, for the history
    uint32_t when_s;                // BEGIN: seconds since 1970, or 0
    ota_ws_outcome_t outcome;       // ROLL_BACK: ROLLING_BACK, EXPIRING or ABORTING
    uint8_t *buffer;                // CHUNK: what ota_ws_session_data() was given; comes back in the result
    const uint8_t *bytes;           // CHUNK: the image bytes in it
    size_t length;                  // CHUNK
} ota_ws_job_t;

typedef struct {
    ota_ws_job_kind_t kind;
    ota_ws_failure_t failure; // its status is OTA_WS_OK when all is well
    uint8_t *buffer;          // CHUNK: free again
    uint32_t written;         // bytes of the image that are in flash now; BEGIN: taken over from an earlier try
    bool complete;            // CHUNK: all bytes of the file have come
    const ota_ws_image_description_t *image; // BEGIN, CHUNK: of the image that is being written, NULL while it is not
                                             // known; the writer's, unchanged until the update ends
} ota_ws_job_result_t;

// Memory of one update; public so that the worker can hold it. All members belong to the core.
typedef struct {
    ota_ws_pipeline_t pipeline;
    bool open;   // flash->open succeeded, close is owed
    bool failed; // the update has failed; the jobs that are still queued for it are handed back
} ota_ws_writer_t;

// `ports->scratch` is free while FINISH is performed: one of the chunk buffers will do. What `ports` points to outlives
// the writer.
void ota_ws_writer_init(ota_ws_writer_t *writer, const ota_ws_pipeline_ports_t *ports);

// Performs one job, in the writer's thread; may take as long as flash does. `result` is all that comes out. After an
// update has failed, its further jobs are no more than handed back; the next BEGIN starts afresh.
void ota_ws_writer_perform(ota_ws_writer_t *writer, const ota_ws_job_t *job, ota_ws_job_result_t *result);

// No job waits: the writer may use the time. One step of at most one erase, in the writer's thread. False: there is
// nothing to do before the next job; what has failed is told with that job.
bool ota_ws_writer_idle(ota_ws_writer_t *writer);
