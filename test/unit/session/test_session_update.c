// SPDX-License-Identifier: Apache-2.0
// Updates of one and of two clients, as they go well, are cancelled, stall, or lose their link.
#include "testing.h"

#include "built_features.h"

#include "rig.h"

#define SECOND 1000u

// ---- an update ----

static void an_update_ends_with_done_and_a_restart(void **state) {
    (void)state;
    desk_t desk = desk_open(rig_new_locked(), rig_image("2.0.0"));
    peer_begin_image(desk.peer, &desk.file);
    assert_non_null(strstr(peer_received(desk.peer, "ready"), "\"offset\":0,\"chunk\":4096,\"credit\":8192"));
    assert_non_null(strstr(peer_received(desk.peer, "state"), "\"update\":\"receiving\",\"yours\":true"));
    for (uint32_t at = 0; at < desk.file.length; at += 4096) {
        peer_forget(desk.peer);
        assert_true(peer_data(desk.peer, at, desk.file.bytes + at, 4096));
        char received[64];
        snprintf(received, sizeof received, "\"received\":%u,", at + 4096);
        assert_non_null(strstr(peer_received(desk.peer, "progress"), received));
        rig_work(desk.rig);
    }
    assert_non_null(strstr(peer_received(desk.peer, "state"), "\"update\":\"verifying\""));
    desk.rig->identity.other_valid = true;
    strcpy(desk.rig->identity.other.version, "2.0.0");
    rig_settle(desk.rig);
    assert_non_null(strstr(peer_received(desk.peer, "done"), "\"slot\":\"ota_1\""));
    assert_non_null(strstr(peer_received(desk.peer, "done"), "\"version\":\"2.0.0\""));
    assert_non_null(strstr(peer_received(desk.peer, "progress"), "\"written\":65536"));
    assert_non_null(strstr(peer_received(desk.peer, "state"), "\"update\":\"ready\""));
    assert_null(desk.rig->writer); // its memory was given back
    peer_say(desk.peer, "{\"type\":\"restart\"");
    assert_non_null(peer_received(desk.peer, "restarting"));
    assert_int_equal(desk.rig->restarts, 1);
    desk_close(&desk);
}

static void the_history_says_from_where_an_update_came(void **state) {
    (void)state;
    desk_t desk = desk_open(rig_new(), rig_image("2.0.0"));
    assert_true(peer_update(desk.peer, desk.file.bytes, (uint32_t)desk.file.length));
    assert_memory_equal(desk.rig->device.last.peer, desk.peer->session->peer.bytes, sizeof desk.rig->device.last.peer);
    desk_close(&desk);
}

static void frames_of_any_length_up_to_the_chunk_are_taken(void **state) {
    (void)state;
    desk_t desk = desk_open(rig_new(), rig_image("2.0.0"));
    peer_begin_image(desk.peer, &desk.file);
    uint32_t at = 0;
    for (uint32_t length = 1; at < desk.file.length; length = length * 3 % 4097) {
        length = length > desk.file.length - at ? (uint32_t)desk.file.length - at : length;
        assert_true(peer_data(desk.peer, at, desk.file.bytes + at, length));
        rig_settle(desk.rig);
        at += length;
        desk.peer->log_count = at < desk.file.length ? 0 : desk.peer->log_count;
    }
    assert_non_null(peer_received(desk.peer, "done"));
    desk_close(&desk);
}

static void a_begin_that_cannot_be_is_refused_and_the_session_goes_on(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    peer_t *peer = peer_welcome(rig);
    peer_begin(peer, 0, NULL, false);
    assert_true(peer_failed(peer, "empty"));
    uint8_t *large = calloc(1, rig->nor->size + 1);
    peer_begin(peer, rig->nor->size + 1, large, false);
    assert_true(peer_failed(peer, "too_large"));
    assert_non_null(strstr(peer_received(peer, "failed"), "\"image\":\"262145\",\"device\":\"262144\""));
    free(large);
    rig->start_status = OTA_WS_NO_MEMORY;
    peer_begin(peer, 5, (const uint8_t *)"12345", false);
    assert_true(peer_failed(peer, "no_memory"));
    rig->start_status = OTA_WS_OK;
    const uint32_t size = rig->nor->size;
    rig->nor->size = 0;
    peer_begin(peer, 5, (const uint8_t *)"12345", false);
    assert_true(peer_failed(peer, "no_slot"));
    rig->nor->size = size;
    rig->device.on_trial = true;
    peer_begin(peer, 5, (const uint8_t *)"12345", false);
    assert_true(peer_failed(peer, "on_trial"));
    rig->device.on_trial = false;
    assert_int_equal(rig->starts, 0);
    assert_true(nor_model_untouched(rig->nor));
    peer_free(peer);
    rig_assert_updates(rig);
    rig_free(rig);
}

