// SPDX-License-Identifier: Apache-2.0
// What happens without a client's word: what a power cut has left to be done, the end of a trial, the application's own
// decisions; and requests at moments when they cannot be met.
#include "testing.h"

#include "rig.h"

#define SECOND 1000u

// ---- a device that has just started, with this newest update on record ----

static ota_ws_history_entry_t entry_of(ota_ws_outcome_t outcome, const char *slot) {
    ota_ws_history_entry_t entry = {.from = "1.0.0", .to = "2.0.0", .size = 1000};
    strcpy(entry.slot, slot);
    entry.outcome = (uint8_t)outcome;
    return entry;
}

static rig_t *rig_started(ota_ws_history_entry_t entry) {
    rig_t *rig = rig_new();
    const ota_ws_ports_t ports = rig->device.ports;
    rig->identity.other_valid = true;
    assert_true(ota_ws_history_add(&rig->platform, &entry));
    ota_ws_device_init(&rig->device, &ports, &rig->settings, NULL, rig->now_ms);
    ota_ws_device_scratch(&rig->device, rig->scratch);
    return rig;
}

// The image in ota_0 runs, which is the rig's running one.
static rig_t *rig_running(ota_ws_outcome_t outcome) {
    return rig_started(entry_of(outcome, "ota_0"));
}

// The new image lies in the other slot and does not run.
static rig_t *rig_elsewhere(ota_ws_outcome_t outcome) {
    return rig_started(entry_of(outcome, "ota_1"));
}

static ota_ws_outcome_t newest_outcome(rig_t *rig) {
    ota_ws_history_entry_t entry;
    ota_ws_history_newest(&rig->platform, &entry);
    return entry.outcome;
}

// ---- the application has confirmed past us, before it has started us ----

// The boot record says VALID at the start.
static rig_t *rig_valid(ota_ws_outcome_t outcome, ota_ws_watch_t watched, bool was_rewritten) {
    rig_t *rig = rig_new();
    const ota_ws_ports_t ports = rig->device.ports;
    ota_ws_history_entry_t entry = entry_of(outcome, "ota_0");
    entry.watched = (uint8_t)watched;
    rig->identity.image_state = OTA_WS_IMAGE_VALID;
    rig->identity.was_rewritten = was_rewritten;
    assert_true(ota_ws_history_add(&rig->platform, &entry));
    ota_ws_device_init(&rig->device, &ports, &rig->settings, NULL, rig->now_ms);
    ota_ws_device_scratch(&rig->device, rig->scratch);
    return rig;
}

static void assert_confirmed(rig_t *rig) {
    assert_false(rig->device.on_trial);
    rig_pass(rig, 1);
    rig_settle(rig);
    assert_int_equal(rig->confirms, 1); // its write may have been cut off
    assert_int_equal(newest_outcome(rig), OTA_WS_OUTCOME_CONFIRMED);
    assert_false(ota_ws_device_wants_ticks(&rig->device));
    rig_free(rig);
}

static void a_confirmation_before_the_start_counts(void **state) {
    (void)state;
    assert_confirmed(rig_valid(OTA_WS_OUTCOME_STAGED, OTA_WS_WATCH_MARK, true));
    assert_confirmed(rig_valid(OTA_WS_OUTCOME_TRIAL, OTA_WS_WATCH_MARK, true));
    assert_confirmed(rig_valid(OTA_WS_OUTCOME_TRIAL, OTA_WS_WATCH_BOOTLOADER, false));
}

static void a_valid_that_nobody_has_written_is_a_trial(void **state) {
    (void)state;
    const struct {
        ota_ws_watch_t watched;
        bool was_rewritten;
    } cases[] = {{OTA_WS_WATCH_NONE, false}, {OTA_WS_WATCH_NONE, true}, {OTA_WS_WATCH_MARK, false}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        rig_t *rig = rig_valid(OTA_WS_OUTCOME_STAGED, cases[i].watched, cases[i].was_rewritten);
        assert_true(rig->device.on_trial);
        rig_pass(rig, SECOND);
        assert_true(rig->device.on_trial);
        assert_int_equal(newest_outcome(rig), OTA_WS_OUTCOME_TRIAL);
        rig_free(rig);
    }
}

