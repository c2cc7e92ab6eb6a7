// SPDX-License-Identifier: Apache-2.0
// Going on with a file that stopped half-way (docs/design.md, "Resume"). Before the first erase, after each block and
// when the file stops, a record of how far it has come goes to the store. When the same file begins again, flash is
// read and hashed as far as the record says; where the digest is right, the file goes on there. The record also says
// which sectors a power cut may have left half-written. Without this feature every file begins at its start, and no
// sector of the slot counts as written already.
#include <string.h>

#include "feature.h"
#include "flow/file.h"
#include "record/progress.h"
#include "session/report.h"

// ---- the record ----

static bool is_of(const ota_ws_progress_t *progress, const ota_ws_upload_request_t *request) {
    return !request->any_digest && progress->size == request->size &&
           memcmp(progress->sha256, request->sha256, sizeof progress->sha256) == 0 && ota_ws_progress_keeps(progress);
}

// What an earlier cut has left in doubt and this update has not erased yet. As `unsafe_range` of the record says it.
static uint8_t unsafe_range(const ota_ws_pipeline_t *pipeline) {
    const ota_ws_slot_t *slot = &pipeline->slot;
    uint32_t blocks = (slot->unsafe_to - 1) / slot->flash->block_size + 1;
    if (slot->unsafe_to <= slot->erased) {
        return 0;
    }
    return blocks < UINT8_MAX ? (uint8_t)(blocks + 1) : 1;
}

static void save(ota_ws_pipeline_t *pipeline, ota_ws_progress_t *progress) {
    progress->size = pipeline->request.size;
    memcpy(progress->sha256, pipeline->request.sha256, sizeof progress->sha256);
    progress->unsafe_range = unsafe_range(pipeline);
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

static void open_slot(void *subject) {
    ota_ws_pipeline_t *pipeline = subject;
    if (!pipeline->recorded) {
        save_at(pipeline, 0, NULL);
    }
}

static void note_block(void *subject) {
    ota_ws_pipeline_t *pipeline = subject;
    uint8_t prefix[OTA_WS_SHA256_SIZE];
    pipeline->ports.hash->peek(&pipeline->file, prefix);
    save_at(pipeline, pipeline->position, prefix);
}

static void note_commit(void *subject) {
    ota_ws_pipeline_t *pipeline = subject;
    const ota_ws_platform_t *platform = pipeline->ports.platform;
    ota_ws_progress_t progress;
    if (ota_ws_progress_load(platform, &progress)) {
        progress.committed = 1;
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

static void pause_file(ota_ws_pipeline_t *pipeline) {
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

static void close_file(ota_ws_pipeline_t *pipeline) {
    const ota_ws_platform_t *platform = pipeline->ports.platform;
    if (!pipeline->recorded) {
        return; // nothing was written: an older record stands
    }
    ota_ws_status_t status = pipeline->failure.status;
    bool torn = status == OTA_WS_FLASH_ERASE || status == OTA_WS_FLASH_PROGRAM || status == OTA_WS_FLASH_DIFFERS;
    if (pipeline->finished || (unsafe_range(pipeline) == 0 && !torn)) {
        ota_ws_progress_save(platform, NULL);
        return;
    }
    save_at(pipeline, 0, NULL);
}

// ---- going on ----

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

// Writes the first sector again without its head. Not when there is no space for it.
static ota_ws_status_t invalidate_head(ota_ws_pipeline_t *pipeline) {
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

// What an update that was cut off has left is not kept and not taken for erased, whatever it reads like. Its operations
// were before `end` and in the blocks of its file.
static void mark_unsafe(ota_ws_pipeline_t *pipeline, const ota_ws_progress_t *progress, uint32_t end) {
    ota_ws_slot_t *slot = &pipeline->slot;
    ota_ws_slot_mark_unsafe(slot, 0, ota_ws_progress_doubt(progress, slot->flash->block_size, end, slot->space));
}

// Does flash hold what the record says, and is the image still one for this device? Then go on there. From now on only
// the last block's start is sure.
static bool go_on(ota_ws_pipeline_t *pipeline, const ota_ws_progress_t *progress) {
    uint8_t block_prefix[OTA_WS_SHA256_SIZE];
    uint32_t block = pipeline->ports.flash->block_size;
    uint32_t block_start = progress->offset - progress->offset % block;
    if (!retake_prefix(pipeline, progress, block_start, block_prefix) || ota_ws_file_decide(pipeline) != OTA_WS_OK ||
        (progress->committed != 0 && invalidate_head(pipeline) != OTA_WS_OK)) {
        return false;
    }
    ota_ws_slot_resume(&pipeline->slot, progress->offset, progress->erased);
    pipeline->resumed = true;
    mark_unsafe(pipeline, progress, block_start + 2 * block); // one block was erased ahead
    save_at(pipeline, block_start, block_prefix);
    return true;
}

// The state of a decryption cannot be restored: an encrypted file begins at its start.
static void take_over(void *subject) {
    ota_ws_pipeline_t *pipeline = subject;
    ota_ws_progress_t progress;
    bool found = ota_ws_progress_load(pipeline->ports.platform, &progress);
    bool is_ours = found && !pipeline->decrypting && is_of(&progress, &pipeline->request);
    if (is_ours && go_on(pipeline, &progress)) {
        return;
    }
    if (is_ours) {
        ota_ws_file_drop(pipeline);
        ota_ws_file_start(pipeline);
    }
    if (found) {
        mark_unsafe(pipeline, &progress, UINT32_MAX);
    } else {
        ota_ws_slot_mark_unsafe(&pipeline->slot, 0, 0);
    }
}

// ---- the hooks ----

// The part of an unfinished upload that the other slot holds. What is encrypted cannot go on in the middle.
static void describe(void *subject) {
    ota_ws_report_t *report = subject;
    const ota_ws_device_t *device = report->session->device;
    ota_ws_progress_t progress;
    bool is_kept = ota_ws_report_is_idle(device) && !device->ports.worker->decrypts &&
                   ota_ws_progress_load(device->ports.platform, &progress) && ota_ws_progress_keeps(&progress);
    if (is_kept) {
        ota_ws_kept_t kept = {progress.offset, progress.size, {0}, progress.project, progress.version};
        memcpy(kept.sha256, progress.sha256, sizeof kept.sha256);
        ota_ws_report_part(report, OTA_WS_FROM_kept, &kept);
    }
}

// The file is complete or has failed, or it may go on later.
static void end_file(void *subject) {
    ota_ws_pipeline_t *pipeline = subject;
    if (pipeline->finished || pipeline->failure.status != OTA_WS_OK) {
        close_file(pipeline);
    } else {
        pause_file(pipeline);
    }
}

const ota_ws_feature_t ota_ws_feature_resume[] = {
    {OTA_WS_FILE_BEGINS, take_over},
    {OTA_WS_SLOT_OPENS, open_slot},
    {OTA_WS_BLOCK_WRITTEN, note_block},
    {OTA_WS_HEAD_IS_DUE, note_commit},
    {OTA_WS_FILE_ENDS, end_file},
    {OTA_WS_STATE_REPORTED, describe},
    {0},
};
