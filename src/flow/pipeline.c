// SPDX-License-Identifier: Apache-2.0
#include "flow/pipeline.h"

#include <string.h>

#include "feature.h"
#include "flow/commit.h"

#define FILTER_PIECE 1024 // what a filter takes at once: the space for it is free again before the next one

void ota_ws_pipeline_init(ota_ws_pipeline_t *pipeline, const ota_ws_pipeline_ports_t *ports) {
    memset(pipeline, 0, sizeof *pipeline);
    pipeline->ports = *ports;
}

// ---- stage: image ----

static ota_ws_status_t write_slot(ota_ws_pipeline_t *pipeline, const uint8_t *bytes, size_t length) {
    if (pipeline->decrypting) {
        pipeline->ports.hash->update(&pipeline->plain, bytes, length);
    }
    return ota_ws_file_fail(pipeline, ota_ws_slot_write(&pipeline->slot, bytes, length));
}

// Nothing goes on to the slot before the whole head was seen and the decision has fallen. Returns how many bytes
// belonged to the head, which the examination has kept.
static size_t take_head(ota_ws_pipeline_t *pipeline, const uint8_t *bytes, size_t length) {
    ota_ws_image_t *image = &pipeline->image;
    size_t missing = OTA_WS_IMAGE_HEAD_SIZE - image->offset;
    size_t taken = length < missing ? length : missing;
    ota_ws_status_t status = ota_ws_file_check(pipeline, bytes, taken);
    if (status == OTA_WS_OK && ota_ws_image_head_known(image) && ota_ws_file_decide(pipeline) == OTA_WS_OK) {
        ota_ws_features_run(OTA_WS_SLOT_OPENS, pipeline);
        write_slot(pipeline, image->gather, OTA_WS_IMAGE_HEAD_SIZE);
    }
    return taken;
}

static ota_ws_status_t take_image(void *context, const uint8_t *bytes, size_t length) {
    ota_ws_pipeline_t *pipeline = context;
    size_t head = ota_ws_image_head_known(&pipeline->image) ? 0 : take_head(pipeline, bytes, length);
    ota_ws_status_t status = pipeline->failure.status;
    if (status == OTA_WS_OK && head < length) {
        status = ota_ws_file_check(pipeline, bytes + head, length - head);
    }
    return status == OTA_WS_OK ? write_slot(pipeline, bytes + head, length - head) : status;
}

// ---- stage: file ----

static ota_ws_status_t take_encrypted(ota_ws_pipeline_t *pipeline, const uint8_t *bytes, size_t length) {
    const ota_ws_filter_t *decrypt = pipeline->ports.decrypt;
    ota_ws_status_t status = ota_ws_encrypted_feed(&pipeline->header, bytes, length);
    if (status == OTA_WS_OK) {
        status = decrypt->feed(decrypt->context, bytes, length, take_image, pipeline);
    }
    return ota_ws_file_fail(pipeline, status);
}

// Some bytes of one block of the file; at its end the record is renewed.
static ota_ws_status_t take_piece(ota_ws_pipeline_t *pipeline, const uint8_t *bytes, size_t length) {
    pipeline->ports.hash->update(&pipeline->file, bytes, length);
    pipeline->position += (uint32_t)length;
    if (pipeline->decrypting) {
        return take_encrypted(pipeline, bytes, length);
    }
    ota_ws_status_t status = take_image(pipeline, bytes, length);
    bool block_ends = pipeline->position % pipeline->ports.flash->block_size == 0;
    if (status == OTA_WS_OK && block_ends && pipeline->position < pipeline->request.size) {
        ota_ws_features_run(OTA_WS_BLOCK_WRITTEN, pipeline);
    }
    return status;
}

