// SPDX-License-Identifier: Apache-2.0
// Trial, confirmation, going back, restart, what the application refuses, and the limits of a message.
#include "testing.h"

#include "rig.h"

#define SECOND 1000u

// ---- trial, confirm, go back, restart ----

static rig_t *rig_on_trial(void) {
    rig_t *rig = rig_new();
    rig->identity.image_state = OTA_WS_IMAGE_TRIAL;
    rig->device.on_trial = true;
    rig->device.trial_since_ms = rig->now_ms;
    return rig;
}

static void a_trial_counts_down_and_can_be_confirmed(void **state) {
    (void)state;
    rig_t *rig = rig_on_trial();
    rig_pass(rig, 10 * SECOND);
    peer_t *peer = peer_new(rig);
    ota_ws_scram_t scram;
    char text[1024];
    peer_hello(peer, &scram, text, sizeof text);
    peer_say(peer, text);
    assert_non_null(strstr(peer_received(peer, "state"), "\"image\":\"trial\""));
    assert_non_null(strstr(peer_received(peer, "state"), "\"trial_left_s\":290"));
    peer_say(peer, "{\"type\":\"confirm\"");
    rig_settle(rig);
    assert_int_equal(rig->confirms, 1);
    assert_null(peer_received(peer, "failed"));
    assert_non_null(strstr(peer_received(peer, "state"), "\"image\":\"valid\""));
    assert_null(strstr(peer_received(peer, "state"), "trial_left_s"));
    peer_say(peer, "{\"type\":\"confirm\"");
    assert_true(peer_failed(peer, "not_on_trial"));
    rig_pass(rig, 80 * SECOND);
    peer_free(peer);
    rig_pass(rig, 400 * SECOND);
    assert_int_equal(rig->roll_backs, 0);
    rig_assert_updates(rig);
    rig_free(rig);
}

static void a_trial_that_nobody_decides_goes_back(void **state) {
    (void)state;
    rig_t *rig = rig_on_trial();
    rig_pass(rig, 299999);
    rig_settle(rig);
    assert_int_equal(rig->roll_backs, 0);
    rig_pass(rig, 1);
    rig_settle(rig);
    assert_int_equal(rig->roll_backs, 1);
    assert_int_equal(rig->restarts, 1);
    for (int i = 0; i < 10; i++) {
        rig_pass(rig, SECOND);
        rig_settle(rig);
    }
    assert_int_equal(rig->restarts, 1);
    rig_free(rig);
}

static void a_trial_without_a_limit_lasts(void **state) {
    (void)state;
    rig_t *rig = rig_on_trial();
    rig->settings.trial_timeout_ms = 0;
    peer_t *peer = peer_welcome(rig);
    for (int i = 0; i < 100; i++) {
        rig_pass(rig, 80 * SECOND);
        peer_say(peer, "{\"type\":\"ping\"");
        peer_forget(peer);
    }
    assert_int_equal(rig->roll_backs, 0);
    peer_free(peer);
    rig_free(rig);
}

static void going_back_restarts_and_what_cannot_go_back_says_so(void **state) {
    (void)state;
    rig_t *rig = rig_on_trial();
    peer_t *peer = peer_welcome(rig);
    rig->roll_back_status = OTA_WS_NOTHING_TO_GO_BACK_TO;
    peer_say(peer, "{\"type\":\"rollback\"");
    rig_settle(rig);
    assert_true(peer_failed(peer, "nothing_to_go_back_to"));
    assert_int_equal(rig->restarts, 0);
    rig->roll_back_status = OTA_WS_OK;
    peer_forget(peer);
    peer_say(peer, "{\"type\":\"rollback\"");
    rig_settle(rig);
    assert_non_null(peer_received(peer, "restarting"));
    assert_int_equal(rig->restarts, 1);
    peer_free(peer);
    rig_free(rig);
}