// ---- pending_actions ----

static void going_back_that_was_cut_off_is_made_sure_of_at_the_first_tick(void **state) {
    (void)state;
    ota_ws_history_entry_t entry = entry_of(OTA_WS_OUTCOME_ROLLING_BACK, "ota_0");
    entry.confirmed = 1;
    rig_t *rig = rig_started(entry);
    assert_int_equal(newest_outcome(rig), OTA_WS_OUTCOME_ROLLING_BACK);
    rig_pass(rig, 1);
    rig_settle(rig);
    assert_int_equal(rig->confirms, 1);
    assert_int_equal(newest_outcome(rig), OTA_WS_OUTCOME_CONFIRMED);
    assert_false(ota_ws_device_wants_ticks(&rig->device));
    rig_free(rig);
}

static void a_confirmation_that_was_cut_off_is_finished_at_the_first_tick(void **state) {
    (void)state;
    rig_t *rig = rig_running(OTA_WS_OUTCOME_CONFIRMING);
    assert_true(ota_ws_device_wants_ticks(&rig->device));
    assert_int_equal(rig->confirms, 0);
    rig_pass(rig, 1);
    rig_settle(rig);
    assert_int_equal(rig->confirms, 1);
    assert_int_equal(newest_outcome(rig), OTA_WS_OUTCOME_CONFIRMED);
    assert_false(rig->device.on_trial);
    assert_false(ota_ws_device_wants_ticks(&rig->device));
    rig_pass(rig, SECOND);
    assert_int_equal(rig->job_count, 0);
    rig_free(rig);
}

// Each is finished under the name under which it was begun: the user reads why the device went back.
static void going_back_that_was_cut_off_is_finished_as_what_it_was(void **state) {
    (void)state;
    static const struct {
        ota_ws_outcome_t at_start, during;
    } cases[] = {{OTA_WS_OUTCOME_ROLLING_BACK, OTA_WS_OUTCOME_ROLLING_BACK},
                 {OTA_WS_OUTCOME_EXPIRING, OTA_WS_OUTCOME_EXPIRING},
                 {OTA_WS_OUTCOME_ABORTING, OTA_WS_OUTCOME_ABORTING},
                 {OTA_WS_OUTCOME_TRIAL, OTA_WS_OUTCOME_ABORTING}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        rig_t *rig = rig_running(cases[i].at_start);
        rig_pass(rig, 1);
        rig_settle(rig);
        assert_int_equal(rig->roll_backs, 1);
        assert_int_equal(rig->restarts, 1);
        assert_int_equal(newest_outcome(rig), cases[i].during);
        rig_free(rig);
    }
}

static void an_pending_action_that_fails_is_no_pending_action_any_more(void **state) {
    (void)state;
    rig_t *rig = rig_running(OTA_WS_OUTCOME_EXPIRING);
    rig->roll_back_status = OTA_WS_BOOT_RECORD;
    rig_pass(rig, 1);
    rig_settle(rig);
    assert_int_equal(rig->roll_backs, 1);
    assert_int_equal(rig->restarts, 0);
    assert_int_equal(newest_outcome(rig), OTA_WS_OUTCOME_TRIAL);
    rig_pass(rig, 299 * SECOND);
    assert_int_equal(rig->job_count, 0);
    rig_pass(rig, SECOND); // the trial that goes on ends as any other
    rig_settle(rig);
    assert_int_equal(rig->roll_backs, 2);
    rig_free(rig);
}

