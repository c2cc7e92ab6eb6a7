// SPDX-License-Identifier: Apache-2.0
#include "pipeline.h"

#include <string.h>

#include "resume.h"
#include "seal.h"
#include "signature.h"
#include "text.h"

// A file that is larger than every bootloader and starts with one holds the whole flash (the partition table lies at
// 0x8000).
#define LARGEST_BOOTLOADER 0x8000

#define FILTER_PIECE 1024 // what a filter takes at once: the room for it is free again before the next one

ota_ws_status_t ota_ws_pipeline_fail(ota_ws_pipeline_t *pipeline, ota_ws_status_t status) {
    if (pipeline->failure.status == OTA_WS_OK) {
        pipeline->failure.status = status;
    }
    return pipeline->failure.status;
}

void ota_ws_pipeline_init(ota_ws_pipeline_t *pipeline, const ota_ws_pipeline_ports_t *ports) {
    memset(pipeline, 0, sizeof *pipeline);
    pipeline->ports = *ports;
}

// ---- stage: image --------------------------------------------------------------------------------------------------

static bool has_all(const ota_ws_pipeline_t *pipeline) {
    return pipeline->position == pipeline->promise.size;
}

bool ota_ws_pipeline_is_promised(const ota_ws_pipeline_t *pipeline) {
    uint8_t digest[OTA_WS_SHA256_SIZE];
    pipeline->ports.hash->peek(&pipeline->file, digest);
    return ota_ws_bytes_equal(digest, pipeline->promise.sha256, sizeof digest);
}

// The file is not blamed where its bytes may have been changed on the way: when all of them have come, their digest
// shows it, and what an earlier try has brought is never trusted further than that.
static ota_ws_status_t blame(const ota_ws_pipeline_t *pipeline, ota_ws_status_t status) {
    bool changed = pipeline->resumed || (has_all(pipeline) && !ota_ws_pipeline_is_promised(pipeline));
    return status != OTA_WS_OK && changed ? OTA_WS_DIGEST_MISMATCH : status;
}

ota_ws_status_t ota_ws_pipeline_examine(ota_ws_pipeline_t *pipeline, const uint8_t *bytes, size_t length) {
    ota_ws_image_t *image = &pipeline->image;
    ota_ws_status_t status = ota_ws_image_feed(image, bytes, length);
    if (status == OTA_WS_BOOTLOADER_IMAGE && pipeline->promise.size > LARGEST_BOOTLOADER) {
        status = OTA_WS_MERGED_IMAGE;
    }
    if (status != OTA_WS_OK && pipeline->decrypting && !ota_ws_image_head_known(image)) {
        status = ota_ws_encrypted_judge(status, image->gather, sizeof image->gather);
    }
    if (image->length > 0 && image->header.hash_appended) {
        pipeline->slot.readback.marks[OTA_WS_READBACK_IMAGE].at = image->length - OTA_WS_SHA256_SIZE;
    }
    return ota_ws_pipeline_fail(pipeline, blame(pipeline, status));
}

// A signature fills the last sector: an image of another size has none.
static bool may_be_signed(const ota_ws_pipeline_t *pipeline) {
    return ota_ws_pipeline_image_size(pipeline, &pipeline->promise) % OTA_WS_SIGNATURE_SECTOR_SIZE == 0;
}

ota_ws_status_t ota_ws_pipeline_decide(ota_ws_pipeline_t *pipeline) {
    const ota_ws_pipeline_ports_t *ports = &pipeline->ports;
    ota_ws_identity_t device;
    ports->platform->describe(ports->platform->context, &device);
    ota_ws_policy_decide(ports->policy, &device, &pipeline->promise, &pipeline->image.header,
                         &pipeline->image.description, &pipeline->failure);
    pipeline->requires_signed = device.requires_signed;
    ota_ws_pipeline_fail(pipeline, device.requires_signed && !may_be_signed(pipeline) ? OTA_WS_NOT_SIGNED : OTA_WS_OK);
    if (pipeline->failure.status == OTA_WS_OK) {
        ota_ws_policy_ask(ports->platform, OTA_WS_ASK_ERASE, &pipeline->failure);
    }
    return pipeline->failure.status;
}

static ota_ws_status_t write_slot(ota_ws_pipeline_t *pipeline, const uint8_t *bytes, size_t length) {
    if (pipeline->decrypting) {
        pipeline->ports.hash->update(&pipeline->plain, bytes, length);
    }
    return ota_ws_pipeline_fail(pipeline, ota_ws_slot_write(&pipeline->slot, bytes, length));
}

