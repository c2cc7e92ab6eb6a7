// SPDX-License-Identifier: Apache-2.0
#include "record/trial.h"

#include <string.h>

#include "text.h"

#define SELECTIONS_MAX 3 // after a confirmation that was cut off: so many further cuts cost nothing

// ---- a start ----

typedef struct {
    uint8_t outcome; // ota_ws_outcome_t, from now on
    bool on_trial;
    uint8_t pending_action; // ota_ws_pending_action_t
} start_rule_t;

// The entry's image runs. One that was given up runs again when its old boot record was not quite gone: on trial.
static const start_rule_t rules_running[OTA_WS_OUTCOME_COUNT] = {
    [OTA_WS_OUTCOME_NONE] = {OTA_WS_OUTCOME_NONE, false, OTA_WS_PENDING_NONE},
    [OTA_WS_OUTCOME_STAGED] = {OTA_WS_OUTCOME_TRIAL, true, OTA_WS_PENDING_NONE},
    [OTA_WS_OUTCOME_TRIAL] = {OTA_WS_OUTCOME_ABORTING, true, OTA_WS_PENDING_GO_BACK},
    [OTA_WS_OUTCOME_CONFIRMING] = {OTA_WS_OUTCOME_CONFIRMING, true, OTA_WS_PENDING_CONFIRM},
    [OTA_WS_OUTCOME_CONFIRMED] = {OTA_WS_OUTCOME_CONFIRMED, false, OTA_WS_PENDING_NONE},
    [OTA_WS_OUTCOME_ROLLING_BACK] = {OTA_WS_OUTCOME_ROLLING_BACK, true, OTA_WS_PENDING_GO_BACK},
    [OTA_WS_OUTCOME_ROLLED_BACK] = {OTA_WS_OUTCOME_TRIAL, true, OTA_WS_PENDING_NONE},
    [OTA_WS_OUTCOME_EXPIRING] = {OTA_WS_OUTCOME_EXPIRING, true, OTA_WS_PENDING_GO_BACK},
    [OTA_WS_OUTCOME_EXPIRED] = {OTA_WS_OUTCOME_TRIAL, true, OTA_WS_PENDING_NONE},
    [OTA_WS_OUTCOME_ABORTING] = {OTA_WS_OUTCOME_ABORTING, true, OTA_WS_PENDING_GO_BACK},
    [OTA_WS_OUTCOME_ABORTED] = {OTA_WS_OUTCOME_TRIAL, true, OTA_WS_PENDING_NONE},
    [OTA_WS_OUTCOME_LOST] = {OTA_WS_OUTCOME_TRIAL, true, OTA_WS_PENDING_NONE},
    [OTA_WS_OUTCOME_CANCELLED] = {OTA_WS_OUTCOME_TRIAL, true, OTA_WS_PENDING_NONE},
    [OTA_WS_OUTCOME_FAILED] = {OTA_WS_OUTCOME_TRIAL, true, OTA_WS_PENDING_NONE},
};

