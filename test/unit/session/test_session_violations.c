// SPDX-License-Identifier: Apache-2.0
// Everything that a peer may not do, and what flash reports: each by its name, the device free for the next update.
#include "testing.h"

#include "rig.h"

#define SECOND 1000u

// ---- what ends a session during an update, and the update with it ----

typedef void (*violation_t)(peer_t *peer, const image_file_t *file);

static void send_wrong_offset(peer_t *peer, const image_file_t *file) {
    peer_data(peer, 4097, file->bytes, 100);
}

static void send_repeated_offset(peer_t *peer, const image_file_t *file) {
    peer_data(peer, 0, file->bytes, 4096);
}

static void send_long_frame(peer_t *peer, const image_file_t *file) {
    peer_data(peer, 4096, file->bytes, 4097);
}

static void send_huge_frame(peer_t *peer, const image_file_t *file) {
    (void)file;
    assert_int_equal(ota_ws_session_admit(peer->session, OTA_WS_FRAME_DATA, UINT64_MAX, peer->rig->now_ms),
                     OTA_WS_ADMIT_DISCARD);
}

static void send_offset_only(peer_t *peer, const image_file_t *file) {
    peer_data(peer, 4096, file->bytes, 0);
}

static void send_three_bytes(peer_t *peer, const image_file_t *file) {
    (void)file;
    assert_int_equal(ota_ws_session_admit(peer->session, OTA_WS_FRAME_DATA, 3, peer->rig->now_ms),
                     OTA_WS_ADMIT_DISCARD);
}

static void send_nothing(peer_t *peer, const image_file_t *file) {
    (void)file;
    assert_int_equal(ota_ws_session_admit(peer->session, OTA_WS_FRAME_DATA, 0, peer->rig->now_ms),
                     OTA_WS_ADMIT_DISCARD);
}

static void begin_again(peer_t *peer, const image_file_t *file) {
    peer_begin(peer, (uint32_t)file->length, file->bytes, false);
}

static void say_hello_again(peer_t *peer, const image_file_t *file) {
    (void)file;
    peer_say_hello_with(peer, "version", "version");
}

static void say_long(peer_t *peer, const image_file_t *file) {
    (void)file;
    assert_int_equal(ota_ws_session_admit(peer->session, OTA_WS_FRAME_TEXT, 1025, peer->rig->now_ms),
                     OTA_WS_ADMIT_DISCARD);
}

static void say_empty(peer_t *peer, const image_file_t *file) {
    (void)file;
    peer_say_raw(peer, "", 0);
}

static void say_nested(peer_t *peer, const image_file_t *file) {
    (void)file;
    peer_say_raw(peer, "{\"type\":{}}", 11);
}

static void say_unknown(peer_t *peer, const image_file_t *file) {
    (void)file;
    peer_say(peer, "{\"type\":\"format\"");
}

static void send_fragment(peer_t *peer, const image_file_t *file) {
    (void)file;
    ota_ws_session_broken(peer->session, OTA_WS_FRAGMENTED, peer->rig->now_ms);
}

static void be_silent(peer_t *peer, const image_file_t *file) {
    (void)file;
    peer->rig->settings.stall_timeout_ms = 1000 * SECOND;
    rig_pass(peer->rig, 90 * SECOND);
}

static void what_may_not_come_ends_the_session_by_its_name_and_frees_the_device(void **state) {
    (void)state;
    static const struct {
        violation_t commit;
        const char *name;
    } violations[] = {{send_wrong_offset, "wrong_offset"},
                      {send_repeated_offset, "wrong_offset"},
                      {send_long_frame, "frame_too_long"},
                      {send_huge_frame, "frame_too_long"},
                      {send_offset_only, "bad_frame"},
                      {send_three_bytes, "bad_frame"},
                      {send_nothing, "bad_frame"},
                      {begin_again, "unexpected_message"},
                      {say_hello_again, "unexpected_message"},
                      {say_long, "message_too_long"},
                      {say_empty, "not_json"},
                      {say_nested, "nested"},
                      {say_unknown, "unknown_message"},
                      {send_fragment, "fragmented"},
                      {be_silent, "silent"}};
    image_file_t file = rig_image("2.0.0");
    for (size_t i = 0; i < COUNT_OF(violations) * 2; i++) {
        rig_t *rig = i % 2 == 0 ? rig_new() : rig_new_locked();
        peer_t *peer = peer_welcome(rig);
        peer_begin_image(peer, &file);
        peer_data(peer, 0, file.bytes, 4096);
        rig_settle(rig);
        peer_forget(peer);
        violations[i / 2].commit(peer, &file);
        if (!peer_ended(peer, violations[i / 2].name)) {
            fail_msg("%s: %s", violations[i / 2].name,
                     peer->log_count > 0 ? peer->log[peer->log_count - 1] : "nothing");
        }
        assert_int_equal(peer->session->state, OTA_WS_SESSION_ENDED);
        rig_settle(rig);
        rig_assert_updates(rig);                          // while the ended session is still open
        peer_say_raw(peer, "{\"type\":\"restart\"}", 18); // and is not read any more
        assert_false(peer_data(peer, 4096, file.bytes, 100));
        assert_int_equal(rig->restarts, 0);
        rig_pass(rig, SECOND);
        assert_true(peer->closes > 0);
        peer_free(peer);
        rig_free(rig);
    }
    image_free(&file);
}