static void the_wrong_image_is_refused_before_any_erase(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t file = rig_image_of_another_chip();
    peer_t *peer = peer_welcome(rig);
    peer_begin_image(peer, &file);
    assert_true(peer_data(peer, 0, file.bytes, 4096));
    assert_true(peer_data(peer, 4096, file.bytes + 4096, 4096)); // is on its way already
    rig_settle(rig);
    assert_true(peer_failed(peer, "wrong_chip"));
    assert_non_null(strstr(peer_received(peer, "failed"), "\"image\":\"ESP32-S3\",\"device\":\"ESP32-C3\""));
    assert_true(nor_model_untouched(rig->nor));
    assert_false(peer_data(peer, 8192, file.bytes + 8192, 4096)); // dropped without a word
    assert_int_equal(peer->session->state, OTA_WS_SESSION_WELCOME);
    peer_free(peer);
    rig_assert_updates(rig);
    rig_free(rig);
    image_free(&file);
}

static void the_next_begin_may_follow_a_failure_at_once(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t wrong = rig_image_of_another_chip();
    image_file_t right = rig_image("2.0.0");
    peer_t *peer = peer_welcome(rig);
    assert_false(peer_update(peer, wrong.bytes, (uint32_t)wrong.length));
    assert_true(peer_update(peer, right.bytes, (uint32_t)right.length));
    peer_free(peer);
    rig_free(rig);
    image_free(&wrong);
    image_free(&right);
}

static void cancel_ends_the_update_at_any_time(void **state) {
    (void)state;
    image_file_t file = rig_image("2.0.0");
    for (uint32_t taken = 0; taken <= file.length; taken += 8192) {
        rig_t *rig = rig_new();
        peer_t *peer = peer_welcome(rig);
        peer_begin_image(peer, &file);
        for (uint32_t at = 0; at < taken; at += 4096) {
            peer_data(peer, at, file.bytes + at, 4096);
            if (taken < file.length) {
                rig_settle(rig);
            } else if (rig->job_count > 2) {
                rig_work(rig);
            }
            peer_forget(peer);
        }
        peer_say(peer, "{\"type\":\"cancel\"");
        rig_settle(rig);
        assert_true(peer_failed(peer, "cancelled"));
        assert_false(rig->nor->active);
        peer_free(peer);
        rig_assert_updates(rig);
        rig_free(rig);
    }
    image_free(&file);
}

static void cancel_takes_back_an_image_that_is_ready(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t file = rig_image("2.0.0");
    peer_t *peer = peer_welcome(rig);
    assert_true(peer_update(peer, file.bytes, (uint32_t)file.length));
    assert_true(rig->nor->active);
    peer_begin(peer, (uint32_t)file.length, file.bytes, false);
    assert_true(peer_failed(peer, "restart_pending"));
    peer_say(peer, "{\"type\":\"cancel\"");
    rig_settle(rig);
    assert_true(peer_failed(peer, "cancelled"));
    assert_false(rig->nor->active);
    peer_free(peer);
    rig_assert_updates(rig);
    rig_free(rig);
    image_free(&file);
}

static void nothing_to_cancel_is_said(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    peer_t *peer = peer_welcome(rig);
    peer_say(peer, "{\"type\":\"cancel\"");
    assert_true(peer_failed(peer, "no_update"));
    peer_free(peer);
    rig_free(rig);
}

static void an_update_without_data_fails_after_30_seconds(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t file = rig_image("2.0.0");
    peer_t *peer = peer_welcome(rig);
    peer_begin_image(peer, &file);
    peer_data(peer, 0, file.bytes, 4096);
    rig_settle(rig);
    rig_pass(rig, 29999);
    peer_say(peer, "{\"type\":\"ping\""); // keeps the session, not the update
    rig_settle(rig);
    assert_false(peer_failed(peer, "stalled"));
    rig_pass(rig, 1);
    rig_settle(rig);
    assert_true(peer_failed(peer, "stalled"));
    assert_int_equal(peer->session->state, OTA_WS_SESSION_WELCOME);
    peer_free(peer);
    rig_assert_updates(rig);
    rig_free(rig);
    image_free(&file);
}

