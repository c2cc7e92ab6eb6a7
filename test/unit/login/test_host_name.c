// SPDX-License-Identifier: Apache-2.0
// The reader for Host and Origin: one table of what it takes and what it refuses.
#include "testing.h"

#include <arpa/inet.h>

#include "login/host_name.h"

static ota_ws_host_name_t read_ok(const char *text) {
    ota_ws_host_name_t host;
    if (!ota_ws_host_name_read(text, &host)) {
        fail_msg("'%s' is refused", text);
    }
    return host;
}

typedef struct {
    const char *text;
    const char *address; // as inet_pton() reads it
    uint16_t port;
} row_t;

static const row_t addresses[] = {
    {"192.168.1.7", "::ffff:192.168.1.7", 0},
    {"192.168.1.7:8070", "::ffff:192.168.1.7", 8070},
    {"0.0.0.0", "::ffff:0.0.0.0", 0},
    {"255.255.255.255:1", "::ffff:255.255.255.255", 1},
    {"[::]", "::", 0},
    {"[::1]:65535", "::1", 65535},
    {"[1::]", "1::", 0},
    {"[FD77:0:0::1]", "fd77::1", 0},
    {"[fd77:0000:0:00::0001]:80", "fd77::1", 80},
    {"[1:2:3:4:5:6:7:8]", "1:2:3:4:5:6:7:8", 0},
    {"[1:2:3:4:5:6:7::]", "1:2:3:4:5:6:7:0", 0},
    {"[::2:3:4:5:6:7:8]", "0:2:3:4:5:6:7:8", 0},
    {"[1:2:3:4:5:6:1.2.3.4]", "1:2:3:4:5:6:102:304", 0},
    {"[::ffff:192.168.1.7]", "::ffff:192.168.1.7", 0},
    {"[64:ff9b::192.0.2.1]", "64:ff9b::c000:201", 0},
    {"[fe80::1%25eth0]", "fe80::1", 0},
    {"[fe80::1%eth0]:8070", "fe80::1", 8070},
    {"[fe80::1%wlan0.1]", "fe80::1", 0},
    {"[FE80::ABCD%25EN-0_a~1]", "fe80::abcd", 0},
};

static void addresses_are_read_in_every_form(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        uint8_t expected[16];
        ota_ws_host_name_t host = read_ok(addresses[i].text);
        assert_int_equal(inet_pton(AF_INET6, addresses[i].address, expected), 1);
        if (!host.is_address || memcmp(host.address, expected, 16) != 0 || host.port != addresses[i].port) {
            fail_msg("'%s' is read as another address", addresses[i].text);
        }
    }
}

static void names_are_read_without_port_and_last_dot(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *name;
        uint16_t port;
    } rows[] = {{"lamp", "lamp", 0},
                {"lamp.", "lamp", 0},
                {"lamp.local:8070", "lamp.local", 8070},
                {"lamp.local.:80", "lamp.local", 80},
                {"Lamp_1.fritz.BOX", "Lamp_1.fritz.BOX", 0},
                {"1.2.3.4.example", "1.2.3.4.example", 0},
                {"xn--80ak6aa92e", "xn--80ak6aa92e", 0},
                {"4lamps", "4lamps", 0},
                {"0xlamp", "0xlamp", 0},
                {"192.168.1.7.evil.example", "192.168.1.7.evil.example", 0}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        ota_ws_host_name_t host = read_ok(rows[i].text);
        assert_false(host.is_address);
        assert_int_equal(host.name_length, strlen(rows[i].name));
        assert_memory_equal(host.name, rows[i].name, host.name_length);
        assert_int_equal(host.port, rows[i].port);
    }
}