static void a_confirmed_image_that_does_not_run_is_selected_and_started(void **state) {
    (void)state;
    rig_t *rig = rig_elsewhere(OTA_WS_OUTCOME_CONFIRMING);
    assert_false(rig->device.on_trial);
    assert_true(ota_ws_device_wants_ticks(&rig->device));
    rig_pass(rig, 1);
    rig_settle(rig);
    assert_true(rig->nor->active);
    assert_int_equal(rig->restarts, 1);
    rig_free(rig);
}

static void when_it_cannot_be_selected_the_device_goes_on_with_what_runs(void **state) {
    (void)state;
    rig_t *rig = rig_elsewhere(OTA_WS_OUTCOME_CONFIRMING);
    peer_t *peer = peer_welcome(rig);
    rig->nor->failing = NOR_ACTIVATE;
    rig->nor->status = OTA_WS_NOT_VERIFIED;
    rig->nor->fail_after = 0;
    rig_pass(rig, 1);
    peer_begin(peer, 1000, (const uint8_t[1000]){0}, false); // waits for the pending_action's end
    rig_settle(rig);
    assert_int_equal(rig->restarts, 0);
    assert_int_equal(newest_outcome(rig), OTA_WS_OUTCOME_ABORTED);
    assert_non_null(peer_received(peer, "ready"));
    peer_free(peer);
    rig_settle(rig);
    rig->nor->fail_after = -1;
    rig_assert_updates(rig);
    rig_free(rig);
}

static void after_it_was_selected_no_waiting_begin_is_taken(void **state) {
    (void)state;
    rig_t *rig = rig_elsewhere(OTA_WS_OUTCOME_CONFIRMING);
    peer_t *peer = peer_welcome(rig);
    rig_pass(rig, 1);
    peer_begin(peer, 1000, (const uint8_t[1000]){0}, false);
    rig_settle(rig);
    assert_int_equal(rig->restarts, 1);
    assert_null(peer_received(peer, "ready"));
    assert_null(rig->writer);
    peer_free(peer);
    rig_free(rig);
}

static void a_begin_that_waits_while_going_back_counts_only_if_it_stays(void **state) {
    (void)state;
    static const ota_ws_status_t statuses[] = {OTA_WS_OK, OTA_WS_NOTHING_TO_GO_BACK_TO};
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        rig_t *rig = rig_new();
        peer_t *peer = peer_welcome(rig);
        peer_t *other = peer_welcome(rig);
        rig->roll_back_status = statuses[i];
        peer_say(peer, "{\"type\":\"rollback\"");
        peer_begin(other, 1000, (const uint8_t[1000]){0}, false);
        rig_settle(rig);
        assert_int_equal(rig->restarts, statuses[i] == OTA_WS_OK);
        assert_int_equal(peer_received(other, "ready") != NULL, statuses[i] != OTA_WS_OK);
        peer_free(peer);
        peer_free(other);
        rig_settle(rig);
        rig_free(rig);
    }
}

static void nothing_begins_before_the_pending_action_is_run(void **state) {
    (void)state;
    rig_t *rig = rig_elsewhere(OTA_WS_OUTCOME_CONFIRMING);
    peer_t *peer = peer_welcome(rig);
    peer_begin(peer, 1000, (const uint8_t[1000]){0}, false);
    assert_true(peer_failed(peer, "device_busy"));
    assert_int_equal(rig->starts, 0);
    peer_free(peer);
    rig_free(rig);
}

// The device is at work for itself; nobody else updates it.
static void what_is_asked_for_during_the_pending_action_is_told_apart_from_a_client(void **state) {
    (void)state;
    static const char *const requests[] = {"rollback", "restart", "confirm"};
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        char text[64];
        rig_t *rig = rig_running(OTA_WS_OUTCOME_CONFIRMING);
        rig_pass(rig, 1);
        assert_int_equal(rig->device.update, OTA_WS_UPDATE_CONTROL);
        peer_t *peer = peer_welcome(rig);
        snprintf(text, sizeof text, "{\"type\":\"%s\"", requests[i]);
        peer_say(peer, text);
        assert_true(peer_failed(peer, "device_busy"));
        peer_forget(peer);
        rig_settle(rig);
        peer_say(peer, text);
        rig_settle(rig);
        assert_false(peer_failed(peer, "device_busy"));
        peer_free(peer);
        rig_free(rig);
    }
}

