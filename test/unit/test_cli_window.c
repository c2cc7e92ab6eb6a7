// SPDX-License-Identifier: Apache-2.0
// How far the client runs ahead: never beyond the credit, never beyond the file, whatever the device says.
#include "testing.h"

#include "window.h"

static void frames_are_of_the_chunk_size_until_the_credit_is_used_up(void **state) {
    (void)state;
    window_t window;
    assert_true(window_open(&window, 100000, 0, 8192, 32768));
    for (int i = 0; i < 4; i++) {
        assert_int_equal(window_next(&window), 8192);
        window_sent(&window, 8192);
    }
    assert_int_equal(window_next(&window), 0);
    assert_true(window_progress(&window, 8192, 0));
    assert_int_equal(window_next(&window), 8192);
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
    assert_int_equal(window_next(&window), WINDOW_CHUNK_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_of_the_chunk_size_until_the_credit_is_used_up),
        cmocka_unit_test(the_last_frame_is_what_is_left),
        cmocka_unit_test(for_all_small_numbers_the_credit_is_kept_and_all_is_sent_in_the_end),
        cmocka_unit_test(a_ready_that_makes_no_sense_is_refused),
        cmocka_unit_test(a_progress_that_makes_no_sense_is_refused),
        cmocka_unit_test(a_device_that_allows_huge_frames_gets_those_that_fit_our_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
