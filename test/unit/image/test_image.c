// SPDX-License-Identifier: Apache-2.0
// The image parser: real and made images in pieces of every kind, cut at every byte, with every byte changed, and each
// defect of the image builder under its own name. Inputs end where the readable memory ends.
#include "testing.h"

#include "guard.h"
#include "hash_openssl.h"
#include "image/chip.h"
#include "image_inspection.h"
#include "sample.h"

static ota_ws_status_t inspect_in_pieces(const uint8_t *bytes, size_t length, size_t piece,
                                         image_inspection_t *inspection) {
    image_inspection_start(inspection, &ota_ws_hash_openssl);
    for (size_t at = 0; at < length; at += piece) {
        image_inspection_feed(inspection, bytes + at, piece < length - at ? piece : length - at);
    }
    return image_inspection_finish(inspection);
}

// As the machine does it alone, on a device: but for the appended digest it says the same.
static ota_ws_status_t examine_in_pieces(const uint8_t *bytes, size_t length, size_t piece, ota_ws_image_t *image) {
    image_inspection_t inspection;
    ota_ws_status_t all = inspect_in_pieces(bytes, length, piece, &inspection);
    ota_ws_image_init(image);
    for (size_t at = 0; at < length; at += piece) {
        ota_ws_image_feed(image, bytes + at, piece < length - at ? piece : length - at);
    }
    ota_ws_status_t alone = ota_ws_image_finish(image);
    assert_true(all == alone || all == OTA_WS_BAD_IMAGE_DIGEST);
    return all;
}

static ota_ws_status_t examine(const uint8_t *bytes, size_t length) {
    ota_ws_image_t image;
    return examine_in_pieces(bytes, length, length > 0 ? length : 1, &image);
}

static ota_ws_status_t examine_split(const uint8_t *bytes, size_t length, size_t at) {
    image_inspection_t inspection;
    image_inspection_start(&inspection, &ota_ws_hash_openssl);
    image_inspection_feed(&inspection, bytes, at);
    image_inspection_feed(&inspection, bytes + at, length - at);
    return image_inspection_finish(&inspection);
}

static image_file_t small_image(bool digest, bool signature) {
    image_spec_t spec = image_spec_default;
    spec.size = 1040;
    spec.digest = digest;
    spec.signature = signature;
    return image_build(&spec);
}

// ---- accepted ----

static void real_images_are_what_they_are(void **state) {
    (void)state;
    for (size_t i = 0; i < sample_count; i++) {
        image_file_t file = sample_load(&sample_list[i]);
        uint8_t *bytes = guard_copy(file.bytes, file.length);
        ota_ws_image_t image;
        const ota_ws_status_t status = examine_in_pieces(bytes, file.length, 4096, &image);
        assert_string_equal(ota_ws_status_name(status), sample_list[i].status);
        if (status == OTA_WS_OK) {
            assert_int_equal(image.header.chip_id, sample_list[i].chip_id);
            assert_string_equal(image.description.project, sample_list[i].project);
            assert_int_equal(image.length, file.length);
            assert_false(image.is_signed);
        }
        guard_free(bytes, file.length);
        image_free(&file);
    }
}

static void a_real_image_is_read_field_by_field(void **state) {
    (void)state;
    if (!samples_are_real()) {
        print_message("no real image here\n");
        skip();
    }
    image_file_t file = sample_load(&sample_list[2]); // ESP32-C3; values read from the file with xxd
    image_inspection_t inspection;
    const ota_ws_image_t *image = &inspection.image;
    assert_int_equal(inspect_in_pieces(file.bytes, file.length, 1000, &inspection), OTA_WS_OK);
    assert_int_equal(image->header.segment_count, 5);
    assert_int_equal(image_inspection_flash_mode(&inspection), 2);
    assert_int_equal(image_inspection_flash_speed(&inspection), 15);
    assert_int_equal(image_inspection_flash_size(&inspection), 1);
    assert_int_equal(image_inspection_entry(&inspection), 0x40380250);
    assert_int_equal(image->header.min_revision, 3);
    assert_int_equal(image->header.max_revision, 199);
    assert_true(image->header.hash_appended);
    assert_string_equal(image->description.version, "v1.4.1-2-g0296947-dirty");
    assert_int_equal(inspection.segments[0].load_address, 0x3c010020);
    assert_int_equal(inspection.segments[0].length, 0x16d4);
    assert_int_equal(inspection.segments[0].file_offset, 32);
    assert_int_equal(inspection.segments[1].file_offset, 32 + 0x16d4 + 8);
    image_free(&file);
}

