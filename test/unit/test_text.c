// SPDX-License-Identifier: Apache-2.0
// Bounded copies, numbers, hex and base 64, against the vectors of RFC 4648 and against OpenSSL.
#include "testing.h"

#include <arpa/inet.h>
#include <openssl/evp.h>

#include "bytes.h"
#include "text.h"

static void a_copy_is_cut_and_terminated(void **state) {
    (void)state;
    char to[6];
    memset(to, 'x', sizeof to);
    ota_ws_text_copy(to, 5, "abcdefgh");
    assert_memory_equal(to, "abcd\0x", 6);
    ota_ws_text_copy(to, 5, "abcd");
    assert_string_equal(to, "abcd");
    ota_ws_text_copy(to, 5, "");
    assert_string_equal(to, "");
    ota_ws_text_copy(to, 1, "abc");
    assert_string_equal(to, "");
}

static void numbers_are_written_in_decimal(void **state) {
    (void)state;
    const uint32_t values[] = {0, 1, 9, 10, 99, 100, 4096, 999999999, 1000000000, UINT32_MAX};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        char text[11];
        char expected[16];
        ota_ws_text_number(text, values[i]);
        snprintf(expected, sizeof expected, "%u", values[i]);
        assert_string_equal(text, expected);
    }
}

static void addresses_are_written_as_rfc_5952_wants_them(void **state) {
    (void)state;
    static const char *const addresses[] = {"192.168.1.7",
                                            "0.0.0.0",
                                            "255.255.255.255",
                                            "::",
                                            "::1",
                                            "1::",
                                            "fe80::1",
                                            "2001:db8::1:0:0:1",
                                            "2001:db8:0:1:1:1:1:1",
                                            "1:2:3:4:5:6::",
                                            "::3:4:5:6:7:8",
                                            "ff02:0:0:1::",
                                            "2001:db8:a0b:12f0:ffff:ffff:ffff:ffff"};
    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        uint8_t bytes[16] = {[10] = 0xFF, [11] = 0xFF};
        char text[OTA_WS_TEXT_ADDRESS_SIZE];
        bool is_v4 = strchr(addresses[i], ':') == NULL;
        assert_int_equal(inet_pton(is_v4 ? AF_INET : AF_INET6, addresses[i], bytes + (is_v4 ? 12 : 0)), 1);
        ota_ws_text_address(text, bytes);
        assert_string_equal(text, addresses[i]);
    }
}

static void hex_goes_there_and_back(void **state) {
    (void)state;
    uint8_t bytes[256];
    uint8_t back[256];
    char text[513];
    for (int i = 0; i < 256; i++) {
        bytes[i] = (uint8_t)i;
    }
    ota_ws_text_hex(text, bytes, 256);
    assert_memory_equal(text, "000102", 6);
    assert_string_equal(text + 506, "fdfeff");
    assert_true(ota_ws_text_unhex(text, back, 256));
    assert_memory_equal(back, bytes, 256);
    assert_true(ota_ws_text_unhex("aBCdeF", back, 3));
    assert_memory_equal(back, "\xab\xcd\xef", 3);
}

static void hex_of_another_length_or_with_other_characters_is_refused(void **state) {
    (void)state;
    uint8_t bytes[2];
    static const char *const wrong[] = {"",     "0",    "000",  "00000", "000g", "0 00",
                                        "00 0", "-000", "00:0", "@000",  "`000"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_false(ota_ws_text_unhex(wrong[i], bytes, 2));
    }
}