static void a_confirm_that_fails_is_told_and_the_trial_goes_on(void **state) {
    (void)state;
    rig_t *rig = rig_on_trial();
    peer_t *peer = peer_welcome(rig);
    rig->confirm_status = OTA_WS_BOOT_RECORD;
    peer_say(peer, "{\"type\":\"confirm\"");
    rig_settle(rig);
    assert_true(peer_failed(peer, "boot_record"));
    assert_true(rig->device.on_trial);
    peer_free(peer);
    rig_pass(rig, 300 * SECOND);
    rig_settle(rig);
    assert_int_equal(rig->restarts, 1);
    rig_free(rig);
}

static void an_application_that_finds_itself_healthy_is_confirmed(void **state) {
    (void)state;
    rig_t *rig = rig_on_trial();
    rig_pass(rig, 5 * SECOND);
    rig_settle(rig);
    assert_int_equal(rig->confirms, 0); // it does not know yet
    rig->finding = OTA_WS_HEALTH_IS_GOOD;
    rig_pass(rig, SECOND);
    rig_settle(rig);
    assert_int_equal(rig->confirms, 1);
    assert_false(rig->device.on_trial);
    rig_pass(rig, 400 * SECOND);
    rig_settle(rig);
    assert_int_equal(rig->roll_backs, 0);
    rig_free(rig);
}

static void an_application_that_finds_itself_sick_goes_back_at_once(void **state) {
    (void)state;
    rig_t *rig = rig_on_trial();
    rig->finding = OTA_WS_HEALTH_IS_BAD;
    rig->refused = 1u << OTA_WS_ASK_RESTART;
    rig_pass(rig, SECOND);
    rig_settle(rig);
    assert_int_equal(rig->roll_backs, 0); // not while it refuses to restart
    rig->refused = 0;
    rig_pass(rig, SECOND);
    rig_settle(rig);
    assert_int_equal(rig->roll_backs, 1);
    assert_int_equal(rig->restarts, 1);
    rig_free(rig);
}

static void a_finding_that_could_not_be_acted_upon_is_not_tried_every_second(void **state) {
    (void)state;
    static const ota_ws_health_result_t findings[] = {OTA_WS_HEALTH_IS_GOOD, OTA_WS_HEALTH_IS_BAD};
    rig_t *rig = rig_on_trial();
    rig->settings.trial_timeout_ms = 0;
    rig->confirm_status = OTA_WS_BOOT_RECORD;
    rig->roll_back_status = OTA_WS_BOOT_RECORD;
    for (size_t i = 0; i < COUNT_OF(findings); i++) {
        rig->finding = findings[i];
        for (int k = 0; k < 10; k++) {
            rig_pass(rig, SECOND);
            rig_settle(rig);
        }
    }
    assert_int_equal(rig->confirms, 1);
    assert_int_equal(rig->roll_backs, 1);
    assert_true(rig->device.on_trial);
    rig_free(rig);
}

static void what_the_application_refuses_is_not_done(void **state) {
    (void)state;
    desk_t desk = desk_open(rig_new(), rig_image("2.0.0"));
    desk.rig->refused = 1u << OTA_WS_ASK_ERASE;
    assert_false(peer_update(desk.peer, desk.file.bytes, (uint32_t)desk.file.length));
    assert_true(peer_failed(desk.peer, "refused_by_application"));
    assert_non_null(strstr(peer_received(desk.peer, "failed"), "the oven is on"));
    assert_true(nor_model_untouched(desk.rig->nor));
    desk.rig->refused = 1u << OTA_WS_ASK_ACTIVATE;
    assert_false(peer_update(desk.peer, desk.file.bytes, (uint32_t)desk.file.length));
    assert_true(peer_failed(desk.peer, "refused_by_application"));
    assert_false(desk.rig->nor->active);
    desk.rig->refused = 1u << OTA_WS_ASK_RESTART;
    peer_say(desk.peer, "{\"type\":\"restart\"");
    rig_settle(desk.rig);
    assert_true(peer_failed(desk.peer, "refused_by_application"));
    assert_int_equal(desk.rig->restarts, 0);
    desk.rig->refused = 0;
    assert_true(peer_update(desk.peer, desk.file.bytes, (uint32_t)desk.file.length));
    desk_close(&desk);
}

