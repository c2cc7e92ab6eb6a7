// SPDX-License-Identifier: Apache-2.0
// The history of updates, and what a start makes of its newest entry: each outcome with the new image running and with
// another one, a store that fails, values that make no sense.
#include "bytes.h"
#include "testing.h"

#include "built_features.h"

#include <zlib.h>

#include "record/trial.h"
#include "store_model.h"

typedef struct {
    store_model_t store;
    ota_ws_identity_t identity;
    ota_ws_platform_t platform;
    ota_ws_flash_t flash;
    ota_ws_reset_t reset;
    bool saves_fail, removes_fail;
    ota_ws_status_t status; // what confirm, roll_back, activate and deactivate return
    unsigned confirms, roll_backs, activates, opens, closes;
    ota_ws_status_t open_status;
    uint8_t at_confirm; // outcome on record when confirm was called
    bool may_restore;   // roll_back was called with this
} desk_t;

static size_t load(void *context, const char *key, void *value, size_t size) {
    return store_model_load(&((desk_t *)context)->store, key, value, size);
}

static void save(void *context, const char *key, const void *value, size_t size) {
    desk_t *desk = context;
    if (!(size > 0 ? desk->saves_fail : desk->removes_fail)) {
        store_model_save(&desk->store, key, value, size);
    }
}

static void describe(void *context, ota_ws_identity_t *identity) {
    *identity = ((desk_t *)context)->identity;
}

static ota_ws_reset_t reset_reason(void *context) {
    return ((desk_t *)context)->reset;
}

static ota_ws_history_entry_t newest(desk_t *desk) {
    ota_ws_history_entry_t entry;
    ota_ws_history_newest(&desk->platform, &entry);
    return entry;
}

static ota_ws_status_t confirm(void *context) {
    desk_t *desk = context;
    desk->confirms++;
    desk->at_confirm = newest(desk).outcome;
    return desk->status;
}

static ota_ws_status_t roll_back(void *context, bool on_trial) {
    desk_t *desk = context;
    desk->may_restore = on_trial;
    desk->roll_backs++;
    desk->at_confirm = newest(desk).outcome;
    return desk->status;
}

static ota_ws_status_t open_slot(void *context, uint32_t size) {
    (void)size;
    ((desk_t *)context)->opens++;
    return ((desk_t *)context)->open_status;
}

static ota_ws_status_t activate(void *context, uint32_t size) {
    (void)size;
    desk_t *desk = context;
    desk->activates++;
    desk->at_confirm = newest(desk).outcome;
    return desk->status;
}

static ota_ws_status_t deactivate(void *context) {
    return ((desk_t *)context)->status;
}

static void close_slot(void *context) {
    ((desk_t *)context)->closes++;
}

static const uint8_t new_elf[32] = {7, 7, 7};

static desk_t *desk_new(void) {
    desk_t *desk = calloc(1, sizeof *desk);
    desk->platform = (ota_ws_platform_t){.context = desk,
                                         .describe = describe,
                                         .confirm = confirm,
                                         .roll_back = roll_back,
                                         .load = load,
                                         .save = save,
                                         .reset_reason = reset_reason};
    desk->flash = (ota_ws_flash_t){
        .context = desk, .open = open_slot, .activate = activate, .deactivate = deactivate, .close = close_slot};
    desk->reset = OTA_WS_RESET_PANIC;
    return desk;
}

static ota_ws_history_entry_t sample_entry(ota_ws_outcome_t outcome) {
    ota_ws_history_entry_t entry = {.from = "1.0.0", .to = "2.0.0", .slot = "ota_1", .size = 1000};
    memcpy(entry.elf, new_elf, sizeof entry.elf);
    entry.outcome = (uint8_t)outcome;
    return entry;
}

// The new image runs, or lies in the other slot.
static void run_new(desk_t *desk, bool runs, ota_ws_image_state_t state) {
    memset(&desk->identity, 0, sizeof desk->identity);
    strcpy(desk->identity.slot, runs ? "ota_1" : "ota_0");
    strcpy(desk->identity.other_slot, runs ? "ota_0" : "ota_1");
    memcpy(runs ? desk->identity.running.elf_sha256 : desk->identity.other.elf_sha256, new_elf, 32);
    desk->identity.other_valid = true;
    desk->identity.image_state = state;
}

static ota_ws_trial_start_t start_with(desk_t *desk, ota_ws_history_entry_t entry) {
    assert_true(ota_ws_history_add(&desk->platform, &entry));
    return ota_ws_trial_start(&desk->platform, &desk->identity);
}

// ---- the record ----