static void slow_flash_is_no_stall(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t file = rig_image("2.0.0");
    peer_t *peer = peer_welcome(rig);
    peer_begin_image(peer, &file);
    peer_data(peer, 0, file.bytes, 4096);
    rig_pass(rig, 80 * SECOND); // the job is with the writer all the time
    assert_false(peer_failed(peer, "stalled"));
    rig_settle(rig);
    peer_data(peer, 4096, file.bytes + 4096, 4096);
    assert_null(peer_received(peer, "failed"));
    peer_free(peer);
    rig_settle(rig);
    rig_free(rig);
    image_free(&file);
}

static void a_lost_link_frees_the_device_at_once(void **state) {
    (void)state;
    image_file_t file = rig_image("2.0.0");
    for (int jobs = 0; jobs < 4; jobs++) {
        rig_t *rig = rig_new();
        peer_t *peer = peer_welcome(rig);
        peer_begin(peer, (uint32_t)file.length, file.bytes, false);
        for (int i = 0; i < jobs; i++) {
            peer_data(peer, rig->device.received, file.bytes + rig->device.received, 4096);
            rig_work(rig);
        }
        peer_free(peer);
        rig_settle(rig);
        assert_false(rig->nor->open);
        assert_int_equal(rig->device.update, OTA_WS_UPDATE_IDLE);
        rig_assert_updates(rig);
        rig_free(rig);
    }
    image_free(&file);
}

// Its `begin` comes while the writer still gives up the update of the one who went.
static void a_begin_may_come_while_the_last_update_is_ending(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t file = rig_image("2.0.0");
    peer_t *gone = peer_welcome(rig);
    peer_t *peer = peer_welcome(rig);
    peer_begin_image(gone, &file);
    peer_data(gone, 0, file.bytes, 4096);
    peer_free(gone);
    peer_begin(peer, (uint32_t)file.length, file.bytes, false);
    assert_null(peer_received(peer, "failed"));
    rig_settle(rig);
    assert_non_null(peer_received(peer, "ready"));
    peer_free(peer);
    rig_settle(rig);
    rig_assert_updates(rig);
    rig_free(rig);
    image_free(&file);
}

static void the_same_file_goes_on_after_a_lost_link(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t file = rig_image("2.0.0");
    peer_t *peer = peer_welcome(rig);
    peer_begin_image(peer, &file);
    peer_data(peer, 0, file.bytes, 4096);
    peer_data(peer, 4096, file.bytes + 4096, 4000);
    peer_free(peer);
    rig_settle(rig);
    peer = peer_welcome(rig);
    peer_begin_image(peer, &file);
    assert_non_null(strstr(peer_received(peer, "ready"), "\"offset\":8096,"));
    for (uint32_t at = 8096; at < file.length; at += 4096) {
        const uint32_t left = (uint32_t)file.length - at;
        assert_true(peer_data(peer, at, file.bytes + at, left < 4096 ? left : 4096));
        rig_settle(rig);
        peer->log_count = left <= 4096 ? peer->log_count : 0;
    }
    assert_non_null(peer_received(peer, "done"));
    assert_memory_equal(rig->nor->bytes, file.bytes, file.length);
    peer_free(peer);
    rig_free(rig);
    image_free(&file);
}

// ---- a begin that waits ----

static void a_begin_that_waits_can_be_cancelled(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t file = rig_image("2.0.0");
    peer_t *peer = peer_welcome(rig);
    peer_t *other = peer_welcome(rig);
    peer_begin_image(peer, &file);
    peer_say(peer, "{\"type\":\"cancel\"");
    peer_begin(other, (uint32_t)file.length, file.bytes, false);
    assert_null(peer_received(other, "failed"));
    peer_say(other, "{\"type\":\"cancel\"");
    assert_true(peer_failed(other, "cancelled"));
    rig_settle(rig);
    assert_null(peer_received(other, "ready"));
    assert_int_equal(rig->device.update, OTA_WS_UPDATE_IDLE);
    assert_true(peer_update(other, file.bytes, (uint32_t)file.length));
    peer_free(peer);
    peer_free(other);
    rig_free(rig);
    image_free(&file);
}

