// SPDX-License-Identifier: Apache-2.0
// The figures of the progress bar, and how they look.
#include "testing.h"

#include "meter.h"

static void nothing_is_known_at_the_start(void **state) {
    (void)state;
    meter_t meter;
    meter_start(&meter, 1000000, 0, 5000);
    assert_int_equal(meter_percent(&meter), 0);
    assert_int_equal(meter_rate(&meter), 0);
    assert_int_equal(meter_left_s(&meter), UINT32_MAX);
}

static void a_steady_rate_is_that_rate(void **state) {
    (void)state;
    meter_t meter;
    meter_start(&meter, 10000000, 0, 0);
    for (uint32_t ms = 10; ms <= 10000; ms += 10) {
        meter_update(&meter, ms * 200, ms);
    }
    assert_in_range(meter_rate(&meter), 199000, 201000);
    assert_in_range(meter_average_rate(&meter), 199000, 201000);
    assert_int_equal(meter_left_s(&meter), 40);
    assert_int_equal(meter_percent(&meter), 20);
}

static void the_rate_is_that_of_the_last_seconds_and_not_of_long_ago(void **state) {
    (void)state;
    meter_t meter;
    uint32_t done = 0;
    meter_start(&meter, 100000000, 0, 0);
    for (uint32_t ms = 100; ms <= 20000; ms += 100) {
        done += ms <= 10000 ? 100000 : 10000; // 1 MB/s, then 100 KB/s
        meter_update(&meter, done, ms);
    }
    assert_in_range(meter_rate(&meter), 99000, 101000);
    assert_in_range(meter_average_rate(&meter), 540000, 560000);
}

static void rare_news_do_not_make_the_rate_older(void **state) {
    (void)state;
    meter_t meter;
    uint32_t done = 0;
    meter_start(&meter, 100000000, 0, 0);
    for (uint32_t ms = 1000; ms <= 20000; ms += 1000) {
        done += ms <= 15000 ? 1000000 : 100000;
        meter_update(&meter, done, ms);
    }
    assert_int_equal(meter_rate(&meter), 100000);
}

static void the_time_left_is_rounded_up(void **state) {
    (void)state;
    meter_t meter;
    meter_start(&meter, 350000, 0, 0);
    meter_update(&meter, 100000, 1000);
    assert_int_equal(meter_left_s(&meter), 3);
}

static void an_update_that_goes_on_does_not_count_what_was_there(void **state) {
    (void)state;
    meter_t meter;
    char text[METER_TEXT_SIZE];
    meter_start(&meter, 1000000, 500000, 0);
    meter_update(&meter, 600000, 1000);
    assert_int_equal(meter_average_rate(&meter), 100000);
    assert_int_equal(meter_percent(&meter), 60);
    meter_update(&meter, 1000000, 5000);
    meter_summary(&meter, text);
    assert_string_equal(text, "500 KB in 5.0 s, 100 KB/s");
}

static void four_gigabytes_do_not_overflow(void **state) {
    (void)state;
    meter_t meter;
    char text[METER_TEXT_SIZE];
    meter_start(&meter, UINT32_MAX, 0, 0);
    meter_update(&meter, UINT32_MAX - 1, 1000);
    assert_int_equal(meter_percent(&meter), 99);
    assert_int_equal(meter_rate(&meter), UINT32_MAX - 1);
    meter_bar(&meter, 80, text);
    assert_int_equal(strlen(text), 80);
}

static void an_empty_file_is_all_there(void **state) {
    (void)state;
    meter_t meter;
    char text[METER_TEXT_SIZE];
    meter_start(&meter, 0, 0, 0);
    assert_int_equal(meter_percent(&meter), 100);
    meter_bar(&meter, 80, text);
    assert_non_null(strstr(text, "100 %"));
}

static void the_bar_fills_the_line_and_says_everything(void **state) {
    (void)state;
    meter_t meter;
    char text[METER_TEXT_SIZE];
    meter_start(&meter, 867072, 0, 0);
    meter_update(&meter, 433536, 2000);
    meter_bar(&meter, 80, text);
    assert_int_equal(strlen(text), 80);
    assert_string_equal(text, "[###############...............]  50 %   434 KB of 867 KB    217 KB/s  0:02 left");
    meter_line(&meter, text);
    assert_string_equal(text, " 50 %, 434 KB of 867 KB, 217 KB/s, 0:02 left");
}

static void the_bar_is_as_wide_as_it_may_be_and_never_wider(void **state) {
    (void)state;
    meter_t meter;
    char text[METER_TEXT_SIZE];
    meter_start(&meter, 867072, 0, 0);
    meter_update(&meter, 433536, 2000);
    for (size_t columns = 0; columns < 2000; columns++) {
        meter_bar(&meter, columns, text);
        assert_true(strlen(text) <= columns);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_known_at_the_start),
        cmocka_unit_test(a_steady_rate_is_that_rate),
        cmocka_unit_test(the_rate_is_that_of_the_last_seconds_and_not_of_long_ago),
        cmocka_unit_test(rare_news_do_not_make_the_rate_older),
        cmocka_unit_test(the_time_left_is_rounded_up),
        cmocka_unit_test(an_update_that_goes_on_does_not_count_what_was_there),
        cmocka_unit_test(four_gigabytes_do_not_overflow),
        cmocka_unit_test(an_empty_file_is_all_there),
        cmocka_unit_test(the_bar_fills_the_line_and_says_everything),
        cmocka_unit_test(the_bar_is_as_wide_as_it_may_be_and_never_wider),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