static const char *const refused[] = {
    "",
    " ",
    ".",
    "..",
    ":",
    ":80",
    "lamp:",
    "lamp:0",
    "lamp:080",
    "lamp:65536",
    "lamp:99999999999",
    "lamp:8x",
    "lamp:+8",
    "lamp: 80",
    "lamp:80 ",
    "lamp:80:90",
    "127.0.0.1:80:90",
    "127.0.0.1:evil.example",
    "127.0.0.1,127.0.0.1",
    "lamp,lamp",
    "lamp lamp",
    " lamp",
    "lamp ",
    "lamp\t",
    "lamp\r",
    "lamp/",
    "lamp#",
    "lamp?",
    "a@lamp",
    "lamp@b",
    "lamp..",
    "la..mp",
    ".lamp",
    "l\xC3\xA4mp",
    "la%6Dp",
    "lamp;",
    "lamp'",
    "\"lamp\"",
    "<lamp>",
    "*",
    // what only some read as an address
    "127.1",
    "127",
    "2130706433",
    "0x7f.0.0.1",
    "0x7f000001",
    "0x",
    "127.0.0.01",
    "127.0.0.256",
    "127.0.0.",
    "127.0.0.1.",
    "127.0.0.1.2",
    "1.2.3.4.5",
    "lamp.1",
    "lamp.0x1",
    "127.0.0.0x1",
    // IPv6
    "::1",
    "fe80::1",
    "[",
    "[]",
    "[:]",
    "[:::]",
    "[::1",
    "::1]",
    "[[::1]]",
    "[::1]x",
    "[::1] ",
    "[::1].evil.example",
    "[::1]:",
    "[::1]:x",
    "[::1]80",
    "[1:2:3:4:5:6:7]",
    "[1:2:3:4:5:6:7:8:9]",
    "[1:2:3:4:5:6:7:8::]",
    "[::1:2:3:4:5:6:7:8]",
    "[1::2::3]",
    "[12345::]",
    "[g::]",
    "[1:]",
    "[:1]",
    "[1:::2]",
    "[::1.2.3]",
    "[::1.2.3.256]",
    "[::1.2.3.4:5]",
    "[1:2:3:4:5:6:7:1.2.3.4]",
    "[192.168.1.7]",
    "[fe80::1%]",
    "[fe80::1%25]",
    "[fe80::1%eth0",
    "[fe80::1%eth 0]",
    "[fe80::1%eth%0]",
    "[fe80::1%eth0]x",
    "[%eth0]",
    "[v1.a]",
    "[lamp]",
};

static void everything_else_is_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        ota_ws_host_name_t host;
        if (ota_ws_host_name_read(refused[i], &host)) {
            fail_msg("'%s' is taken", refused[i]);
        }
    }
}

static void a_name_is_no_longer_than_dns_allows(void **state) {
    (void)state;
    char label[128];
    char name[300] = "";
    ota_ws_host_name_t host;
    memset(label, 'a', 64);
    label[64] = '\0';
    assert_false(ota_ws_host_name_read(label, &host));
    assert_true(ota_ws_host_name_read(label + 1, &host));
    for (int i = 0; i < 4; i++) {
        snprintf(name + strlen(name), sizeof name - strlen(name), "%s.", label + 1);
    }
    assert_false(ota_ws_host_name_read(name, &host)); // 255 and a dot
    assert_true(ota_ws_host_name_read(name + 2, &host));
}

// Each text stands at the end of memory of its own, for the sanitizer; cut at every place and with every byte changed.
static void no_text_leads_the_reader_astray(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        size_t length = strlen(addresses[i].text);
        for (size_t cut = 0; cut <= length; cut++) {
            char *copy = malloc(cut + 1);
            memcpy(copy, addresses[i].text, cut);
            copy[cut] = '\0';
            ota_ws_host_name_t host;
            (void)ota_ws_host_name_read(copy, &host);
            for (size_t at = 0; at < cut; at++) {
                for (int byte = 1; byte < 256; byte++) {
                    copy[at] = (char)byte;
                    (void)ota_ws_host_name_read(copy, &host);
                }
                copy[at] = addresses[i].text[at];
            }
            free(copy);
        }
    }
}

static bool same(const char *a, const char *b) {
    ota_ws_host_name_t first = read_ok(a);
    ota_ws_host_name_t second = read_ok(b);
    return ota_ws_host_name_same(&first, &second);
}

static void hosts_are_compared_by_what_they_mean(void **state) {
    (void)state;
    assert_true(same("LAMP.local", "lamp.LOCAL.:80"));
    assert_true(same("[FD77:0:0::1]", "[fd77::1]:8070"));
    assert_true(same("[::ffff:127.0.0.1]", "127.0.0.1"));
    assert_true(same("[fe80::1%25a]", "[fe80::1%b]"));
    assert_false(same("lamp", "lamps"));
    assert_false(same("lamp", "127.0.0.1"));
    assert_false(same("127.0.0.1", "127.0.0.2"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_in_every_form), cmocka_unit_test(names_are_read_without_port_and_last_dot),
        cmocka_unit_test(everything_else_is_refused),       cmocka_unit_test(a_name_is_no_longer_than_dns_allows),
        cmocka_unit_test(no_text_leads_the_reader_astray),  cmocka_unit_test(hosts_are_compared_by_what_they_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
