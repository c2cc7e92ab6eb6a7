// SPDX-License-Identifier: Apache-2.0
// The command line of the virtual device.
#include "testing.h"

#include <fcntl.h>
#include <unistd.h>

#include "options.h"

#define ARGUMENTS_MAX 16

// Parses a line that is split at spaces. What it says on stderr is thrown away.
static options_result_t parse(options_t *options, const char *line) {
    static char words[256];
    char *arguments[ARGUMENTS_MAX] = {NULL};
    int count = 0;
    char *rest;
    snprintf(words, sizeof words, "ota-ws-device %s", line);
    for (char *word = strtok_r(words, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        arguments[count++] = word;
    }
    fflush(stderr);
    int kept = dup(STDERR_FILENO);
    int nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, STDERR_FILENO);
    options_result_t result = options_parse(options, count, arguments);
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    close(nowhere);
    close(kept);
    return result;
}

static void a_flash_file_is_enough(void **state) {
    (void)state;
    options_t options;
    assert_int_equal(parse(&options, "--flash f"), OPTIONS_RUN);
    assert_string_equal(options.flash, "f");
    assert_string_equal(options.bind, "127.0.0.1");
    assert_int_equal(options.port, 8070);
    assert_int_equal(options.flash_size, 0);
    assert_int_equal(options.chip, -1);
    assert_int_equal(options.chunk, 8192);
    assert_int_equal(options.credit, 32768);
    assert_int_equal(options.trial_timeout_s, 300);
    assert_int_equal(options.stall_timeout_s, 30);
    assert_int_equal(options.boot_time_ms, 1000);
    assert_null(options.timing);
    assert_false(options.unprotected || options.any_project || options.small_page || options.show);
}

static void options_reach_their_place(void **state) {
    (void)state;
    options_t options;
    assert_int_equal(parse(&options, "--flash f --flash-size 8MB --chip ESP32-S3 --chip-revision 3.1 --port 0 "
                                     "--timing gd25q32 --trial-timeout 7"),
                     OPTIONS_RUN);
    assert_int_equal(options.flash_size, 8 << 20);
    assert_int_equal(options.chip, 9);
    assert_int_equal(options.revision, 301);
    assert_int_equal(options.port, 0);
    assert_string_equal(options.timing, "gd25q32");
    assert_int_equal(options.trial_timeout_s, 7);
    assert_int_equal(
        parse(&options,
              "--flash=f --timing none --chip-revision 104 --unprotected --any-project --small-page --chunk 512"),
        OPTIONS_RUN);
    assert_null(options.timing);
    assert_int_equal(options.revision, 104);
    assert_true(options.unprotected && options.any_project && options.small_page);
    assert_int_equal(options.chunk, 512);
}

static void what_makes_no_sense_is_refused(void **state) {
    (void)state;
    static const char *const lines[] = {
        "",
        "--port 80",
        "--flash",
        "--flash f more",
        "--flash f --nothing",
        "--flash f --flash-size 4G",
        "--flash f --flash-size 0",
        "--flash f --flash-size 100K",
        "--flash f --flash-size -4M",
        "--flash f --chip esp8266",
        "--flash f --chip-revision 1.100",
        "--flash f --chip-revision x",
        "--flash f --port 65536",
        "--flash f --port -1",
        "--flash f --port 80x",
        "--flash f --timing fast",
        "--flash f --chunk 511",
        "--flash f --chunk 65537",
        "--flash f --chunk 32K --credit 32K",
        "--flash f --cert c",
        "--flash f --key k",
        "--flash f --unprotected --password-file p",
        "--flash f --unprotected --bind 192.168.1.7",
        "--flash f --unprotected --bind 0.0.0.0",
        "--flash f --name 0123456789012345678901234567890123456789012345678901234567890123",
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        options_t options;
        if (parse(&options, lines[i]) != OPTIONS_WRONG) {
            fail_msg("taken: %s", lines[i]);
        }
    }
}

static void unprotected_is_for_loopback(void **state) {
    (void)state;
    options_t options;
    assert_int_equal(parse(&options, "--flash f --unprotected --bind ::1"), OPTIONS_RUN);
    assert_int_equal(parse(&options, "--flash f --unprotected --bind 127.0.0.9"), OPTIONS_RUN);
    assert_int_equal(parse(&options, "--flash f --bind 192.168.1.7"), OPTIONS_RUN);
}

static void sizes_have_units(void **state) {
    (void)state;
    uint32_t size;
    assert_true(options_size("4M", &size) && size == 4 << 20);
    assert_true(options_size("4MB", &size) && size == 4 << 20);
    assert_true(options_size("512k", &size) && size == 512 << 10);
    assert_true(options_size("0x1000", &size) && size == 4096);
    assert_true(options_size("65536", &size) && size == 65536);
    assert_false(options_size("4096M", &size));
    assert_false(options_size("M", &size));
    assert_false(options_size("4B", &size));
    assert_false(options_size("4MiB", &size));
    assert_false(options_size("", &size));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flash_file_is_enough),
        cmocka_unit_test(options_reach_their_place),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(unprotected_is_for_loopback),
        cmocka_unit_test(sizes_have_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
