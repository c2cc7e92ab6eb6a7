// SPDX-License-Identifier: Apache-2.0
#include "pipeline.h"

#include <string.h>

#include "text.h"

// A file that is larger than every bootloader and starts with one holds the whole flash (the partition table lies at
// 0x8000).
#define LARGEST_BOOTLOADER 0x8000

void ota_ws_pipeline_init(ota_ws_pipeline_t *pipeline, const ota_ws_pipeline_ports_t *ports) {
    memset(pipeline, 0, sizeof *pipeline);
    pipeline->ports = *ports;
}

void ota_ws_pipeline_begin(ota_ws_pipeline_t *pipeline, const ota_ws_promise_t *promise) {
    ota_ws_pipeline_abort(pipeline);
    pipeline->promise = *promise;
    pipeline->held = 0;
    pipeline->running = true;
    pipeline->ports.hash->start(&pipeline->digest);
    ota_ws_image_init(&pipeline->image, NULL);
    ota_ws_slot_init(&pipeline->slot, pipeline->ports.flash, promise->size);
}

static void finish_digest(ota_ws_pipeline_t *pipeline, uint8_t digest[OTA_WS_SHA256_SIZE]) {
    pipeline->ports.hash->finish(&pipeline->digest, digest);
    pipeline->running = false;
}

void ota_ws_pipeline_abort(ota_ws_pipeline_t *pipeline) {
    uint8_t unused[OTA_WS_SHA256_SIZE];
    if (pipeline->running) {
        finish_digest(pipeline, unused);
    }
}

// ---- stage: image check --------------------------------------------------------------------------------------------

// The image's own faults, seen as far as the bytes have come.
static ota_ws_status_t examine(ota_ws_pipeline_t *pipeline, const uint8_t *bytes, size_t length) {
    ota_ws_status_t status = ota_ws_image_feed(&pipeline->image, bytes, length);
    if (status == OTA_WS_BOOTLOADER_IMAGE && pipeline->promise.size > LARGEST_BOOTLOADER) {
        return OTA_WS_MERGED_IMAGE;
    }
    return status;
}

// The head is complete: is this image one for this device? Then its bytes go on to the slot.
static void decide(ota_ws_pipeline_t *pipeline, ota_ws_failure_t *failure) {
    const ota_ws_pipeline_ports_t *ports = &pipeline->ports;
    ota_ws_identity_t device;
    failure->status = examine(pipeline, pipeline->head, pipeline->held);
    if (failure->status != OTA_WS_OK) {
        return;
    }
    ports->platform->describe(ports->platform->context, &device);
    ota_ws_policy_decide(ports->policy, &device, &pipeline->promise, &pipeline->image.header,
                         &pipeline->image.description, failure);
    if (failure->status == OTA_WS_OK) {
        failure->status = ota_ws_slot_write(&pipeline->slot, pipeline->head, pipeline->held);
    }
}

// Collects the head; returns how many bytes it took.
static size_t hold(ota_ws_pipeline_t *pipeline, const uint8_t *bytes, size_t length) {
    size_t missing = OTA_WS_IMAGE_HEAD_SIZE - pipeline->held;
    size_t taken = length < missing ? length : missing;
    memcpy(pipeline->head + pipeline->held, bytes, taken);
    pipeline->held = (uint16_t)(pipeline->held + taken);
    return taken;
}

void ota_ws_pipeline_write(ota_ws_pipeline_t *pipeline, const uint8_t *bytes, size_t length,
                           ota_ws_failure_t *failure) {
    memset(failure, 0, sizeof *failure);
    pipeline->ports.hash->update(&pipeline->digest, bytes, length);
    if (pipeline->held < OTA_WS_IMAGE_HEAD_SIZE) {
        size_t taken = hold(pipeline, bytes, length);
        bytes += taken;
        length -= taken;
        if (pipeline->held < OTA_WS_IMAGE_HEAD_SIZE) {
            return;
        }
        decide(pipeline, failure);
    }
    if (failure->status == OTA_WS_OK) {
        failure->status = examine(pipeline, bytes, length);
    }
    if (failure->status == OTA_WS_OK) {
        failure->status = ota_ws_slot_write(&pipeline->slot, bytes, length);
    }
}

// ---- the end -------------------------------------------------------------------------------------------------------

static ota_ws_status_t check_promise(ota_ws_pipeline_t *pipeline) {
    uint8_t digest[OTA_WS_SHA256_SIZE];
    finish_digest(pipeline, digest);
    return ota_ws_bytes_equal(digest, pipeline->promise.sha256, sizeof digest) ? OTA_WS_OK : OTA_WS_DIGEST_MISMATCH;
}

static ota_ws_status_t check_image(ota_ws_pipeline_t *pipeline) {
    if (pipeline->held < OTA_WS_IMAGE_HEAD_SIZE) {
        examine(pipeline, pipeline->head, pipeline->held); // a file shorter than a head
    }
    return ota_ws_image_finish(&pipeline->image);
}

// Reads the slot back: does flash hold the promised bytes?
static ota_ws_status_t check_flash(ota_ws_pipeline_t *pipeline) {
    const ota_ws_pipeline_ports_t *ports = &pipeline->ports;
    uint8_t digest[OTA_WS_SHA256_SIZE];
    ota_ws_status_t status = OTA_WS_OK;
    uint32_t size = pipeline->promise.size;
    ports->hash->start(&pipeline->digest);
    for (uint32_t offset = 0; offset < size && status == OTA_WS_OK;) {
        uint32_t left = size - offset;
        size_t length = left < ports->scratch_size ? left : ports->scratch_size;
        status = ports->flash->read(ports->flash->context, offset, ports->scratch, length);
        ports->hash->update(&pipeline->digest, ports->scratch, length);
        offset += (uint32_t)length;
    }
    finish_digest(pipeline, digest);
    if (status != OTA_WS_OK) {
        return status;
    }
    return ota_ws_bytes_equal(digest, pipeline->promise.sha256, sizeof digest) ? OTA_WS_OK : OTA_WS_FLASH_DIFFERS;
}

void ota_ws_pipeline_finish(ota_ws_pipeline_t *pipeline, ota_ws_failure_t *failure) {
    const ota_ws_flash_t *flash = pipeline->ports.flash;
    memset(failure, 0, sizeof *failure);
    failure->status = check_promise(pipeline);
    if (failure->status == OTA_WS_OK) {
        failure->status = check_image(pipeline);
    }
    if (failure->status == OTA_WS_OK) {
        failure->status = ota_ws_slot_flush(&pipeline->slot);
    }
    if (failure->status == OTA_WS_OK) {
        failure->status = check_flash(pipeline);
    }
    if (failure->status == OTA_WS_OK) {
        failure->status = flash->activate(flash->context, pipeline->promise.size);
    }
}