ota_ws_status_t ota_ws_pipeline_take(void *context, const uint8_t *bytes, size_t length) {
    ota_ws_pipeline_t *pipeline = context;
    uint32_t block = pipeline->ports.flash->block_size;
    ota_ws_status_t status = OTA_WS_OK;
    if (length > pipeline->request.size - pipeline->position) {
        return ota_ws_file_fail(pipeline, OTA_WS_TOO_MANY_BYTES);
    }
    while (length > 0 && status == OTA_WS_OK) {
        uint32_t left = block - pipeline->position % block;
        size_t step = length < left ? length : left;
        status = take_piece(pipeline, bytes, step);
        bytes += step;
        length -= step;
    }
    return status;
}

// ---- begin, write, end ----

void ota_ws_pipeline_from(ota_ws_pipeline_t *pipeline, const uint8_t peer[OTA_WS_PEER_SIZE], uint32_t when_s) {
    memcpy(pipeline->peer, peer, sizeof pipeline->peer);
    pipeline->when_s = when_s;
}

static ota_ws_status_t start_filter(ota_ws_pipeline_t *pipeline, const ota_ws_filter_t *filter, bool *started) {
    ota_ws_status_t status = filter->start(filter->context, pipeline->request.window);
    *started = status == OTA_WS_OK;
    return status;
}

// The filter that this file needs.
static ota_ws_status_t start_filters(ota_ws_pipeline_t *pipeline) {
    const ota_ws_pipeline_ports_t *ports = &pipeline->ports;
    bool deflate = pipeline->request.deflate;
    bool is_patch = pipeline->request.delta;
    pipeline->unpacked = ota_ws_pipeline_take;
    if (ports->decrypt != NULL) {
        ports->hash->start(&pipeline->plain);
        ota_ws_encrypted_init(&pipeline->header, pipeline->request.size);
        if (deflate) {
            return is_patch ? OTA_WS_DELTA_BASE : OTA_WS_COMPRESSION_DECLINED;
        }
        return start_filter(pipeline, ports->decrypt, &pipeline->decrypting);
    }
    if (is_patch && !ota_ws_features_run(OTA_WS_PATCH_BEGINS, pipeline)) {
        return OTA_WS_DELTA_BASE;
    }
    bool declined = deflate && (ports->inflate == NULL ||
                                start_filter(pipeline, ports->inflate, &pipeline->inflating) != OTA_WS_OK);
    return declined ? OTA_WS_COMPRESSION_DECLINED : OTA_WS_OK;
}

const ota_ws_failure_t *ota_ws_pipeline_begin(ota_ws_pipeline_t *pipeline, const ota_ws_upload_request_t *request) {
    pipeline->request = *request;
    pipeline->finished = false;
    pipeline->inflating = false;
    pipeline->decrypting = false;
    pipeline->recorded = false;
    pipeline->resumed = false;
    ota_ws_file_start(pipeline);
    if (ota_ws_file_fail(pipeline, start_filters(pipeline)) == OTA_WS_OK) {
        ota_ws_features_run(OTA_WS_FILE_BEGINS, pipeline);
    }
    ota_ws_slot_lend(&pipeline->slot, NULL, 0);
    return &pipeline->failure;
}

static bool is_plain(const ota_ws_pipeline_t *pipeline) {
    return !pipeline->inflating && !pipeline->decrypting;
}

// How far a piece of a plain file may go: to the end of a sector, where the next one may be looked at, or of two where
// both are erased.
static uint32_t until_stop(const ota_ws_pipeline_t *pipeline) {
    uint32_t sector = pipeline->ports.flash->sector_size;
    uint32_t two = 2 * sector - pipeline->position % (2 * sector);
    return pipeline->position + two <= pipeline->slot.erased ? two : sector - pipeline->position % sector;
}

void ota_ws_pipeline_chunk_limits(const ota_ws_pipeline_t *pipeline, uint32_t *least, uint32_t *most) {
    uint32_t sector = pipeline->ports.flash->sector_size;
    *most = is_plain(pipeline) ? until_stop(pipeline) : FILTER_PIECE;
    *least = 1;
    if (is_plain(pipeline) && ota_ws_slot_compares(&pipeline->slot)) {
        uint32_t left = pipeline->request.size - pipeline->position;
        *least = left < sector ? left : sector;
    }
}