static void equal_means_every_byte(void **state) {
    (void)state;
    uint8_t a[32] = {0};
    uint8_t b[32] = {0};
    assert_true(ota_ws_bytes_equal(a, b, 32));
    for (int i = 0; i < 256; i++) {
        b[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_false(ota_ws_bytes_equal(a, b, 32));
        b[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    assert_true(ota_ws_bytes_equal(a, b, 0));
    memset(a, 0x5A, sizeof a);
    memset(b, 0x5A, sizeof b);
    assert_true(ota_ws_bytes_equal(a, b, 32));
}

static void wiped_bytes_are_zero_and_no_others(void **state) {
    (void)state;
    uint8_t bytes[34];
    static const uint8_t zeros[32] = {0};
    memset(bytes, 0xA5, sizeof bytes);
    ota_ws_wipe(bytes + 1, 32);
    assert_memory_equal(bytes + 1, zeros, 32);
    assert_int_equal(bytes[0], 0xA5);
    assert_int_equal(bytes[33], 0xA5);
}

static void integers_are_little_endian_at_any_alignment(void **state) {
    (void)state;
    const uint8_t bytes[] = {0xFF, 0x78, 0x56, 0x34, 0xF2};
    assert_int_equal(ota_ws_read_u16(bytes + 1), 0x5678);
    assert_true(ota_ws_read_u32(bytes + 1) == 0xF2345678u);
}

static void base64_is_that_of_rfc_4648(void **state) {
    (void)state;
    static const char *const vectors[][2] = {{"", ""},
                                             {"f", "Zg=="},
                                             {"fo", "Zm8="},
                                             {"foo", "Zm9v"},
                                             {"foob", "Zm9vYg=="},
                                             {"fooba", "Zm9vYmE="},
                                             {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        char text[16];
        uint8_t bytes[8];
        const size_t length = strlen(vectors[i][0]);
        ota_ws_base64(text, (const uint8_t *)vectors[i][0], length);
        assert_string_equal(text, vectors[i][1]);
        assert_int_equal(OTA_WS_BASE64_LENGTH(length), strlen(text));
        assert_true(ota_ws_unbase64(text, strlen(text), bytes, length));
        assert_memory_equal(bytes, vectors[i][0], length);
    }
}

static void base64_agrees_with_openssl(void **state) {
    (void)state;
    uint8_t bytes[OTA_WS_UNBASE64_MAX];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 89 + 250);
    }
    for (size_t length = 1; length <= sizeof bytes; length++) {
        char text[100];
        char expected[100];
        uint8_t back[OTA_WS_UNBASE64_MAX];
        ota_ws_base64(text, bytes, length);
        EVP_EncodeBlock((uint8_t *)expected, bytes, (int)length);
        assert_string_equal(text, expected);
        assert_true(ota_ws_unbase64(text, strlen(text), back, length));
        assert_memory_equal(back, bytes, length);
    }
}

static void digits_and_letters_are_known_from_all_others(void **state) {
    (void)state;
    for (int c = -128; c < 128; c++) {
        const char text[] = {(char)c, '\0'};
        const bool is_digit = c != 0 && strchr("0123456789abcdefABCDEF", c) != NULL;
        const bool is_upper = c >= 'A' && c <= 'Z';
        assert_int_equal(ota_ws_text_digit((char)c), is_digit ? strtoul(text, NULL, 16) : 16);
        assert_int_equal(ota_ws_text_lower((char)c), is_upper ? (char)(c - 'A' + 'a') : (char)c);
    }
}

static void a_text_goes_on_behind_its_beginning(void **state) {
    (void)state;
    const char *text = "r=nonce";
    assert_ptr_equal(ota_ws_text_behind(text, "r="), text + 2);
    assert_ptr_equal(ota_ws_text_behind(text, ""), text);
    assert_ptr_equal(ota_ws_text_behind(text, "r=nonce"), text + 7);
    assert_null(ota_ws_text_behind(text, "r=nonces"));
    assert_null(ota_ws_text_behind(text, "s="));
    assert_null(ota_ws_text_behind(text, "R="));
    assert_null(ota_ws_text_behind("", "r"));
    assert_string_equal(ota_ws_text_at("a\0bcd\0\0e", 1), "bcd");
    assert_string_equal(ota_ws_text_at("a\0bcd\0\0e", 3), "e");
}

static void appended_texts_follow_each_other(void **state) {
    (void)state;
    char to[8];
    memset(to, 'x', sizeof to);
    char *end = ota_ws_text_append(ota_ws_text_append(ota_ws_text_append(to, "abc"), ""), "de");
    assert_ptr_equal(end, to + 5);
    assert_memory_equal(to, "abcde\0x", 7);
}

static void assert_no_base64(const char *text, size_t length) {
    uint8_t bytes[8];
    if (ota_ws_unbase64(text, strlen(text), bytes, length)) {
        fail_msg("'%s' is taken for %zu bytes", text, length);
    }
}

static void wrong_base64_is_refused(void **state) {
    (void)state;
    assert_no_base64("Zg", 1);
    assert_no_base64("Zg=", 1);
    assert_no_base64("Zg===", 1);
    assert_no_base64("Zg==", 2);
    assert_no_base64("Zm8=", 1);
    assert_no_base64("Zm9v", 2);
    assert_no_base64("Zm9v", 4);
    assert_no_base64("Zm9vZm9v", 3);
    assert_no_base64("Zm9-", 3);
    assert_no_base64("Zm9_", 3);
    assert_no_base64("Zm 9", 3);
    assert_no_base64("Z===", 1);
    assert_no_base64("====", 1);
    assert_no_base64("Z=g=", 2);
    assert_no_base64("", 1);
}

static void base64_with_a_zero_byte_inside_is_refused(void **state) {
    (void)state;
    static const char *const texts[] = {"\0m9v", "Zm\0v", "Zm9\0"};
    uint8_t bytes[3];
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_false(ota_ws_unbase64(texts[i], 4, bytes, 3));
    }
}

// Two texts for the same bytes would be two proofs for the same password.
static void base64_has_one_text_for_the_same_bytes(void **state) {
    (void)state;
    assert_no_base64("Zh==", 1);
    assert_no_base64("Zm9=", 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_is_cut_and_terminated),
        cmocka_unit_test(numbers_are_written_in_decimal),
        cmocka_unit_test(addresses_are_written_as_rfc_5952_wants_them),
        cmocka_unit_test(hex_goes_there_and_back),
        cmocka_unit_test(hex_of_another_length_or_with_other_characters_is_refused),
        cmocka_unit_test(equal_means_every_byte),
        cmocka_unit_test(wiped_bytes_are_zero_and_no_others),
        cmocka_unit_test(integers_are_little_endian_at_any_alignment),
        cmocka_unit_test(base64_is_that_of_rfc_4648),
        cmocka_unit_test(base64_agrees_with_openssl),
        cmocka_unit_test(digits_and_letters_are_known_from_all_others),
        cmocka_unit_test(appended_texts_follow_each_other),
        cmocka_unit_test(a_text_goes_on_behind_its_beginning),
        cmocka_unit_test(wrong_base64_is_refused),
        cmocka_unit_test(base64_with_a_zero_byte_inside_is_refused),
        cmocka_unit_test(base64_has_one_text_for_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