static void an_pending_action_waits_for_memory(void **state) {
    (void)state;
    rig_t *rig = rig_running(OTA_WS_OUTCOME_CONFIRMING);
    rig->alone_status = OTA_WS_NO_MEMORY;
    rig_pass(rig, 1);
    assert_int_equal(rig->job_count, 0);
    assert_true(ota_ws_device_wants_ticks(&rig->device));
    rig->alone_status = OTA_WS_OK;
    rig_pass(rig, 1);
    rig_settle(rig);
    assert_int_equal(rig->confirms, 1);
    rig_free(rig);
}

// ---- the application ----

static void the_application_confirms_a_trial_and_nothing_else(void **state) {
    (void)state;
    rig_t *rig = rig_elsewhere(OTA_WS_OUTCOME_CONFIRMED);
    assert_int_equal(ota_ws_device_confirm(&rig->device), OTA_WS_NOT_ON_TRIAL);
    assert_int_equal(rig->starts, 0);
    rig_free(rig);
    rig = rig_running(OTA_WS_OUTCOME_STAGED);
    assert_true(rig->device.on_trial);
    rig->alone_status = OTA_WS_NO_MEMORY;
    assert_int_equal(ota_ws_device_confirm(&rig->device), OTA_WS_NO_MEMORY);
    rig->alone_status = OTA_WS_OK;
    assert_int_equal(ota_ws_device_confirm(&rig->device), OTA_WS_OK);
    assert_int_equal(ota_ws_device_confirm(&rig->device), OTA_WS_DEVICE_BUSY);
    assert_int_equal(rig->device.update, OTA_WS_UPDATE_CONTROL);
    rig_settle(rig);
    assert_int_equal(rig->device.update, OTA_WS_UPDATE_IDLE);
    assert_int_equal(rig->confirms, 1);
    assert_false(rig->device.on_trial);
    rig_free(rig);
}

// Found by test/states: the way back was done nevertheless, and a second restart was asked for.
static void what_the_application_decides_after_a_restart_was_asked_for_is_too_late(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    peer_t *peer = peer_welcome(rig);
    peer_say(peer, "{\"type\":\"restart\"");
    assert_int_equal(ota_ws_device_roll_back(&rig->device), OTA_WS_RESTART_PENDING);
    rig_settle(rig);
    assert_int_equal(rig->roll_backs, 0);
    assert_int_equal(rig->restarts, 1);
    peer_free(peer);
    rig_free(rig);
}

static void the_application_goes_back_and_hears_why_it_cannot(void **state) {
    (void)state;
    image_file_t file = rig_image("2.0.0");
    rig_t *rig = rig_new();
    peer_t *peer = peer_welcome(rig);
    peer_begin_image(peer, &file);
    assert_int_equal(ota_ws_device_roll_back(&rig->device), OTA_WS_BUSY);
    peer_free(peer);
    rig_settle(rig);
    rig_assert_updates(rig);
    assert_int_equal(ota_ws_device_roll_back(&rig->device), OTA_WS_RESTART_PENDING);
    assert_int_equal(rig->roll_backs, 0);
    rig_free(rig);
    rig = rig_new();
    assert_int_equal(ota_ws_device_roll_back(&rig->device), OTA_WS_OK);
    rig_settle(rig);
    assert_int_equal(rig->roll_backs, 1);
    assert_int_equal(rig->restarts, 1);
    rig_free(rig);
    image_free(&file);
}

