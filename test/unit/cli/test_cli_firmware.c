// SPDX-License-Identifier: Apache-2.0
// The check of a file before anything is sent: real images, every kind of broken one, and every reason for which a
// device would refuse a sound one.
#include "testing.h"

#include "hash_openssl.h"

#include <openssl/sha.h>
#include <unistd.h>

#include "firmware.h"
#include "sample.h"

static char path[] = "/tmp/test_cli_firmware.XXXXXX";

static int make_file(void **state) {
    (void)state;
    int file = mkstemp(path);
    return file < 0 ? -1 : close(file);
}

static int remove_file(void **state) {
    (void)state;
    return unlink(path);
}

static void write_file(const void *bytes, size_t length) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static void write_image(const image_spec_t *spec) {
    image_file_t image = image_build(spec);
    assert_non_null(image.bytes);
    write_file(image.bytes, image.length);
    image_free(&image);
}

static void real_images_and_what_else_people_have_are_told_apart(void **state) {
    (void)state;
    for (size_t i = 0; i < sample_count; i++) {
        image_file_t sample = sample_load(&sample_list[i]);
        uint8_t digest[32];
        firmware_t firmware;
        write_file(sample.bytes, sample.length);
        assert_true(firmware_open(&firmware, path));
        bool sound = strcmp(sample_list[i].status, "ok") == 0;
        assert_string_equal(firmware.fault.name, sound ? "" : sample_list[i].status);
        assert_int_equal(firmware.fault.code, sound ? EXIT_CODE_OK : EXIT_CODE_FILE_REFUSED);
        assert_int_equal(firmware.size, sample.length);
        SHA256(sample.bytes, sample.length, digest);
        assert_memory_equal(firmware.sha256, digest, sizeof digest);
        if (sound) {
            assert_int_equal(firmware.inspection.image.header.chip_id, sample_list[i].chip_id);
            assert_string_equal(firmware.inspection.image.description.project, sample_list[i].project);
        }
        firmware_close(&firmware);
        image_free(&sample);
    }
}

static void every_defect_has_its_name_and_a_sentence(void **state) {
    (void)state;
    image_spec_t spec = image_spec_default;
    spec.size = 0x6000; // as small as a bootloader
    for (size_t i = 0; i < image_defect_count; i++) {
        if (strcmp(image_defects[i].name, "padded") == 0) {
            continue; // the padding is left out
        }
        image_file_t image = image_build_defective(&spec, &image_defects[i]);
        firmware_t firmware;
        write_file(image.bytes, image.length);
        image_free(&image);
        problem_t problem = {0};
        assert_true(firmware_open(&firmware, path));
        assert_false(firmware_fits_chip(&firmware, image_spec_default.chip_id, &problem));
        assert_string_equal(problem.name, image_defects[i].status);
        assert_int_equal(problem.code, EXIT_CODE_FILE_REFUSED);
        assert_true(strlen(problem.text) > 10 && strchr(problem.text, '{') == NULL);
        firmware_close(&firmware);
    }
}

// The builder's image and so many bytes `fill` behind it.
static image_file_t image_with(const image_spec_t *spec, size_t more, uint8_t fill) {
    image_file_t image = image_build(spec);
    image.bytes = realloc(image.bytes, image.length + more);
    memset(image.bytes + image.length, fill, more);
    image.length += more;
    return image;
}

static void of_a_slot_that_was_read_back_only_the_image_is_taken(void **state) {
    (void)state;
    for (int variant = 0; variant < 4; variant++) {
        image_spec_t spec = image_spec_default;
        spec.size = variant % 2 == 0 ? 50000 : 65536;
        spec.signature = variant >= 2;
        image_file_t whole = image_with(&spec, 100000, 0xFF);
        const uint32_t length = (uint32_t)whole.length - 100000;
        uint8_t digest[OTA_WS_SHA256_SIZE];
        ota_ws_sha256_t sha256;
        ota_ws_hash_openssl.start(&sha256);
        ota_ws_hash_openssl.update(&sha256, whole.bytes, length);
        ota_ws_hash_openssl.finish(&sha256, digest);
        write_file(whole.bytes, whole.length);
        image_free(&whole);
        firmware_t firmware;
        assert_true(firmware_open(&firmware, path));
        assert_int_equal(firmware.fault.code, EXIT_CODE_OK);
        assert_int_equal(firmware.size, length);
        assert_int_equal(firmware.left_out, 100000);
        assert_int_equal(firmware.inspection.image.is_signed, spec.signature);
        assert_memory_equal(firmware.sha256, digest, sizeof digest);
        firmware_close(&firmware);
    }
}