// Another image runs.
static const start_rule_t rules_elsewhere[OTA_WS_OUTCOME_COUNT] = {
    [OTA_WS_OUTCOME_NONE] = {OTA_WS_OUTCOME_NONE, false, OTA_WS_PENDING_NONE},
    [OTA_WS_OUTCOME_STAGED] = {OTA_WS_OUTCOME_LOST, false, OTA_WS_PENDING_NONE},
    [OTA_WS_OUTCOME_TRIAL] = {OTA_WS_OUTCOME_ABORTED, false, OTA_WS_PENDING_NONE},
    [OTA_WS_OUTCOME_CONFIRMING] = {OTA_WS_OUTCOME_CONFIRMING, false, OTA_WS_PENDING_SELECT},
    [OTA_WS_OUTCOME_CONFIRMED] = {OTA_WS_OUTCOME_CONFIRMED, false, OTA_WS_PENDING_NONE},
    [OTA_WS_OUTCOME_ROLLING_BACK] = {OTA_WS_OUTCOME_ROLLED_BACK, false, OTA_WS_PENDING_NONE},
    [OTA_WS_OUTCOME_ROLLED_BACK] = {OTA_WS_OUTCOME_ROLLED_BACK, false, OTA_WS_PENDING_NONE},
    [OTA_WS_OUTCOME_EXPIRING] = {OTA_WS_OUTCOME_EXPIRED, false, OTA_WS_PENDING_NONE},
    [OTA_WS_OUTCOME_EXPIRED] = {OTA_WS_OUTCOME_EXPIRED, false, OTA_WS_PENDING_NONE},
    [OTA_WS_OUTCOME_ABORTING] = {OTA_WS_OUTCOME_ABORTED, false, OTA_WS_PENDING_NONE},
    [OTA_WS_OUTCOME_ABORTED] = {OTA_WS_OUTCOME_ABORTED, false, OTA_WS_PENDING_NONE},
    [OTA_WS_OUTCOME_LOST] = {OTA_WS_OUTCOME_LOST, false, OTA_WS_PENDING_NONE},
    [OTA_WS_OUTCOME_CANCELLED] = {OTA_WS_OUTCOME_CANCELLED, false, OTA_WS_PENDING_NONE},
    [OTA_WS_OUTCOME_FAILED] = {OTA_WS_OUTCOME_FAILED, false, OTA_WS_PENDING_NONE},
};

static bool is_running(const ota_ws_history_entry_t *entry, const ota_ws_identity_t *identity) {
    return ota_ws_history_is(entry, identity->slot, identity->running.elf_sha256);
}

static bool is_other(const ota_ws_history_entry_t *entry, const ota_ws_identity_t *identity) {
    return identity->other_valid && ota_ws_history_is(entry, identity->other_slot, identity->other.elf_sha256);
}

// Has the application confirmed the image of `entry` past us? A VALID that nobody has written may be a torn NEW. When
// the mark of `activate` was there and is gone, the entry was erased to the end and written again since; what the
// bootloader writes then is PENDING_VERIFY, of which no torn write makes VALID.
static bool became_valid(const ota_ws_history_entry_t *entry, const ota_ws_identity_t *identity) {
    if (identity->image_state != OTA_WS_IMAGE_VALID) {
        return false;
    }
    bool by_mark = entry->watched == OTA_WS_WATCH_MARK && identity->was_rewritten;
    bool by_bootloader = entry->watched == OTA_WS_WATCH_BOOTLOADER && entry->outcome == OTA_WS_OUTCOME_TRIAL;
    bool awaits = entry->outcome == OTA_WS_OUTCOME_STAGED || entry->outcome == OTA_WS_OUTCOME_TRIAL;
    return awaits && (by_mark || by_bootloader);
}

static const start_rule_t *find_rule(const ota_ws_history_entry_t *entry, const ota_ws_identity_t *identity) {
    static const start_rule_t confirmed = {OTA_WS_OUTCOME_CONFIRMING, false, OTA_WS_PENDING_CONFIRM};
    static const start_rule_t aborted = {OTA_WS_OUTCOME_ABORTED, false, OTA_WS_PENDING_NONE};
    static const start_rule_t stayed = {OTA_WS_OUTCOME_ROLLING_BACK, false, OTA_WS_PENDING_CONFIRM};
    bool runs = is_running(entry, identity);
    if (runs && entry->outcome == OTA_WS_OUTCOME_ROLLING_BACK && entry->confirmed != 0) {
        return &stayed; // going back did not come far enough; what it left of the boot record may not last
    }
    if (runs && became_valid(entry, identity)) {
        return &confirmed; // by the application, in this start or in one before; its write may have been cut off
    }
    if (!runs && entry->outcome == OTA_WS_OUTCOME_STAGED && is_other(entry, identity) &&
        identity->other_state == OTA_WS_IMAGE_ABORTED) {
        return &aborted; // it ran, but not as far as to us
    }
    if (!runs && entry->outcome == OTA_WS_OUTCOME_CONFIRMING &&
        (entry->tries >= SELECTIONS_MAX || !is_other(entry, identity))) {
        return &aborted;
    }
    return runs ? &rules_running[entry->outcome] : &rules_elsewhere[entry->outcome];
}

