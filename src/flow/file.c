// SPDX-License-Identifier: Apache-2.0
#include "flow/file.h"

#include <string.h>

#include "image/signature.h"
#include "text.h"

// A file that is larger than every bootloader and starts with one holds the whole flash (the partition table lies at
// 0x8000).
#define LARGEST_BOOTLOADER 0x8000

ota_ws_status_t ota_ws_file_fail(ota_ws_pipeline_t *pipeline, ota_ws_status_t status) {
    if (pipeline->failure.status == OTA_WS_OK) {
        pipeline->failure.status = status;
    }
    return pipeline->failure.status;
}

// ---- checks ----

bool ota_ws_file_has_all(const ota_ws_pipeline_t *pipeline) {
    return pipeline->position == pipeline->request.size;
}

bool ota_ws_file_is_requested(const ota_ws_pipeline_t *pipeline) {
    uint8_t digest[OTA_WS_SHA256_SIZE];
    pipeline->ports.hash->peek(&pipeline->file, digest);
    return pipeline->request.any_digest || ota_ws_bytes_equal(digest, pipeline->request.sha256, sizeof digest);
}

// The file is not blamed where its bytes may have been changed on the way: when all of them have come, their digest
// shows it, and what an earlier try has brought, or a patch, is never trusted further than that.
ota_ws_status_t ota_ws_file_blame(const ota_ws_pipeline_t *pipeline, ota_ws_status_t status) {
    bool changed = pipeline->resumed || pipeline->request.delta ||
                   (ota_ws_file_has_all(pipeline) && !ota_ws_file_is_requested(pipeline));
    return status != OTA_WS_OK && changed ? OTA_WS_DIGEST_MISMATCH : status;
}

ota_ws_status_t ota_ws_file_check(ota_ws_pipeline_t *pipeline, const uint8_t *bytes, size_t length) {
    ota_ws_image_t *image = &pipeline->image;
    ota_ws_status_t status = ota_ws_image_feed(image, bytes, length);
    if (status == OTA_WS_BOOTLOADER_IMAGE && pipeline->request.size > LARGEST_BOOTLOADER) {
        status = OTA_WS_MERGED_IMAGE;
    }
    if (status != OTA_WS_OK && pipeline->decrypting && !ota_ws_image_head_known(image)) {
        status = ota_ws_encrypted_judge(status, image->gather, sizeof image->gather);
    }
    if (image->length > 0 && image->header.hash_appended) {
        pipeline->slot.readback.marks[OTA_WS_READBACK_IMAGE].at = image->length - OTA_WS_SHA256_SIZE;
    }
    return ota_ws_file_fail(pipeline, ota_ws_file_blame(pipeline, status));
}

// A signature fills the last sector: an image of another size has none.
static bool may_be_signed(const ota_ws_pipeline_t *pipeline) {
    return ota_ws_file_image_size(pipeline, &pipeline->request) % OTA_WS_SIGNATURE_SECTOR_SIZE == 0;
}

ota_ws_status_t ota_ws_file_decide(ota_ws_pipeline_t *pipeline) {
    const ota_ws_pipeline_ports_t *ports = &pipeline->ports;
    ota_ws_identity_t device;
    ports->platform->describe(ports->platform->context, &device);
    ota_ws_policy_decide(ports->policy, &device, &pipeline->request, &pipeline->image.header,
                         &pipeline->image.description, &pipeline->failure);
    pipeline->requires_signed = device.requires_signed;
    ota_ws_file_fail(pipeline, device.requires_signed && !may_be_signed(pipeline) ? OTA_WS_NOT_SIGNED : OTA_WS_OK);
    if (pipeline->failure.status == OTA_WS_OK) {
        ota_ws_policy_ask(ports->platform, OTA_WS_ASK_ERASE, &pipeline->failure);
    }
    return pipeline->failure.status;
}

// ---- start and end ----

void ota_ws_file_start(ota_ws_pipeline_t *pipeline) {
    const ota_ws_pipeline_ports_t *ports = &pipeline->ports;
    memset(&pipeline->failure, 0, sizeof pipeline->failure);
    pipeline->position = 0;
    ports->hash->start(&pipeline->file);
    ota_ws_image_init(&pipeline->image);
    ota_ws_slot_init(&pipeline->slot, ports->flash, ports->hash, ota_ws_file_image_size(pipeline, &pipeline->request));
    ota_ws_slot_mark_unsafe(&pipeline->slot, 0, UINT32_MAX); // until a record says what a power cut spared
    ota_ws_slot_lend(&pipeline->slot, ports->scratch, ports->scratch_size);
}

void ota_ws_file_drop(ota_ws_pipeline_t *pipeline) {
    uint8_t unused[OTA_WS_SHA256_SIZE];
    pipeline->ports.hash->finish(&pipeline->file, unused);
    ota_ws_slot_drop(&pipeline->slot);
}

uint32_t ota_ws_file_image_size(const ota_ws_pipeline_t *pipeline, const ota_ws_upload_request_t *request) {
    uint32_t around = pipeline->ports.decrypt != NULL ? OTA_WS_ENCRYPTED_HEADER_SIZE : 0;
    return request->size > around ? request->size - around : 0;
}
