// SPDX-License-Identifier: Apache-2.0
// Every way in which people write where a device is, and what is refused.
#include "testing.h"

#include "address.h"

typedef struct {
    const char *text;
    bool tls;
    const char *name;
    uint16_t port;
    const char *path, *host_header;
} sound_t;

static const sound_t sound[] = {
    {"192.168.1.7", false, "192.168.1.7", 80, "/ota", "192.168.1.7"},
    {"bench", false, "bench", 80, "/ota", "bench"},
    {"bench.local", false, "bench.local", 80, "/ota", "bench.local"},
    {"bench:8070", false, "bench", 8070, "/ota", "bench:8070"},
    {"bench:80", false, "bench", 80, "/ota", "bench"},
    {"bench/", false, "bench", 80, "/ota", "bench"},
    {"bench/update", false, "bench", 80, "/update", "bench"},
    {"http://bench", false, "bench", 80, "/ota", "bench"},
    {"http://bench:1/ota", false, "bench", 1, "/ota", "bench:1"},
    {"HTTPS://bench", true, "bench", 443, "/ota", "bench"},
    {"https://bench:443/a/b", true, "bench", 443, "/a/b", "bench"},
    {"https://bench:8443/ota", true, "bench", 8443, "/ota", "bench:8443"},
    {"http://bench:443", false, "bench", 443, "/ota", "bench:443"},
    {"[fd77::1]", false, "fd77::1", 80, "/ota", "[fd77::1]"},
    {"[FD77:0:0::01]:8070/ota", false, "fd77::1", 8070, "/ota", "[fd77::1]:8070"},
    {"fd77::1", false, "fd77::1", 80, "/ota", "[fd77::1]"},
    {"[fe80::1%lo]:8070", false, "fe80::1%lo", 8070, "/ota", "[fe80::1]:8070"},
    {"http://[FE80::1%25lo]/ota", false, "fe80::1%lo", 80, "/ota", "[fe80::1]"},
    {"127.1:8070", false, "127.0.0.1", 8070, "/ota", "127.0.0.1:8070"},
    {"0x7f.1", false, "127.0.0.1", 80, "/ota", "127.0.0.1"},
    {"bench:65535", false, "bench", 65535, "/ota", "bench:65535"},
};

static void addresses_are_understood_as_people_write_them(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sound); i++) {
        address_t address;
        problem_t problem;
        assert_true(address_parse(&address, sound[i].text, &problem));
        assert_int_equal(address.tls, sound[i].tls);
        assert_string_equal(address.name, sound[i].name);
        assert_int_equal(address.port, sound[i].port);
        assert_string_equal(address.path, sound[i].path);
        assert_string_equal(address.host_header, sound[i].host_header);
    }
}

static void a_path_that_ends_with_a_slash_has_two_meanings(void **state) {
    (void)state;
    static const char *const cases[][3] = {
        {"bench", "/ota", ""},
        {"bench/ota", "/ota", ""},
        {"bench/", "/ota", "/"},
        {"http://bench:1/devices/lamp/", "/devices/lamp/ota", "/devices/lamp/"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        address_t address;
        problem_t problem;
        assert_true(address_parse(&address, cases[i][0], &problem));
        assert_string_equal(address.path, cases[i][1]);
        assert_string_equal(address.second_path, cases[i][2]);
    }
}

static void what_is_no_address_is_refused_with_a_sentence(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",          ":80",          "bench:",
        "bench:0",   "bench:65536",  "bench:4294967376",
        "bench:8o",  "ftp://bench",  "ws://bench",
        "http://",   "https:///ota", "user@bench",
        "be nch",    "bench/o ta",   "bench/ota?x",
        "bench\n",   "[fe80::1",     "[fe80::1]8070",
        "[]",        "bench?x",      "bench\x80",
        "b\\ench",   "[fe80::1]:",   "bench/ota\x7f",
        "[fe80::1]", "fe80::1",      "[fe80::1%nowhere]",
        "[fg::1]",   "bench%lo",     "1::2::3",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        address_t address;
        problem_t problem = {0};
        assert_false(address_parse(&address, bad[i], &problem));
        assert_int_equal(problem.code, EXIT_CODE_USAGE);
        assert_string_equal(problem.name, "bad_address");
        assert_non_null(strstr(problem.text, "is no address"));
    }
}

static void a_page_address_with_its_code_is_refused_because_arguments_are_seen_by_all(void **state) {
    (void)state;
    address_t address;
    problem_t problem;
    assert_false(address_parse(&address, "http://bench/ota#code=K7MQ-2RTX-9WPD", &problem));
    assert_non_null(strstr(problem.text, "never an argument"));
}

static void what_is_too_long_is_refused(void **state) {
    (void)state;
    char text[600];
    address_t address;
    problem_t problem;
    memset(text, 'a', sizeof text);
    text[ADDRESS_NAME_SIZE] = '\0';
    assert_false(address_parse(&address, text, &problem));
    text[ADDRESS_NAME_SIZE - 1] = '\0';
    assert_true(address_parse(&address, text, &problem));

    memset(text, 'a', sizeof text);
    text[1] = '/';
    text[1 + ADDRESS_PATH_SIZE] = '\0';
    assert_false(address_parse(&address, text, &problem));
    text[ADDRESS_PATH_SIZE] = '\0';
    assert_true(address_parse(&address, text, &problem));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_understood_as_people_write_them),
        cmocka_unit_test(a_path_that_ends_with_a_slash_has_two_meanings),
        cmocka_unit_test(what_is_no_address_is_refused_with_a_sentence),
        cmocka_unit_test(a_page_address_with_its_code_is_refused_because_arguments_are_seen_by_all),
        cmocka_unit_test(what_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
