// SPDX-License-Identifier: Apache-2.0
// The header of an encrypted image, whole, byte by byte and at every split; and what refused decrypted bytes are
// called.
#include "testing.h"

#include "guard.h"
#include "image/encrypted.h"
#include "image/image.h"
#include "vectors.h"

static ota_ws_status_t feed_all(const uint8_t *bytes, size_t length, uint32_t file_size) {
    ota_ws_encrypted_t header;
    ota_ws_encrypted_init(&header, file_size);
    return ota_ws_encrypted_feed(&header, bytes, length);
}

static void headers_made_by_espressif_are_understood(void **state) {
    (void)state;
    static const char *const names[] = {"rsa.bin", "ecies.bin", "rsa_odd.bin", "ecies_odd.bin"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        image_file_t file = vector_load(names[i]);
        ota_ws_encrypted_t header;
        ota_ws_encrypted_init(&header, (uint32_t)file.length);
        assert_int_equal(ota_ws_encrypted_feed(&header, file.bytes, file.length), OTA_WS_OK);
        assert_int_equal(header.length, file.length - 512);
        image_free(&file);
    }
}

static void a_header_may_be_split_anywhere(void **state) {
    (void)state;
    image_file_t file = vector_load("rsa.bin");
    for (size_t split = 0; split <= 512; split++) {
        uint8_t *first = guard_copy(file.bytes, split);
        uint8_t *second = guard_copy(file.bytes + split, 512 - split);
        ota_ws_encrypted_t header;
        ota_ws_encrypted_init(&header, (uint32_t)file.length);
        assert_int_equal(ota_ws_encrypted_feed(&header, first, split), OTA_WS_OK);
        assert_int_equal(ota_ws_encrypted_feed(&header, second, 512 - split), OTA_WS_OK);
        assert_int_equal(header.length, 4096);
        guard_free(first, split);
        guard_free(second, 512 - split);
    }
    ota_ws_encrypted_t header;
    ota_ws_encrypted_init(&header, (uint32_t)file.length);
    for (size_t i = 0; i < file.length; i++) {
        assert_int_equal(ota_ws_encrypted_feed(&header, file.bytes + i, 1), OTA_WS_OK);
    }
    assert_int_equal(header.length, 4096);
    image_free(&file);
}

static void the_length_must_be_that_of_the_file(void **state) {
    (void)state;
    image_file_t file = vector_load("ecies.bin");
    const uint32_t size = (uint32_t)file.length;
    static const struct {
        int64_t more;
        ota_ws_status_t status;
    } cases[] = {{0, OTA_WS_OK},
                 {1, OTA_WS_TRAILING_BYTES},
                 {88, OTA_WS_TRAILING_BYTES},
                 {0xFFFF0000 - 4608, OTA_WS_TRAILING_BYTES},
                 {-1, OTA_WS_TRUNCATED},
                 {-4095, OTA_WS_TRUNCATED},
                 {-4096, OTA_WS_TRUNCATED},
                 {-4097, OTA_WS_TRUNCATED},
                 {4 - 4608, OTA_WS_TRUNCATED},
                 {3 - 4608, OTA_WS_NOT_ENCRYPTED}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(feed_all(file.bytes, 512, (uint32_t)(size + cases[i].more)), cases[i].status);
    }
    image_free(&file);
}

static void what_is_too_small_for_an_image_is_too_short(void **state) {
    (void)state;
    uint8_t bytes[512] = {0xcf, 0xb6, 0x88, 0x07};
    assert_int_equal(feed_all(bytes, sizeof bytes, 512), OTA_WS_TOO_SHORT);
    bytes[404] = 0x1F;
    bytes[405] = 0x01;
    assert_int_equal(feed_all(bytes, sizeof bytes, 512 + 287), OTA_WS_TOO_SHORT);
    bytes[404] = 0x20;
    assert_int_equal(feed_all(bytes, sizeof bytes, 512 + 288), OTA_WS_OK);
}

// With the fourth byte it is certain; nothing else of the file is needed.
static void another_magic_is_found_at_once(void **state) {
    (void)state;
    for (int at = 0; at < 4; at++) {
        for (int bit = 0; bit < 8; bit++) {
            uint8_t bytes[4] = {0xcf, 0xb6, 0x88, 0x07};
            bytes[at] ^= (uint8_t)(1 << bit);
            assert_int_equal(feed_all(bytes, 4, 100000), OTA_WS_NOT_ENCRYPTED);
        }
    }
    image_file_t plain = vector_load("plain.bin");
    assert_int_equal(feed_all(plain.bytes, 3, 4096), OTA_WS_OK);
    assert_int_equal(feed_all(plain.bytes, 4, 4096), OTA_WS_NOT_ENCRYPTED);
    image_free(&plain);
}