const ota_ws_failure_t *ota_ws_pipeline_write(ota_ws_pipeline_t *pipeline, const ota_ws_ring_view_t *data) {
    const ota_ws_filter_t *inflate = pipeline->ports.inflate;
    if (pipeline->failure.status != OTA_WS_OK) {
        return &pipeline->failure; // while nothing waited
    }
    pipeline->slot.ahead = data->ahead;
    pipeline->slot.ahead_length = is_plain(pipeline) ? data->ahead_length : 0;
    ota_ws_file_fail(pipeline, pipeline->inflating ? inflate->feed(inflate->context, data->bytes, data->length,
                                                                   pipeline->unpacked, pipeline)
                                                   : ota_ws_pipeline_take(pipeline, data->bytes, data->length));
    return &pipeline->failure;
}

const ota_ws_failure_t *ota_ws_pipeline_prepare(ota_ws_pipeline_t *pipeline, bool *worked) {
    *worked = false;
    if (pipeline->failure.status == OTA_WS_OK) {
        ota_ws_file_fail(pipeline, ota_ws_slot_prepare(&pipeline->slot, worked));
    }
    return &pipeline->failure;
}

bool ota_ws_pipeline_complete(const ota_ws_pipeline_t *pipeline) {
    return ota_ws_file_has_all(pipeline) && !pipeline->inflating;
}

// All that the filters hold back comes out.
static ota_ws_status_t finish_filters(ota_ws_pipeline_t *pipeline) {
    const ota_ws_filter_t *inflate = pipeline->ports.inflate;
    const ota_ws_filter_t *decrypt = pipeline->ports.decrypt;
    if (pipeline->inflating) {
        ota_ws_status_t cut = pipeline->request.delta ? OTA_WS_BAD_PATCH : OTA_WS_BAD_COMPRESSION;
        ota_ws_file_fail(pipeline, inflate->finish(inflate->context, pipeline->unpacked, pipeline));
        ota_ws_file_fail(pipeline, ota_ws_file_has_all(pipeline) ? OTA_WS_OK : cut);
    }
    ota_ws_file_fail(pipeline, ota_ws_file_has_all(pipeline) ? OTA_WS_OK : OTA_WS_TRUNCATED);
    if (pipeline->decrypting && pipeline->failure.status == OTA_WS_OK) {
        ota_ws_file_fail(pipeline,
                         ota_ws_file_blame(pipeline, decrypt->finish(decrypt->context, take_image, pipeline)));
    }
    return pipeline->failure.status;
}

const ota_ws_failure_t *ota_ws_pipeline_finish(ota_ws_pipeline_t *pipeline) {
    if (finish_filters(pipeline) == OTA_WS_OK) {
        ota_ws_slot_lend(&pipeline->slot, pipeline->ports.scratch, pipeline->ports.scratch_size);
        ota_ws_file_fail(pipeline, ota_ws_commit_image(pipeline));
    }
    pipeline->finished = pipeline->failure.status == OTA_WS_OK;
    return &pipeline->failure;
}

void ota_ws_pipeline_end(ota_ws_pipeline_t *pipeline) {
    const ota_ws_pipeline_ports_t *ports = &pipeline->ports;
    uint8_t unused[OTA_WS_SHA256_SIZE];
    ota_ws_features_run(OTA_WS_FILE_ENDS, pipeline);
    if (pipeline->inflating) {
        ports->inflate->stop(ports->inflate->context);
    }
    if (pipeline->decrypting) {
        ports->decrypt->stop(ports->decrypt->context);
    }
    if (ports->decrypt != NULL) {
        ports->hash->finish(&pipeline->plain, unused);
    }
    ota_ws_file_drop(pipeline);
}