static void a_confirmation_past_us_ends_the_trial_within_a_second(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    rig->identity.image_state = OTA_WS_IMAGE_TRIAL;
    rig->device.on_trial = true;
    rig->device.trial_since_ms = rig->device.trial_looked_ms = rig->now_ms;
    peer_t *peer = peer_welcome(rig);
    rig_pass(rig, SECOND);
    assert_true(rig->device.on_trial);
    rig->identity.image_state = OTA_WS_IMAGE_VALID;
    rig_pass(rig, SECOND - 1);
    assert_null(peer_received(peer, "state"));
    rig_pass(rig, 1);
    assert_false(rig->device.on_trial);
    assert_non_null(strstr(peer_received(peer, "state"), "\"image\":\"valid\""));
    rig_pass(rig, 89 * SECOND);
    peer_free(peer);
    rig_pass(rig, 300 * SECOND);
    assert_int_equal(rig->roll_backs + rig->confirms, 0);
    rig_free(rig);
}

static void an_application_that_refuses_the_end_of_a_trial_is_asked_again_after_ten_seconds(void **state) {
    (void)state;
    rig_t *rig = rig_running(OTA_WS_OUTCOME_STAGED);
    rig->refused = 1u << OTA_WS_ASK_RESTART;
    rig_pass(rig, 300 * SECOND);
    assert_int_equal(rig->job_count, 0);
    rig->refused = 0;
    rig_pass(rig, 10 * SECOND - 1);
    assert_int_equal(rig->job_count, 0);
    rig_pass(rig, 1);
    rig_settle(rig);
    assert_int_equal(rig->roll_backs, 1);
    assert_int_equal(newest_outcome(rig), OTA_WS_OUTCOME_EXPIRING);
    rig_free(rig);
}

static void the_end_of_a_trial_waits_for_memory(void **state) {
    (void)state;
    rig_t *rig = rig_running(OTA_WS_OUTCOME_STAGED);
    rig->alone_status = OTA_WS_NO_MEMORY;
    rig_pass(rig, 300 * SECOND);
    assert_int_equal(rig->job_count, 0);
    rig->alone_status = OTA_WS_OK;
    rig_pass(rig, 1);
    rig_settle(rig);
    assert_int_equal(rig->restarts, 1);
    rig_free(rig);
}

// ---- no memory ----

// A trial that the bootloader watches over.
static rig_t *rig_watched(void) {
    rig_t *rig = rig_running(OTA_WS_OUTCOME_STAGED);
    rig->identity.image_state = OTA_WS_IMAGE_TRIAL;
    rig->identity.can_roll_back = true;
    return rig;
}

static void wait_for_the_end(rig_t *rig, peer_t *peer) {
    (void)peer;
    rig_pass(rig, 300 * SECOND);
}

static void ask_to_go_back(rig_t *rig, peer_t *peer) {
    (void)rig;
    peer_say(peer, "{\"type\":\"rollback\"");
}

static void decide_to_go_back(rig_t *rig, peer_t *peer) {
    (void)peer;
    assert_int_equal(ota_ws_device_roll_back(&rig->device), OTA_WS_OK);
}

static void find_it_bad(rig_t *rig, peer_t *peer) {
    (void)peer;
    rig->finding = OTA_WS_HEALTH_IS_BAD;
    rig_pass(rig, SECOND);
}

typedef struct {
    void (*go_back)(rig_t *rig, peer_t *peer);
    ota_ws_outcome_t outcome; // the intent on record
} way_back_t;

static const way_back_t ways_back[] = {{wait_for_the_end, OTA_WS_OUTCOME_EXPIRING},
                                       {ask_to_go_back, OTA_WS_OUTCOME_ROLLING_BACK},
                                       {decide_to_go_back, OTA_WS_OUTCOME_ROLLING_BACK},
                                       {find_it_bad, OTA_WS_OUTCOME_ROLLING_BACK}};

