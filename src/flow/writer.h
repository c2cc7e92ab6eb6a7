// SPDX-License-Identifier: Apache-2.0
// What runs beside the network: jobs in, results out. The writer has its own thread and stack because flash blocks.
// Jobs of one update: BEGIN, then CHUNK ..., then FINISH or ABORT. CONFIRM and those behind it stand alone:
// they change the boot record, or prepare the slot. Chunks do not wait as jobs, but as bytes in a ring (ring.h): how
// many there are of which length does not matter.
#pragma once

#include "flow/pipeline.h"
#include "image/policy.h"
#include "ports.h"
#include "record/history.h"

typedef enum {
    OTA_WS_JOB_BEGIN,
    OTA_WS_JOB_CHUNK,
    OTA_WS_JOB_FINISH,
    OTA_WS_JOB_ABORT,
    OTA_WS_JOB_CONFIRM,
    OTA_WS_JOB_ROLL_BACK,
    OTA_WS_JOB_DEACTIVATE,
    OTA_WS_JOB_SELECT,            // again, an image that was confirmed
    OTA_WS_JOB_ENTER_RECOVERY,    // } of the recovery layout
    OTA_WS_JOB_ENTER_APPLICATION, // }
    OTA_WS_JOB_PREPARE,           // one block of the prepared slot
} ota_ws_job_kind_t;

typedef struct ota_ws_job {
    ota_ws_job_kind_t kind;
    ota_ws_upload_request_t request; // BEGIN
    uint8_t peer[OTA_WS_PEER_SIZE];  // BEGIN: who sends it, for the history
    uint32_t when_s;                 // BEGIN: seconds since 1970, or 0
    ota_ws_outcome_t outcome;        // ROLL_BACK: ROLLING_BACK, EXPIRING or ABORTING
    ota_ws_ring_view_t data;         // CHUNK
    uint32_t block;                  // PREPARE: device->prepared
} ota_ws_job_t;

typedef struct {
    ota_ws_job_kind_t kind;
    ota_ws_failure_t failure; // its status is OTA_WS_OK when all is well
    uint32_t taken;           // bytes of data that the writer has had; BEGIN: the offset of the first that is to come
    uint32_t written;         // bytes of the image that are in flash now; BEGIN: taken over from an earlier try
    bool complete;            // CHUNK: all bytes of the file have come
    const ota_ws_image_description_t *image; // BEGIN, CHUNK: of the image that is being written, NULL while it is not
                                             // known; the writer's, unchanged until the update ends
} ota_ws_job_result_t;

// Memory of one update; public so that the worker can hold it. All members belong to the core.
typedef struct {
    ota_ws_pipeline_t pipeline;
    uint32_t taken;
    uint32_t skip; // early data that are still to be thrown away: the file goes on elsewhere
    bool open;     // flash->open succeeded, close is owed
    bool failed;   // the update has failed: nothing more is done for it
} ota_ws_writer_t;

// A job of a feature (feature.h).
typedef struct {
    const ota_ws_pipeline_ports_t *ports; // only `platform` and `flash` are used
    const ota_ws_job_t *job;
    ota_ws_failure_t *failure; // comes out
} ota_ws_lone_job_t;

// What `ports` points to outlives the writer.
void ota_ws_writer_init(ota_ws_writer_t *writer, const ota_ws_pipeline_ports_t *ports);

// Performs one job, in the writer's thread; may take as long as flash does. `result` is all that comes out. After an
// update has failed, its further jobs do no more than say so again; the next BEGIN starts afresh.
void ota_ws_writer_perform(ota_ws_writer_t *writer, const ota_ws_job_t *job, ota_ws_job_result_t *result);

// Performs a CONFIRM or one of those behind it without the memory of an update: of `ports` only `platform` and
// `flash` are used. In a thread beside the session's.
void ota_ws_writer_perform_alone(const ota_ws_pipeline_ports_t *ports, const ota_ws_job_t *job,
                                 ota_ws_job_result_t *result);

// Performs a CHUNK of what the ring holds, and takes it out; all of it belongs to the update before any job that waits.
// False: it holds too little to be worth it, or the update has not begun. `all`: a job waits, however little there is.
// One `result` may stand for many CHUNKs: each says how far the update has come.
bool ota_ws_writer_feed(ota_ws_writer_t *writer, ota_ws_ring_t *ring, bool all, ota_ws_job_result_t *result);

// Nothing waits: the writer may use the time. One step of at most one erase, in the writer's thread. False: there is
// nothing to do before more comes; a failure is reported with that.
bool ota_ws_writer_idle(ota_ws_writer_t *writer);