// A frame that was admitted is still on its way when the session ends: it is dropped.
static void a_frame_that_arrives_after_the_end_is_dropped(void **state) {
    (void)state;
    image_file_t file = rig_image("2.0.0");
    rig_t *rig = rig_new();
    peer_t *peer = peer_welcome(rig);
    peer_begin_image(peer, &file);
    const ota_ws_data_t data = {0, 100, true};
    static const char restart[] = "{\"type\":\"restart\"}";
    assert_int_equal(ota_ws_session_admit(peer->session, OTA_WS_FRAME_TEXT, 18, rig->now_ms), OTA_WS_ADMIT_TAKE);
    assert_int_equal(ota_ws_session_admit(peer->session, OTA_WS_FRAME_DATA, 104, rig->now_ms), OTA_WS_ADMIT_TAKE);
    ota_ws_session_broken(peer->session, OTA_WS_BAD_FRAME, rig->now_ms);
    peer_forget(peer);
    assert_false(ota_ws_session_data(peer->session, &data, rig->now_ms));
    ota_ws_session_message(peer->session, restart, strlen(restart), rig->now_ms);
    rig_settle(rig);
    assert_int_equal(peer->log_count, 0);
    assert_int_equal(rig->restarts, 0);
    peer_free(peer);
    rig_assert_updates(rig);
    rig_free(rig);
    image_free(&file);
}

// So long that the error arrives before the connection closes, and no longer.
static void an_ended_session_is_closed_after_a_second(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    peer_t *peer = peer_welcome(rig);
    rig->now_ms += 5 * SECOND;
    ota_ws_session_broken(peer->session, OTA_WS_BAD_FRAME, rig->now_ms);
    rig_pass(rig, SECOND - 1);
    assert_int_equal(peer->closes, 0);
    rig_pass(rig, 1);
    assert_int_equal(peer->closes, 1);
    peer_free(peer);
    rig_free(rig);
}

static void data_before_begin_and_before_ready_is_unexpected(void **state) {
    (void)state;
    image_file_t file = rig_image("2.0.0");
    for (int begun = 0; begun < 2; begun++) {
        rig_t *rig = rig_new();
        peer_t *peer = peer_welcome(rig);
        if (begun) {
            peer_begin(peer, (uint32_t)file.length, file.bytes, false); // `ready` has not come
        }
        assert_false(peer_data(peer, 0, file.bytes, 4096));
        assert_true(peer_ended(peer, "unexpected_data"));
        rig_settle(rig);
        assert_true(nor_model_untouched(rig->nor));
        peer_free(peer);
        rig_assert_updates(rig);
        rig_free(rig);
    }
    image_free(&file);
}

static void more_bytes_than_promised_are_refused(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t file = rig_image("2.0.0");
    peer_t *peer = peer_welcome(rig);
    peer_begin(peer, 5000, file.bytes, false);
    rig_settle(rig);
    peer_data(peer, 0, file.bytes, 4096);
    peer_data(peer, 4096, file.bytes + 4096, 4096);
    rig_settle(rig);
    assert_true(peer_failed(peer, "too_many_bytes") || peer_ended(peer, "too_many_bytes"));
    assert_false(rig->nor->active);
    peer_free(peer);
    rig_settle(rig);
    rig_assert_updates(rig);
    rig_free(rig);
    image_free(&file);
}

static void what_flash_reports_reaches_the_client(void **state) {
    (void)state;
    static const struct {
        nor_kind_t kind;
        ota_ws_status_t status;
    } failing[] = {{NOR_OPEN, OTA_WS_NO_MEMORY},        {NOR_ERASE, OTA_WS_FLASH_ERASE},
                   {NOR_PROGRAM, OTA_WS_FLASH_PROGRAM}, {NOR_READ, OTA_WS_FLASH_READ},
                   {NOR_ACTIVATE, OTA_WS_NOT_VERIFIED}, {NOR_ACTIVATE, OTA_WS_BOOT_RECORD}};
    image_file_t file = rig_image("2.0.0");
    for (size_t i = 0; i < COUNT_OF(failing); i++) {
        rig_t *rig = rig_new();
        peer_t *peer = peer_welcome(rig);
        rig->nor->failing = failing[i].kind;
        rig->nor->status = failing[i].status;
        rig->nor->fail_after = 0;
        assert_false(peer_update(peer, file.bytes, (uint32_t)file.length));
        assert_true(peer_failed(peer, ota_ws_status_name(failing[i].status)));
        assert_false(rig->nor->active);
        rig->nor->fail_after = -1;
        assert_true(peer_update(peer, file.bytes, (uint32_t)file.length));
        peer_free(peer);
        rig_free(rig);
    }
    image_free(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_may_not_come_ends_the_session_by_its_name_and_frees_the_device),
        cmocka_unit_test(a_frame_that_arrives_after_the_end_is_dropped),
        cmocka_unit_test(an_ended_session_is_closed_after_a_second),
        cmocka_unit_test(data_before_begin_and_before_ready_is_unexpected),
        cmocka_unit_test(more_bytes_than_promised_are_refused),
        cmocka_unit_test(what_flash_reports_reaches_the_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