static void a_trial_is_decided_without_the_memory_of_an_update(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(ways_back); i++) {
        rig_t *rig = rig_watched();
        peer_t *peer = peer_welcome(rig);
        rig->start_status = OTA_WS_NO_MEMORY;
        ways_back[i].go_back(rig, peer);
        rig_settle(rig);
        assert_int_equal(rig->roll_backs, 1);
        assert_int_equal(rig->restarts, 1);
        peer_free(peer);
        rig_free(rig);
    }
    rig_t *rig = rig_watched();
    peer_t *peer = peer_welcome(rig);
    rig->start_status = OTA_WS_NO_MEMORY;
    peer_say(peer, "{\"type\":\"confirm\"");
    rig_settle(rig);
    assert_null(peer_received(peer, "failed"));
    assert_false(rig->device.on_trial);
    peer_free(peer);
    rig_free(rig);
}

static void without_any_memory_the_restart_is_the_way_back(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(ways_back); i++) {
        rig_t *rig = rig_watched();
        peer_t *peer = peer_welcome(rig);
        rig->start_status = rig->alone_status = OTA_WS_NO_MEMORY;
        ways_back[i].go_back(rig, peer);
        assert_int_equal(rig->roll_backs, 0);
        assert_int_equal(rig->restarts, 1);
        assert_true(peer_received(peer, "restarting") != NULL || peer_ended(peer, "silent"));
        assert_int_equal(newest_outcome(rig), ways_back[i].outcome);
        rig_pass(rig, SECOND);
        assert_int_equal(rig->restarts, 1);
        peer_free(peer);
        rig_free(rig);
    }
}

// A restart would run this image once more, or nothing at all.
static void without_memory_no_restart_where_it_is_no_way_back(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        rig_t *rig = rig_watched();
        rig->alone_status = OTA_WS_NO_MEMORY;
        ota_ws_history_entry_t entry = entry_of(OTA_WS_OUTCOME_EXPIRING, "ota_0"); // it has come again
        rig->identity.image_state = i == 0 ? OTA_WS_IMAGE_UNCONFIRMED : OTA_WS_IMAGE_TRIAL;
        rig->identity.can_roll_back = i != 1;
        if (i == 2) {
            assert_true(ota_ws_history_replace(&rig->platform, &entry));
        }
        assert_int_equal(ota_ws_device_roll_back(&rig->device), OTA_WS_NO_MEMORY);
        rig_pass(rig, 300 * SECOND);
        assert_int_equal(rig->restarts, 0);
        rig->alone_status = OTA_WS_OK;
        rig_pass(rig, SECOND);
        rig_settle(rig);
        assert_int_equal(rig->roll_backs, 1);
        rig_free(rig);
    }
}

static void without_a_health_hook_a_trial_runs_its_time(void **state) {
    (void)state;
    rig_t *rig = rig_running(OTA_WS_OUTCOME_STAGED);
    rig->platform.check_health = NULL;
    for (int i = 0; i < 299; i++) {
        rig_pass(rig, SECOND);
    }
    assert_int_equal(rig->job_count, 0);
    rig_pass(rig, SECOND);
    rig_settle(rig);
    assert_int_equal(rig->roll_backs, 1);
    rig_free(rig);
}

static void a_finding_for_which_there_is_no_memory_is_acted_upon_a_second_later(void **state) {
    (void)state;
    static const ota_ws_health_result_t findings[] = {OTA_WS_HEALTH_IS_GOOD, OTA_WS_HEALTH_IS_BAD};
    for (size_t i = 0; i < COUNT_OF(findings); i++) {
        rig_t *rig = rig_running(OTA_WS_OUTCOME_STAGED);
        rig->finding = findings[i];
        rig->alone_status = OTA_WS_NO_MEMORY;
        rig_pass(rig, SECOND);
        assert_int_equal(rig->job_count, 0);
        rig->alone_status = OTA_WS_OK;
        rig_pass(rig, SECOND);
        rig_settle(rig);
        assert_int_equal(rig->confirms, findings[i] == OTA_WS_HEALTH_IS_GOOD);
        assert_int_equal(rig->roll_backs, findings[i] == OTA_WS_HEALTH_IS_BAD);
        rig_free(rig);
    }
}

