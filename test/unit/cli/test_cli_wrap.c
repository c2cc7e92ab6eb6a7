// SPDX-License-Identifier: Apache-2.0
// Sentences on a terminal of any width.
#include "testing.h"

#include "wrap.h"

static const char *wrapped(const char *text, size_t columns) {
    static char result[256];
    memset(result, 0, sizeof result);
    FILE *stream = fmemopen(result, sizeof result - 1, "w");
    assert_int_equal(wrap_columns(stream), 0); // no terminal
    wrap_write(stream, text, columns);
    fclose(stream);
    return result;
}

static void a_sentence_is_broken_between_words(void **state) {
    (void)state;
    assert_string_equal(wrapped("one two three", 80), "one two three\n");
    assert_string_equal(wrapped("one two three", 7), "one two\nthree\n");
    assert_string_equal(wrapped("one two three", 6), "one\ntwo\nthree\n");
    assert_string_equal(wrapped("one-two-three four", 5), "one-two-three\nfour\n");
    assert_string_equal(wrapped("\xc3\xa9\xc3\xa9 \xc3\xa9\xc3\xa9", 5), "\xc3\xa9\xc3\xa9 \xc3\xa9\xc3\xa9\n");
    assert_string_equal(wrapped("", 5), "\n");
}

static void in_a_pipe_it_stays_one_line(void **state) {
    (void)state;
    assert_string_equal(wrapped("one  two three", 0), "one  two three\n");
}

static void later_lines_begin_below_the_first(void **state) {
    (void)state;
    char result[64] = "";
    FILE *stream = fmemopen(result, sizeof result - 1, "w");
    fputs("  word ", stream);
    wrap_write_indented(stream, "one two three", 14, 7);
    fclose(stream);
    assert_string_equal(result, "  word one two\n       three\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sentence_is_broken_between_words),
        cmocka_unit_test(later_lines_begin_below_the_first),
        cmocka_unit_test(in_a_pipe_it_stays_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