static void the_newest_is_first_and_the_fifth_drops_the_oldest(void **state) {
    (void)state;
    desk_t *desk = desk_new();
    for (unsigned i = 0; i < 6; i++) {
        ota_ws_history_entry_t entry = sample_entry(OTA_WS_OUTCOME_CONFIRMED);
        entry.when_s = i;
        assert_true(ota_ws_history_add(&desk->platform, &entry));
        ota_ws_history_t history;
        ota_ws_history_load(&desk->platform, &history);
        assert_int_equal(history.count, i < OTA_WS_HISTORY_MAX ? i + 1 : OTA_WS_HISTORY_MAX);
        for (unsigned k = 0; k < history.count; k++) {
            assert_int_equal(history.entries[k].when_s, i - k);
        }
    }
    free(desk);
}

static void the_checksum_is_zlibs(void **state) {
    (void)state;
    uint8_t bytes[300];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 7 + 1);
        assert_int_equal(ota_ws_crc32(bytes, i), crc32(0, bytes, (uInt)i));
    }
}

static void a_value_with_any_bit_changed_or_of_another_length_is_no_history(void **state) {
    (void)state;
    desk_t *desk = desk_new();
    ota_ws_history_entry_t entry = sample_entry(OTA_WS_OUTCOME_STAGED);
    assert_true(ota_ws_history_add(&desk->platform, &entry));
    size_t at = 0;
    while (desk->store.entries[at].size == 0) {
        at++;
    }
    for (size_t bit = 0; bit < desk->store.entries[at].size * 8; bit++) {
        desk->store.entries[at].value[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(newest(desk).outcome, OTA_WS_OUTCOME_NONE);
        desk->store.entries[at].value[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(newest(desk).outcome, OTA_WS_OUTCOME_STAGED);
    desk->store.entries[at].size--;
    assert_int_equal(newest(desk).outcome, OTA_WS_OUTCOME_NONE);
    free(desk);
}

static void a_sound_checksum_over_nonsense_is_not_believed(void **state) {
    (void)state;
    static const struct {
        size_t offset;
        uint8_t value;
    } cases[] = {{offsetof(ota_ws_history_t, format), 9},
                 {offsetof(ota_ws_history_t, count), OTA_WS_HISTORY_MAX + 1},
                 {offsetof(ota_ws_history_t, entries[0].outcome), OTA_WS_OUTCOME_COUNT},
                 {offsetof(ota_ws_history_t, entries[0].from) + 32, 'x'},
                 {offsetof(ota_ws_history_t, entries[0].to) + 32, 'x'},
                 {offsetof(ota_ws_history_t, entries[0].slot) + 16, 'x'},
                 {offsetof(ota_ws_history_t, entries[1].outcome), OTA_WS_OUTCOME_COUNT},
                 {offsetof(ota_ws_history_t, entries[1].to) + 32, 'x'}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        desk_t *desk = desk_new();
        ota_ws_history_entry_t entry = sample_entry(OTA_WS_OUTCOME_TRIAL);
        ota_ws_history_t history;
        ota_ws_history_add(&desk->platform, &entry);
        ota_ws_history_add(&desk->platform, &entry);
        ota_ws_history_load(&desk->platform, &history);
        ((uint8_t *)&history)[cases[i].offset] = cases[i].value;
        history.crc = ota_ws_crc32(&history, offsetof(ota_ws_history_t, crc));
        store_model_save(&desk->store, "history", &history, sizeof history);
        assert_int_equal(newest(desk).outcome, OTA_WS_OUTCOME_NONE);
        free(desk);
    }
}

static void a_store_that_does_not_save_is_noticed_and_leaves_no_stale_intent(void **state) {
    (void)state;
    desk_t *desk = desk_new();
    ota_ws_history_entry_t entry = sample_entry(OTA_WS_OUTCOME_TRIAL);
    assert_true(ota_ws_history_add(&desk->platform, &entry));
    desk->saves_fail = true;
    assert_false(ota_ws_history_add(&desk->platform, &entry));
    entry.outcome = OTA_WS_OUTCOME_CONFIRMING;
    desk->removes_fail = true;
    assert_false(ota_ws_history_replace(&desk->platform, &entry));
    assert_int_equal(newest(desk).outcome, OTA_WS_OUTCOME_TRIAL);
    desk->removes_fail = false;
    assert_true(ota_ws_history_replace(&desk->platform, &entry)); // removed
    assert_int_equal(newest(desk).outcome, OTA_WS_OUTCOME_NONE);
    free(desk);
}

static void what_replaces_nothing_is_the_first(void **state) {
    (void)state;
    desk_t *desk = desk_new();
    ota_ws_history_entry_t entry = sample_entry(OTA_WS_OUTCOME_CONFIRMED);
    ota_ws_history_t history;
    assert_true(ota_ws_history_replace(&desk->platform, &entry));
    ota_ws_history_load(&desk->platform, &history);
    assert_int_equal(history.format, 1); // another one is not read by a device that goes back to this version
    assert_int_equal(history.count, 1);
    assert_int_equal(newest(desk).outcome, OTA_WS_OUTCOME_CONFIRMED);
    entry.outcome = OTA_WS_OUTCOME_ROLLING_BACK;
    assert_true(ota_ws_history_replace(&desk->platform, &entry));
    ota_ws_history_load(&desk->platform, &history);
    assert_int_equal(history.count, 1);
    free(desk);
}

// ---- a start ----

static void a_start_with_the_new_image(void **state) {
    (void)state;
    static const struct {
        ota_ws_outcome_t before, after;
        bool on_trial;
        ota_ws_pending_action_t pending_action;
    } cases[] = {
        {OTA_WS_OUTCOME_STAGED, OTA_WS_OUTCOME_TRIAL, true, OTA_WS_PENDING_NONE},
        {OTA_WS_OUTCOME_TRIAL, OTA_WS_OUTCOME_ABORTING, true, OTA_WS_PENDING_GO_BACK},
        {OTA_WS_OUTCOME_CONFIRMING, OTA_WS_OUTCOME_CONFIRMING, true, OTA_WS_PENDING_CONFIRM},
        {OTA_WS_OUTCOME_CONFIRMED, OTA_WS_OUTCOME_CONFIRMED, false, OTA_WS_PENDING_NONE},
        {OTA_WS_OUTCOME_ROLLING_BACK, OTA_WS_OUTCOME_ROLLING_BACK, true, OTA_WS_PENDING_GO_BACK},
        {OTA_WS_OUTCOME_ROLLED_BACK, OTA_WS_OUTCOME_TRIAL, true, OTA_WS_PENDING_NONE},
        {OTA_WS_OUTCOME_EXPIRING, OTA_WS_OUTCOME_EXPIRING, true, OTA_WS_PENDING_GO_BACK},
        {OTA_WS_OUTCOME_EXPIRED, OTA_WS_OUTCOME_TRIAL, true, OTA_WS_PENDING_NONE},
        {OTA_WS_OUTCOME_ABORTING, OTA_WS_OUTCOME_ABORTING, true, OTA_WS_PENDING_GO_BACK},
        {OTA_WS_OUTCOME_ABORTED, OTA_WS_OUTCOME_TRIAL, true, OTA_WS_PENDING_NONE},
        {OTA_WS_OUTCOME_LOST, OTA_WS_OUTCOME_TRIAL, true, OTA_WS_PENDING_NONE},
        {OTA_WS_OUTCOME_CANCELLED, OTA_WS_OUTCOME_TRIAL, true, OTA_WS_PENDING_NONE},
        {OTA_WS_OUTCOME_FAILED, OTA_WS_OUTCOME_TRIAL, true, OTA_WS_PENDING_NONE},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        desk_t *desk = desk_new();
        run_new(desk, true, OTA_WS_IMAGE_UNWATCHED);
        ota_ws_trial_start_t start = start_with(desk, sample_entry(cases[i].before));
        assert_int_equal(newest(desk).outcome, cases[i].after);
        assert_int_equal(start.on_trial, cases[i].on_trial);
        assert_int_equal(start.pending_action, cases[i].pending_action);
        assert_int_equal(newest(desk).reset, cases[i].before == OTA_WS_OUTCOME_TRIAL ? OTA_WS_RESET_PANIC : 0);
        free(desk);
    }
}

static void a_start_with_another_image(void **state) {
    (void)state;
    static const struct {
        ota_ws_outcome_t before, after;
        ota_ws_pending_action_t pending_action;
        ota_ws_reset_t reset;
    } cases[] = {
        {OTA_WS_OUTCOME_STAGED, OTA_WS_OUTCOME_LOST, OTA_WS_PENDING_NONE, OTA_WS_RESET_NONE},
        {OTA_WS_OUTCOME_TRIAL, OTA_WS_OUTCOME_ABORTED, OTA_WS_PENDING_NONE, OTA_WS_RESET_PANIC},
        {OTA_WS_OUTCOME_CONFIRMING, OTA_WS_OUTCOME_CONFIRMING, OTA_WS_PENDING_SELECT, OTA_WS_RESET_NONE},
        {OTA_WS_OUTCOME_CONFIRMED, OTA_WS_OUTCOME_CONFIRMED, OTA_WS_PENDING_NONE, OTA_WS_RESET_NONE},
        {OTA_WS_OUTCOME_ROLLING_BACK, OTA_WS_OUTCOME_ROLLED_BACK, OTA_WS_PENDING_NONE, OTA_WS_RESET_NONE},
        {OTA_WS_OUTCOME_EXPIRING, OTA_WS_OUTCOME_EXPIRED, OTA_WS_PENDING_NONE, OTA_WS_RESET_NONE},
        {OTA_WS_OUTCOME_ABORTING, OTA_WS_OUTCOME_ABORTED, OTA_WS_PENDING_NONE, OTA_WS_RESET_NONE},
        {OTA_WS_OUTCOME_CANCELLED, OTA_WS_OUTCOME_CANCELLED, OTA_WS_PENDING_NONE, OTA_WS_RESET_NONE},
        {OTA_WS_OUTCOME_FAILED, OTA_WS_OUTCOME_FAILED, OTA_WS_PENDING_NONE, OTA_WS_RESET_NONE},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        desk_t *desk = desk_new();
        run_new(desk, false, OTA_WS_IMAGE_VALID);
        ota_ws_trial_start_t start = start_with(desk, sample_entry(cases[i].before));
        assert_int_equal(newest(desk).outcome, cases[i].after);
        assert_false(start.on_trial);
        assert_int_equal(start.pending_action, cases[i].pending_action);
        assert_int_equal(newest(desk).reset, cases[i].reset);
        free(desk);
    }
}

static void what_the_boot_record_says_of_the_other_image_tells_aborted_from_lost(void **state) {
    (void)state;
    desk_t *desk = desk_new();
    run_new(desk, false, OTA_WS_IMAGE_VALID);
    desk->identity.other_state = OTA_WS_IMAGE_ABORTED;
    start_with(desk, sample_entry(OTA_WS_OUTCOME_STAGED));
    assert_int_equal(newest(desk).outcome, OTA_WS_OUTCOME_ABORTED);
    assert_int_equal(newest(desk).reset, OTA_WS_RESET_PANIC);
    free(desk);
}

static void without_a_record_the_boot_record_alone_counts(void **state) {
    (void)state;
    desk_t *desk = desk_new();
    desk->platform.reset_reason = NULL;
    run_new(desk, true, OTA_WS_IMAGE_TRIAL);
    assert_true(ota_ws_trial_start(&desk->platform, &desk->identity).on_trial);
    desk->identity.image_state = OTA_WS_IMAGE_VALID;
    assert_false(ota_ws_trial_start(&desk->platform, &desk->identity).on_trial);
    assert_int_equal(desk->store.saves, 0);
    free(desk);
}

static void a_confirmation_that_was_cut_off_is_taken_up_three_times(void **state) {
    (void)state;
    desk_t *desk = desk_new();
    run_new(desk, false, OTA_WS_IMAGE_VALID);
    assert_int_equal(start_with(desk, sample_entry(OTA_WS_OUTCOME_CONFIRMING)).pending_action, OTA_WS_PENDING_SELECT);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(ota_ws_trial_select(&desk->platform, &desk->flash), OTA_WS_OK);
        assert_int_equal(desk->at_confirm, OTA_WS_OUTCOME_CONFIRMING);
        assert_int_equal(desk->opens, i);
        assert_int_equal(desk->closes, i);
        ota_ws_pending_action_t next = i < 3 ? OTA_WS_PENDING_SELECT : OTA_WS_PENDING_NONE;
        assert_int_equal(ota_ws_trial_start(&desk->platform, &desk->identity).pending_action, next);
    }
    assert_int_equal(newest(desk).outcome, OTA_WS_OUTCOME_ABORTED);
    free(desk);
}

static void it_is_not_taken_up_when_the_image_is_gone_or_cannot_be_selected(void **state) {
    (void)state;
    desk_t *desk = desk_new();
    run_new(desk, false, OTA_WS_IMAGE_VALID);
    desk->identity.other_valid = false;
    assert_int_equal(start_with(desk, sample_entry(OTA_WS_OUTCOME_CONFIRMING)).pending_action, OTA_WS_PENDING_NONE);
    assert_int_equal(newest(desk).outcome, OTA_WS_OUTCOME_ABORTED);
    run_new(desk, false, OTA_WS_IMAGE_VALID);
    desk->status = OTA_WS_NOT_VERIFIED;
    assert_int_equal(start_with(desk, sample_entry(OTA_WS_OUTCOME_CONFIRMING)).pending_action, OTA_WS_PENDING_SELECT);
    assert_int_equal(ota_ws_trial_select(&desk->platform, &desk->flash), OTA_WS_NOT_VERIFIED);
    assert_int_equal(newest(desk).outcome, OTA_WS_OUTCOME_ABORTED);
    assert_int_equal(desk->opens, desk->closes);
    free(desk);
}

// Else a cut right after the selection would be taken up again for ever.
static void nothing_is_selected_again_without_a_record_of_the_try(void **state) {
    (void)state;
    desk_t *desk = desk_new();
    run_new(desk, false, OTA_WS_IMAGE_VALID);
    start_with(desk, sample_entry(OTA_WS_OUTCOME_CONFIRMING));
    desk->saves_fail = desk->removes_fail = true;
    assert_int_equal(ota_ws_trial_select(&desk->platform, &desk->flash), OTA_WS_BOOT_RECORD);
    assert_int_equal(desk->opens + desk->activates, 0);
    free(desk);
}

static void a_slot_that_cannot_be_opened_is_not_selected_and_not_closed(void **state) {
    (void)state;
    desk_t *desk = desk_new();
    run_new(desk, false, OTA_WS_IMAGE_VALID);
    start_with(desk, sample_entry(OTA_WS_OUTCOME_CONFIRMING));
    desk->open_status = OTA_WS_NO_MEMORY;
    assert_int_equal(ota_ws_trial_select(&desk->platform, &desk->flash), OTA_WS_NO_MEMORY);
    assert_int_equal(desk->activates + desk->closes, 0);
    assert_int_equal(newest(desk).outcome, OTA_WS_OUTCOME_ABORTED);
    free(desk);
}

static void a_device_that_cannot_know_why_it_restarted_says_so(void **state) {
    (void)state;
    desk_t *desk = desk_new();
    desk->platform.reset_reason = NULL;
    run_new(desk, true, OTA_WS_IMAGE_UNWATCHED);
    start_with(desk, sample_entry(OTA_WS_OUTCOME_TRIAL));
    assert_int_equal(newest(desk).reset, OTA_WS_RESET_UNKNOWN);
    free(desk);
}

static void another_image_in_the_other_slot_is_not_the_one_on_record(void **state) {
    (void)state;
    desk_t *desk = desk_new();
    for (size_t byte = 0; byte < sizeof((ota_ws_history_entry_t *)0)->elf; byte++) {
        run_new(desk, false, OTA_WS_IMAGE_VALID);
        desk->identity.other_state = OTA_WS_IMAGE_ABORTED;
        desk->identity.other.elf_sha256[byte] ^= 0x80;
        start_with(desk, sample_entry(OTA_WS_OUTCOME_STAGED));
        assert_int_equal(newest(desk).outcome, OTA_WS_OUTCOME_LOST);
    }
    free(desk);
}

// Found by fuzzing: what going back has half written may read otherwise at the next start, so it is written anew.
static void going_back_from_a_confirmed_image_that_was_cut_off_leaves_it_confirmed(void **state) {
    (void)state;
    static const struct {
        ota_ws_status_t status; // of writing the boot record
        ota_ws_outcome_t outcome;
    } cases[] = {{OTA_WS_OK, OTA_WS_OUTCOME_CONFIRMED},
                 {OTA_WS_NOT_ON_TRIAL, OTA_WS_OUTCOME_CONFIRMED}, // there is no record: it runs all the same
                 {OTA_WS_BOOT_RECORD, OTA_WS_OUTCOME_ROLLING_BACK}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        desk_t *desk = desk_new();
        ota_ws_history_entry_t entry = sample_entry(OTA_WS_OUTCOME_ROLLING_BACK);
        entry.confirmed = 1;
        run_new(desk, true, OTA_WS_IMAGE_VALID);
        ota_ws_trial_start_t start = start_with(desk, entry);
        assert_int_equal(newest(desk).outcome, OTA_WS_OUTCOME_ROLLING_BACK);
        assert_false(start.on_trial);
        assert_int_equal(start.pending_action, OTA_WS_PENDING_CONFIRM);
        desk->status = cases[i].status;
        assert_int_equal(ota_ws_trial_confirm(&desk->platform), cases[i].status);
        assert_int_equal(newest(desk).outcome, cases[i].outcome);
        free(desk);
    }
}

// ---- the application's own confirmation, past us ----

static void valid_counts_only_where_the_bootloader_had_watched(void **state) {
    (void)state;
    static const struct {
        ota_ws_image_state_t at_start;
        bool counts;
    } cases[] = {{OTA_WS_IMAGE_TRIAL, true}, {OTA_WS_IMAGE_VALID, false}, {OTA_WS_IMAGE_UNWATCHED, false}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        desk_t *desk = desk_new();
        run_new(desk, true, cases[i].at_start);
        assert_true(start_with(desk, sample_entry(OTA_WS_OUTCOME_STAGED)).on_trial);
        desk->identity.image_state = OTA_WS_IMAGE_TRIAL;
        assert_false(ota_ws_trial_was_confirmed(&desk->platform));
        desk->identity.image_state = OTA_WS_IMAGE_VALID;
        assert_int_equal(ota_ws_trial_was_confirmed(&desk->platform), cases[i].counts);
        assert_int_equal(newest(desk).outcome, cases[i].counts ? OTA_WS_OUTCOME_CONFIRMED : OTA_WS_OUTCOME_TRIAL);
        free(desk);
        desk = desk_new();
        run_new(desk, true, cases[i].at_start);
        start_with(desk, sample_entry(OTA_WS_OUTCOME_STAGED));
        desk->identity.image_state = OTA_WS_IMAGE_VALID; // and the device restarts before we look
        assert_int_equal(ota_ws_trial_start(&desk->platform, &desk->identity).on_trial, !cases[i].counts);
        assert_int_equal(newest(desk).outcome, cases[i].counts ? OTA_WS_OUTCOME_CONFIRMING : OTA_WS_OUTCOME_ABORTING);
        free(desk);
    }
}

static void without_a_record_of_the_running_image_valid_is_valid(void **state) {
    (void)state;
    desk_t *desk = desk_new();
    run_new(desk, true, OTA_WS_IMAGE_VALID);
    assert_true(ota_ws_trial_was_confirmed(&desk->platform));
    ota_ws_history_entry_t entry = sample_entry(OTA_WS_OUTCOME_CONFIRMED);
    ota_ws_history_add(&desk->platform, &entry);
    assert_true(ota_ws_trial_was_confirmed(&desk->platform));
    free(desk);
}

// The boot record may read "valid" while something else than a trial is on record: that is no confirmation.
static void valid_counts_only_of_a_trial_and_when_it_can_be_recorded(void **state) {
    (void)state;
    desk_t *desk = desk_new();
    run_new(desk, true, OTA_WS_IMAGE_VALID);
    ota_ws_history_entry_t entry = sample_entry(OTA_WS_OUTCOME_EXPIRING);
    entry.watched = 1;
    assert_true(ota_ws_history_add(&desk->platform, &entry));
    assert_false(ota_ws_trial_was_confirmed(&desk->platform));
    entry.outcome = OTA_WS_OUTCOME_TRIAL;
    assert_true(ota_ws_history_replace(&desk->platform, &entry));
    desk->saves_fail = desk->removes_fail = true;
    assert_false(ota_ws_trial_was_confirmed(&desk->platform));
    desk->saves_fail = desk->removes_fail = false;
    assert_true(ota_ws_trial_was_confirmed(&desk->platform));
    free(desk);
}

// ---- the steps ----

static void each_step_has_its_intent_on_record_before_and_its_outcome_after(void **state) {
    (void)state;
    static const ota_ws_status_t statuses[] = {OTA_WS_OK, OTA_WS_BOOT_RECORD};
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        bool works = statuses[i] == OTA_WS_OK;
        desk_t *desk = desk_new();
        desk->status = statuses[i];
        run_new(desk, false, OTA_WS_IMAGE_VALID);
        ota_ws_history_entry_t entry = sample_entry(OTA_WS_OUTCOME_NONE);
        assert_int_equal(ota_ws_trial_stage(&desk->platform, &desk->flash, &entry), statuses[i]);
        assert_int_equal(desk->at_confirm, OTA_WS_OUTCOME_STAGED);
        assert_int_equal(newest(desk).outcome, works ? OTA_WS_OUTCOME_STAGED : OTA_WS_OUTCOME_FAILED);
        assert_int_equal(ota_ws_trial_unstage(&desk->platform, &desk->flash), statuses[i]);
        assert_int_equal(newest(desk).outcome, works ? OTA_WS_OUTCOME_CANCELLED : OTA_WS_OUTCOME_FAILED);

        run_new(desk, true, OTA_WS_IMAGE_TRIAL);
        start_with(desk, sample_entry(OTA_WS_OUTCOME_STAGED));
        assert_int_equal(ota_ws_trial_confirm(&desk->platform), statuses[i]);
        assert_int_equal(desk->at_confirm, OTA_WS_OUTCOME_CONFIRMING);
        assert_int_equal(newest(desk).outcome, works ? OTA_WS_OUTCOME_CONFIRMED : OTA_WS_OUTCOME_TRIAL);
        assert_int_equal(ota_ws_trial_go_back(&desk->platform, OTA_WS_OUTCOME_EXPIRING), statuses[i]);
        assert_int_equal(desk->at_confirm, OTA_WS_OUTCOME_EXPIRING);
        assert_int_equal(newest(desk).outcome, works ? OTA_WS_OUTCOME_EXPIRING : OTA_WS_OUTCOME_TRIAL);
        free(desk);
    }
}

static void an_image_that_cannot_be_put_on_record_is_selected_all_the_same(void **state) {
    (void)state;
    desk_t *desk = desk_new();
    run_new(desk, false, OTA_WS_IMAGE_VALID);
    ota_ws_history_entry_t entry = sample_entry(OTA_WS_OUTCOME_NONE);
    desk->saves_fail = true;
    assert_int_equal(ota_ws_trial_stage(&desk->platform, &desk->flash, &entry), OTA_WS_OK);
    assert_int_equal(desk->activates, 1);
    desk->status = OTA_WS_BOOT_RECORD;
    assert_int_equal(ota_ws_trial_stage(&desk->platform, &desk->flash, &entry), OTA_WS_BOOT_RECORD);
    assert_int_equal(newest(desk).outcome, OTA_WS_OUTCOME_NONE);
    free(desk);
}

static desk_t *desk_with_a_confirmed_image(void) {
    desk_t *desk = desk_new();
    run_new(desk, true, OTA_WS_IMAGE_VALID);
    ota_ws_history_entry_t entry = sample_entry(OTA_WS_OUTCOME_CONFIRMED);
    entry.confirmed = 1;
    start_with(desk, entry);
    return desk;
}

static void going_back_that_fails_leaves_a_confirmed_image_confirmed(void **state) {
    (void)state;
    desk_t *desk = desk_with_a_confirmed_image();
    desk->status = OTA_WS_NOTHING_TO_GO_BACK_TO;
    assert_int_equal(ota_ws_trial_go_back(&desk->platform, OTA_WS_OUTCOME_ROLLING_BACK), OTA_WS_NOTHING_TO_GO_BACK_TO);
    assert_int_equal(newest(desk).outcome, OTA_WS_OUTCOME_CONFIRMED);
    free(desk);
}

// Found by fuzzing: the boot record is erased before it is written, so the earlier image may run at the next start.
static void going_back_that_was_half_written_ends_as_what_runs(void **state) {
    (void)state;
    for (int runs = 0; runs < 2; runs++) {
        desk_t *desk = desk_with_a_confirmed_image();
        desk->status = OTA_WS_BOOT_RECORD;
        assert_int_equal(ota_ws_trial_go_back(&desk->platform, OTA_WS_OUTCOME_ROLLING_BACK), OTA_WS_BOOT_RECORD);
        run_new(desk, runs == 1, OTA_WS_IMAGE_VALID);
        ota_ws_trial_start_t start = ota_ws_trial_start(&desk->platform, &desk->identity);
        assert_int_equal(newest(desk).outcome, runs == 1 ? OTA_WS_OUTCOME_ROLLING_BACK : OTA_WS_OUTCOME_ROLLED_BACK);
        assert_int_equal(start.pending_action, runs == 1 ? OTA_WS_PENDING_CONFIRM : OTA_WS_PENDING_NONE);
        assert_false(start.on_trial);
        free(desk);
    }
}

// Found by fuzzing: the second attempt finds no record of the running image any more, which says nothing of the first.
static void going_back_again_after_it_was_half_written_ends_as_what_runs(void **state) {
    (void)state;
    desk_t *desk = desk_with_a_confirmed_image();
    desk->status = OTA_WS_BOOT_RECORD;
    ota_ws_trial_go_back(&desk->platform, OTA_WS_OUTCOME_ROLLING_BACK);
    desk->status = OTA_WS_NOTHING_TO_GO_BACK_TO;
    assert_int_equal(ota_ws_trial_go_back(&desk->platform, OTA_WS_OUTCOME_ROLLING_BACK), OTA_WS_NOTHING_TO_GO_BACK_TO);
    run_new(desk, false, OTA_WS_IMAGE_VALID);
    ota_ws_trial_start(&desk->platform, &desk->identity);
    assert_int_equal(newest(desk).outcome, OTA_WS_OUTCOME_ROLLED_BACK);
    free(desk);
}

static void nothing_is_confirmed_while_a_stale_record_cannot_be_changed(void **state) {
    (void)state;
    desk_t *desk = desk_new();
    run_new(desk, true, OTA_WS_IMAGE_TRIAL);
    start_with(desk, sample_entry(OTA_WS_OUTCOME_STAGED));
    desk->saves_fail = true;
    desk->removes_fail = true;
    assert_int_equal(ota_ws_trial_confirm(&desk->platform), OTA_WS_BOOT_RECORD);
    assert_int_equal(desk->confirms, 0);
    desk->removes_fail = false;
    assert_int_equal(ota_ws_trial_confirm(&desk->platform), OTA_WS_OK);
    assert_int_equal(desk->confirms, 1);
    free(desk);
}

// Only since an image on trial was selected can nothing else have got into the other slot.
static void a_lost_entry_is_restored_for_an_image_on_trial_only(void **state) {
    (void)state;
    for (int is_confirmed = 0; is_confirmed < 2; is_confirmed++) {
        for (int runs = 0; runs < 2; runs++) {
            desk_t *desk = desk_new();
            run_new(desk, runs == 1, OTA_WS_IMAGE_TRIAL);
            ota_ws_history_entry_t entry = sample_entry(OTA_WS_OUTCOME_TRIAL);
            entry.confirmed = (uint8_t)is_confirmed;
            ota_ws_history_add(&desk->platform, &entry);
            bool restores = runs == 1 && is_confirmed == 0;
            assert_int_equal(ota_ws_trial_go_back(&desk->platform, OTA_WS_OUTCOME_ROLLING_BACK), OTA_WS_OK);
            assert_int_equal(desk->may_restore, restores);
            assert_false(ota_ws_trial_restores(&entry, &desk->identity));
            desk->identity.entry_is_lost = true;
            assert_int_equal(ota_ws_trial_restores(&entry, &desk->identity), restores);
            free(desk);
        }
    }
}

static void steps_without_a_record_reach_the_platform_all_the_same(void **state) {
    (void)state;
    desk_t *desk = desk_new();
    run_new(desk, true, OTA_WS_IMAGE_TRIAL);
    assert_int_equal(ota_ws_trial_confirm(&desk->platform), OTA_WS_OK);
    assert_int_equal(ota_ws_trial_go_back(&desk->platform, OTA_WS_OUTCOME_ROLLING_BACK), OTA_WS_OK);
    assert_int_equal(ota_ws_trial_unstage(&desk->platform, &desk->flash), OTA_WS_OK);
    assert_int_equal(desk->confirms + desk->roll_backs, 2);
    assert_int_equal(desk->store.saves, 0);
    free(desk);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        unit_test_of(history, the_newest_is_first_and_the_fifth_drops_the_oldest),
        cmocka_unit_test(the_checksum_is_zlibs),
        cmocka_unit_test(a_value_with_any_bit_changed_or_of_another_length_is_no_history),
        unit_test_of(history, a_sound_checksum_over_nonsense_is_not_believed),
        unit_test_of(history, a_store_that_does_not_save_is_noticed_and_leaves_no_stale_intent),
        cmocka_unit_test(what_replaces_nothing_is_the_first),
        cmocka_unit_test(a_start_with_the_new_image),
        cmocka_unit_test(a_start_with_another_image),
        cmocka_unit_test(what_the_boot_record_says_of_the_other_image_tells_aborted_from_lost),
        cmocka_unit_test(without_a_record_the_boot_record_alone_counts),
        cmocka_unit_test(a_confirmation_that_was_cut_off_is_taken_up_three_times),
        cmocka_unit_test(it_is_not_taken_up_when_the_image_is_gone_or_cannot_be_selected),
        cmocka_unit_test(nothing_is_selected_again_without_a_record_of_the_try),
        cmocka_unit_test(a_slot_that_cannot_be_opened_is_not_selected_and_not_closed),
        cmocka_unit_test(a_device_that_cannot_know_why_it_restarted_says_so),
        cmocka_unit_test(another_image_in_the_other_slot_is_not_the_one_on_record),
        cmocka_unit_test(going_back_from_a_confirmed_image_that_was_cut_off_leaves_it_confirmed),
        cmocka_unit_test(valid_counts_only_where_the_bootloader_had_watched),
        cmocka_unit_test(without_a_record_of_the_running_image_valid_is_valid),
        cmocka_unit_test(valid_counts_only_of_a_trial_and_when_it_can_be_recorded),
        cmocka_unit_test(each_step_has_its_intent_on_record_before_and_its_outcome_after),
        cmocka_unit_test(an_image_that_cannot_be_put_on_record_is_selected_all_the_same),
        cmocka_unit_test(going_back_that_fails_leaves_a_confirmed_image_confirmed),
        cmocka_unit_test(going_back_that_was_half_written_ends_as_what_runs),
        cmocka_unit_test(going_back_again_after_it_was_half_written_ends_as_what_runs),
        cmocka_unit_test(nothing_is_confirmed_while_a_stale_record_cannot_be_changed),
        cmocka_unit_test(a_lost_entry_is_restored_for_an_image_on_trial_only),
        cmocka_unit_test(steps_without_a_record_reach_the_platform_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