static void behind_a_begin_that_waits_others_see_a_client_and_itself_an_error(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t file = rig_image("2.0.0");
    peer_t *peer = peer_welcome(rig);
    peer_t *other = peer_welcome(rig);
    peer_begin_image(peer, &file);
    peer_say(peer, "{\"type\":\"cancel\"");
    peer_begin(peer, (uint32_t)file.length, file.bytes, false);
    peer_begin(other, (uint32_t)file.length, file.bytes, false);
    assert_true(peer_failed(other, "busy"));
    peer_begin(peer, (uint32_t)file.length, file.bytes, false);
    assert_true(peer_ended(peer, "unexpected_message"));
    rig_settle(rig);
    assert_int_equal(rig->device.update, OTA_WS_UPDATE_IDLE);
    peer_free(peer);
    peer_free(other);
    rig_free(rig);
    image_free(&file);
}

// ---- two clients ----

static void a_second_client_is_told_to_wait_and_sees_the_progress(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t file = rig_image("2.0.0");
    peer_t *owner = peer_welcome(rig);
    peer_t *viewer = peer_welcome(rig);
    peer_begin_image(owner, &file);
    assert_non_null(strstr(peer_received(viewer, "state"), "\"update\":\"receiving\""));
    assert_null(strstr(peer_received(viewer, "state"), "yours"));
    peer_begin(viewer, (uint32_t)file.length, file.bytes, false);
    assert_true(peer_failed(viewer, "busy"));
    peer_say(viewer, "{\"type\":\"cancel\"");
    assert_true(peer_failed(viewer, "busy"));
    peer_say(viewer, "{\"type\":\"restart\"");
    assert_true(peer_failed(viewer, "busy"));
    peer_say(viewer, "{\"type\":\"rollback\"");
    assert_true(peer_failed(viewer, "busy"));
    assert_int_equal(rig->restarts, 0);
    for (uint32_t at = 0; at < file.length; at += 4096) {
        rig->now_ms += 100;
        assert_true(peer_data(owner, at, file.bytes + at, 4096));
        rig_settle(rig);
        peer_forget(owner);
    }
    assert_non_null(peer_received(viewer, "progress"));
    assert_non_null(strstr(peer_received(viewer, "state"), "\"update\":\"ready\""));
    assert_null(peer_received(viewer, "done"));
    peer_free(owner);
    peer_free(viewer);
    rig_free(rig);
    image_free(&file);
}

static void a_viewer_hears_of_the_progress_four_times_a_second(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t file = rig_image("2.0.0");
    peer_t *peer = peer_welcome(rig);
    peer_t *viewer = peer_welcome(rig);
    peer_begin_image(peer, &file);
    static const struct {
        uint32_t passes_ms;
        bool receives;
    } steps[] = {{100, false}, {149, false}, {1, true}, {249, false}, {1, true}, {1000, true}, {0, false}};
    for (uint32_t i = 0; i < COUNT_OF(steps); i++) {
        rig->now_ms += steps[i].passes_ms;
        peer_forget(viewer);
        peer_data(peer, 4096 * i, file.bytes + 4096 * i, 4096);
        rig_settle(rig);
        assert_int_equal(peer_received(viewer, "progress") != NULL, steps[i].receives);
        peer_forget(peer);
    }
    peer_free(peer);
    peer_free(viewer);
    rig_settle(rig);
    rig_free(rig);
    image_free(&file);
}

static void what_comes_is_told_to_all_once_when_its_head_has_passed(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t file = rig_image("2.0.0");
    peer_t *peer = peer_welcome(rig);
    peer_t *viewer = peer_welcome(rig);
    peer_begin_image(peer, &file);
    peer_data(peer, 0, file.bytes, 287);
    rig_settle(rig);
    assert_null(strstr(peer_received(viewer, "state"), "new_version"));
    peer_data(peer, 287, file.bytes + 287, 1);
    rig_settle(rig);
    assert_non_null(strstr(peer_received(viewer, "state"), "\"new_project\":\"demo\",\"new_version\":\"2.0.0\""));
    peer_forget(viewer);
    peer_data(peer, 288, file.bytes + 288, 1000);
    rig_settle(rig);
    assert_null(peer_received(viewer, "state"));
    peer_send(peer, &file, 1288, (uint32_t)file.length);
    assert_non_null(peer_received(peer, "done"));
    assert_non_null(strstr(peer_received(viewer, "state"), "\"update\":\"ready\""));
    assert_null(strstr(peer_received(viewer, "state"), "new_version")); // it was the writer's, which is gone
    peer_free(peer);
    peer_free(viewer);
    rig_settle(rig);
    rig_free(rig);
    image_free(&file);
}