static ota_ws_reset_t reset_reason(const ota_ws_platform_t *platform) {
    return platform->reset_reason != NULL ? platform->reset_reason(platform->context) : OTA_WS_RESET_UNKNOWN;
}

// Of a trial that begins.
static uint8_t watch_of(const ota_ws_history_entry_t *entry, const ota_ws_identity_t *identity) {
    if (identity->image_state == OTA_WS_IMAGE_TRIAL) {
        return OTA_WS_WATCH_BOOTLOADER;
    }
    bool is_first = entry->outcome == OTA_WS_OUTCOME_STAGED;
    return is_first && entry->watched == OTA_WS_WATCH_MARK ? OTA_WS_WATCH_MARK : OTA_WS_WATCH_NONE;
}

static void apply_rule(const ota_ws_platform_t *platform, const start_rule_t *rule, ota_ws_history_entry_t *entry,
                       const ota_ws_identity_t *identity) {
    bool aborts = rule->outcome == OTA_WS_OUTCOME_ABORTED || rule->outcome == OTA_WS_OUTCOME_ABORTING;
    if (aborts && entry->outcome != OTA_WS_OUTCOME_ABORTING) {
        entry->reset = (uint8_t)reset_reason(platform);
    }
    if (rule->outcome == OTA_WS_OUTCOME_TRIAL) {
        entry->watched = watch_of(entry, identity);
    }
    if (rule->outcome == OTA_WS_OUTCOME_CONFIRMED) {
        entry->confirmed = 1;
    }
    entry->outcome = (uint8_t)rule->outcome;
    ota_ws_history_replace(platform, entry);
}

ota_ws_trial_start_t ota_ws_trial_start(const ota_ws_platform_t *platform, const ota_ws_identity_t *identity) {
    ota_ws_history_entry_t entry;
    ota_ws_history_newest(platform, &entry);
    const start_rule_t *rule = find_rule(&entry, identity);
    if (rule->outcome != entry.outcome) {
        apply_rule(platform, rule, &entry, identity);
    }
    bool is_watched = identity->image_state == OTA_WS_IMAGE_TRIAL;
    return (ota_ws_trial_start_t){rule->on_trial || is_watched, (ota_ws_pending_action_t)rule->pending_action};
}

// ---- the steps ----

// The newest entry, when it is of the running image.
static bool find_running(const ota_ws_platform_t *platform, ota_ws_history_entry_t *entry) {
    ota_ws_identity_t identity;
    platform->describe(platform->context, &identity);
    ota_ws_history_newest(platform, entry);
    return is_running(entry, &identity);
}

static bool set_outcome(const ota_ws_platform_t *platform, ota_ws_history_entry_t *entry, ota_ws_outcome_t outcome) {
    entry->outcome = (uint8_t)outcome;
    entry->confirmed |= outcome == OTA_WS_OUTCOME_CONFIRMED;
    return ota_ws_history_replace(platform, entry);
}

bool ota_ws_trial_was_confirmed(const ota_ws_platform_t *platform) {
    ota_ws_history_entry_t entry;
    ota_ws_identity_t identity;
    platform->describe(platform->context, &identity);
    if (identity.image_state != OTA_WS_IMAGE_VALID) {
        return false;
    }
    ota_ws_history_newest(platform, &entry);
    if (!is_running(&entry, &identity) || entry.outcome == OTA_WS_OUTCOME_CONFIRMED) {
        return true;
    }
    return became_valid(&entry, &identity) && set_outcome(platform, &entry, OTA_WS_OUTCOME_CONFIRMED);
}

bool ota_ws_trial_ends_by_restart(const ota_ws_platform_t *platform) {
    ota_ws_history_entry_t entry;
    ota_ws_identity_t identity;
    platform->describe(platform->context, &identity);
    ota_ws_history_newest(platform, &entry);
    bool came_again = is_running(&entry, &identity) && entry.outcome != OTA_WS_OUTCOME_TRIAL;
    return identity.image_state == OTA_WS_IMAGE_TRIAL && identity.can_roll_back && !came_again;
}

