// SPDX-License-Identifier: Apache-2.0
// Data that follow `begin` at once (`early`): they count when the file begins at its start, and are thrown away, all of
// them and nothing else, when it does not.
#include "testing.h"

#include "built_features.h"

#include "rig.h"
#include "text.h"

#define EARLY 3000u // of 4000 that the rig allows
#define LINK 150000u

static void begin_early(peer_t *peer, const image_file_t *file, uint32_t early) {
    char members[64];
    snprintf(members, sizeof members, ",\"allow_downgrade\":true,\"early\":%u", early);
    peer_begin_with(peer, file, members);
}

// The early data from `from` to before `to`, in frames of 700 bytes at most.
static void send_early(peer_t *peer, const image_file_t *file, uint32_t from, uint32_t to) {
    for (uint32_t at = from, step; at < to; at += step) {
        step = to - at < 700 ? to - at : 700;
        assert_true(peer_data(peer, at, file->bytes + at, step));
    }
}

static void assert_ready_at(const peer_t *peer, uint32_t offset) {
    char member[32];
    snprintf(member, sizeof member, "\"offset\":%u,", offset);
    assert_non_null(peer_received(peer, "ready"));
    assert_non_null(strstr(peer_received(peer, "ready"), member));
}

static desk_t open_desk(void) {
    return desk_open(rig_new_locked(), rig_long_image("2.0.0"));
}

// The same device still takes an update.
static void close_desk(desk_t *desk) {
    peer_close(desk->peer);
    rig_settle(desk->rig);
    if (!desk->rig->nor->active) {
        rig_assert_updates(desk->rig);
    }
    desk_close(desk);
}

// A part of the file is in the slot already.
static desk_t open_resumed_desk(void) {
    image_file_t file = rig_long_image("2.0.0");
    rig_t *rig = rig_new_locked();
    rig_interrupt(rig, &file, LINK);
    return desk_open(rig, file);
}

// ---- they count ----

static void state_says_how_many_bytes_may_follow(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    static const uint32_t chunks[] = {512, 3999, 4000, 4096};
    for (size_t i = 0; i < COUNT_OF(chunks); i++) {
        char member[32];
        ota_ws_scram_t scram;
        char hello[OTA_WS_MESSAGE_SIZE];
        rig->settings.chunk = chunks[i];
        peer_t *peer = peer_new(rig);
        peer_hello(peer, &scram, hello, sizeof hello);
        peer_say(peer, hello);
        snprintf(member, sizeof member, "\"early\":%u,", chunks[i] < 4000 ? chunks[i] : 4000);
        assert_non_null(strstr(peer_received(peer, "state"), member));
        peer_free(peer);
    }
    rig_free(rig);
}

// Whenever the writer begins: before the first of them, in their middle, behind the last.
static void they_count_when_the_file_begins_at_its_start(void **state) {
    (void)state;
    for (uint32_t before = 0; before <= EARLY; before += 500) {
        desk_t desk = open_desk();
        begin_early(desk.peer, &desk.file, EARLY);
        send_early(desk.peer, &desk.file, 0, before);
        assert_null(peer_received(desk.peer, "progress")); // `ready` comes first
        rig_settle(desk.rig);
        assert_ready_at(desk.peer, 0);
        send_early(desk.peer, &desk.file, before, EARLY);
        assert_non_null(peer_received(desk.peer, "progress")); // the very first bytes are acknowledged at once
        rig_settle(desk.rig);
        peer_assert_completes(desk.peer, &desk.file, EARLY);
        close_desk(&desk);
    }
}

static void a_file_may_come_early_as_a_whole(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t file = rig_image("2.0.0");
    rig->settings.chunk = 65536;
    rig->worker.early = 100000;
    peer_t *peer = peer_welcome(rig);
    begin_early(peer, &file, (uint32_t)file.length);
    assert_true(peer_data(peer, 0, file.bytes, file.length));
    rig_settle(rig);
    assert_non_null(peer_received(peer, "done"));
    peer_free(peer);
    rig_free(rig);
    image_free(&file);
}

static void an_image_that_is_refused_ends_the_update_as_ever(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t file = rig_image_of_another_chip();
    peer_t *peer = peer_welcome(rig);
    begin_early(peer, &file, EARLY);
    send_early(peer, &file, 0, EARLY);
    rig_settle(rig);
    assert_true(peer_failed(peer, "wrong_chip"));
    assert_true(nor_model_untouched(rig->nor));
    peer_free(peer);
    rig_assert_updates(rig);
    rig_free(rig);
    image_free(&file);
}