static void made_images_are_accepted_with_and_without_digest_and_signature(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++) {
        image_file_t file = small_image(i & 1, i & 2);
        ota_ws_image_t image;
        assert_int_equal(examine_in_pieces(file.bytes, file.length, file.length, &image), OTA_WS_OK);
        assert_int_equal(image.is_signed, (i & 2) != 0);
        assert_int_equal(image.header.hash_appended, i & 1);
        image_free(&file);
    }
}

static void all_that_the_header_and_the_description_say_is_read(void **state) {
    (void)state;
    image_spec_t spec = image_spec_default;
    spec.chip_id = 0x0012;
    spec.min_revision = 301;
    spec.max_revision = 399;
    spec.secure_version = 0x01020304;
    spec.version = "12345678901234567890123456789012"; // fills its field, no terminating zero
    spec.project = "tab\there\x7f\xc3\xa9~";
    spec.segments = 16;
    image_file_t file = image_build(&spec);
    image_inspection_t inspection;
    const ota_ws_image_t *image = &inspection.image;
    assert_int_equal(inspect_in_pieces(file.bytes, file.length, 300, &inspection), OTA_WS_OK);
    assert_int_equal(image->header.chip_id, 0x0012);
    assert_int_equal(image->header.min_revision, 301);
    assert_int_equal(image->header.max_revision, 399);
    assert_int_equal(image->header.segment_count, 16);
    assert_int_equal(image->description.secure_version, 0x01020304);
    assert_string_equal(image->description.version, "12345678901234567890123456789012");
    assert_memory_equal(image->description.project, "tab?here???~", 13);
    assert_string_equal(image->description.time, "12:00:00");
    assert_string_equal(image->description.date, "Jan  1 2026");
    assert_string_equal(image->description.idf, "v5.4.1");
    assert_memory_equal(image->description.elf_sha256, file.bytes + 176, 32);
    uint32_t at = 32;
    for (int i = 0; i < 16; at += inspection.segments[i++].length + 8) {
        assert_int_equal(inspection.segments[i].file_offset, at);
    }
    image_free(&file);
}

// ---- pieces ----

static void an_image_byte_by_byte_is_the_same_image(void **state) {
    (void)state;
    image_file_t file = small_image(true, true);
    ota_ws_image_t image;
    assert_int_equal(examine_in_pieces(file.bytes, file.length, 1, &image), OTA_WS_OK);
    assert_true(image.is_signed);
    assert_int_equal(image.length, 1040);
    image_free(&file);
}

static void an_image_split_anywhere_is_the_same_image(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++) {
        image_file_t file = small_image(i & 1, i & 2);
        for (size_t at = 0; at <= file.length; at++) {
            assert_int_equal(examine_split(file.bytes, file.length, at), OTA_WS_OK);
        }
        image_free(&file);
    }
}

static void a_defect_split_anywhere_is_the_same_defect(void **state) {
    (void)state;
    image_spec_t spec = image_spec_default;
    spec.size = 1040;
    for (size_t i = 0; i < image_defect_count; i++) {
        image_file_t file = image_build_defective(&spec, &image_defects[i]);
        const ota_ws_status_t status = examine(file.bytes, file.length);
        const size_t step = file.length > 8192 ? 511 : 1;
        for (size_t at = 0; at <= file.length; at += step) {
            assert_int_equal(examine_split(file.bytes, file.length, at), status);
        }
        image_free(&file);
    }
}

static void the_head_is_known_at_its_last_byte(void **state) {
    (void)state;
    image_file_t file = small_image(true, false);
    uint8_t *head = guard_copy(file.bytes, OTA_WS_IMAGE_HEAD_SIZE);
    ota_ws_image_t image;
    ota_ws_image_init(&image);
    for (size_t at = 0; at < OTA_WS_IMAGE_HEAD_SIZE; at++) {
        assert_false(ota_ws_image_head_known(&image));
        assert_int_equal(ota_ws_image_feed(&image, head + at, 1), OTA_WS_OK);
    }
    assert_true(ota_ws_image_head_known(&image));
    assert_string_equal(image.description.project, "demo");
    guard_free(head, OTA_WS_IMAGE_HEAD_SIZE);
    image_free(&file);
}

// ---- refused ----

