// SPDX-License-Identifier: Apache-2.0
// The gate: which values of Host and Origin are this device's own.
#include "testing.h"

#include "gate.h"

static const char *const names[] = {"lamp.local", "lamp", NULL};

static ota_ws_status_t check(const char *host, const char *origin) {
    const ota_ws_gate_request_t request = {
        .host = host, .origin = origin, .own_address = "192.168.1.7", .names = names};
    return ota_ws_gate_check(&request);
}

static ota_ws_status_t check_at(const char *own_address, const char *host, const char *origin) {
    const ota_ws_gate_request_t request = {.host = host, .origin = origin, .own_address = own_address};
    return ota_ws_gate_check(&request);
}

static void the_address_that_was_reached_is_this_device(void **state) {
    (void)state;
    assert_int_equal(check("192.168.1.7", NULL), OTA_WS_OK);
    assert_int_equal(check("192.168.1.7:80", NULL), OTA_WS_OK);
    assert_int_equal(check("192.168.1.7:8070", NULL), OTA_WS_OK);
}

static void configured_names_are_this_device_in_any_case_and_with_a_last_dot(void **state) {
    (void)state;
    static const char *const hosts[] = {"lamp.local",      "lamp", "LAMP.Local", "lamp.local.", "lamp.local:8070",
                                        "lamp.local.:8070"};
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        assert_int_equal(check(hosts[i], NULL), OTA_WS_OK);
    }
}

// What a rebinding page sends: its own name, with this device's address behind it.
static void any_other_name_is_foreign(void **state) {
    (void)state;
    static const char *const hosts[] = {"evil.example",
                                        "evil.example:8070",
                                        "192.168.1.70",
                                        "192.168.1.",
                                        "92.168.1.7",
                                        "192.168.1.7.evil.example",
                                        "lamp.local.evil.example",
                                        "lamp.loca",
                                        "xlamp",
                                        "lamp..",
                                        "lamp.local..",
                                        "",
                                        ":80",
                                        ".",
                                        "[]",
                                        "[192.168.1.8]",
                                        "lamp local",
                                        " lamp",
                                        "lamp@evil.example",
                                        "evil.example/lamp",
                                        "0xC0A80107",
                                        "3232235783"};
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        if (check(hosts[i], NULL) != OTA_WS_FOREIGN_HOST) {
            fail_msg("'%s' passes", hosts[i]);
        }
    }
}

static void no_host_at_all_is_foreign(void **state) {
    (void)state;
    assert_int_equal(check(NULL, NULL), OTA_WS_FOREIGN_HOST);
    assert_int_equal(check(NULL, "http://192.168.1.7"), OTA_WS_FOREIGN_HOST);
}

static void an_ipv6_address_stands_in_brackets(void **state) {
    (void)state;
    assert_int_equal(check_at("fe80::1", "[fe80::1]", NULL), OTA_WS_OK);
    assert_int_equal(check_at("fe80::1", "[fe80::1]:8070", NULL), OTA_WS_OK);
    assert_int_equal(check_at("fe80::1", "[FE80::1]:8070", "http://[fe80::1]:8070"), OTA_WS_OK);
    assert_int_equal(check_at("fe80::1", "[fe80::2]:8070", NULL), OTA_WS_FOREIGN_HOST);
    assert_int_equal(check_at("fe80::1", "fe80::1", NULL), OTA_WS_FOREIGN_HOST);
}

static void what_follows_the_brackets_may_only_be_a_port(void **state) {
    (void)state;
    assert_int_equal(check_at("::1", "[::1].evil.example", NULL), OTA_WS_FOREIGN_HOST);
    assert_int_equal(check_at("::1", "[::1", NULL), OTA_WS_FOREIGN_HOST);
}

static void a_program_without_an_origin_may_ask(void **state) {
    (void)state;
    assert_int_equal(check("lamp.local", NULL), OTA_WS_OK);
}

static void the_devices_own_page_may_ask(void **state) {
    (void)state;
    assert_int_equal(check("lamp.local", "http://lamp.local"), OTA_WS_OK);
    assert_int_equal(check("lamp.local:8070", "http://lamp.local:8070"), OTA_WS_OK);
    assert_int_equal(check("lamp.local", "https://lamp.local"), OTA_WS_OK);
    assert_int_equal(check("Lamp.local", "https://lamp.local"), OTA_WS_OK);
    assert_int_equal(check("192.168.1.7", "http://192.168.1.7"), OTA_WS_OK);
}

static void every_other_origin_is_foreign(void **state) {
    (void)state;
    static const char *const origins[] = {"http://evil.example",
                                          "http://lamp.local:8071",
                                          "http://lamp.local:807",
                                          "http://lamp.local",
                                          "http://lamp:8070", // ours too, but not what Host says
                                          "http://lamp.local:8070.evil.example",
                                          "http://evil.example:8070",
                                          "https://xlamp.local:8070",
                                          "ftp://lamp.local:8070",
                                          "lamp.local:8070",
                                          "http:lamp.local:8070",
                                          "http://lamp.local:8070/",
                                          "http://lamp.local:8070#",
                                          "http://lamp.local:8070 http://evil.example",
                                          "xlamp.local:8070",
                                          "null",
                                          ""};
    for (size_t i = 0; i < COUNT_OF(origins); i++) {
        if (check("lamp.local:8070", origins[i]) != OTA_WS_FOREIGN_ORIGIN) {
            fail_msg("'%s' passes", origins[i]);
        }
    }
}

static void a_foreign_host_is_said_before_a_foreign_origin(void **state) {
    (void)state;
    assert_int_equal(check("evil.example", "http://evil.example"), OTA_WS_FOREIGN_HOST);
}

static void without_names_and_address_nothing_is_this_device(void **state) {
    (void)state;
    assert_int_equal(check_at(NULL, "192.168.1.7", NULL), OTA_WS_FOREIGN_HOST);
    assert_int_equal(check_at("", "", NULL), OTA_WS_FOREIGN_HOST);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_address_that_was_reached_is_this_device),
        cmocka_unit_test(configured_names_are_this_device_in_any_case_and_with_a_last_dot),
        cmocka_unit_test(any_other_name_is_foreign),
        cmocka_unit_test(no_host_at_all_is_foreign),
        cmocka_unit_test(an_ipv6_address_stands_in_brackets),
        cmocka_unit_test(what_follows_the_brackets_may_only_be_a_port),
        cmocka_unit_test(a_program_without_an_origin_may_ask),
        cmocka_unit_test(the_devices_own_page_may_ask),
        cmocka_unit_test(every_other_origin_is_foreign),
        cmocka_unit_test(a_foreign_host_is_said_before_a_foreign_origin),
        cmocka_unit_test(without_names_and_address_nothing_is_this_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