// Nothing goes on to the slot before the whole head was seen and the decision has fallen. Returns how many bytes
// belonged to the head, which the examination has kept.
static size_t take_head(ota_ws_pipeline_t *pipeline, const uint8_t *bytes, size_t length) {
    ota_ws_image_t *image = &pipeline->image;
    size_t missing = OTA_WS_IMAGE_HEAD_SIZE - image->offset;
    size_t taken = length < missing ? length : missing;
    ota_ws_status_t status = ota_ws_pipeline_examine(pipeline, bytes, taken);
    if (status == OTA_WS_OK && ota_ws_image_head_known(image) && ota_ws_pipeline_decide(pipeline) == OTA_WS_OK) {
        ota_ws_resume_open(pipeline);
        write_slot(pipeline, image->gather, OTA_WS_IMAGE_HEAD_SIZE);
    }
    return taken;
}

static ota_ws_status_t take_image(void *context, const uint8_t *bytes, size_t length) {
    ota_ws_pipeline_t *pipeline = context;
    size_t head = ota_ws_image_head_known(&pipeline->image) ? 0 : take_head(pipeline, bytes, length);
    ota_ws_status_t status = pipeline->failure.status;
    if (status == OTA_WS_OK && head < length) {
        status = ota_ws_pipeline_examine(pipeline, bytes + head, length - head);
    }
    return status == OTA_WS_OK ? write_slot(pipeline, bytes + head, length - head) : status;
}

// ---- stage: file ---------------------------------------------------------------------------------------------------

static ota_ws_status_t take_encrypted(ota_ws_pipeline_t *pipeline, const uint8_t *bytes, size_t length) {
    const ota_ws_filter_t *decrypt = pipeline->ports.decrypt;
    ota_ws_status_t status = ota_ws_encrypted_feed(&pipeline->header, bytes, length);
    if (status == OTA_WS_OK) {
        status = decrypt->feed(decrypt->context, bytes, length, take_image, pipeline);
    }
    return ota_ws_pipeline_fail(pipeline, status);
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
    if (status == OTA_WS_OK && block_ends && pipeline->position < pipeline->promise.size) {
        ota_ws_resume_note(pipeline);
    }
    return status;
}

