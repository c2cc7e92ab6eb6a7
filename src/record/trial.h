// SPDX-License-Identifier: Apache-2.0
// The trial of a new image, kept by the core beside the bootloader: the newest entry of the history says what was
// meant, the identity says what runs. What a start means, and the steps that change the boot record, each with its
// intent saved before and its outcome after. Why: docs/design.md, "Power cuts and resume". Inside the core only.
#pragma once

#include "record/history.h"

// What the device has to do once the writer can be asked.
typedef enum {
    OTA_WS_PENDING_NONE,
    OTA_WS_PENDING_CONFIRM, // the running image was confirmed, and the boot record may not say so
    OTA_WS_PENDING_GO_BACK, // the running image has failed its trial, and the bootloader has not noticed
    OTA_WS_PENDING_SELECT,  // the image in the other slot was confirmed, and its boot record is lost
} ota_ws_pending_action_t;

typedef struct {
    bool on_trial; // the running image
    ota_ws_pending_action_t pending_action;
} ota_ws_trial_start_t;

// A start of the device: session thread, once, before anything else. Brings the newest entry up to date.
ota_ws_trial_start_t ota_ws_trial_start(const ota_ws_platform_t *platform, const ota_ws_identity_t *identity);

// Has the application confirmed the running image past us, with ESP-IDF's own call? Then the history learns it. Of a
// device on trial only. Session thread.
bool ota_ws_trial_was_confirmed(const ota_ws_platform_t *platform);

// Does the bootloader watch over the running image's trial, and is there an image before it? Then any restart goes
// back. Not once it has let this image run again. Session thread.
bool ota_ws_trial_ends_by_restart(const ota_ws_platform_t *platform);

// Would ota_ws_trial_go_back() bring a lost entry of the boot record back? `newest` is the newest entry of the history.
bool ota_ws_trial_restores(const ota_ws_history_entry_t *newest, const ota_ws_identity_t *identity);

// Puts on record why a restart is about to end the trial, as far as the store can be written. Session thread.
void ota_ws_trial_intend(const ota_ws_platform_t *platform, ota_ws_outcome_t outcome);

// All that follow run in the writer.

// An image that was read back and found right is about to be selected: `entry` has all but outcome. Then `activate`,
// and its result.
ota_ws_status_t ota_ws_trial_stage(const ota_ws_platform_t *platform, const ota_ws_flash_t *flash,
                                   ota_ws_history_entry_t *entry);

// Takes `stage` back.
ota_ws_status_t ota_ws_trial_unstage(const ota_ws_platform_t *platform, const ota_ws_flash_t *flash);

// OTA_WS_NOT_ON_TRIAL, OTA_WS_BOOT_RECORD: nothing is confirmed.
ota_ws_status_t ota_ws_trial_confirm(const ota_ws_platform_t *platform);

// `outcome` says why: ROLLING_BACK, EXPIRING or ABORTING. Anything but OTA_WS_OK: all is as before.
ota_ws_status_t ota_ws_trial_go_back(const ota_ws_platform_t *platform, ota_ws_outcome_t outcome);

// Selects the image in the other slot, whatever has become of it: one that was confirmed will be confirmed by itself.
// OTA_WS_NOTHING_TO_GO_BACK_TO, OTA_WS_NOT_VERIFIED, OTA_WS_BOOT_RECORD.
ota_ws_status_t ota_ws_trial_return(const ota_ws_platform_t *platform, const ota_ws_flash_t *flash);

// Selects the image in the other slot again whose confirmation was cut off; once.
ota_ws_status_t ota_ws_trial_select(const ota_ws_platform_t *platform, const ota_ws_flash_t *flash);
