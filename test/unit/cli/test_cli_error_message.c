// SPDX-License-Identifier: Apache-2.0
// What becomes of a device's `failed` and `error`: always a name, an exit code and a sentence.
#include "testing.h"

#include "error_message.h"

static problem_t complain(const char *text) {
    device_message_t message;
    problem_t problem;
    assert_true(device_message_read(&message, text, strlen(text)));
    error_message_read(&problem, EXIT_CODE_DEVICE_REFUSED, &message);
    return problem;
}

static void the_devices_own_sentence_is_told(void **state) {
    (void)state;
    problem_t problem = complain("{\"type\":\"failed\",\"name\":\"busy\",\"text\":\"Not now.\"}");
    assert_int_equal(problem.code, EXIT_CODE_DEVICE_REFUSED);
    assert_string_equal(problem.name, "busy");
    assert_string_equal(problem.text, "Not now.");
    assert_int_equal(problem.wait_s, 0);
}

static void a_device_without_sentences_gets_ours_with_its_values(void **state) {
    (void)state;
    assert_string_equal(
        complain("{\"type\":\"failed\",\"name\":\"wrong_chip\",\"image\":\"ESP32-S3\",\"device\":\"ESP32-C3\"}").text,
        "This image is for ESP32-S3, this device is an ESP32-C3.");
    problem_t problem = complain("{\"type\":\"error\",\"name\":\"try_later\",\"device\":\"8\",\"wait_s\":8}");
    assert_string_equal(problem.text, "Too many wrong passwords. Wait 8 s and try again.");
    assert_int_equal(problem.wait_s, 8);
}

static void a_name_that_is_newer_than_this_program_is_told_as_it_is(void **state) {
    (void)state;
    problem_t problem = complain("{\"type\":\"failed\",\"name\":\"moon_phase\"}");
    assert_string_equal(problem.name, "moon_phase");
    assert_string_equal(problem.text, "The device says 'moon_phase'.");
    assert_int_equal(problem.code, EXIT_CODE_DEVICE_REFUSED);
}

static void every_status_of_the_core_has_a_sentence_without_gaps(void **state) {
    (void)state;
    for (int status = OTA_WS_OK + 1; status < OTA_WS_STATUS_COUNT; status++) {
        char text[128];
        snprintf(text, sizeof text, "{\"name\":\"%s\",\"image\":\"this\",\"device\":\"that\"}",
                 ota_ws_status_name((ota_ws_status_t)status));
        problem_t problem = complain(text);
        assert_true(strlen(problem.text) > 10);
        assert_null(strchr(problem.text, '{'));
        assert_int_equal(problem.text[strlen(problem.text) - 1], '.');
    }
}

static void a_sentence_that_is_too_long_is_cut(void **state) {
    (void)state;
    char text[1000] = "{\"name\":\"busy\",\"text\":\"";
    problem_t problem;
    memset(text + strlen(text), 'x', 600);
    strcat(text, "\"}");
    problem = complain(text);
    assert_int_equal(strlen(problem.text), sizeof problem.text - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_devices_own_sentence_is_told),
        cmocka_unit_test(a_device_without_sentences_gets_ours_with_its_values),
        cmocka_unit_test(a_name_that_is_newer_than_this_program_is_told_as_it_is),
        cmocka_unit_test(every_status_of_the_core_has_a_sentence_without_gaps),
        cmocka_unit_test(a_sentence_that_is_too_long_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
