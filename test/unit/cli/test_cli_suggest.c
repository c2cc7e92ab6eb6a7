// SPDX-License-Identifier: Apache-2.0
// Misspelt words and what was meant by them.
#include "testing.h"

#include "suggest.h"

static const char *const words[] = {"info", "push", "confirm", "rollback", "restart", "cancel"};

static void a_misspelt_word_leads_to_the_closest_one(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"psuh", "push"},          {"pus", "push"},        {"PUSH", "push"},     {"comfirm", "confirm"},
        {"rolback", "rollback"},   {"restrat", "restart"}, {"cancle", "cancel"}, {"inof", "info"},
        {"roll-back", "rollback"}, {"confrim", "confirm"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *found = suggest(cases[i][0], words, COUNT_OF(words));
        assert_non_null(found);
        assert_string_equal(found, cases[i][1]);
    }
}

static void a_word_that_is_far_from_all_leads_nowhere(void **state) {
    (void)state;
    static const char *const cases[] = {"", "x", "bench.local", "firmware", "0123456789012345678901234567890123456789"};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_null(suggest(cases[i], words, COUNT_OF(words)));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_misspelt_word_leads_to_the_closest_one),
        cmocka_unit_test(a_word_that_is_far_from_all_leads_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
