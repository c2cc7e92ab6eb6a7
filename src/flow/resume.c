// SPDX-License-Identifier: Apache-2.0
#include "flow/resume.h"

#include <string.h>

#include "record/progress.h"

// ---- the record ----------------------------------------------------------------------------------------------------

static void save(ota_ws_pipeline_t *pipeline, ota_ws_progress_t *progress) {
    progress->size = pipeline->promise.size;
    memcpy(progress->sha256, pipeline->promise.sha256, sizeof progress->sha256);
    progress->distrust = pipeline->distrust;
    memcpy(progress->head, pipeline->slot.head, sizeof progress->head);
    memcpy(progress->project, pipeline->image.description.project, sizeof progress->project);
    memcpy(progress->version, pipeline->image.description.version, sizeof progress->version);
    ota_ws_progress_save(pipeline->ports.platform, progress);
    pipeline->recorded = true;
}

// The file goes on behind `offset`. `prefix` may be NULL when nothing is worth going on from.
static void save_at(ota_ws_pipeline_t *pipeline, uint32_t offset, const uint8_t *prefix) {
    ota_ws_progress_t progress;
    memset(&progress, 0, sizeof progress);
    progress.offset = offset;
    progress.erased = offset;
    if (prefix != NULL) {
        memcpy(progress.prefix, prefix, sizeof progress.prefix);
    }
    save(pipeline, &progress);
}

void ota_ws_resume_open(ota_ws_pipeline_t *pipeline) {
    if (!pipeline->recorded) {
        save_at(pipeline, 0, NULL);
    }
}

void ota_ws_resume_note(ota_ws_pipeline_t *pipeline) {
    uint8_t prefix[OTA_WS_SHA256_SIZE];
    pipeline->ports.hash->peek(&pipeline->file, prefix);
    save_at(pipeline, pipeline->position, prefix);
}

void ota_ws_resume_seal(ota_ws_pipeline_t *pipeline) {
    const ota_ws_platform_t *platform = pipeline->ports.platform;
    ota_ws_progress_t progress;
    if (ota_ws_progress_load(platform, &progress)) {
        progress.sealed = 1;
        ota_ws_progress_save(platform, &progress);
    }
}

// The digest of what lies in flash before the cursor. The file's own is it when no byte waits for its program unit.
static bool digest_written(ota_ws_pipeline_t *pipeline, uint8_t digest[OTA_WS_SHA256_SIZE]) {
    ota_ws_slot_t *slot = &pipeline->slot;
    if (slot->cursor == pipeline->position) {
        pipeline->ports.hash->peek(&pipeline->file, digest);
        return true;
    }
    bool is_read = ota_ws_slot_verify(slot, slot->cursor) == OTA_WS_OK;
    ota_ws_readback_digest(&slot->readback, digest);
    return is_read;
}

void ota_ws_resume_pause(ota_ws_pipeline_t *pipeline) {
    ota_ws_progress_t progress;
    memset(&progress, 0, sizeof progress);
    bool resumable = !pipeline->decrypting && ota_ws_image_head_known(&pipeline->image);
    if (!resumable || ota_ws_slot_pause(&pipeline->slot) != OTA_WS_OK || !digest_written(pipeline, progress.prefix)) {
        return;
    }
    progress.offset = pipeline->slot.cursor;
    progress.erased = pipeline->slot.erased;
    progress.clean = 1;
    save(pipeline, &progress);
}

void ota_ws_resume_close(ota_ws_pipeline_t *pipeline) {
    const ota_ws_platform_t *platform = pipeline->ports.platform;
    if (!pipeline->recorded) {
        return; // nothing was written: an older record stands
    }
    ota_ws_status_t status = pipeline->failure.status;
    bool torn = status == OTA_WS_FLASH_ERASE || status == OTA_WS_FLASH_PROGRAM || status == OTA_WS_FLASH_DIFFERS;
    if (pipeline->finished || (!pipeline->distrust && !torn)) {
        ota_ws_progress_clear(platform);
        return;
    }
    ota_ws_progress_t nothing;
    memset(&nothing, 0, sizeof nothing);
    nothing.clean = 1;
    nothing.distrust = 1;
    ota_ws_progress_save(platform, &nothing);
}

// ---- going on ------------------------------------------------------------------------------------------------------