bool ota_ws_trial_restores(const ota_ws_history_entry_t *newest, const ota_ws_identity_t *identity) {
    return identity->entry_is_lost && is_running(newest, identity) && newest->confirmed == 0;
}

void ota_ws_trial_intend(const ota_ws_platform_t *platform, ota_ws_outcome_t outcome) {
    ota_ws_history_entry_t entry;
    if (find_running(platform, &entry)) {
        entry.outcome = (uint8_t)outcome;
        (void)ota_ws_history_note(platform, &entry);
    }
}

// The image is selected, and its entry in the boot record was read back: on record before it can start. A store that
// does not take it costs no more than a trial.
static void note_mark(const ota_ws_platform_t *platform, ota_ws_history_entry_t *entry) {
    ota_ws_identity_t identity;
    platform->describe(platform->context, &identity);
    if (identity.other_is_marked) {
        entry->watched = OTA_WS_WATCH_MARK;
        (void)ota_ws_history_note(platform, entry);
    }
}

ota_ws_status_t ota_ws_trial_stage(const ota_ws_platform_t *platform, const ota_ws_flash_t *flash,
                                   ota_ws_history_entry_t *entry) {
    entry->outcome = OTA_WS_OUTCOME_STAGED;
    bool on_record = ota_ws_history_add(platform, entry);
    bool again = flash->activate_verified == NULL;
    ota_ws_status_t status =
        again ? flash->activate(flash->context, entry->size) : flash->activate_verified(flash->context, entry->size);
    if (status != OTA_WS_OK && on_record) {
        set_outcome(platform, entry, OTA_WS_OUTCOME_FAILED);
    } else if (on_record) {
        note_mark(platform, entry);
    }
    return status;
}

ota_ws_status_t ota_ws_trial_unstage(const ota_ws_platform_t *platform, const ota_ws_flash_t *flash) {
    ota_ws_history_entry_t entry;
    ota_ws_status_t status = flash->deactivate(flash->context);
    ota_ws_history_newest(platform, &entry);
    if (status == OTA_WS_OK && entry.outcome == OTA_WS_OUTCOME_STAGED) {
        set_outcome(platform, &entry, OTA_WS_OUTCOME_CANCELLED);
    }
    return status;
}

// Going back was cut off: the boot record is written anew. Without a record of this image there is none to be made sure
// of.
static ota_ws_status_t confirm_again(const ota_ws_platform_t *platform, ota_ws_history_entry_t *entry) {
    ota_ws_status_t status = platform->confirm(platform->context);
    if (status != OTA_WS_BOOT_RECORD) {
        set_outcome(platform, entry, OTA_WS_OUTCOME_CONFIRMED);
    }
    return status;
}

ota_ws_status_t ota_ws_trial_confirm(const ota_ws_platform_t *platform) {
    ota_ws_history_entry_t entry;
    bool on_record = find_running(platform, &entry);
    if (on_record && entry.confirmed != 0) {
        return confirm_again(platform, &entry);
    }
    bool is_intended = on_record && entry.outcome == OTA_WS_OUTCOME_CONFIRMING;
    if (on_record && !is_intended && !set_outcome(platform, &entry, OTA_WS_OUTCOME_CONFIRMING)) {
        return OTA_WS_BOOT_RECORD; // the next start would take it for one that has failed its trial
    }
    ota_ws_status_t status = platform->confirm(platform->context);
    if (on_record) {
        set_outcome(platform, &entry, status == OTA_WS_OK ? OTA_WS_OUTCOME_CONFIRMED : OTA_WS_OUTCOME_TRIAL);
    }
    return status;
}

