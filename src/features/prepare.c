// SPDX-License-Identifier: Apache-2.0
// The prepared slot (docs/design.md): at rest, a device whose running image is confirmed erases the slot of the next
// update, so that this update need not. With the image in that slot goes the way back to it, so a client switches this
// on, and the store keeps that. One job looks at one block, and erases it if it is not blank or an erase of it may have
// been cut off. Before an erase, the record of progress says so. Between the jobs an update, or anything else, has its
// turn.
#include "features/prepare.h"

#include <string.h>

#include "engine/update.h"
#include "feature.h"
#include "flow/file.h"
#include "record/progress.h"

#define PAUSE_MS 500       // between two blocks: flash is free for others
#define ASK_AGAIN_MS 60000 // after the application has refused

static const char key[] = OTA_WS_PREPARE_KEY;

// ---- in the session thread ----

// Only where two slots or more take turns: in the recovery layout the other image is the application.
static void start(void *subject) {
    ota_ws_device_t *device = subject;
    const ota_ws_platform_t *platform = device->ports.platform;
    char value;
    if (device->layout == OTA_WS_LAYOUT_TWO_SLOTS) {
        device->prepares = platform->load(platform->context, key, &value, sizeof value) > 0;
        device->prepare = device->prepares ? "on" : "off";
        device->prepared = device->prepares;
        device->prepared_ms = device->now_ms; // who has waited for the end of a trial sees it before the first block
    }
}

// What the store holds afterwards counts. All of the slot is looked at anew.
static void turn(void *subject) {
    const ota_ws_device_t *device = subject;
    const ota_ws_platform_t *platform = device->ports.platform;
    platform->save(platform->context, key, key, device->prepares);
    start(subject);
}

static void work_at_rest(void *subject) {
    ota_ws_device_t *device = subject;
    uint32_t pause_ms = device->end.status == OTA_WS_REFUSED_BY_APPLICATION ? ASK_AGAIN_MS : PAUSE_MS;
    if (ota_ws_device_is_preparing(device) && device->now_ms - device->prepared_ms >= pause_ms) {
        device->prepared_ms = device->now_ms; // without memory for it, too
        (void)ota_ws_update_start_alone(device, NULL, OTA_WS_JOB_PREPARE, OTA_WS_OUTCOME_NONE);
    }
}

// The new `state` goes to all sessions: after the first block the way back may be gone, after the last one the slot is
// blank.
static void count_block(void *subject) {
    ota_ws_device_t *device = subject;
    const ota_ws_flash_t *flash = device->ports.flash;
    ota_ws_status_t status = device->end.status;
    uint32_t block = device->prepared;
    device->prepared_ms = device->now_ms;
    if (block > 0 && status != OTA_WS_REFUSED_BY_APPLICATION) { // it may have been switched off
        bool is_last = block * flash->block_size >= flash->slot_size(flash->context);
        device->prepared = status != OTA_WS_OK ? 0 : is_last ? OTA_WS_SLOT_BLANK : block + 1;
    }
    ota_ws_update_rest(device, OTA_WS_UPDATE_IDLE);
}

// ---- in the writer ----

// An application may have selected an image without this component. That image waits for the restart, and the boot
// record does not select the running image.
static bool is_awaited(const ota_ws_platform_t *platform) {
    ota_ws_identity_t identity;
    platform->describe(platform->context, &identity);
    bool is_barred = identity.other_state >= OTA_WS_IMAGE_ROLLED_BACK;
    return identity.other_state != OTA_WS_IMAGE_NONE && !is_barred && !identity.can_roll_back;
}

// From before the erase to its end the record says that it may have been cut off. `doubt`: where that ends which is in
// doubt already.
static ota_ws_status_t erase(const ota_ws_pipeline_ports_t *ports, uint32_t offset, uint32_t length, uint32_t doubt) {
    const ota_ws_flash_t *flash = ports->flash;
    ota_ws_progress_t progress;
    if (offset + length > doubt) {
        memset(&progress, 0, sizeof progress);
        progress.size = offset + length;
        ota_ws_progress_save(ports->platform, &progress);
    }
    ota_ws_status_t status = flash->erase(flash->context, offset, length);
    if (status == OTA_WS_OK && offset + length >= doubt) {
        ota_ws_progress_save(ports->platform, NULL);
    }
    return status;
}

static ota_ws_status_t look_and_erase(const ota_ws_lone_job_t *alone, uint32_t offset, uint32_t length,
                                      uint32_t doubt) {
    const ota_ws_pipeline_ports_t *ports = alone->ports;
    if (offset >= doubt && ota_ws_slot_reads_blank(ports->flash, offset, length)) {
        return OTA_WS_OK;
    }
    ota_ws_policy_ask(ports->platform, OTA_WS_ASK_ERASE, alone->failure);
    return alone->failure->status == OTA_WS_OK ? erase(ports, offset, length, doubt) : alone->failure->status;
}

// Nothing is erased where an unfinished upload can go on in the slot.
static void prepare_block(void *subject) {
    const ota_ws_lone_job_t *alone = subject;
    const ota_ws_flash_t *flash = alone->ports->flash;
    const ota_ws_platform_t *platform = alone->ports->platform;
    ota_ws_progress_t progress;
    ota_ws_status_t status = OTA_WS_DEVICE_BUSY;
    uint32_t doubt = 0;
    bool is_kept = false;
    if (alone->job->kind != OTA_WS_JOB_PREPARE) {
        return;
    }
    uint32_t space = flash->slot_size(flash->context);
    uint32_t block = flash->block_size;
    uint32_t offset = (alone->job->block - 1) * block;
    if (ota_ws_progress_load(platform, &progress)) {
        doubt = ota_ws_progress_doubt(&progress, block, space, space);
        is_kept = ota_ws_progress_keeps(&progress);
    }
    if (!is_kept && !is_awaited(platform)) {
        status = flash->open(flash->context, 0);
    }
    if (status == OTA_WS_OK) {
        status = look_and_erase(alone, offset, space - offset < block ? space - offset : block, doubt);
        flash->close(flash->context);
    }
    alone->failure->status = status;
}

// A file goes to a slot that is known to be blank, and no record has anything in doubt there: not even the look is
// needed (features/resume.c comes before).
static void take_blank(void *subject) {
    ota_ws_pipeline_t *pipeline = subject;
    ota_ws_slot_t *slot = &pipeline->slot;
    if (pipeline->request.is_blank && slot->unsafe_to == 0) {
        ota_ws_slot_resume(slot, 0, slot->space);
    }
}

const ota_ws_feature_t ota_ws_feature_prepare[] = {
    {OTA_WS_TRIAL_KNOWN, start},
    {OTA_WS_PREPARE_ASKED, turn},
    {OTA_WS_AT_REST, work_at_rest},
    {OTA_WS_BLOCK_PREPARED, count_block},
    {OTA_WS_JOB_ALONE, prepare_block},
    {OTA_WS_FILE_BEGINS, take_blank},
    {0},
};