// What flash holds is taken as if it had just come, been written and been read back.
static ota_ws_status_t retake(void *context, const uint8_t *bytes, size_t length) {
    ota_ws_pipeline_t *pipeline = context;
    pipeline->ports.hash->update(&pipeline->file, bytes, length);
    pipeline->position += (uint32_t)length;
    ota_ws_status_t status = ota_ws_file_check(pipeline, bytes, length);
    ota_ws_readback_take(&pipeline->slot.readback, bytes, (uint32_t)length);
    return status;
}

// Hashes what the record speaks of, and notes the digest at the last block's start.
static bool retake_prefix(ota_ws_pipeline_t *pipeline, const ota_ws_progress_t *progress, uint32_t block_start,
                          uint8_t block_prefix[OTA_WS_SHA256_SIZE]) {
    ota_ws_slot_t *slot = &pipeline->slot;
    uint8_t prefix[OTA_WS_SHA256_SIZE];
    memcpy(slot->head, progress->head, sizeof progress->head);
    if (ota_ws_slot_read_all(slot, 0, block_start, retake, pipeline) != OTA_WS_OK) {
        return false;
    }
    pipeline->ports.hash->peek(&pipeline->file, block_prefix);
    if (ota_ws_slot_read_all(slot, block_start, progress->offset, retake, pipeline) != OTA_WS_OK) {
        return false;
    }
    pipeline->ports.hash->peek(&pipeline->file, prefix);
    return memcmp(prefix, progress->prefix, sizeof prefix) == 0;
}

// Writes the first sector again without its head. Not when there is no room for it.
static ota_ws_status_t unseal(ota_ws_pipeline_t *pipeline) {
    const ota_ws_pipeline_ports_t *ports = &pipeline->ports;
    const ota_ws_flash_t *flash = ports->flash;
    const uint32_t head = OTA_WS_SLOT_HEAD_SIZE;
    if (ports->scratch_size < flash->sector_size) {
        return OTA_WS_NO_MEMORY;
    }
    ota_ws_status_t status = ota_ws_slot_read(&pipeline->slot, 0, ports->scratch, flash->sector_size);
    if (status == OTA_WS_OK) {
        save_at(pipeline, 0, NULL);
        status = flash->erase(flash->context, 0, flash->sector_size);
    }
    return status == OTA_WS_OK ? flash->program(flash->context, head, ports->scratch + head, flash->sector_size - head)
                               : status;
}

// Does flash hold what the record says, and is the image still one for this device? Then go on there. From now on only
// the last block's start is sure.
static bool go_on(ota_ws_pipeline_t *pipeline, const ota_ws_progress_t *progress) {
    uint8_t block_prefix[OTA_WS_SHA256_SIZE];
    uint32_t block = pipeline->ports.flash->block_size;
    uint32_t block_start = progress->offset - progress->offset % block;
    if (!retake_prefix(pipeline, progress, block_start, block_prefix) || ota_ws_file_decide(pipeline) != OTA_WS_OK ||
        (progress->sealed != 0 && unseal(pipeline) != OTA_WS_OK)) {
        return false;
    }
    ota_ws_slot_resume(&pipeline->slot, progress->offset, progress->erased);
    pipeline->resumed = true;
    pipeline->distrust = progress->distrust != 0;
    if (pipeline->distrust) {
        ota_ws_slot_distrust(&pipeline->slot, 0, UINT32_MAX);
    } else if (progress->clean == 0) {
        ota_ws_slot_distrust(&pipeline->slot, progress->offset, progress->offset + 2 * block); // one was erased ahead
    }
    save_at(pipeline, block_start, block_prefix);
    return true;
}

// What an update that was cut off has left in the slot is not kept, whatever it reads like.
static void distrust(ota_ws_pipeline_t *pipeline, bool found, const ota_ws_progress_t *progress) {
    pipeline->distrust = found && (progress->clean == 0 || progress->distrust != 0);
    if (pipeline->distrust) {
        ota_ws_slot_distrust(&pipeline->slot, 0, UINT32_MAX);
    }
}

// The state of a decryption cannot be restored: an encrypted file begins at its start.
void ota_ws_resume_begin(ota_ws_pipeline_t *pipeline) {
    ota_ws_progress_t progress;
    bool found = ota_ws_progress_load(pipeline->ports.platform, &progress);
    bool is_ours = found && !pipeline->decrypting && ota_ws_progress_is_of(&progress, &pipeline->promise);
    if (is_ours && go_on(pipeline, &progress)) {
        return;
    }
    if (is_ours) {
        ota_ws_file_drop(pipeline);
        ota_ws_file_start(pipeline);
    }
    distrust(pipeline, found, &progress);
}