// What stands on record when going back has failed. A boot record that could not be written, now or by an attempt
// before, may be half gone: of an image without a trial the next start shows if it runs.
static ota_ws_outcome_t stays(const ota_ws_history_entry_t *before, ota_ws_status_t status) {
    if (before->confirmed == 0) {
        return OTA_WS_OUTCOME_TRIAL;
    }
    return status == OTA_WS_BOOT_RECORD ? OTA_WS_OUTCOME_ROLLING_BACK : (ota_ws_outcome_t)before->outcome;
}

ota_ws_status_t ota_ws_trial_go_back(const ota_ws_platform_t *platform, ota_ws_outcome_t outcome) {
    ota_ws_history_entry_t entry, before;
    bool on_record = find_running(platform, &entry);
    before = entry;
    if (on_record) {
        set_outcome(platform, &entry, outcome);
    }
    // Since the update that brought an image on trial, no other update could begin: the slot before still holds the
    // image that ran then. Of an image that was confirmed this is not so.
    ota_ws_status_t status = platform->roll_back(platform->context, on_record && before.confirmed == 0);
    if (on_record && status != OTA_WS_OK) {
        set_outcome(platform, &entry, stays(&before, status));
    }
    return status;
}

static ota_ws_status_t activate_again(const ota_ws_flash_t *flash, uint32_t size) {
    ota_ws_status_t status = flash->open(flash->context, size);
    if (status != OTA_WS_OK) {
        return status;
    }
    status = flash->activate(flash->context, size);
    flash->close(flash->context);
    return status;
}

// What is meant, before the image is selected. One that was confirmed will be confirmed once more, by itself, also
// after a power cut. One without an entry gets one, so that it runs on trial. Any other one does so by its outcome.
static bool intend_return(const ota_ws_platform_t *platform, ota_ws_history_entry_t *entry,
                          const ota_ws_identity_t *identity) {
    if (!is_other(entry, identity)) {
        memset(entry, 0, sizeof *entry);
        ota_ws_text_copy(entry->from, sizeof entry->from, identity->running.version);
        ota_ws_text_copy(entry->to, sizeof entry->to, identity->other.version);
        ota_ws_text_copy(entry->slot, sizeof entry->slot, identity->other_slot);
        memcpy(entry->elf, identity->other.elf_sha256, sizeof entry->elf);
        entry->outcome = OTA_WS_OUTCOME_STAGED;
        return ota_ws_history_add(platform, entry);
    }
    entry->tries = 0;
    return entry->outcome != OTA_WS_OUTCOME_CONFIRMED || set_outcome(platform, entry, OTA_WS_OUTCOME_CONFIRMING);
}

ota_ws_status_t ota_ws_trial_return(const ota_ws_platform_t *platform, const ota_ws_flash_t *flash) {
    ota_ws_identity_t identity;
    ota_ws_history_entry_t entry;
    platform->describe(platform->context, &identity);
    ota_ws_history_newest(platform, &entry);
    if (!identity.other_valid) {
        return OTA_WS_NOTHING_TO_GO_BACK_TO;
    }
    if (!intend_return(platform, &entry, &identity)) {
        return OTA_WS_BOOT_RECORD;
    }
    ota_ws_status_t status = activate_again(flash, entry.size);
    if (status != OTA_WS_OK) {
        set_outcome(platform, &entry, OTA_WS_OUTCOME_FAILED);
    } else if (entry.outcome == OTA_WS_OUTCOME_STAGED) {
        note_mark(platform, &entry);
    }
    return status;
}

ota_ws_status_t ota_ws_trial_select(const ota_ws_platform_t *platform, const ota_ws_flash_t *flash) {
    ota_ws_history_entry_t entry;
    ota_ws_history_newest(platform, &entry);
    entry.tries++;
    ota_ws_status_t status = set_outcome(platform, &entry, OTA_WS_OUTCOME_CONFIRMING) ? OTA_WS_OK : OTA_WS_BOOT_RECORD;
    if (status == OTA_WS_OK) {
        status = activate_again(flash, entry.size);
    }
    if (status != OTA_WS_OK) {
        set_outcome(platform, &entry, OTA_WS_OUTCOME_ABORTED);
    }
    return status;
}
