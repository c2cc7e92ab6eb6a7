// SPDX-License-Identifier: Apache-2.0
// The image builder against an examination that shares no code with it nor with the core; the examination itself
// against real images.
#include "testing.h"

#include <openssl/sha.h>
#include <zlib.h>

#include "sample.h"

static uint32_t u32_at(const image_file_t *file, size_t at) {
    uint32_t value;
    assert_true(at + 4 <= file->length);
    memcpy(&value, file->bytes + at, 4); // tests run on little-endian machines only
    return value;
}

// Walks the segments as the ROM does; returns the length without digest, 0 when checksum or structure are wrong.
static size_t walk(const image_file_t *file) {
    uint8_t sum = 0xEF;
    size_t at = 24;
    for (int segment = 0; segment < file->bytes[1]; segment++) {
        const size_t end = at + 8 + u32_at(file, at + 4);
        if (end > file->length || (end - at) % 4 != 0) {
            return 0;
        }
        for (at += 8; at < end; at++) {
            sum ^= file->bytes[at];
        }
    }
    const size_t length = at + 16 - at % 16;
    return length <= file->length && file->bytes[length - 1] == sum ? length : 0;
}

static bool is_sound(const image_file_t *file) {
    const size_t length = file->bytes[0] == 0xE9 ? walk(file) : 0;
    if (length == 0 || u32_at(file, 32) != 0xABCD5432) {
        return false;
    }
    if (file->bytes[23] == 0) {
        return file->length == length;
    }
    uint8_t digest[32];
    SHA256(file->bytes, length, digest);
    return file->length == length + 32 && memcmp(digest, file->bytes + length, 32) == 0;
}

static void real_images_pass_the_examination(void **state) {
    (void)state;
    for (size_t i = 0; i < sample_count; i++) {
        image_file_t file = sample_load(&sample_list[i]);
        assert_int_equal(is_sound(&file), strcmp(sample_list[i].status, "ok") == 0);
        image_free(&file);
    }
}

static void images_of_any_size_are_sound(void **state) {
    (void)state;
    for (uint32_t size = 0; size < 70000; size = size * 9 / 8 + 7) {
        image_spec_t spec = image_spec_default;
        spec.size = size;
        spec.seed = size;
        spec.segments = (uint8_t)(1 + size % 16);
        spec.digest = size % 3 != 0;
        image_file_t file = image_build(&spec);
        assert_true(is_sound(&file));
        assert_true(file.length >= size && file.length % 16 == 0);
        assert_true(size < 1024 || file.length < size + 16);
        image_free(&file);
    }
}

static void what_the_description_asks_for_stands_where_the_format_says(void **state) {
    (void)state;
    uint8_t elf_sha256[32];
    memset(elf_sha256, 0x5A, sizeof elf_sha256);
    image_spec_t spec = image_spec_default;
    spec.chip_id = 0x0009;
    spec.min_revision = 103;
    spec.max_revision = 299;
    spec.secure_version = 7;
    spec.version = "2.3.4-rc.1";
    spec.project = "thermostat";
    spec.idf = "v5.1.4";
    spec.elf_sha256 = elf_sha256;
    spec.segments = 6;
    image_file_t file = image_build(&spec);
    assert_int_equal(file.bytes[1], 6);
    assert_int_equal(file.bytes[12] | file.bytes[13] << 8, 9);
    assert_int_equal(file.bytes[15] | file.bytes[16] << 8, 103);
    assert_int_equal(file.bytes[17] | file.bytes[18] << 8, 299);
    assert_int_equal(u32_at(&file, 36), 7);
    assert_string_equal((char *)file.bytes + 48, "2.3.4-rc.1");
    assert_string_equal((char *)file.bytes + 80, "thermostat");
    assert_string_equal((char *)file.bytes + 144, "v5.1.4");
    assert_memory_equal(file.bytes + 176, elf_sha256, 32);
    image_free(&file);
}

static void the_same_description_gives_the_same_bytes_and_another_seed_others(void **state) {
    (void)state;
    image_spec_t spec = image_spec_default;
    image_file_t one = image_build(&spec);
    image_file_t same = image_build(&spec);
    spec.seed = 2;
    image_file_t other = image_build(&spec);
    assert_memory_equal(one.bytes, same.bytes, one.length);
    assert_memory_not_equal(one.bytes + 288, other.bytes + 288, 1000);
    assert_memory_not_equal(one.bytes + 176, other.bytes + 176, 32);
    image_free(&one);
    image_free(&same);
    image_free(&other);
}

static void images_deflate_to_about_sixty_percent(void **state) {
    (void)state;
    image_spec_t spec = image_spec_default;
    spec.size = 1u << 20;
    image_file_t file = image_build(&spec);
    uLongf length = compressBound(file.length);
    uint8_t *deflated = malloc(length);
    assert_int_equal(compress2(deflated, &length, file.bytes, file.length, 6), Z_OK);
    assert_in_range(length * 100 / file.length, 55, 65);
    free(deflated);
    image_free(&file);
}

static void a_signed_image_ends_with_one_sector_after_padding(void **state) {
    (void)state;
    image_spec_t spec = image_spec_default;
    spec.size = 10000;
    spec.signature = true;
    image_file_t file = image_build(&spec);
    assert_int_equal(file.length, 12288 + 4096);
    assert_int_equal(file.bytes[12288], 0xE7);
    assert_int_equal(file.bytes[12287], 0xFF);
    file.length = 10000;
    assert_true(is_sound(&file));
    image_free(&file);
}

static void no_defective_image_is_sound(void **state) {
    (void)state;
    for (size_t i = 0; i < image_defect_count; i++) {
        image_file_t file = image_build_defective(&image_spec_default, &image_defects[i]);
        assert_non_null(file.bytes);
        const bool whole = file.length >= 288;
        if ((whole && is_sound(&file)) || image_defect_find(image_defects[i].name) != &image_defects[i]) {
            fail_msg("%s", image_defects[i].name);
        }
        image_free(&file);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_images_pass_the_examination),
        cmocka_unit_test(images_of_any_size_are_sound),
        cmocka_unit_test(what_the_description_asks_for_stands_where_the_format_says),
        cmocka_unit_test(the_same_description_gives_the_same_bytes_and_another_seed_others),
        cmocka_unit_test(images_deflate_to_about_sixty_percent),
        cmocka_unit_test(a_signed_image_ends_with_one_sector_after_padding),
        cmocka_unit_test(no_defective_image_is_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