static void one_other_byte_among_those_behind_an_image_is_refused(void **state) {
    (void)state;
    static const size_t places[] = {0, 1, 4095, 4096, 99999};
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        image_file_t whole = image_with(&image_spec_default, 100000, 0xFF);
        whole.bytes[whole.length - 100000 + places[i]] = 0xFE;
        write_file(whole.bytes, whole.length);
        image_free(&whole);
        firmware_t firmware;
        assert_true(firmware_open(&firmware, path));
        assert_string_equal(firmware.fault.name, "trailing_bytes");
        assert_int_equal(firmware.left_out, 0);
        firmware_close(&firmware);
    }
}

static const char *name_of(const uint8_t *bytes, size_t length) {
    static char name[33];
    firmware_t firmware;
    write_file(bytes, length);
    assert_true(firmware_open(&firmware, path));
    strcpy(name, firmware.fault.name);
    firmware_close(&firmware);
    return name;
}

// A bootloader older than ESP-IDF 5.2 says nothing of itself: the table behind it does, wherever it was put.
static void a_merged_image_is_found_by_its_table(void **state) {
    (void)state;
    static const uint32_t starts[] = {0, 0x1000, 0x2000};
    static const uint32_t tables[] = {0x8000, 0x9000, 0x10000, 0x40000};
    image_file_t merged = image_build_defective(&image_spec_default, image_defect_find("merged-old"));
    uint8_t *moved = malloc(0x60000);
    for (size_t i = 0; i < COUNT_OF(starts) * COUNT_OF(tables); i++) {
        uint32_t at = tables[i % COUNT_OF(tables)] - starts[i / COUNT_OF(tables)];
        memset(moved, 0xFF, 0x60000);
        memcpy(moved, merged.bytes, 20000);
        memcpy(moved + at, merged.bytes + 0x8000, 4096);
        assert_string_equal(name_of(moved, 0x60000), "merged_image");
        memset(moved + at, 0xFF, 4096);
        assert_string_equal(name_of(moved, 0x60000), "no_description");
    }
    assert_string_equal(name_of(merged.bytes, 20000), "bootloader_image");
    free(moved);
    image_free(&merged);
}

static void what_cannot_be_read_is_said(void **state) {
    (void)state;
    static const char *const bad[] = {"/nowhere/at/all.bin", "/tmp", "/dev/null"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        firmware_t firmware;
        assert_false(firmware_open(&firmware, bad[i]));
        assert_string_equal(firmware.fault.name, "cannot_read");
        assert_int_equal(firmware.fault.code, EXIT_CODE_FILE_REFUSED);
        assert_non_null(strstr(firmware.fault.text, bad[i]));
    }
}

static void any_piece_can_be_read_until_the_file_shrinks(void **state) {
    (void)state;
    firmware_t firmware;
    uint8_t piece[100];
    image_file_t image = image_build(&image_spec_default);
    write_file(image.bytes, image.length);
    assert_true(firmware_open(&firmware, path));
    assert_true(firmware_read(&firmware, 1000, piece, sizeof piece));
    assert_memory_equal(piece, image.bytes + 1000, sizeof piece);
    assert_true(firmware_read(&firmware, (uint32_t)image.length - 100, piece, 100));
    assert_false(firmware_read(&firmware, (uint32_t)image.length - 99, piece, 100));
    assert_int_equal(truncate(path, 1050), 0);
    assert_false(firmware_read(&firmware, 1000, piece, sizeof piece));
    firmware_close(&firmware);
    image_free(&image);
}