// ---- they do not count ----

// What they say is not looked at, not even as zeros.
static void they_are_thrown_away_when_the_device_goes_on_in_the_middle(void **state) {
    (void)state;
    for (uint32_t before = 0; before <= EARLY; before += 500) {
        desk_t desk = open_resumed_desk();
        begin_early(desk.peer, &desk.file, EARLY);
        image_file_t other = {calloc(1, EARLY), EARLY};
        send_early(desk.peer, &other, 0, before);
        rig_settle(desk.rig);
        assert_ready_at(desk.peer, LINK);
        assert_null(peer_received(desk.peer, "progress"));
        send_early(desk.peer, &other, before, EARLY);
        rig_settle(desk.rig);
        assert_null(peer_received(desk.peer, "progress"));
        peer_assert_completes(desk.peer, &desk.file, LINK);
        free(other.bytes);
        close_desk(&desk);
    }
}

// The two follow each other before the writer has seen either.
static void what_follows_those_that_do_not_count_is_written(void **state) {
    (void)state;
    desk_t desk = open_resumed_desk();
    begin_early(desk.peer, &desk.file, 4000);
    rig_settle(desk.rig);
    assert_true(peer_data(desk.peer, 0, NULL, 4000));
    assert_true(peer_data(desk.peer, LINK, desk.file.bytes + LINK, 4096));
    rig_settle(desk.rig);
    peer_assert_completes(desk.peer, &desk.file, LINK + 4096);
    close_desk(&desk);
}

static void a_refused_begin_and_its_data_are_followed_by_another_with_its_own(void **state) {
    (void)state;
    desk_t desk = open_desk();
    desk.rig->start_status = OTA_WS_NO_MEMORY;
    begin_early(desk.peer, &desk.file, EARLY);
    assert_true(peer_failed(desk.peer, "no_memory"));
    assert_false(peer_data(desk.peer, 0, desk.file.bytes, 1000));
    assert_false(peer_data(desk.peer, 1000, desk.file.bytes + 1000, EARLY - 1000));
    desk.rig->start_status = OTA_WS_OK;
    peer_forget(desk.peer);
    begin_early(desk.peer, &desk.file, 2000);
    send_early(desk.peer, &desk.file, 0, 2000);
    rig_settle(desk.rig);
    assert_ready_at(desk.peer, 0);
    peer_assert_completes(desk.peer, &desk.file, 2000);
    close_desk(&desk);
}

static void a_begin_that_must_wait_cannot_bring_data(void **state) {
    (void)state;
    desk_t desk = open_desk();
    peer_begin_image(desk.peer, &desk.file);
    peer_say(desk.peer, "{\"type\":\"cancel\"");
    begin_early(desk.peer, &desk.file, EARLY);
    assert_true(peer_failed(desk.peer, "device_busy"));
    assert_false(peer_data(desk.peer, 0, desk.file.bytes, EARLY));
    rig_settle(desk.rig);
    assert_true(peer_failed(desk.peer, "cancelled"));
    begin_early(desk.peer, &desk.file, EARLY);
    send_early(desk.peer, &desk.file, 0, EARLY);
    rig_settle(desk.rig);
    peer_assert_completes(desk.peer, &desk.file, EARLY);
    close_desk(&desk);
}

static void another_client_is_busy_and_its_data_are_thrown_away(void **state) {
    (void)state;
    desk_t desk = open_desk();
    peer_t *other = peer_welcome(desk.rig);
    begin_early(desk.peer, &desk.file, EARLY);
    begin_early(other, &desk.file, EARLY);
    assert_true(peer_failed(other, "busy"));
    assert_false(peer_data(other, 0, desk.file.bytes, EARLY));
    assert_int_equal(other->session->state, OTA_WS_SESSION_WELCOME);
    send_early(desk.peer, &desk.file, 0, EARLY);
    rig_settle(desk.rig);
    peer_assert_completes(desk.peer, &desk.file, EARLY);
    peer_free(other);
    close_desk(&desk);
}