static ota_ws_status_t take_file(void *context, const uint8_t *bytes, size_t length) {
    ota_ws_pipeline_t *pipeline = context;
    uint32_t block = pipeline->ports.flash->block_size;
    ota_ws_status_t status = OTA_WS_OK;
    if (length > pipeline->promise.size - pipeline->position) {
        return ota_ws_pipeline_fail(pipeline, OTA_WS_TOO_MANY_BYTES);
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

// ---- begin, write, end ---------------------------------------------------------------------------------------------

void ota_ws_pipeline_start_file(ota_ws_pipeline_t *pipeline) {
    const ota_ws_pipeline_ports_t *ports = &pipeline->ports;
    memset(&pipeline->failure, 0, sizeof pipeline->failure);
    pipeline->position = 0;
    ports->hash->start(&pipeline->file);
    ota_ws_image_init(&pipeline->image, NULL, NULL);
    ota_ws_slot_init(&pipeline->slot, ports->flash, ports->hash,
                     ota_ws_pipeline_image_size(pipeline, &pipeline->promise));
    ota_ws_slot_lend(&pipeline->slot, ports->scratch, ports->scratch_size);
}

void ota_ws_pipeline_drop_file(ota_ws_pipeline_t *pipeline) {
    uint8_t unused[OTA_WS_SHA256_SIZE];
    pipeline->ports.hash->finish(&pipeline->file, unused);
    ota_ws_slot_drop(&pipeline->slot);
}

uint32_t ota_ws_pipeline_image_size(const ota_ws_pipeline_t *pipeline, const ota_ws_promise_t *promise) {
    uint32_t around = pipeline->ports.decrypt != NULL ? OTA_WS_ENCRYPTED_HEADER_SIZE : 0;
    return promise->size > around ? promise->size - around : 0;
}

void ota_ws_pipeline_from(ota_ws_pipeline_t *pipeline, const uint8_t peer[OTA_WS_PEER_SIZE], uint32_t when_s) {
    memcpy(pipeline->peer, peer, sizeof pipeline->peer);
    pipeline->when_s = when_s;
}

static ota_ws_status_t start_filter(const ota_ws_filter_t *filter, bool *started) {
    ota_ws_status_t status = filter->start(filter->context);
    *started = status == OTA_WS_OK;
    return status;
}

// The filter that this file needs.
static ota_ws_status_t start_filters(ota_ws_pipeline_t *pipeline) {
    const ota_ws_pipeline_ports_t *ports = &pipeline->ports;
    bool deflate = pipeline->promise.deflate;
    if (ports->decrypt != NULL) {
        ports->hash->start(&pipeline->plain);
        ota_ws_encrypted_init(&pipeline->header, pipeline->promise.size);
        return deflate ? OTA_WS_COMPRESSION_DECLINED : start_filter(ports->decrypt, &pipeline->decrypting);
    }
    bool declined =
        deflate && (ports->inflate == NULL || start_filter(ports->inflate, &pipeline->inflating) != OTA_WS_OK);
    return declined ? OTA_WS_COMPRESSION_DECLINED : OTA_WS_OK;
}

const ota_ws_failure_t *ota_ws_pipeline_begin(ota_ws_pipeline_t *pipeline, const ota_ws_promise_t *promise) {
    pipeline->promise = *promise;
    pipeline->finished = false;
    pipeline->inflating = false;
    pipeline->decrypting = false;
    pipeline->recorded = false;
    pipeline->resumed = false;
    pipeline->distrust = false;
    ota_ws_pipeline_start_file(pipeline);
    if (ota_ws_pipeline_fail(pipeline, start_filters(pipeline)) == OTA_WS_OK) {
        ota_ws_resume_begin(pipeline);
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

void ota_ws_pipeline_appetite(const ota_ws_pipeline_t *pipeline, uint32_t *least, uint32_t *most) {
    uint32_t sector = pipeline->ports.flash->sector_size;
    *most = is_plain(pipeline) ? until_stop(pipeline) : FILTER_PIECE;
    *least = 1;
    if (is_plain(pipeline) && ota_ws_slot_compares(&pipeline->slot)) {
        uint32_t left = pipeline->promise.size - pipeline->position;
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
    ota_ws_pipeline_fail(pipeline, pipeline->inflating
                                       ? inflate->feed(inflate->context, data->bytes, data->length, take_file, pipeline)
                                       : take_file(pipeline, data->bytes, data->length));
    return &pipeline->failure;
}

const ota_ws_failure_t *ota_ws_pipeline_prepare(ota_ws_pipeline_t *pipeline, bool *worked) {
    *worked = false;
    if (pipeline->failure.status == OTA_WS_OK) {
        ota_ws_pipeline_fail(pipeline, ota_ws_slot_prepare(&pipeline->slot, worked));
    }
    return &pipeline->failure;
}

bool ota_ws_pipeline_complete(const ota_ws_pipeline_t *pipeline) {
    return has_all(pipeline) && !pipeline->inflating;
}

// All that the filters hold back comes out.
static ota_ws_status_t finish_filters(ota_ws_pipeline_t *pipeline) {
    const ota_ws_filter_t *inflate = pipeline->ports.inflate;
    const ota_ws_filter_t *decrypt = pipeline->ports.decrypt;
    if (pipeline->inflating) {
        ota_ws_pipeline_fail(pipeline, inflate->finish(inflate->context, take_file, pipeline));
        ota_ws_pipeline_fail(pipeline, has_all(pipeline) ? OTA_WS_OK : OTA_WS_BAD_COMPRESSION);
    }
    ota_ws_pipeline_fail(pipeline, has_all(pipeline) ? OTA_WS_OK : OTA_WS_TRUNCATED);
    if (pipeline->decrypting && pipeline->failure.status == OTA_WS_OK) {
        ota_ws_pipeline_fail(pipeline, blame(pipeline, decrypt->finish(decrypt->context, take_image, pipeline)));
    }
    return pipeline->failure.status;
}

const ota_ws_failure_t *ota_ws_pipeline_finish(ota_ws_pipeline_t *pipeline) {
    if (finish_filters(pipeline) == OTA_WS_OK) {
        ota_ws_slot_lend(&pipeline->slot, pipeline->ports.scratch, pipeline->ports.scratch_size);
        ota_ws_pipeline_fail(pipeline, ota_ws_seal_image(pipeline));
    }
    pipeline->finished = pipeline->failure.status == OTA_WS_OK;
    return &pipeline->failure;
}

void ota_ws_pipeline_end(ota_ws_pipeline_t *pipeline) {
    const ota_ws_pipeline_ports_t *ports = &pipeline->ports;
    uint8_t unused[OTA_WS_SHA256_SIZE];
    if (pipeline->finished || pipeline->failure.status != OTA_WS_OK) {
        ota_ws_resume_close(pipeline);
    } else {
        ota_ws_resume_pause(pipeline);
    }
    if (pipeline->inflating) {
        ports->inflate->stop(ports->inflate->context);
    }
    if (pipeline->decrypting) {
        ports->decrypt->stop(ports->decrypt->context);
    }
    if (ports->decrypt != NULL) {
        ports->hash->finish(&pipeline->plain, unused);
    }
    ota_ws_pipeline_drop_file(pipeline);
}