static void every_defect_has_its_name(void **state) {
    (void)state;
    for (size_t i = 0; i < image_defect_count; i++) {
        image_file_t file = image_build_defective(&image_spec_default, &image_defects[i]);
        uint8_t *bytes = guard_copy(file.bytes, file.length);
        const char *name = ota_ws_status_name(examine(bytes, file.length));
        // Only its size distinguishes a merged image from the bootloader that it begins with: that is the pipeline's
        // affair.
        const bool merged =
            strcmp(image_defects[i].name, "merged") == 0 || strcmp(image_defects[i].name, "merged-old") == 0;
        if (strcmp(name, merged ? "bootloader_image" : image_defects[i].status) != 0) {
            fail_msg("%s is called %s", image_defects[i].name, name);
        }
        guard_free(bytes, file.length);
        image_free(&file);
    }
}

static void an_image_cut_at_any_byte_is_refused(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++) {
        image_file_t file = small_image(i & 1, i & 2);
        const size_t unsigned_end = 1040;
        for (size_t length = 0; length < file.length; length++) {
            uint8_t *bytes = guard_copy(file.bytes, length);
            const ota_ws_status_t status = examine(bytes, length);
            guard_free(bytes, length);
            if (length == unsigned_end) {
                assert_int_equal(status, OTA_WS_OK); // without its signature it is an image, only not a signed one
            } else if (length < OTA_WS_IMAGE_HEAD_SIZE) {
                assert_true(status == OTA_WS_EMPTY || status == OTA_WS_TOO_SHORT);
            } else {
                assert_int_equal(status, length < unsigned_end ? OTA_WS_TRUNCATED : OTA_WS_TRAILING_BYTES);
            }
        }
        image_free(&file);
    }
}

static void real_images_cut_anywhere_are_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sample_count; i++) {
        image_file_t file = sample_load(&sample_list[i]);
        for (size_t length = 1; length < file.length; length += 1 + length / 7) {
            assert_int_not_equal(examine(file.bytes, length), OTA_WS_OK);
        }
        assert_int_not_equal(examine(file.bytes, file.length - 1), OTA_WS_OK);
        image_free(&file);
    }
}

static void one_bit_changed_anywhere_is_refused(void **state) {
    (void)state;
    image_file_t file = small_image(true, false);
    for (size_t bit = 0; bit < file.length * 8; bit++) {
        file.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        uint8_t *bytes = guard_copy(file.bytes, file.length);
        assert_int_not_equal(examine(bytes, file.length), OTA_WS_OK);
        guard_free(bytes, file.length);
        file.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    image_free(&file);
}

static void one_byte_changed_in_real_images_is_refused(void **state) {
    (void)state;
    image_file_t file = sample_load(&sample_list[4]); // the smallest
    for (size_t at = 0; at < file.length; at += at < 400 ? 1 : 97) {
        file.bytes[at] ^= 0xA5;
        assert_int_not_equal(examine(file.bytes, file.length), OTA_WS_OK);
        file.bytes[at] ^= 0xA5;
    }
    image_free(&file);
}

static void without_a_digest_the_checksum_still_sees_one_changed_data_byte(void **state) {
    (void)state;
    image_file_t file = small_image(false, false);
    file.bytes[700] ^= 0x10;
    assert_int_equal(examine(file.bytes, file.length), OTA_WS_BAD_CHECKSUM);
    image_free(&file);
}

static void the_first_failure_sticks(void **state) {
    (void)state;
    image_file_t file = small_image(true, false);
    ota_ws_image_t image;
    ota_ws_image_init(&image);
    file.bytes[0] = 'M';
    assert_int_equal(ota_ws_image_feed(&image, file.bytes, 288), OTA_WS_NOT_AN_IMAGE);
    file.bytes[0] = 0xE9;
    assert_int_equal(ota_ws_image_feed(&image, file.bytes, file.length), OTA_WS_NOT_AN_IMAGE);
    assert_int_equal(ota_ws_image_finish(&image), OTA_WS_NOT_AN_IMAGE);
    assert_false(ota_ws_image_head_known(&image));
    image_free(&file);
}

static void the_first_segment_must_hold_the_description(void **state) {
    (void)state;
    image_file_t file = small_image(true, false);
    const uint32_t lengths[] = {0, 4, 252, 255, 257, 0x1000004, 0x7FFFFFFC, 0x80000000, 0xFFFFFFFC};
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        memcpy(file.bytes + 28, &lengths[i], 4);
        assert_int_equal(examine(file.bytes, file.length), OTA_WS_BAD_SEGMENTS);
    }
    image_free(&file);
}

