// SPDX-License-Identifier: Apache-2.0
// HMAC-SHA-256 by RFC 4231, PBKDF2-HMAC-SHA-256 by RFC 7914 section 11, both against OpenSSL, over the hash port.
#include "testing.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "hash.h"
#include "hash_openssl.h"
#include "text.h"

static void assert_mac(const void *key, size_t key_length, const void *bytes, size_t length, const char *expected) {
    uint8_t mac[32];
    char text[65];
    ota_ws_hmac(&ota_ws_hash_openssl, key, key_length, bytes, length, mac);
    ota_ws_text_hex(text, mac, 32);
    text[strlen(expected)] = '\0';
    assert_string_equal(text, expected);
}

static void the_cases_of_rfc_4231(void **state) {
    (void)state;
    uint8_t key[131];
    uint8_t data[50];
    memset(key, 0x0b, 20);
    assert_mac(key, 20, "Hi There", 8, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    assert_mac("Jefe", 4, "what do ya want for nothing?", 28,
               "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    memset(data, 0xdd, sizeof data);
    assert_mac(key, 20, data, 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    for (uint8_t i = 0; i < 25; i++) {
        key[i] = (uint8_t)(i + 1);
    }
    memset(data, 0xcd, sizeof data);
    assert_mac(key, 25, data, 50, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
    memset(key, 0x0c, 20);
    assert_mac(key, 20, "Test With Truncation", 20, "a3b6167473100ee06e0c796c2955552b");
    memset(key, 0xaa, sizeof key);
    assert_mac(key, 131, "Test Using Larger Than Block-Size Key - Hash Key First", 54,
               "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    static const char long_text[] = "This is a test using a larger than block-size key and a larger than block-size "
                                    "data. The key needs to be hashed before being used by the HMAC algorithm.";
    assert_mac(key, 131, long_text, strlen(long_text),
               "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

static void keys_and_texts_of_every_length_agree_with_openssl(void **state) {
    (void)state;
    uint8_t bytes[200];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 37 + 11);
    }
    for (size_t key = 0; key <= 130; key++) {
        for (size_t length = 0; length <= 130; length += 13) {
            uint8_t mac[32];
            uint8_t expected[32];
            ota_ws_hmac(&ota_ws_hash_openssl, bytes, key, bytes + 7, length, mac);
            assert_non_null(HMAC(EVP_sha256(), bytes, (int)key, bytes + 7, length, expected, NULL));
            assert_memory_equal(mac, expected, 32);
        }
    }
}

static void a_text_in_pieces_has_the_same_mac(void **state) {
    (void)state;
    static const char text[] = "what do ya want for nothing?";
    uint8_t whole[32];
    ota_ws_hmac(&ota_ws_hash_openssl, "Jefe", 4, text, 28, whole);
    for (size_t at = 0; at <= 28; at++) {
        ota_ws_hmac_t hmac;
        uint8_t mac[32];
        ota_ws_hmac_start(&hmac, &ota_ws_hash_openssl, "Jefe", 4);
        ota_ws_hmac_update(&hmac, text, at);
        ota_ws_hmac_update(&hmac, text + at, 28 - at);
        ota_ws_hmac_finish(&hmac, mac);
        assert_memory_equal(mac, whole, 32);
    }
}

static void the_mac_may_replace_its_key_or_its_text(void **state) {
    (void)state;
    uint8_t expected[32];
    uint8_t key[32] = "0123456789abcdef0123456789abcde";
    uint8_t text[32] = "the text that is to be replaced";
    ota_ws_hmac(&ota_ws_hash_openssl, key, 32, text, 32, expected);
    uint8_t other_key[32];
    memcpy(other_key, key, 32);
    ota_ws_hmac(&ota_ws_hash_openssl, key, 32, text, 32, key);
    assert_memory_equal(key, expected, 32);
    ota_ws_hmac(&ota_ws_hash_openssl, other_key, 32, text, 32, text);
    assert_memory_equal(text, expected, 32);
}

static void assert_pbkdf2(const char *password, const char *salt, uint32_t iterations, const char *expected) {
    uint8_t key[32];
    char text[65];
    ota_ws_pbkdf2(&ota_ws_hash_openssl, password, (const uint8_t *)salt, strlen(salt), iterations, key);
    ota_ws_text_hex(text, key, 32);
    assert_string_equal(text, expected);
}

// The RFC gives 64 bytes; the first block is the first 32 of them.
static void the_cases_of_rfc_7914(void **state) {
    (void)state;
    assert_pbkdf2("passwd", "salt", 1, "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc");
    assert_pbkdf2("Password", "NaCl", 80000, "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56");
}

static void pbkdf2_agrees_with_openssl(void **state) {
    (void)state;
    static const char *const passwords[] = {"", "a", "K7MQ-2RTX-9WPD",
                                            "a password that is longer than one block of SHA-256, which has 64 bytes"};
    static const uint32_t iterations[] = {1, 2, 3, 4096};
    const uint8_t salt[16] = {0, 1, 2, 0xFF, 0x80, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    for (size_t i = 0; i < COUNT_OF(passwords); i++) {
        for (size_t k = 0; k < COUNT_OF(iterations); k++) {
            uint8_t key[32];
            uint8_t expected[32];
            ota_ws_pbkdf2(&ota_ws_hash_openssl, passwords[i], salt, 16, iterations[k], key);
            PKCS5_PBKDF2_HMAC(passwords[i], (int)strlen(passwords[i]), salt, 16, (int)iterations[k], EVP_sha256(), 32,
                              expected);
            assert_memory_equal(key, expected, 32);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cases_of_rfc_4231),
        cmocka_unit_test(keys_and_texts_of_every_length_agree_with_openssl),
        cmocka_unit_test(a_text_in_pieces_has_the_same_mac),
        cmocka_unit_test(the_mac_may_replace_its_key_or_its_text),
        cmocka_unit_test(the_cases_of_rfc_7914),
        cmocka_unit_test(pbkdf2_agrees_with_openssl),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