static void going_back_that_the_application_refuses_is_not_done(void **state) {
    (void)state;
    rig_t *rig = rig_running(OTA_WS_OUTCOME_STAGED);
    peer_t *peer = peer_welcome(rig);
    rig->refused = 1u << OTA_WS_ASK_RESTART;
    peer_say(peer, "{\"type\":\"rollback\"");
    assert_true(peer_failed(peer, "refused_by_application"));
    assert_int_equal(rig->job_count + rig->roll_backs, 0);
    peer_free(peer);
    rig_free(rig);
}

// ---- requests that cannot be met ----

static void taking_back_a_ready_image_without_memory_says_so_and_leaves_it_ready(void **state) {
    (void)state;
    desk_t desk = desk_open(rig_new(), rig_image("2.0.0"));
    assert_true(peer_update(desk.peer, desk.file.bytes, (uint32_t)desk.file.length));
    desk.rig->alone_status = OTA_WS_NO_MEMORY;
    peer_say(desk.peer, "{\"type\":\"cancel\"");
    assert_true(peer_failed(desk.peer, "no_memory"));
    assert_true(desk.rig->nor->active);
    desk.rig->alone_status = OTA_WS_OK;
    peer_say(desk.peer, "{\"type\":\"cancel\"");
    rig_settle(desk.rig);
    assert_true(peer_failed(desk.peer, "cancelled"));
    assert_false(desk.rig->nor->active);
    desk_close(&desk);
}

// A viewer who comes in that moment sees nothing of the update before.
static void an_update_that_is_opening_has_received_and_written_nothing(void **state) {
    (void)state;
    image_file_t file = rig_image("2.0.0");
    rig_t *rig = rig_new();
    peer_t *peer = peer_welcome(rig);
    peer_begin_image(peer, &file);
    peer_data(peer, 0, file.bytes, 4096);
    rig_settle(rig);
    peer_say(peer, "{\"type\":\"cancel\"");
    rig_settle(rig);
    peer_begin(peer, (uint32_t)file.length, file.bytes, false);
    peer_t *viewer = peer_new(rig);
    ota_ws_scram_t scram;
    char text[1024];
    peer_hello(viewer, &scram, text, sizeof text);
    peer_say(viewer, text);
    assert_non_null(strstr(peer_received(viewer, "state"), "\"update\":\"receiving\""));
    assert_non_null(strstr(peer_received(viewer, "state"), "\"received\":0,\"written\":0,"));
    peer_free(viewer);
    peer_free(peer);
    rig_settle(rig);
    rig_free(rig);
    image_free(&file);
}

static void an_end_that_need_not_be_said_changes_nothing(void **state) {
    (void)state;
    desk_t desk = desk_open(rig_new(), rig_image("2.0.0"));
    peer_say(desk.peer, "{\"type\":\"end\"");
    assert_int_equal(desk.peer->log_count, 0);
    peer_begin_image(desk.peer, &desk.file);
    for (uint32_t at = 0; at < desk.file.length; at += 4096) {
        peer_data(desk.peer, at, desk.file.bytes + at, desk.file.length - at < 4096 ? desk.file.length - at : 4096);
        if (at + 4096 >= desk.file.length) {
            peer_say(desk.peer, "{\"type\":\"end\""); // before the writer has performed the last chunk
        }
        rig_settle(desk.rig);
        if (peer_received(desk.peer, "done") == NULL) {
            peer_forget(desk.peer);
        }
    }
    assert_non_null(peer_received(desk.peer, "done"));
    assert_int_equal(nor_model_count(desk.rig->nor, NOR_ACTIVATE), 1);
    desk_close(&desk);
}