// ---- for a device ----

static const device_state_t device = {
    .chip_id = 5,
    .revision = 3,
    .secure_version = 1,
    .running = {.project = "demo", .version = "1.5.0"},
    .slot_size = 65536,
    .check_project = true,
};

static image_spec_t fitting(void) {
    image_spec_t spec = image_spec_default;
    spec.version = "2.0.0";
    spec.secure_version = 1;
    return spec;
}

// NULL: it fits.
static void check_fit(const image_spec_t *spec, const device_state_t *state, bool allow_downgrade, const char *name,
                      const char *sentence) {
    firmware_t firmware;
    problem_t problem = {0};
    write_image(spec);
    assert_true(firmware_open(&firmware, path));
    bool fits = firmware_fits(&firmware, state, allow_downgrade, &problem);
    firmware_close(&firmware);
    assert_int_equal(fits, name == NULL);
    if (name != NULL) {
        assert_string_equal(problem.name, name);
        assert_string_equal(problem.text, sentence);
        assert_int_equal(problem.code, EXIT_CODE_FILE_REFUSED);
    }
}

static void an_image_that_fits_is_taken(void **state) {
    (void)state;
    image_spec_t spec = fitting();
    check_fit(&spec, &device, false, NULL, NULL);
}

static void each_reason_to_refuse_is_found_here_before_the_device_does(void **state) {
    (void)state;
    image_spec_t spec = fitting();
    spec.chip_id = 9;
    check_fit(&spec, &device, true, "wrong_chip", "This image is for ESP32-S3, this device is an ESP32-C3.");
    spec = fitting();
    spec.min_revision = 101;
    check_fit(&spec, &device, true, "wrong_revision",
              "This image needs chip revision 1.1 or later, this device has 0.3.");
    spec = fitting();
    spec.project = "other";
    check_fit(&spec, &device, true, "wrong_project", "This image is of the project 'other', this device runs 'demo'.");
    spec = fitting();
    spec.secure_version = 0;
    check_fit(&spec, &device, true, "older_secure_version",
              "The image has secure version 0, this device accepts 1 and later.");
    spec = fitting();
    spec.version = "1.4.9";
    check_fit(&spec, &device, false, "older_version",
              "Version 1.4.9 is older than 1.5.0, which runs. Allow the downgrade if you want it.");
    spec = fitting();
    spec.size = 65536 + 16;
    check_fit(&spec, &device, false, "too_large", "The file has 65552 bytes, the slot has room for 65536.");
}

static void what_the_user_or_the_device_allows_is_taken(void **state) {
    (void)state;
    image_spec_t spec = fitting();
    spec.version = "1.4.9";
    check_fit(&spec, &device, true, NULL, NULL);
    device_state_t any_project = device;
    any_project.check_project = false;
    spec = fitting();
    spec.project = "other";
    check_fit(&spec, &any_project, false, NULL, NULL);
}

static void a_device_that_requires_signatures_takes_signed_images_only(void **state) {
    (void)state;
    device_state_t strict = device;
    strict.requires_signed = true;
    image_spec_t spec = fitting();
    check_fit(&spec, &strict, true, "not_signed", "This device takes signed images only; this one is not signed.");
    spec.signature = true;
    spec.size = 32768;
    check_fit(&spec, &strict, false, NULL, NULL);
}

static void a_device_without_a_second_slot_takes_nothing(void **state) {
    (void)state;
    image_spec_t spec = fitting();
    device_state_t single = device;
    single.slot_size = 0;
    check_fit(&spec, &single, false, "no_slot",
              "This device has no free slot for an update. Its partition table needs two slots, or one and a factory "
              "partition.");
}