static void a_segment_of_16_mib_is_the_longest(void **state) {
    (void)state;
    image_file_t file = small_image(true, false);
    for (uint32_t i = 0; i < 2; i++) {
        const uint32_t length = 0x1000000 + 4 * i;
        ota_ws_image_t image;
        memcpy(file.bytes + 28, &length, 4);
        ota_ws_image_init(&image);
        assert_int_equal(ota_ws_image_feed(&image, file.bytes, OTA_WS_IMAGE_HEAD_SIZE),
                         i == 0 ? OTA_WS_OK : OTA_WS_BAD_SEGMENTS);
    }
    image_free(&file);
}

static void segments_whose_lengths_would_wrap_around_are_refused(void **state) {
    (void)state;
    image_spec_t spec = image_spec_default;
    spec.size = 2048;
    spec.segments = 2;
    image_file_t file = image_build(&spec);
    uint32_t first;
    memcpy(&first, file.bytes + 28, 4);
    const uint32_t lengths[] = {2, 0x1000004, 0x80000000, 0xFFFFFFE0, 0xFFFFFFFC, 0xFFFFFFFF};
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        memcpy(file.bytes + 32 + first + 4, &lengths[i], 4);
        assert_int_equal(examine(file.bytes, file.length), OTA_WS_BAD_SEGMENTS);
    }
    image_free(&file);
}

// Flash of a chip whose bootloader starts later begins with erased bytes, and more than four of them.
static void a_file_that_only_begins_with_four_erased_bytes_is_no_image_of_a_flash(void **state) {
    (void)state;
    uint8_t bytes[OTA_WS_IMAGE_HEAD_SIZE];
    memset(bytes, 0xFF, sizeof bytes);
    assert_int_equal(examine(bytes, sizeof bytes), OTA_WS_MERGED_IMAGE);
    for (size_t i = 0; i < 12; i++) {
        bytes[i] = 0xFE;
        assert_int_equal(examine(bytes, sizeof bytes), i >= 4 && i < 8 ? OTA_WS_MERGED_IMAGE : OTA_WS_NOT_AN_IMAGE);
        bytes[i] = 0xFF;
    }
}

static void each_string_may_fill_its_field(void **state) {
    (void)state;
    image_file_t file = small_image(true, false);
    ota_ws_image_t image;
    const struct {
        size_t offset, size;
        const char *text;
    } fields[] = {{16, 32, image.description.version},
                  {48, 32, image.description.project},
                  {80, 16, image.description.time},
                  {96, 16, image.description.date},
                  {112, 32, image.description.idf}};
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        memset(file.bytes + 32 + fields[i].offset, 'a' + (int)i, fields[i].size);
    }
    ota_ws_image_init(&image);
    assert_int_equal(ota_ws_image_feed(&image, file.bytes, OTA_WS_IMAGE_HEAD_SIZE), OTA_WS_OK);
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        char expected[33] = "";
        memset(expected, 'a' + (int)i, fields[i].size);
        assert_string_equal(fields[i].text, expected);
    }
    image_free(&file);
}

// Of a file that ends inside the head it is said what it looks like, as soon as that can be seen.
static void a_file_that_is_too_short_is_called_what_it_looks_like(void **state) {
    (void)state;
    image_file_t file = small_image(true, false);
    uint8_t esp8266[20] = {0xE9, 1, 2, 0x20, [8] = 0x10, 0xF0, 0x10, 0x40};
    uint8_t erased[20];
    memset(erased, 0xFF, sizeof erased);
    assert_int_equal(examine(file.bytes, 0), OTA_WS_EMPTY);
    for (size_t length = 1; length < OTA_WS_IMAGE_HEAD_SIZE; length++) {
        assert_int_equal(examine(file.bytes, length), OTA_WS_TOO_SHORT);
    }
    for (size_t length = 1; length <= 20; length++) {
        assert_int_equal(examine((const uint8_t *)"MZ: another program.", length), OTA_WS_NOT_AN_IMAGE);
        assert_int_equal(examine(esp8266, length), length < 12 ? OTA_WS_TOO_SHORT : OTA_WS_ESP8266_IMAGE);
        assert_int_equal(examine(erased, length), length < 12 ? OTA_WS_NOT_AN_IMAGE : OTA_WS_MERGED_IMAGE);
        assert_int_equal(examine((const uint8_t *)"\xEA\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", length),
                         length < 12 ? OTA_WS_NOT_AN_IMAGE : OTA_WS_ESP8266_IMAGE);
        assert_int_equal(examine((const uint8_t *)"\xCF\xB6\x88\7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", length),
                         length < 12 ? OTA_WS_NOT_AN_IMAGE : OTA_WS_ENCRYPTED_IMAGE);
    }
    image_free(&file);
}