// ---- the limits of a message ----

static void the_largest_state_fits_into_a_message_whole(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    ota_ws_identity_t *identity = &rig->identity;
    char name[64];
    memset(name, 'n', 63);
    name[63] = '\0';
    identity->device_name = name;
    memset(identity->id, 'a', sizeof identity->id - 1);
    identity->chip_revision = UINT16_MAX;
    identity->secure_version = UINT32_MAX;
    identity->image_state = OTA_WS_IMAGE_UNCONFIRMED;
    identity->other_state = OTA_WS_IMAGE_ROLLED_BACK;
    identity->other_valid = identity->can_roll_back = true;
    ota_ws_image_description_t *descriptions[] = {&identity->running, &identity->other};
    for (size_t i = 0; i < 2; i++) {
        memset(descriptions[i]->version, 'v', 32);
        memset(descriptions[i]->project, 'p', 32);
        memset(descriptions[i]->time, 't', 16);
        memset(descriptions[i]->date, 'd', 16);
        memset(descriptions[i]->idf, 'i', 32);
    }
    memset(identity->slot, 's', 16);
    memset(identity->other_slot, 'o', 16);
    rig->device.on_trial = true;
    rig->settings.trial_timeout_ms = UINT32_MAX;
    rig->device.update = OTA_WS_UPDATE_READY;
    rig->device.size = rig->device.received = rig->device.written = UINT32_MAX;
    peer_t *peer = peer_new(rig);
    peer->session->state = OTA_WS_SESSION_WELCOME; // the count is what matters, not who has the keys
    rig->device.verifier = NULL;
    rig->worker.inflates = true;
    peer_close(peer);
    peer_free(peer);
    peer = peer_new(rig);
    ota_ws_scram_t scram;
    char text[1024];
    peer_hello(peer, &scram, text, sizeof text);
    peer_say(peer, text);
    const char *said = peer_received(peer, "state");
    static const char *const members[] = {"device",        "id",
                                          "boot",          "chip",
                                          "chip_id",       "revision",
                                          "project",       "version",
                                          "built",         "idf",
                                          "elf_sha256",    "secure_version",
                                          "slot",          "slot_size",
                                          "image",         "trial_left_s",
                                          "other_slot",    "other_version",
                                          "other_project", "other_elf_sha256",
                                          "other_image",   "can_roll_back",
                                          "update",        "size",
                                          "received",      "written",
                                          "check_project", "deflate"};
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        char member[64];
        snprintf(member, sizeof member, "\"%s\":", members[i]);
        if (strstr(said, member) == NULL) {
            fail_msg("%s is left out", members[i]);
        }
    }
    assert_true(strlen(said) + strlen(",\"count\":4294967295,\"mac\":\"\"") + 32 <= OTA_WS_MESSAGE_SIZE);
    rig->device.update = OTA_WS_UPDATE_IDLE;
    peer_free(peer);
    rig_free(rig);
}

static void a_session_needs_less_than_a_kilobyte(void **state) {
    (void)state;
    assert_true(sizeof(ota_ws_session_t) < 1024);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trial_counts_down_and_can_be_confirmed),
        cmocka_unit_test(a_trial_that_nobody_decides_goes_back),
        cmocka_unit_test(a_trial_without_a_limit_lasts),
        cmocka_unit_test(going_back_restarts_and_what_cannot_go_back_says_so),
        cmocka_unit_test(a_confirm_that_fails_is_told_and_the_trial_goes_on),
        cmocka_unit_test(an_application_that_finds_itself_healthy_is_confirmed),
        cmocka_unit_test(an_application_that_finds_itself_sick_goes_back_at_once),
        cmocka_unit_test(a_finding_that_could_not_be_acted_upon_is_not_tried_every_second),
        cmocka_unit_test(what_the_application_refuses_is_not_done),
        cmocka_unit_test(the_largest_state_fits_into_a_message_whole),
        cmocka_unit_test(a_session_needs_less_than_a_kilobyte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
