// SPDX-License-Identifier: Apache-2.0
// The order of versions: every pair of test/vectors/versions.txt, both ways round. test/web/version.test.js reads the
// same table.
#include "testing.h"

#include <stdio.h>

#include "image/version.h"

#define TABLE SOURCE_DIR "/test/vectors/versions.txt"

typedef struct {
    const char *left;
    char order;
    const char *right;
} row_t;

static void assert_row(const row_t *row, int line) {
    int there = ota_ws_version_compare(row->left, row->right);
    int back = ota_ws_version_compare(row->right, row->left);
    int wanted = row->order == '<' ? -1 : row->order == '=' ? 0 : 2;
    if (there != wanted || back != (wanted == 2 ? 2 : -wanted)) {
        fail_msg("line %d: '%s' %c '%s' gives %d, the other way round %d", line, row->left, row->order, row->right,
                 there, back);
    }
    if (wanted != 2 &&
        (ota_ws_version_compare(row->left, row->left) != 0 || ota_ws_version_compare(row->right, row->right) != 0)) {
        fail_msg("line %d: a version is not equal to itself", line);
    }
}

// Three fields with a tab after each of the first two, all of which may be empty but the order.
static bool read_row(char *line, row_t *row) {
    line[strcspn(line, "\n")] = '\0';
    char *order = strchr(line, '\t');
    char *right = order == NULL ? NULL : strchr(order + 1, '\t');
    if (right == NULL || right != order + 2 || strchr("<=?", order[1]) == NULL) {
        return false;
    }
    row->order = order[1];
    *order = '\0';
    row->left = line;
    row->right = right + 1;
    return true;
}

static void every_pair_of_the_table_is_in_its_order(void **state) {
    (void)state;
    FILE *file = fopen(TABLE, "r");
    assert_non_null(file);
    char line[300];
    int number = 0;
    int rows = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        row_t row = {0};
        number++;
        if (line[0] == '#' || line[0] == '\n') {
            continue;
        }
        if (!read_row(line, &row)) {
            fail_msg("line %d of the table cannot be read", number);
        }
        assert_row(&row, number);
        rows++;
    }
    fclose(file);
    assert_true(rows > 100);
}

// Of a rising list every entry is compared with every later one.
static void the_examples_of_semver_org_rise(void **state) {
    (void)state;
    static const char *const rising[] = {"1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta",
                                         "1.0.0-beta",  "1.0.0-beta.2",  "1.0.0-beta.11",
                                         "1.0.0-rc.1",  "1.0.0",         "2.0.0",
                                         "2.1.0",       "2.1.1"};
    for (size_t i = 0; i < COUNT_OF(rising); i++) {
        for (size_t k = i + 1; k < COUNT_OF(rising); k++) {
            assert_int_equal(ota_ws_version_compare(rising[i], rising[k]), -1);
            assert_int_equal(ota_ws_version_compare(rising[k], rising[i]), 1);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_of_the_table_is_in_its_order),
        cmocka_unit_test(the_examples_of_semver_org_rise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