// Between the image and the sector with its signature lie erased bytes, and no others.
static void the_space_before_the_signature_is_erased(void **state) {
    (void)state;
    image_file_t file = small_image(true, true);
    image_file_t plain = small_image(true, false);
    const size_t places[] = {plain.length, plain.length + 1, file.length - 4097};
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        file.bytes[places[i]] = 0xFE;
        assert_int_equal(examine(file.bytes, file.length), OTA_WS_TRAILING_BYTES);
        file.bytes[places[i]] = 0xFF;
    }
    assert_int_equal(examine(file.bytes, file.length), OTA_WS_OK);
    image_free(&file);
    image_free(&plain);
}

static void bytes_after_the_signature_do_not_belong_there(void **state) {
    (void)state;
    image_file_t file = small_image(true, true);
    uint8_t *longer = calloc(1, file.length + 5000);
    memcpy(longer, file.bytes, file.length);
    const size_t lengths[] = {1, 32, 4096, 5000};
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        assert_int_equal(examine(longer, file.length + lengths[i]), OTA_WS_TRAILING_BYTES);
    }
    free(longer);
    image_free(&file);
}

static void any_noise_is_refused_without_reading_too_far(void **state) {
    (void)state;
    uint32_t random = 0x2545F491;
    uint8_t noise[1024];
    for (int round = 0; round < 2000; round++) {
        for (size_t i = 0; i < sizeof noise; i++) {
            random = random * 1664525 + 1013904223;
            noise[i] = (uint8_t)(random >> 24);
        }
        if (round % 2 == 0) {
            static const uint8_t magic[] = {0x32, 0x54, 0xCD, 0xAB};
            noise[0] = 0xE9;
            noise[1] = (uint8_t)(1 + noise[1] % 16);
            memset(noise + 8, 0, 4);
            memset(noise + 30, 0, 2);
            memcpy(noise + 32, magic, 4);
        }
        uint8_t *bytes = guard_copy(noise, sizeof noise);
        assert_int_not_equal(examine(bytes, sizeof noise), OTA_WS_OK);
        guard_free(bytes, sizeof noise);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_images_are_what_they_are),
        cmocka_unit_test(a_real_image_is_read_field_by_field),
        cmocka_unit_test(made_images_are_accepted_with_and_without_digest_and_signature),
        cmocka_unit_test(all_that_the_header_and_the_description_say_is_read),
        cmocka_unit_test(an_image_byte_by_byte_is_the_same_image),
        cmocka_unit_test(an_image_split_anywhere_is_the_same_image),
        cmocka_unit_test(a_defect_split_anywhere_is_the_same_defect),
        cmocka_unit_test(the_head_is_known_at_its_last_byte),
        cmocka_unit_test(every_defect_has_its_name),
        cmocka_unit_test(an_image_cut_at_any_byte_is_refused),
        cmocka_unit_test(real_images_cut_anywhere_are_refused),
        cmocka_unit_test(one_bit_changed_anywhere_is_refused),
        cmocka_unit_test(one_byte_changed_in_real_images_is_refused),
        cmocka_unit_test(without_a_digest_the_checksum_still_sees_one_changed_data_byte),
        cmocka_unit_test(the_first_failure_sticks),
        cmocka_unit_test(the_first_segment_must_hold_the_description),
        cmocka_unit_test(a_segment_of_16_mib_is_the_longest),
        cmocka_unit_test(segments_whose_lengths_would_wrap_around_are_refused),
        cmocka_unit_test(a_file_that_only_begins_with_four_erased_bytes_is_no_image_of_a_flash),
        cmocka_unit_test(each_string_may_fill_its_field),
        cmocka_unit_test(a_file_that_is_too_short_is_called_what_it_looks_like),
        cmocka_unit_test(the_space_before_the_signature_is_erased),
        cmocka_unit_test(bytes_after_the_signature_do_not_belong_there),
        cmocka_unit_test(any_noise_is_refused_without_reading_too_far),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