static void the_files_own_fault_comes_first(void **state) {
    (void)state;
    image_file_t image = image_build_defective(&image_spec_default, image_defect_find("bad-checksum"));
    firmware_t firmware;
    problem_t problem;
    write_file(image.bytes, image.length);
    image_free(&image);
    assert_true(firmware_open(&firmware, path));
    assert_false(firmware_fits(&firmware, &device, false, &problem));
    assert_string_equal(problem.name, "bad_checksum");
    assert_false(firmware_fits_chip(&firmware, 5, &problem));
    assert_string_equal(problem.name, "bad_checksum");
    firmware_close(&firmware);
}

static void for_a_chip_alone_only_the_chip_counts(void **state) {
    (void)state;
    image_spec_t spec = image_spec_default;
    spec.min_revision = 301;
    spec.secure_version = 7;
    firmware_t firmware;
    problem_t problem;
    write_image(&spec);
    assert_true(firmware_open(&firmware, path));
    assert_true(firmware_fits_chip(&firmware, 5, &problem));
    assert_false(firmware_fits_chip(&firmware, 0, &problem));
    assert_string_equal(problem.name, "wrong_chip");
    firmware_close(&firmware);
}

// ---- encrypted ----

// A header as esp_encrypted_img has it, and `inside` bytes behind it, of which the header says `length`.
static void write_encrypted(uint32_t inside, uint32_t length) {
    uint8_t file[4096] = {0xcf, 0xb6, 0x88, 0x07};
    for (int i = 0; i < 4; i++) {
        file[404 + i] = (uint8_t)(length >> 8 * i);
    }
    write_file(file, 512 + inside);
}

static void an_encrypted_image_is_for_devices_that_ask_for_one(void **state) {
    (void)state;
    device_state_t locked = device;
    firmware_t firmware;
    problem_t problem;
    locked.encrypted = true;
    write_encrypted(1024, 1024);
    assert_true(firmware_open(&firmware, path));
    assert_true(firmware.is_encrypted);
    assert_int_equal(firmware.fault.code, EXIT_CODE_OK);
    assert_true(firmware_fits(&firmware, &locked, false, &problem));
    assert_false(firmware_fits(&firmware, &device, false, &problem));
    assert_string_equal(problem.name, "encrypted_image");
    firmware_close(&firmware);

    image_spec_t spec = fitting();
    check_fit(&spec, &locked, false, "not_encrypted", "This device takes encrypted images only; this file is not one.");
}

static void an_encrypted_image_of_another_length_than_it_says_is_refused(void **state) {
    (void)state;
    static const struct {
        uint32_t inside, length;
        const char *name;
    } cases[] = {{1024, 1025, "truncated"}, {1025, 1024, "trailing_bytes"}, {287, 287, "too_short"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        firmware_t firmware;
        write_encrypted(cases[i].inside, cases[i].length);
        assert_true(firmware_open(&firmware, path));
        assert_string_equal(firmware.fault.name, cases[i].name);
        firmware_close(&firmware);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_images_and_what_else_people_have_are_told_apart),
        cmocka_unit_test(every_defect_has_its_name_and_a_sentence),
        cmocka_unit_test(of_a_slot_that_was_read_back_only_the_image_is_taken),
        cmocka_unit_test(one_other_byte_among_those_behind_an_image_is_refused),
        cmocka_unit_test(a_merged_image_is_found_by_its_table),
        cmocka_unit_test(what_cannot_be_read_is_said),
        cmocka_unit_test(any_piece_can_be_read_until_the_file_shrinks),
        cmocka_unit_test(an_image_that_fits_is_taken),
        cmocka_unit_test(each_reason_to_refuse_is_found_here_before_the_device_does),
        cmocka_unit_test(what_the_user_or_the_device_allows_is_taken),
        cmocka_unit_test(a_device_that_requires_signatures_takes_signed_images_only),
        cmocka_unit_test(a_device_without_a_second_slot_takes_nothing),
        cmocka_unit_test(the_files_own_fault_comes_first),
        cmocka_unit_test(for_a_chip_alone_only_the_chip_counts),
        cmocka_unit_test(an_encrypted_image_is_for_devices_that_ask_for_one),
        cmocka_unit_test(an_encrypted_image_of_another_length_than_it_says_is_refused),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
