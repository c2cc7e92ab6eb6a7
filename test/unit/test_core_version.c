// SPDX-License-Identifier: Apache-2.0
// The order of versions: semver.org 2.0.0 section 11, and what ESP-IDF projects really have.
#include "testing.h"

#include "version.h"

static void assert_order(const char *lower, const char *higher) {
    if (ota_ws_version_compare(lower, higher) != -1 || ota_ws_version_compare(higher, lower) != 1) {
        fail_msg("%s < %s: %d %d", lower, higher, ota_ws_version_compare(lower, higher),
                 ota_ws_version_compare(higher, lower));
    }
}

static void assert_equal_order(const char *a, const char *b) {
    if (ota_ws_version_compare(a, b) != 0 || ota_ws_version_compare(b, a) != 0) {
        fail_msg("%s = %s: %d", a, b, ota_ws_version_compare(a, b));
    }
}

// Each list rises: every entry is compared with every later one.
static void assert_rising(const char *const *versions, size_t count) {
    for (size_t i = 0; i < count; i++) {
        assert_equal_order(versions[i], versions[i]);
        for (size_t k = i + 1; k < count; k++) {
            assert_order(versions[i], versions[k]);
        }
    }
}

static void the_examples_of_semver_org_come_in_their_order(void **state) {
    (void)state;
    static const char *const numbers[] = {"1.0.0", "2.0.0", "2.1.0", "2.1.1"};
    static const char *const releases[] = {"1.0.0-alpha",  "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta",
                                           "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",       "1.0.0"};
    assert_rising(numbers, COUNT_OF(numbers));
    assert_rising(releases, COUNT_OF(releases));
}

static void numbers_are_compared_as_numbers(void **state) {
    (void)state;
    static const char *const versions[] = {"0.0.1", "0.0.9", "0.0.10", "0.9.0", "0.10.0", "9.0.0", "10.0.0"};
    assert_rising(versions, COUNT_OF(versions));
}

static void identifiers_are_compared_as_the_standard_says(void **state) {
    (void)state;
    assert_order("1.0.0-1", "1.0.0-2");
    assert_order("1.0.0-9", "1.0.0-10");
    assert_order("1.0.0-999", "1.0.0-alpha"); // numbers come before words
    assert_order("1.0.0-999", "1.0.0-a");
    assert_order("1.0.0-999", "1.0.0-a1");
    assert_order("1.0.0-999", "1.0.0-1a");
    assert_order("1.0.0-Alpha", "1.0.0-alpha");
    assert_order("1.0.0-a", "1.0.0-a.b"); // more identifiers come later
    assert_order("1.0.0-a.b", "1.0.0-aa");
    assert_order("1.0.0-x", "1.0.0-xy");
}

static void build_metadata_does_not_count(void **state) {
    (void)state;
    assert_equal_order("1.0.0+1", "1.0.0+2");
    assert_equal_order("1.0.0", "1.0.0+20130313144700");
    assert_equal_order("1.0.0-beta+exp.sha.5114f85", "1.0.0-beta");
}

static void a_leading_v_does_not_count(void **state) {
    (void)state;
    assert_equal_order("v1.2.3", "1.2.3");
    assert_order("1.2.3", "v1.2.4");
}

static void missing_numbers_are_zero(void **state) {
    (void)state;
    assert_equal_order("1", "1.0.0");
    assert_equal_order("v1.2", "1.2.0");
    assert_order("1.2", "1.2.1");
    assert_order("1", "2");
}

static void commits_after_a_tag_come_after_it_and_before_the_next(void **state) {
    (void)state;
    static const char *const versions[] = {"v1.4.0-rc.1", "v1.4.0", "v1.4.0-2-g0296947", "v1.4.0-21-g9422dc3-dirty",
                                           "v1.4.1-rc.1", "v1.4.1"};
    assert_rising(versions, COUNT_OF(versions));
    assert_equal_order("v1.4.1", "v1.4.1-dirty");
}

// A pre-release that only begins as what `git describe` adds is compared as the standard says.
static void what_git_describe_does_not_say_is_a_pre_release(void **state) {
    (void)state;
    static const char *const versions[] = {"1.0.0-2",          "1.0.0-3",        "1.0.0-2-gabcdefg", "1.0.0-2-h0296947",
                                           "1.0.0-2-xg029694", "1.0.0-2x",       "1.0.0-dirty-1",    "1.0.0",
                                           "1.0.0-2-g029abcf", "1.0.0-3-gffffff"};
    assert_rising(versions, COUNT_OF(versions));
    assert_equal_order("1.0.0-dirty", "1.0.0");
    assert_equal_order("1.0.0-2-gabcdef", "1.0.0-2-g029694-dirty");
}

static void numbers_that_are_too_long_are_words(void **state) {
    (void)state;
    assert_order("1.0.0-999999999", "1.0.0-1000000000"); // nine digits are a number, ten a word
    assert_order("1.0.0-5-g1", "1.0.0-999999999-g1");
    assert_order("1.0.0-1000000000-g1", "1.0.0"); // no number of commits: a pre-release
    assert_order("999999998.0.0", "999999999.0.0");
}

static void what_is_no_version_has_no_order(void **state) {
    (void)state;
    static const char *const wrong[] = {"",
                                        "v",
                                        "vv1",
                                        "a.b.c",
                                        "1.",
                                        "1..2",
                                        "1.2.x",
                                        ".1",
                                        "-1.0.0",
                                        " 1.0.0",
                                        "1.0.0 ",
                                        "1.2.3.4",
                                        "1.0.0-",
                                        "esp-idf: v4.4.7 38eeba213a",
                                        "99999999999999999999.0.0",
                                        "1000000000.0.0",
                                        "1.0000000000.0",
                                        "master"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        if (ota_ws_version_compare(wrong[i], "1.0.0") != 2 || ota_ws_version_compare("1.0.0", wrong[i]) != 2) {
            fail_msg("'%s' is taken for a version", wrong[i]);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_semver_org_come_in_their_order),
        cmocka_unit_test(numbers_are_compared_as_numbers),
        cmocka_unit_test(identifiers_are_compared_as_the_standard_says),
        cmocka_unit_test(build_metadata_does_not_count),
        cmocka_unit_test(a_leading_v_does_not_count),
        cmocka_unit_test(missing_numbers_are_zero),
        cmocka_unit_test(commits_after_a_tag_come_after_it_and_before_the_next),
        cmocka_unit_test(what_git_describe_does_not_say_is_a_pre_release),
        cmocka_unit_test(numbers_that_are_too_long_are_words),
        cmocka_unit_test(what_is_no_version_has_no_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
