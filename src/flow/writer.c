// SPDX-License-Identifier: Apache-2.0
#include "flow/writer.h"

#include <string.h>

void ota_ws_writer_init(ota_ws_writer_t *writer, const ota_ws_pipeline_ports_t *ports) {
    memset(writer, 0, sizeof *writer);
    ota_ws_pipeline_init(&writer->pipeline, ports);
}

// The update is over, well or not.
static void end(ota_ws_writer_t *writer) {
    const ota_ws_flash_t *flash = writer->pipeline.ports.flash;
    if (writer->open) {
        writer->open = false;
        ota_ws_pipeline_end(&writer->pipeline);
        flash->close(flash->context);
    }
}

static const ota_ws_image_description_t *description(const ota_ws_writer_t *writer) {
    const ota_ws_image_t *image = &writer->pipeline.image;
    return ota_ws_image_head_known(image) ? &image->description : NULL;
}

static void begin(ota_ws_writer_t *writer, const ota_ws_job_t *job, ota_ws_job_result_t *result) {
    const ota_ws_flash_t *flash = writer->pipeline.ports.flash;
    writer->failed = false;
    result->failure.status = flash->open(flash->context, ota_ws_file_image_size(&writer->pipeline, &job->request));
    writer->open = result->failure.status == OTA_WS_OK;
    if (writer->open) {
        ota_ws_pipeline_from(&writer->pipeline, job->peer, job->when_s);
        result->failure = *ota_ws_pipeline_begin(&writer->pipeline, &job->request);
        result->image = description(writer);
    }
    writer->taken = job->request.deflate ? 0 : writer->pipeline.position;
    writer->skip = writer->pipeline.position > 0 ? job->request.early : 0;
}

static void chunk(ota_ws_writer_t *writer, const ota_ws_job_t *job, ota_ws_job_result_t *result) {
    if (writer->skip > 0) {
        writer->skip -= job->data.length;
    } else {
        result->failure = *ota_ws_pipeline_write(&writer->pipeline, &job->data);
        writer->taken += job->data.length;
    }
    result->complete = ota_ws_pipeline_complete(&writer->pipeline);
    result->image = description(writer);
}

static void finish(ota_ws_writer_t *writer, const ota_ws_job_t *job, ota_ws_job_result_t *result) {
    (void)job;
    result->failure = *ota_ws_pipeline_finish(&writer->pipeline);
    end(writer);
}

static void abort_update(ota_ws_writer_t *writer, const ota_ws_job_t *job, ota_ws_job_result_t *result) {
    (void)job;
    (void)result;
    end(writer);
}

typedef void (*perform_t)(ota_ws_writer_t *writer, const ota_ws_job_t *job, ota_ws_job_result_t *result);

static const perform_t performers[] = {
    [OTA_WS_JOB_BEGIN] = begin,
    [OTA_WS_JOB_CHUNK] = chunk,
    [OTA_WS_JOB_FINISH] = finish,
    [OTA_WS_JOB_ABORT] = abort_update,
};

static void perform(ota_ws_writer_t *writer, const ota_ws_job_t *job, ota_ws_job_result_t *result) {
    if (job->kind <= OTA_WS_JOB_ABORT) {
        performers[job->kind](writer, job, result);
    } else {
        ota_ws_writer_perform_alone(&writer->pipeline.ports, job, result);
    }
}

void ota_ws_writer_perform(ota_ws_writer_t *writer, const ota_ws_job_t *job, ota_ws_job_result_t *result) {
    memset(result, 0, sizeof *result);
    result->kind = job->kind;
    bool of_update = job->kind == OTA_WS_JOB_CHUNK || job->kind == OTA_WS_JOB_FINISH;
    if (!of_update || !writer->failed) {
        perform(writer, job, result);
        writer->failed = result->failure.status != OTA_WS_OK;
    } else {
        result->failure = writer->pipeline.failure;
    }
    result->taken = writer->taken;
    result->written = writer->pipeline.slot.cursor;
}

bool ota_ws_writer_feed(ota_ws_writer_t *writer, ota_ws_ring_t *ring, bool all, ota_ws_job_result_t *result) {
    ota_ws_job_t job = {.kind = OTA_WS_JOB_CHUNK};
    ota_ws_ring_view_t *data = &job.data;
    uint32_t least, most;
    if (!writer->open) {
        return false; // early data wait for their BEGIN
    }
    ota_ws_pipeline_chunk_limits(&writer->pipeline, &least, &most);
    if (writer->skip > 0) {
        least = 1;
        most = writer->skip;
    }
    ota_ws_ring_look(ring, data);
    if (data->length == 0 || (!all && data->length + data->ahead_length < least)) {
        return false;
    }
    if (data->length > most) {
        data->length = most;
        data->ahead_length = 0;
    }
    ota_ws_writer_perform(writer, &job, result);
    ota_ws_ring_take(ring, data->length);
    return true;
}

bool ota_ws_writer_idle(ota_ws_writer_t *writer) {
    bool worked = false;
    if (writer->open && !writer->failed) {
        (void)ota_ws_pipeline_prepare(&writer->pipeline, &worked);
    }
    return worked;
}
