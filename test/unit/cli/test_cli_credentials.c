// SPDX-License-Identifier: Apache-2.0
// Where the password comes from, and what is not taken for one. The question on the terminal is test/e2e/cli.test.js's.
#include "testing.h"

#include <unistd.h>

#include "credentials.h"

static char path[] = "/tmp/test_cli_credentials.XXXXXX";

static int make_file(void **state) {
    (void)state;
    int file = mkstemp(path);
    return file < 0 ? -1 : close(file);
}

static int remove_file(void **state) {
    (void)state;
    unsetenv(CREDENTIALS_VARIABLE);
    return unlink(path);
}

static bool load_file(credentials_t *credentials, const char *content, problem_t *problem) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
    return credentials_load(credentials, path, problem);
}

static void the_first_line_of_the_file_is_the_password(void **state) {
    (void)state;
    static const char *const contents[] = {"sesame 42", "sesame 42\n", "sesame 42\r\n", "sesame 42\nsecond line\n"};
    for (size_t i = 0; i < COUNT_OF(contents); i++) {
        credentials_t credentials;
        problem_t problem;
        assert_true(load_file(&credentials, contents[i], &problem));
        assert_true(credentials.given);
        assert_string_equal(credentials.password, "sesame 42");
    }
}

static void without_file_and_variable_there_is_none_and_that_is_no_failure(void **state) {
    (void)state;
    credentials_t credentials;
    problem_t problem;
    unsetenv(CREDENTIALS_VARIABLE);
    assert_true(credentials_load(&credentials, NULL, &problem));
    assert_false(credentials.given || credentials.asked);
}

static void the_variable_is_taken_unless_there_is_a_file(void **state) {
    (void)state;
    credentials_t credentials;
    problem_t problem;
    setenv(CREDENTIALS_VARIABLE, "from variable", 1);
    assert_true(credentials_load(&credentials, NULL, &problem));
    assert_true(credentials.given);
    assert_string_equal(credentials.password, "from variable");
    assert_true(load_file(&credentials, "from file\n", &problem));
    assert_string_equal(credentials.password, "from file");
    unsetenv(CREDENTIALS_VARIABLE);
}

static void what_can_be_no_password_is_refused_before_any_device_is_asked(void **state) {
    (void)state;
    char longest[70];
    memset(longest, 'x', sizeof longest);
    longest[65] = '\0';
    const char *const bad[] = {"\n", "abc\n", "pass\x01word\n", "pässword\n", longest};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        credentials_t credentials;
        problem_t problem;
        assert_false(load_file(&credentials, bad[i], &problem));
        assert_int_equal(problem.code, EXIT_CODE_LOGIN);
        assert_string_equal(problem.name, "bad_password");
    }
    longest[64] = '\0';
    credentials_t credentials;
    problem_t problem;
    assert_true(load_file(&credentials, longest, &problem));
}

static void a_byte_order_mark_in_the_file_is_named(void **state) {
    (void)state;
    static const char *const contents[] = {"\xef\xbb\xbfsesame 42\n", "\xff\xfes", "\xfe\xff"};
    for (size_t i = 0; i < COUNT_OF(contents); i++) {
        credentials_t credentials;
        problem_t problem;
        assert_false(load_file(&credentials, contents[i], &problem));
        assert_int_equal(problem.code, EXIT_CODE_LOGIN);
        assert_string_equal(problem.name, "byte_order_mark");
        assert_non_null(strstr(problem.text, path));
    }
}

static void a_pairing_code_is_taken_as_people_type_it(void **state) {
    (void)state;
    static const char *const typed[] = {"K7M0-2R1X-9WPD",   "k7m0-2r1x-9wpd",   "K7M02R1X9WPD",
                                        " k7m0 2r1x 9wpd ", "K7MO-2RIX-9WPD",   "k7mo2rlx9wpd",
                                        "K7-M02R1X9WP-D",   "K7M0--2R1X--9WPD", "-k7m0 2R1X-9WPD"};
    for (size_t i = 0; i < COUNT_OF(typed); i++) {
        credentials_t credentials;
        problem_t problem;
        assert_true(load_file(&credentials, typed[i], &problem));
        assert_string_equal(credentials_secret(&credentials, true), "K7M0-2R1X-9WPD");
    }
}

static void what_is_no_whole_code_stays_as_it_was_typed(void **state) {
    (void)state;
    static const char *const typed[] = {
        "K7M0-2R1X-9WP",   // one too few
        "K7M0-2R1X-9WPDD", // one too many
        "K7M0-2R1X-9WPU",  // U is in no code
        "K7M0_2R1X_9WPD",  "K7M0-2R1X-9WP!", "k7m0.2r1x.9wpd", "sesame 42", " sesame 42 ",
    };
    for (size_t i = 0; i < COUNT_OF(typed); i++) {
        credentials_t credentials;
        problem_t problem;
        assert_true(load_file(&credentials, typed[i], &problem));
        assert_string_equal(credentials_secret(&credentials, true), typed[i]);
    }
}

static void a_chosen_password_in_the_form_of_a_code_is_not_changed(void **state) {
    (void)state;
    credentials_t credentials;
    problem_t problem;
    assert_true(load_file(&credentials, "password1234", &problem));
    assert_string_equal(credentials_secret(&credentials, false), "password1234");
    assert_string_equal(credentials_secret(&credentials, true), "PASS-W0RD-1234");
}

static void a_file_that_cannot_be_read_is_said(void **state) {
    (void)state;
    credentials_t credentials;
    problem_t problem;
    assert_false(credentials_load(&credentials, "/nowhere/pw", &problem));
    assert_string_equal(problem.name, "no_password");
    assert_non_null(strstr(problem.text, "No such file"));
    assert_false(load_file(&credentials, "", &problem));
    assert_string_equal(problem.name, "no_password");
}

static void an_answer_is_for_one_device_a_given_password_for_all(void **state) {
    (void)state;
    credentials_t credentials = {.asked = true, .password = "sesame"};
    credentials_next_device(&credentials);
    assert_false(credentials.asked);
    assert_string_equal(credentials.password, "");
    credentials = (credentials_t){.given = true, .password = "sesame"};
    credentials_next_device(&credentials);
    assert_string_equal(credentials.password, "sesame");
    credentials_wipe(&credentials);
    assert_string_equal(credentials.password, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_line_of_the_file_is_the_password),
        cmocka_unit_test(without_file_and_variable_there_is_none_and_that_is_no_failure),
        cmocka_unit_test(the_variable_is_taken_unless_there_is_a_file),
        cmocka_unit_test(what_can_be_no_password_is_refused_before_any_device_is_asked),
        cmocka_unit_test(a_byte_order_mark_in_the_file_is_named),
        cmocka_unit_test(a_pairing_code_is_taken_as_people_type_it),
        cmocka_unit_test(what_is_no_whole_code_stays_as_it_was_typed),
        cmocka_unit_test(a_chosen_password_in_the_form_of_a_code_is_not_changed),
        cmocka_unit_test(a_file_that_cannot_be_read_is_said),
        cmocka_unit_test(an_answer_is_for_one_device_a_given_password_for_all),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
