// SPDX-License-Identifier: Apache-2.0
// How far the client runs ahead: never beyond the credit, never beyond the file, whatever the device says.
#include "testing.h"

#include "window.h"

static void frames_end_where_chunks_end_until_the_credit_is_used_up(void **state) {
    (void)state;
    static const uint32_t lengths[] = {WINDOW_FIRST_FRAME, 8192 - WINDOW_FIRST_FRAME, 8192, 8192, 8192};
    window_t window;
    assert_true(window_open(&window, 100000, 0, 8192, 32768));
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        assert_int_equal(window_next(&window), lengths[i]);
        window_sent(&window, lengths[i]);
    }
    assert_int_equal(window_next(&window), 0);
    assert_true(window_progress(&window, 8192, 0));
    assert_int_equal(window_next(&window), 8192);
}

static void an_update_that_goes_on_is_back_at_the_end_of_a_chunk_after_one_frame(void **state) {
    (void)state;
    window_t window;
    assert_true(window_open(&window, 100000, 10000, 8192, 32768));
    assert_int_equal(window_next(&window), 6384);
    window_sent(&window, 6384);
    assert_int_equal(window_next(&window), 8192);
}

// What is acknowledged of a packed file is less than what is written.
static void a_packed_file_is_sent_from_0_and_written_up_to_its_plain_size(void **state) {
    (void)state;
    window_t window;
    assert_false(window_open_packed(&window, 100, 200, 0, 32768));
    assert_true(window_open_packed(&window, 6000, 10000, 4096, 8192));
    window_sent(&window, window_next(&window));
    assert_true(window_progress(&window, 1024, 2000));
    assert_false(window_progress(&window, 1025, 2000));
    assert_false(window_progress(&window, 1024, 10001));
    assert_true(window_progress(&window, 1024, 10000));
    window_sent(&window, window_next(&window));
    assert_int_equal(window.sent, 4096);
    window_sent(&window, window_next(&window));
    assert_int_equal(window.sent, 6000);
    assert_int_equal(window_next(&window), 0);
}

static void the_last_frame_is_what_is_left(void **state) {
    (void)state;
    window_t window;
    assert_true(window_open(&window, 10000, 8192, 8192, 32768));
    assert_int_equal(window_next(&window), 1808);
    window_sent(&window, 1808);
    assert_int_equal(window_next(&window), 0);
    assert_true(window_progress(&window, 10000, 10000));
    assert_int_equal(window_next(&window), 0);
}

static void for_all_small_numbers_the_credit_is_kept_and_all_is_sent_in_the_end(void **state) {
    (void)state;
    for (uint32_t size = 0; size < 20; size++) {
        for (uint32_t chunk = 1; chunk < 8; chunk++) {
            for (uint32_t credit = 1; credit < 16; credit++) {
                window_t window;
                assert_true(window_open(&window, size, 0, chunk, credit));
                while (window.received < size) {
                    uint32_t next = window_next(&window);
                    assert_true(next <= chunk && window.sent + next <= size);
                    assert_true(window.sent + next - window.received <= credit);
                    window_sent(&window, next);
                    if (next == 0) {
                        assert_true(window_progress(&window, window.received + 1, window.written));
                    }
                }
                assert_int_equal(window.sent, size);
            }
        }
    }
}

static void a_ready_that_makes_no_sense_is_refused(void **state) {
    (void)state;
    window_t window;
    assert_false(window_open(&window, 100, 101, 8192, 32768));
    assert_false(window_open(&window, 100, 0, 0, 32768));
    assert_false(window_open(&window, 100, 0, 8192, 0));
    assert_true(window_open(&window, 100, 100, 8192, 32768));
}

static void a_progress_that_makes_no_sense_is_refused(void **state) {
    (void)state;
    window_t window;
    assert_true(window_open(&window, 100000, 0, 8192, 32768));
    window_sent(&window, 8192);
    window_sent(&window, 8192);
    assert_false(window_progress(&window, 16385, 0)); // more than was sent
    assert_true(window_progress(&window, 8192, 4096));
    assert_false(window_progress(&window, 8191, 4096));
    assert_false(window_progress(&window, 8192, 4095));
    assert_false(window_progress(&window, 8192, 8193)); // written before it was received
    assert_true(window_progress(&window, 8192, 4096));
}

static void a_device_that_allows_huge_frames_gets_those_that_fit_our_buffer(void **state) {
    (void)state;
    window_t window;
    assert_true(window_open(&window, UINT32_MAX, 0, UINT32_MAX, UINT32_MAX));
    window_sent(&window, window_next(&window));
    assert_int_equal(window_next(&window), WINDOW_CHUNK_MAX - WINDOW_FIRST_FRAME);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_end_where_chunks_end_until_the_credit_is_used_up),
        cmocka_unit_test(an_update_that_goes_on_is_back_at_the_end_of_a_chunk_after_one_frame),
        cmocka_unit_test(a_packed_file_is_sent_from_0_and_written_up_to_its_plain_size),
        cmocka_unit_test(the_last_frame_is_what_is_left),
        cmocka_unit_test(for_all_small_numbers_the_credit_is_kept_and_all_is_sent_in_the_end),
        cmocka_unit_test(a_ready_that_makes_no_sense_is_refused),
        cmocka_unit_test(a_progress_that_makes_no_sense_is_refused),
        cmocka_unit_test(a_device_that_allows_huge_frames_gets_those_that_fit_our_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