static void a_cancel_right_after_begin_throws_them_away(void **state) {
    (void)state;
    for (uint32_t before = 0; before <= EARLY; before += 1500) {
        desk_t desk = open_desk();
        begin_early(desk.peer, &desk.file, EARLY);
        send_early(desk.peer, &desk.file, 0, before);
        peer_say(desk.peer, "{\"type\":\"cancel\"");
        assert_false(peer_data(desk.peer, before, desk.file.bytes, 1500));
        rig_settle(desk.rig);
        assert_true(peer_failed(desk.peer, "cancelled"));
        begin_early(desk.peer, &desk.file, EARLY);
        send_early(desk.peer, &desk.file, 0, EARLY);
        rig_settle(desk.rig);
        peer_say(desk.peer, "{\"type\":\"cancel\"");
        rig_settle(desk.rig);
        close_desk(&desk);
    }
}

static void the_link_may_die_in_their_middle(void **state) {
    (void)state;
    for (int begun = 0; begun < 2; begun++) {
        desk_t desk = open_resumed_desk();
        begin_early(desk.peer, &desk.file, EARLY);
        send_early(desk.peer, &desk.file, 0, 1400);
        while (begun != 0 && rig_work(desk.rig)) {
        }
        peer_close(desk.peer);
        rig_settle(desk.rig);
        peer_free(desk.peer);
        desk.peer = peer_welcome(desk.rig);
        peer_begin_image(desk.peer, &desk.file);
        assert_ready_at(desk.peer, LINK); // nothing is lost
        peer_assert_completes(desk.peer, &desk.file, LINK);
        close_desk(&desk);
    }
}

// ---- what is not allowed ----

static void more_than_the_device_allows_end_the_session(void **state) {
    (void)state;
    desk_t desk = open_desk();
    begin_early(desk.peer, &desk.file, 4001);
    assert_true(peer_ended(desk.peer, "bad_value"));
    assert_int_equal(desk.rig->starts, 0);
    close_desk(&desk);
    desk = open_desk();
    desk.rig->worker.early = 0; // as a device that knows no early data
    begin_early(desk.peer, &desk.file, 0);
    rig_settle(desk.rig);
    assert_ready_at(desk.peer, 0);
    peer_assert_completes(desk.peer, &desk.file, 0);
    close_desk(&desk);
}

static void more_than_the_file_has_end_the_session(void **state) {
    (void)state;
    image_file_t all = rig_long_image("2.0.0");
    image_file_t file = {all.bytes, EARLY};
    for (uint32_t more = 0; more < 2; more++) {
        desk_t desk = open_desk();
        begin_early(desk.peer, &file, EARLY + more);
        assert_int_equal(peer_ended(desk.peer, "bad_value"), more > 0);
        assert_int_equal(desk.rig->starts, 1 - (int)more);
        close_desk(&desk);
    }
    image_free(&all);
}

static void none_or_more_than_were_announced_are_not_wanted_before_ready(void **state) {
    (void)state;
    static const uint32_t announced[] = {0, EARLY};
    for (size_t i = 0; i < COUNT_OF(announced); i++) {
        desk_t desk = open_desk();
        begin_early(desk.peer, &desk.file, announced[i]);
        send_early(desk.peer, &desk.file, 0, announced[i]);
        assert_false(peer_data(desk.peer, announced[i], desk.file.bytes, 1));
        assert_true(peer_ended(desk.peer, "unexpected_data"));
        close_desk(&desk);
    }
}

static void a_frame_that_goes_beyond_them_is_refused(void **state) {
    (void)state;
    desk_t desk;
    for (int resumed = 0; resumed < 2; resumed++) {
        if (resumed != 0) {
            desk = open_resumed_desk();
        } else {
            desk = open_desk();
        }
        begin_early(desk.peer, &desk.file, EARLY);
        while (resumed != 0 && rig_work(desk.rig)) {
        }
        send_early(desk.peer, &desk.file, 0, EARLY - 1);
        assert_false(peer_data(desk.peer, EARLY - 1, desk.file.bytes, 2));
        assert_true(peer_ended(desk.peer, "too_many_bytes"));
        close_desk(&desk);
    }
}

