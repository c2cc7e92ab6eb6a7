// SPDX-License-Identifier: Apache-2.0
#include "flow/commit.h"

#include <string.h>

#include "feature.h"
#include "record/trial.h"
#include "text.h"

// ---- is it what was promised? ----

static ota_ws_status_t check_request(ota_ws_pipeline_t *pipeline) {
    if (!ota_ws_file_is_requested(pipeline)) {
        return OTA_WS_DIGEST_MISMATCH;
    }
    ota_ws_status_t status = ota_ws_image_finish(&pipeline->image);
    bool lacks_signature = pipeline->requires_signed && !pipeline->image.is_signed;
    return status == OTA_WS_OK && lacks_signature ? OTA_WS_NOT_SIGNED : status;
}

// ---- does flash hold it? ----

static ota_ws_status_t flush(ota_ws_pipeline_t *pipeline) {
    return ota_ws_slot_flush(&pipeline->slot);
}

// Reads back what idle time has left to be read: does flash hold the file, and is the image's own digest right? The
// head is in memory still.
static ota_ws_status_t check_flash(ota_ws_pipeline_t *pipeline) {
    ota_ws_slot_t *slot = &pipeline->slot;
    const ota_ws_image_t *image = &pipeline->image;
    uint8_t expected[OTA_WS_SHA256_SIZE];
    uint8_t digest[OTA_WS_SHA256_SIZE];
    ota_ws_status_t status = ota_ws_slot_verify(slot, slot->length);
    if (status != OTA_WS_OK) {
        return status;
    }
    pipeline->ports.hash->peek(pipeline->decrypting ? &pipeline->plain : &pipeline->file, expected);
    ota_ws_readback_digest(&slot->readback, digest);
    if (!ota_ws_bytes_equal(digest, expected, sizeof digest)) {
        return OTA_WS_FLASH_DIFFERS;
    }
    const uint8_t *own = slot->readback.marks[OTA_WS_READBACK_IMAGE].digest;
    bool is_right = !image->header.hash_appended || ota_ws_bytes_equal(own, image->digest, sizeof image->digest);
    return is_right ? OTA_WS_OK : OTA_WS_BAD_IMAGE_DIGEST;
}

static ota_ws_status_t write_head(ota_ws_pipeline_t *pipeline) {
    ota_ws_features_run(OTA_WS_HEAD_IS_DUE, pipeline);
    return ota_ws_slot_commit(&pipeline->slot);
}

// The first sector was read back with the head from memory. Does flash hold all of it now?
static ota_ws_status_t check_first_sector(ota_ws_pipeline_t *pipeline) {
    const ota_ws_slot_t *slot = &pipeline->slot;
    const ota_ws_readback_mark_t *first = &slot->readback.marks[OTA_WS_READBACK_FIRST];
    ota_ws_readback_t again;
    uint8_t digest[OTA_WS_SHA256_SIZE];
    ota_ws_readback_start(&again, pipeline->ports.hash);
    ota_ws_status_t status = ota_ws_slot_read_all(slot, 0, first->at, ota_ws_readback_sink, &again);
    ota_ws_readback_digest(&again, digest);
    ota_ws_readback_drop(&again);
    bool differs = status == OTA_WS_OK && !ota_ws_bytes_equal(digest, first->digest, sizeof digest);
    return differs ? OTA_WS_FLASH_DIFFERS : status;
}

// ---- select ----

// Selects the image for the next start; the history knows of it before.
static ota_ws_status_t stage(ota_ws_pipeline_t *pipeline) {
    const ota_ws_pipeline_ports_t *ports = &pipeline->ports;
    const ota_ws_image_description_t *image = &pipeline->image.description;
    ota_ws_identity_t device;
    ota_ws_history_entry_t entry;
    memset(&entry, 0, sizeof entry);
    ports->platform->describe(ports->platform->context, &device);
    ota_ws_text_copy(entry.from, sizeof entry.from, device.running.version);
    ota_ws_text_copy(entry.to, sizeof entry.to, image->version);
    ota_ws_text_copy(entry.slot, sizeof entry.slot, device.other_slot);
    memcpy(entry.elf, image->elf_sha256, sizeof entry.elf);
    memcpy(entry.peer, pipeline->peer, sizeof entry.peer);
    entry.when_s = pipeline->when_s;
    entry.size = pipeline->slot.length;
    return ota_ws_trial_stage(ports->platform, ports->flash, &entry);
}

// From here on the slot holds an image.
static ota_ws_status_t select_image(ota_ws_pipeline_t *pipeline) {
    ota_ws_policy_ask(pipeline->ports.platform, OTA_WS_ASK_ACTIVATE, &pipeline->failure);
    return pipeline->failure.status == OTA_WS_OK ? stage(pipeline) : pipeline->failure.status;
}

// An image that may not start must not look like one that may.
static void invalidate(const ota_ws_pipeline_t *pipeline) {
    const ota_ws_flash_t *flash = pipeline->ports.flash;
    (void)flash->erase(flash->context, 0, flash->sector_size);
}

ota_ws_status_t ota_ws_commit_image(ota_ws_pipeline_t *pipeline) {
    typedef ota_ws_status_t (*step_t)(ota_ws_pipeline_t * pipeline);
    static const step_t steps[] = {check_request, flush, check_flash, write_head, check_first_sector, select_image};
    ota_ws_status_t status = OTA_WS_OK;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && status == OTA_WS_OK; i++) {
        status = steps[i](pipeline);
    }
    if (status != OTA_WS_OK && !pipeline->slot.withheld) {
        invalidate(pipeline);
    }
    return status;
}
