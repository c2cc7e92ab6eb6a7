// SPDX-License-Identifier: Apache-2.0
// The gate: which values of Host and Origin are this device's own.
#include "testing.h"

#include "login/gate.h"

static const char *const names[] = {"lamp.local", "lamp", NULL};

static ota_ws_status_t check(const char *host, const char *origin) {
    const ota_ws_gate_request_t request = {.host = host, .origin = origin, .names = names};
    return ota_ws_gate_check(&request);
}

// Nobody looks up an address, so no attacker's name can stand behind it: a tunnel, a router and a container have others
// than the device.
static void an_address_is_this_device(void **state) {
    (void)state;
    static const char *const hosts[] = {"192.168.1.7",           "192.168.1.7:80", "203.0.113.9:8070", "[fe80::1]",
                                        "[fe80::1%25eth0]:8070", "[fe80::1%eth0]", "[FD77:0:0::1]",    "[::1]:1",
                                        "[::ffff:192.168.1.7]",  "127.0.0.1:65535"};
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        if (check(hosts[i], NULL) != OTA_WS_OK) {
            fail_msg("'%s' is refused", hosts[i]);
        }
    }
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
                                        "192.168.1.",
                                        "127.0.0.1:evil.example",
                                        "127.0.0.1:80:90",
                                        "127.0.0.1,evil.example",
                                        "127.1",
                                        "127.0.0.1.",
                                        "lamp:",
                                        "lamp:0",
                                        "lamp:65536",
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
                                        "[192.168.1.7]",
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
    assert_int_equal(check("[FE80::1%25eth0]:8070", "http://[fe80::1]:8070"), OTA_WS_OK);
    assert_int_equal(check("lamp:80", "http://lamp"), OTA_WS_OK); // a browser leaves the usual port out
    assert_int_equal(check("lamp", "https://lamp:443"), OTA_WS_OK);
}

// Any address may stand in Host, so the origin alone keeps pages of other addresses out.
static void a_page_of_another_address_is_foreign(void **state) {
    (void)state;
    assert_int_equal(check("192.168.1.7", "http://192.168.1.8"), OTA_WS_FOREIGN_ORIGIN);
    assert_int_equal(check("192.168.1.7", "http://192.168.1.7:8080"), OTA_WS_FOREIGN_ORIGIN);
    assert_int_equal(check("192.168.1.7", "http://evil.example"), OTA_WS_FOREIGN_ORIGIN);
    assert_int_equal(check("0.0.0.0", "http://evil.example"), OTA_WS_FOREIGN_ORIGIN);
    assert_int_equal(check("[::1]", "http://[::2]"), OTA_WS_FOREIGN_ORIGIN);
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

static void without_names_no_name_is_this_device(void **state) {
    (void)state;
    const ota_ws_gate_request_t request = {.host = "lamp"};
    assert_int_equal(ota_ws_gate_check(&request), OTA_WS_FOREIGN_HOST);
}

static void the_page_at_the_own_address_is_named(void **state) {
    (void)state;
    static const uint8_t v4[16] = {[10] = 0xFF, 0xFF, 192, 168, 1, 7};
    static const uint8_t v6[16] = {0xFE, 0x80, [15] = 1};
    char url[OTA_WS_GATE_URL_SIZE];
    ota_ws_gate_url(url, false, v4, 8070, "/ota");
    assert_string_equal(url, "http://192.168.1.7:8070/ota");
    ota_ws_gate_url(url, false, v4, 80, "/ota");
    assert_string_equal(url, "http://192.168.1.7/ota");
    ota_ws_gate_url(url, true, v6, 443, "/ota");
    assert_string_equal(url, "https://[fe80::1]/ota");
    ota_ws_gate_url(url, true, v6, 80,
                    "/a/path/that/is/so/long/that/it/does/not/fit/into/the/room/for/the/whole/address/of/the/"
                    "page/and/is/therefore/cut/off");
    assert_int_equal(strlen(url), OTA_WS_GATE_URL_SIZE - 1);
}

static void put(void *context, const char *text) {
    strcat(context, text);
}

static void the_page_for_a_foreign_name_links_to_the_own_address(void **state) {
    (void)state;
    char text[2000] = "";
    ota_ws_gate_page(put, text, "http://192.168.1.7/ota");
    assert_non_null(strstr(text, "<a href=\"http://192.168.1.7/ota\">"));
    assert_non_null(strstr(text, "OTA_HOST_NAME"));
    assert_non_null(strstr(text, "lang=\"ru\""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_this_device),
        cmocka_unit_test(configured_names_are_this_device_in_any_case_and_with_a_last_dot),
        cmocka_unit_test(any_other_name_is_foreign),
        cmocka_unit_test(no_host_at_all_is_foreign),
        cmocka_unit_test(a_program_without_an_origin_may_ask),
        cmocka_unit_test(the_devices_own_page_may_ask),
        cmocka_unit_test(a_page_of_another_address_is_foreign),
        cmocka_unit_test(every_other_origin_is_foreign),
        cmocka_unit_test(a_foreign_host_is_said_before_a_foreign_origin),
        cmocka_unit_test(without_names_no_name_is_this_device),
        cmocka_unit_test(the_page_at_the_own_address_is_named),
        cmocka_unit_test(the_page_for_a_foreign_name_links_to_the_own_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