static void a_chunk_that_fails_after_the_end_was_said_ends_the_update_once(void **state) {
    (void)state;
    image_file_t file = rig_image("2.0.0");
    rig_t *rig = rig_new();
    peer_t *peer = peer_welcome(rig);
    peer_begin_image(peer, &file);
    rig->nor->failing = NOR_ERASE;
    rig->nor->status = OTA_WS_FLASH_ERASE;
    rig->nor->fail_after = 0;
    peer_data(peer, 0, file.bytes, 4096);
    peer_say(peer, "{\"type\":\"end\"");
    peer_forget(peer);
    rig_settle(rig);
    assert_true(peer_failed(peer, "flash_erase"));
    assert_int_equal(rig->device.update, OTA_WS_UPDATE_IDLE);
    rig->nor->fail_after = -1;
    peer_free(peer);
    rig_assert_updates(rig);
    rig_free(rig);
    image_free(&file);
}

static void ticks_are_wanted_while_something_runs_and_not_at_rest(void **state) {
    (void)state;
    image_file_t file = rig_image("2.0.0");
    rig_t *rig = rig_new();
    assert_false(ota_ws_device_wants_ticks(&rig->device));
    peer_t *peer = peer_welcome(rig);
    peer_begin_image(peer, &file);
    assert_true(ota_ws_device_wants_ticks(&rig->device));
    peer_free(peer);
    rig_settle(rig);
    assert_false(ota_ws_device_wants_ticks(&rig->device));
    rig->device.on_trial = true;
    assert_true(ota_ws_device_wants_ticks(&rig->device));
    rig_free(rig);
    image_free(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_confirmation_before_the_start_counts),
        cmocka_unit_test(a_valid_that_nobody_has_written_is_a_trial),
        cmocka_unit_test(going_back_that_was_cut_off_is_made_sure_of_at_the_first_tick),
        cmocka_unit_test(a_confirmation_that_was_cut_off_is_finished_at_the_first_tick),
        cmocka_unit_test(going_back_that_was_cut_off_is_finished_as_what_it_was),
        cmocka_unit_test(an_pending_action_that_fails_is_no_pending_action_any_more),
        cmocka_unit_test(a_confirmed_image_that_does_not_run_is_selected_and_started),
        cmocka_unit_test(when_it_cannot_be_selected_the_device_goes_on_with_what_runs),
        cmocka_unit_test(after_it_was_selected_no_waiting_begin_is_taken),
        cmocka_unit_test(a_begin_that_waits_while_going_back_counts_only_if_it_stays),
        cmocka_unit_test(nothing_begins_before_the_pending_action_is_run),
        cmocka_unit_test(what_is_asked_for_during_the_pending_action_is_told_apart_from_a_client),
        cmocka_unit_test(an_pending_action_waits_for_memory),
        cmocka_unit_test(the_application_confirms_a_trial_and_nothing_else),
        cmocka_unit_test(the_application_goes_back_and_hears_why_it_cannot),
        cmocka_unit_test(what_the_application_decides_after_a_restart_was_asked_for_is_too_late),
        cmocka_unit_test(a_confirmation_past_us_ends_the_trial_within_a_second),
        cmocka_unit_test(an_application_that_refuses_the_end_of_a_trial_is_asked_again_after_ten_seconds),
        cmocka_unit_test(the_end_of_a_trial_waits_for_memory),
        cmocka_unit_test(a_trial_is_decided_without_the_memory_of_an_update),
        cmocka_unit_test(without_any_memory_the_restart_is_the_way_back),
        cmocka_unit_test(without_memory_no_restart_where_it_is_no_way_back),
        cmocka_unit_test(without_a_health_hook_a_trial_runs_its_time),
        cmocka_unit_test(a_finding_for_which_there_is_no_memory_is_acted_upon_a_second_later),
        cmocka_unit_test(going_back_that_the_application_refuses_is_not_done),
        cmocka_unit_test(taking_back_a_ready_image_without_memory_says_so_and_leaves_it_ready),
        cmocka_unit_test(an_update_that_is_opening_has_received_and_written_nothing),
        cmocka_unit_test(an_end_that_need_not_be_said_changes_nothing),
        cmocka_unit_test(a_chunk_that_fails_after_the_end_was_said_ends_the_update_once),
        cmocka_unit_test(ticks_are_wanted_while_something_runs_and_not_at_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
