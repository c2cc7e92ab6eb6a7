// SPDX-License-Identifier: Apache-2.0
// The recovery layout as a client sees it: `layout` and `mode`, `restart` with `into`, and which image an update is
// compared with.
#include "testing.h"

#include "rig.h"

#define INTO(what) "{\"type\":\"restart\",\"into\":\"" what "\""

static rig_t *rig_new_in(ota_ws_layout_t layout) {
    rig_t *rig = rig_new();
    rig->identity.layout = layout;
    rig->device.layout = layout;
    return rig;
}

static const char *state_of(rig_t *rig) {
    static char text[OTA_WS_MESSAGE_SIZE + 1];
    peer_t *peer = peer_new(rig);
    ota_ws_scram_t scram;
    peer_hello(peer, &scram, text, sizeof text);
    peer_say(peer, text);
    strcpy(text, peer_received(peer, "state"));
    peer_free(peer);
    return text;
}

static void the_state_names_layout_and_mode(void **state) {
    (void)state;
    static const struct {
        ota_ws_layout_t layout;
        const char *says;
    } cases[] = {
        {OTA_WS_LAYOUT_TWO_SLOTS, "\"layout\":\"two_slots\"}"},
        {OTA_WS_LAYOUT_APPLICATION, "\"layout\":\"recovery\",\"mode\":\"application\""},
        {OTA_WS_LAYOUT_RECOVERY, "\"layout\":\"recovery\",\"mode\":\"recovery\""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        rig_t *rig = rig_new_in(cases[i].layout);
        assert_non_null(strstr(state_of(rig), cases[i].says));
        rig_free(rig);
    }
}

static void the_application_takes_no_update_and_says_what_to_do(void **state) {
    (void)state;
    rig_t *rig = rig_new_in(OTA_WS_LAYOUT_APPLICATION);
    peer_t *peer = peer_welcome(rig);
    image_file_t file = rig_image("2.0.0");
    peer_begin(peer, (uint32_t)file.length, file.bytes, false);
    rig_settle(rig);
    assert_true(peer_failed(peer, "recovery_needed"));
    assert_int_equal(rig->starts, 0);
    image_free(&file);
    peer_free(peer);
    rig_free(rig);
}

static void expect_refusal(ota_ws_layout_t layout, const char *text, const char *name) {
    rig_t *rig = rig_new_in(layout);
    peer_t *peer = peer_welcome(rig);
    peer_say(peer, text);
    rig_settle(rig);
    assert_true(peer_failed(peer, name));
    assert_int_equal(rig->recoveries, 0);
    assert_int_equal(rig->restarts, 0);
    peer_free(peer);
    rig_free(rig);
}

static void a_device_with_two_slots_has_no_recovery_application(void **state) {
    (void)state;
    expect_refusal(OTA_WS_LAYOUT_TWO_SLOTS, INTO("recovery"), "no_recovery");
    expect_refusal(OTA_WS_LAYOUT_TWO_SLOTS, INTO("application"), "no_recovery");
}

static void a_restart_into_anything_else_ends_the_session(void **state) {
    (void)state;
    static const char *const wrong[] = {INTO("factory"),
                                        INTO("recovery "),
                                        INTO("applications"),
                                        INTO("Recovery"),
                                        "{\"type\":\"restart\",\"into\":true",
                                        "{\"type\":\"confirm\",\"into\":\"recovery\""};
    static const char *const names[] = {"bad_value", "bad_value", "bad_value",
                                        "bad_value", "bad_value", "unknown_member"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        rig_t *rig = rig_new_in(OTA_WS_LAYOUT_APPLICATION);
        peer_t *peer = peer_welcome(rig);
        peer_say(peer, wrong[i]);
        assert_true(peer_ended(peer, names[i]));
        assert_int_equal(rig->recoveries + rig->restarts, 0);
        peer_free(peer);
        rig_free(rig);
    }
}

static void the_application_restarts_into_the_recovery_application(void **state) {
    (void)state;
    rig_t *rig = rig_new_in(OTA_WS_LAYOUT_APPLICATION);
    peer_t *peer = peer_welcome(rig);
    peer_say(peer, INTO("recovery"));
    assert_null(peer_received(peer, "restarting"));
    rig_settle(rig);
    assert_int_equal(rig->recoveries, 1);
    assert_int_equal(rig->restarts, 1);
    assert_non_null(peer_received(peer, "restarting"));
    assert_null(peer_received(peer, "failed"));
    peer_free(peer);
    rig_free(rig);
}

static void a_recovery_application_that_would_not_start_is_not_entered(void **state) {
    (void)state;
    rig_t *rig = rig_new_in(OTA_WS_LAYOUT_APPLICATION);
    peer_t *peer = peer_welcome(rig);
    rig->recovery_status = OTA_WS_NOT_VERIFIED;
    peer_say(peer, INTO("recovery"));
    rig_settle(rig);
    assert_true(peer_failed(peer, "not_verified"));
    assert_int_equal(rig->restarts, 0);
    peer_forget(peer);
    rig->recovery_status = OTA_WS_OK;
    rig->alone_status = OTA_WS_NO_MEMORY;
    peer_say(peer, INTO("recovery"));
    assert_true(peer_failed(peer, "no_memory"));
    peer_free(peer);
    rig_free(rig);
}

static void a_trial_is_decided_before_the_recovery_application_runs(void **state) {
    (void)state;
    rig_t *rig = rig_new_in(OTA_WS_LAYOUT_APPLICATION);
    rig->device.on_trial = true;
    peer_t *peer = peer_welcome(rig);
    peer_say(peer, INTO("recovery"));
    rig_settle(rig);
    assert_true(peer_failed(peer, "on_trial"));
    assert_int_equal(rig->recoveries + rig->restarts, 0);
    peer_free(peer);
    rig_free(rig);
}

static void the_application_may_refuse_to_restart_into_recovery(void **state) {
    (void)state;
    rig_t *rig = rig_new_in(OTA_WS_LAYOUT_APPLICATION);
    rig->refused = 1u << OTA_WS_ASK_RESTART;
    peer_t *peer = peer_welcome(rig);
    peer_say(peer, INTO("recovery"));
    rig_settle(rig);
    assert_true(peer_failed(peer, "refused_by_application"));
    assert_int_equal(rig->recoveries + rig->restarts, 0);
    peer_free(peer);
    rig_free(rig);
}

static void where_the_application_runs_anyway_a_plain_restart_is_enough(void **state) {
    (void)state;
    rig_t *rig = rig_new_in(OTA_WS_LAYOUT_APPLICATION);
    peer_t *peer = peer_welcome(rig);
    peer_say(peer, INTO("application"));
    assert_int_equal(rig->restarts, 1);
    assert_int_equal(rig->recoveries + rig->starts, 0);
    peer_free(peer);
    rig_free(rig);
}

static void without_a_whole_application_there_is_no_way_back(void **state) {
    (void)state;
    rig_t *rig = rig_new_in(OTA_WS_LAYOUT_RECOVERY);
    peer_t *peer = peer_welcome(rig);
    peer_say(peer, INTO("application"));
    rig_settle(rig);
    assert_true(peer_failed(peer, "nothing_to_go_back_to"));
    assert_int_equal(rig->restarts, 0);
    peer_free(peer);
    rig_free(rig);
}

static void an_image_that_is_ready_starts_by_a_plain_restart(void **state) {
    (void)state;
    desk_t desk = desk_open(rig_new_in(OTA_WS_LAYOUT_RECOVERY), rig_image("2.0.0"));
    assert_true(peer_update(desk.peer, desk.file.bytes, (uint32_t)desk.file.length));
    peer_say(desk.peer, INTO("recovery"));
    assert_true(peer_failed(desk.peer, "restart_pending"));
    peer_say(desk.peer, INTO("application"));
    assert_int_equal(desk.rig->restarts, 1);
    assert_int_equal(desk.rig->recoveries, 0);
    desk.rig->device.restarting = false;
    desk_close(&desk);
}

// ---- which image is the update compared with? ----

static void describe_application(rig_t *rig, const char *project, const char *version) {
    strcpy(rig->identity.other_slot, "ota_0");
    rig->identity.other_valid = true;
    strcpy(rig->identity.other.project, project);
    strcpy(rig->identity.other.version, version);
}

static void expect_update(const char *project, const char *version, const char *failure) {
    desk_t desk = desk_open(rig_new_in(OTA_WS_LAYOUT_RECOVERY), rig_image("2.0.0"));
    if (project != NULL) {
        describe_application(desk.rig, project, version);
    }
    strcpy(desk.rig->identity.running.project, "recovery");
    strcpy(desk.rig->identity.running.version, "9.0.0");
    bool done = peer_update(desk.peer, desk.file.bytes, (uint32_t)desk.file.length);
    assert_int_equal(done, failure == NULL);
    assert_true(failure == NULL || peer_failed(desk.peer, failure));
    desk_close(&desk);
}

static void an_update_is_compared_with_the_application_and_not_with_us(void **state) {
    (void)state;
    expect_update("demo", "1.0.0", NULL);
    expect_update("recovery", "1.0.0", "wrong_project");
    expect_update(NULL, NULL, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_state_names_layout_and_mode),
        cmocka_unit_test(the_application_takes_no_update_and_says_what_to_do),
        cmocka_unit_test(a_device_with_two_slots_has_no_recovery_application),
        cmocka_unit_test(a_restart_into_anything_else_ends_the_session),
        cmocka_unit_test(the_application_restarts_into_the_recovery_application),
        cmocka_unit_test(a_recovery_application_that_would_not_start_is_not_entered),
        cmocka_unit_test(a_trial_is_decided_before_the_recovery_application_runs),
        cmocka_unit_test(the_application_may_refuse_to_restart_into_recovery),
        cmocka_unit_test(where_the_application_runs_anyway_a_plain_restart_is_enough),
        cmocka_unit_test(without_a_whole_application_there_is_no_way_back),
        cmocka_unit_test(an_image_that_is_ready_starts_by_a_plain_restart),
        cmocka_unit_test(an_update_is_compared_with_the_application_and_not_with_us),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