// They are still waited for; what was promised to follow them is not what comes.
static void those_that_do_not_come_are_missed(void **state) {
    (void)state;
    desk_t desk = open_resumed_desk();
    begin_early(desk.peer, &desk.file, EARLY);
    send_early(desk.peer, &desk.file, 0, 1000);
    rig_settle(desk.rig);
    assert_ready_at(desk.peer, LINK);
    assert_false(peer_data(desk.peer, LINK, desk.file.bytes + LINK, 1000));
    assert_true(peer_ended(desk.peer, "wrong_offset"));
    assert_non_null(strstr(peer_received(desk.peer, "error"), "\"image\":\"150000\",\"device\":\"1000\""));
    peer_free(desk.peer);
    rig_settle(desk.rig);
    desk.peer = peer_welcome(desk.rig);
    peer_begin_image(desk.peer, &desk.file);
    assert_ready_at(desk.peer, LINK);
    begin_early(desk.peer, &desk.file, EARLY); // another message in their place
    assert_true(peer_ended(desk.peer, "unexpected_message"));
    close_desk(&desk);
}

static void an_update_whose_early_data_do_not_come_stalls(void **state) {
    (void)state;
    for (int resumed = 0; resumed < 2; resumed++) {
        desk_t desk;
        if (resumed != 0) {
            desk = open_resumed_desk();
        } else {
            desk = open_desk();
        }
        begin_early(desk.peer, &desk.file, EARLY);
        send_early(desk.peer, &desk.file, 0, 1000);
        rig_settle(desk.rig);
        rig_pass(desk.rig, 30000);
        rig_settle(desk.rig);
        assert_true(peer_failed(desk.peer, "stalled"));
        close_desk(&desk);
    }
}

// ---- the ring ----

// The writer takes nothing out before it has begun, and then throws away what does not count, wherever the pieces end.
static void what_lies_in_the_ring_waits_for_begin(void **state) {
    (void)state;
    for (int resumed = 0; resumed < 2; resumed++) {
        desk_t desk;
        if (resumed != 0) {
            desk = open_resumed_desk();
        } else {
            desk = open_desk();
        }
        uint8_t memory[2 * EARLY];
        ota_ws_ring_t ring;
        ota_ws_job_result_t result;
        ota_ws_ring_init(&ring, memory, sizeof memory);
        memcpy(memory, desk.file.bytes, EARLY);
        begin_early(desk.peer, &desk.file, EARLY);
        ota_ws_ring_put(&ring, EARLY - 100);
        assert_false(ota_ws_writer_feed(desk.rig->writer, &ring, true, &result));
        rig_work(desk.rig);
        assert_true(ota_ws_writer_feed(desk.rig->writer, &ring, true, &result));
        assert_int_equal(result.taken, resumed != 0 ? LINK : EARLY - 100);
        ota_ws_ring_put(&ring, 200);
        while (ota_ws_writer_feed(desk.rig->writer, &ring, true, &result)) {
        }
        assert_int_equal(result.taken, resumed != 0 ? LINK + 100 : EARLY + 100);
        assert_int_equal(ota_ws_ring_free(&ring), sizeof memory);
        close_desk(&desk);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(state_says_how_many_bytes_may_follow),
        cmocka_unit_test(they_count_when_the_file_begins_at_its_start),
        cmocka_unit_test(a_file_may_come_early_as_a_whole),
        cmocka_unit_test(an_image_that_is_refused_ends_the_update_as_ever),
        unit_test_of(resume, they_are_thrown_away_when_the_device_goes_on_in_the_middle),
        unit_test_of(resume, what_follows_those_that_do_not_count_is_written),
        cmocka_unit_test(a_refused_begin_and_its_data_are_followed_by_another_with_its_own),
        cmocka_unit_test(a_begin_that_must_wait_cannot_bring_data),
        cmocka_unit_test(another_client_is_busy_and_its_data_are_thrown_away),
        cmocka_unit_test(a_cancel_right_after_begin_throws_them_away),
        unit_test_of(resume, the_link_may_die_in_their_middle),
        cmocka_unit_test(more_than_the_device_allows_end_the_session),
        cmocka_unit_test(more_than_the_file_has_end_the_session),
        cmocka_unit_test(none_or_more_than_were_announced_are_not_wanted_before_ready),
        unit_test_of(resume, a_frame_that_goes_beyond_them_is_refused),
        unit_test_of(resume, those_that_do_not_come_are_missed),
        unit_test_of(resume, an_update_whose_early_data_do_not_come_stalls),
        unit_test_of(resume, what_lies_in_the_ring_waits_for_begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