static void the_last_bytes_are_acknowledged_however_few(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t file = rig_image_of_size("2.0.0", 65536 + 16);
    peer_t *peer = peer_welcome(rig);
    peer_begin_image(peer, &file);
    for (uint32_t at = 0; at < 65536; at += 4096) {
        peer_data(peer, at, file.bytes + at, 4096);
        rig_settle(rig);
        peer_forget(peer);
    }
    peer_data(peer, 65536, file.bytes + 65536, 16);
    assert_non_null(strstr(peer_received(peer, "progress"), "\"received\":65552,"));
    rig_settle(rig);
    assert_non_null(peer_received(peer, "done"));
    peer_free(peer);
    rig_free(rig);
    image_free(&file);
}

static void an_image_without_a_digest_of_its_own_is_taken_by_its_promise(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_spec_t spec = image_spec_default;
    spec.version = "2.0.0";
    spec.digest = false;
    image_file_t file = image_build(&spec);
    peer_t *peer = peer_welcome(rig);
    assert_true(peer_update(peer, file.bytes, (uint32_t)file.length));
    assert_memory_equal(rig->nor->bytes, file.bytes, file.length);
    peer_free(peer);
    rig_free(rig);
    image_free(&file);
}

static void data_of_another_client_ends_only_its_own_session(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t file = rig_image("2.0.0");
    peer_t *owner = peer_welcome(rig);
    peer_t *other = peer_welcome(rig);
    peer_begin_image(owner, &file);
    assert_false(peer_data(other, 0, file.bytes, 4096));
    assert_true(peer_ended(other, "unexpected_data"));
    assert_true(peer_data(owner, 0, file.bytes, 4096));
    rig_settle(rig);
    assert_null(peer_received(owner, "failed"));
    peer_free(owner);
    peer_free(other);
    rig_settle(rig);
    rig_free(rig);
    image_free(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_update_ends_with_done_and_a_restart),
        cmocka_unit_test(the_history_says_from_where_an_update_came),
        cmocka_unit_test(frames_of_any_length_up_to_the_chunk_are_taken),
        cmocka_unit_test(a_begin_that_cannot_be_is_refused_and_the_session_goes_on),
        cmocka_unit_test(the_wrong_image_is_refused_before_any_erase),
        cmocka_unit_test(the_next_begin_may_follow_a_failure_at_once),
        cmocka_unit_test(cancel_ends_the_update_at_any_time),
        cmocka_unit_test(cancel_takes_back_an_image_that_is_ready),
        cmocka_unit_test(nothing_to_cancel_is_said),
        cmocka_unit_test(an_update_without_data_fails_after_30_seconds),
        cmocka_unit_test(slow_flash_is_no_stall),
        cmocka_unit_test(a_lost_link_frees_the_device_at_once),
        cmocka_unit_test(a_begin_may_come_while_the_last_update_is_ending),
        unit_test_of(resume, the_same_file_goes_on_after_a_lost_link),
        cmocka_unit_test(a_begin_that_waits_can_be_cancelled),
        cmocka_unit_test(behind_a_begin_that_waits_others_see_a_client_and_itself_an_error),
        unit_test_of(viewers, a_second_client_is_told_to_wait_and_sees_the_progress),
        unit_test_of(viewers, a_viewer_hears_of_the_progress_four_times_a_second),
        cmocka_unit_test(what_comes_is_told_to_all_once_when_its_head_has_passed),
        cmocka_unit_test(the_last_bytes_are_acknowledged_however_few),
        cmocka_unit_test(an_image_without_a_digest_of_its_own_is_taken_by_its_promise),
        cmocka_unit_test(data_of_another_client_ends_only_its_own_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