// ---- what refused bytes are called ----

static ota_ws_status_t examine(const uint8_t head[OTA_WS_IMAGE_HEAD_SIZE]) {
    ota_ws_image_t image;
    ota_ws_image_init(&image);
    return ota_ws_image_feed(&image, head, OTA_WS_IMAGE_HEAD_SIZE);
}

static void noise_is_a_wrong_key(void **state) {
    (void)state;
    uint32_t random = 1;
    unsigned other_names = 0;
    for (unsigned i = 0; i < 100000; i++) {
        uint8_t head[OTA_WS_IMAGE_HEAD_SIZE];
        for (size_t k = 0; k < sizeof head; k++) {
            random = random * 1664525 + 1013904223;
            head[k] = (uint8_t)(random >> 24);
        }
        const ota_ws_status_t status = examine(head);
        assert_int_not_equal(status, OTA_WS_OK);
        other_names += ota_ws_encrypted_judge(status, head, sizeof head) != OTA_WS_WRONG_KEY;
    }
    print_message("of 100000 noisy heads %u do not look like a wrong key\n", other_names);
    assert_true(other_names < 40); // 11 are to be expected
}

static void other_images_keep_their_names(void **state) {
    (void)state;
    static const char *const names[] = {"no-segments", "17-segments", "odd-segment", "huge-segment", "no-description",
                                        "bootloader",  "merged",      "merged-1000", "esp8266",      "erased"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        image_file_t file = image_build_defective(&image_spec_default, image_defect_find(names[i]));
        const ota_ws_status_t status = examine(file.bytes);
        assert_int_not_equal(status, OTA_WS_OK);
        assert_int_equal(ota_ws_encrypted_judge(status, file.bytes, OTA_WS_IMAGE_HEAD_SIZE), status);
        image_free(&file);
    }
}

// Of a head that ends early nothing can be said but that the key does not open it.
static void the_first_bytes_alone_are_judged_as_far_as_they_go(void **state) {
    (void)state;
    static const uint8_t head[12] = {0xE9, 1, 2, 0x20};
    for (size_t length = 0; length <= sizeof head; length++) {
        uint8_t *bytes = guard_copy(head, length);
        const ota_ws_status_t status = ota_ws_encrypted_judge(OTA_WS_TOO_SHORT, bytes, length);
        assert_int_equal(status, length < 4 ? OTA_WS_WRONG_KEY : OTA_WS_TOO_SHORT);
        guard_free(bytes, length);
    }
}

// Spi modes up to 5 and sizes up to 9 exist (esp_image_spi_mode_t, esp_image_flash_size_t): more is no header.
static void a_header_with_values_that_do_not_exist_is_a_wrong_key(void **state) {
    (void)state;
    static const struct {
        uint8_t head[4];
        bool plausible;
    } cases[] = {{{0xE9, 1, 5, 0x9F}, true}, {{0xE9, 1, 6, 0x9F}, false}, {{0xE9, 1, 5, 0xA0}, false},
                 {{0xEA, 1, 0, 0x00}, true}, {{0xEB, 1, 0, 0x00}, false}, {{0xE8, 1, 0, 0x00}, false}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(ota_ws_encrypted_judge(OTA_WS_BAD_SEGMENTS, cases[i].head, 4),
                         cases[i].plausible ? OTA_WS_BAD_SEGMENTS : OTA_WS_WRONG_KEY);
    }
}

static void an_image_encrypted_twice_is_no_image(void **state) {
    (void)state;
    image_file_t file = vector_load("rsa.bin");
    assert_int_equal(examine(file.bytes), OTA_WS_ENCRYPTED_IMAGE);
    assert_int_equal(ota_ws_encrypted_judge(OTA_WS_ENCRYPTED_IMAGE, file.bytes, 288), OTA_WS_NOT_AN_IMAGE);
    image_free(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_made_by_espressif_are_understood),
        cmocka_unit_test(a_header_may_be_split_anywhere),
        cmocka_unit_test(the_length_must_be_that_of_the_file),
        cmocka_unit_test(what_is_too_small_for_an_image_is_too_short),
        cmocka_unit_test(another_magic_is_found_at_once),
        cmocka_unit_test(noise_is_a_wrong_key),
        cmocka_unit_test(other_images_keep_their_names),
        cmocka_unit_test(the_first_bytes_alone_are_judged_as_far_as_they_go),
        cmocka_unit_test(a_header_with_values_that_do_not_exist_is_a_wrong_key),
        cmocka_unit_test(an_image_encrypted_twice_is_no_image),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
