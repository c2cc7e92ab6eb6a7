// SPDX-License-Identifier: Apache-2.0
// The maker of patches: what it makes gives the target again, for every pair of real images and for random edits. The
// reader here is written from docs/protocol.md and is not the device's.
#include "testing.h"

#include <dirent.h>

#include "patch.h"

#define IMAGES_MAX 16

typedef struct {
    uint8_t *bytes;
    uint32_t length;
    char name[64];
} file_t;

static uint32_t read_number(const patch_t *patch, uint32_t *at) {
    uint32_t value = 0;
    for (unsigned bits = 0;; bits += 7) {
        assert_true(*at < patch->length && bits < 32);
        uint8_t byte = patch->bytes[(*at)++];
        value |= (uint32_t)(byte & 0x7f) << bits;
        if (byte < 0x80) {
            return value;
        }
    }
}

// The patch gives the target; returns the number of bytes that it adds to none of the base.
static uint32_t assert_gives(const patch_t *patch, const file_t *base, const uint8_t *target, uint32_t length) {
    uint32_t at = 0, done = 0, fresh_sum = 0;
    int64_t position = 0;
    while (at < patch->length) {
        uint32_t move = read_number(patch, &at);
        uint32_t added = read_number(patch, &at), fresh = read_number(patch, &at);
        position += move % 2 == 0 ? (int64_t)(move / 2) : -(int64_t)(move / 2) - 1;
        assert_true(added + fresh > 0 && added + fresh <= length - done);
        assert_true(position >= 0 && position + added <= base->length);
        for (uint32_t i = 0; i < added; i++) {
            uint8_t byte = (uint8_t)(base->bytes[position++] + patch->bytes[at++]);
            assert_int_equal(byte, target[done++]);
        }
        assert_true(fresh <= patch->length - at);
        assert_memory_equal(patch->bytes + at, target + done, fresh);
        at += fresh;
        done += fresh;
        fresh_sum += fresh;
    }
    assert_int_equal(done, length);
    return fresh_sum;
}

static uint32_t assert_made(const file_t *base, const uint8_t *target, uint32_t length) {
    patch_t patch;
    assert_true(patch_make(&patch, base->bytes, base->length, target, length));
    uint32_t fresh = assert_gives(&patch, base, target, length);
    patch_free(&patch);
    return fresh;
}

static size_t load_images(file_t files[IMAGES_MAX]) {
    DIR *folder = opendir(FIRMWARE_DIR);
    size_t count = 0;
    if (folder == NULL) {
        return 0;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[1024];
        size_t length = strlen(entry->d_name);
        if (length < 5 || length >= sizeof files->name || strcmp(entry->d_name + length - 4, ".bin") != 0) {
            continue;
        }
        file_t *file = &files[count++];
        assert_true(count <= IMAGES_MAX);
        snprintf(path, sizeof path, FIRMWARE_DIR "/%s", entry->d_name);
        FILE *stream = fopen(path, "rb");
        assert_non_null(stream);
        fseek(stream, 0, SEEK_END);
        file->length = (uint32_t)ftell(stream);
        file->bytes = malloc(file->length + 1);
        rewind(stream);
        assert_int_equal(fread(file->bytes, 1, file->length, stream), file->length);
        fclose(stream);
        memcpy(file->name, entry->d_name, length + 1);
    }
    closedir(folder);
    return count;
}

static void every_pair_of_real_images_is_made_again(void **state) {
    (void)state;
    file_t files[IMAGES_MAX];
    size_t count = load_images(files);
    if (count == 0) {
        skip(); // the folder is absent; random edits follow
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            uint32_t fresh = assert_made(&files[i], files[j].bytes, files[j].length);
            assert_true(i != j || fresh == 0);
        }
    }
    for (size_t i = 0; i < count; i++) {
        free(files[i].bytes);
    }
}

// ---- random edits ----

static uint32_t seed;

static uint32_t random_below(uint32_t end) {
    seed = seed * 1664525 + 1013904223;
    return end > 0 ? (seed >> 8) % end : 0;
}

// Copies, moves, changes, inserts and drops pieces of the base; few values of bytes, so that much looks alike.
static uint32_t edit(const file_t *base, uint8_t *target, uint32_t space) {
    uint32_t length = 0;
    while (length < space - 600 && random_below(60) > 0) {
        uint32_t piece = random_below(500), from = random_below(base->length - 500);
        for (uint32_t i = 0; i < piece; i++) {
            uint8_t byte = random_below(4) == 0 ? (uint8_t)random_below(4) : base->bytes[from + i];
            target[length++] = random_below(8) == 0 ? (uint8_t)(byte + 3) : byte;
        }
    }
    return length;
}

static void random_edits_are_made_again(void **state) {
    (void)state;
    static uint8_t bytes[8000], target[20000];
    for (uint32_t round = 1; round <= 300; round++) {
        file_t base = {.bytes = bytes, .length = 600 + round * 20};
        seed = round;
        for (uint32_t i = 0; i < base.length; i++) {
            bytes[i] = (uint8_t)random_below(round % 3 == 0 ? 256 : 3);
        }
        assert_made(&base, target, edit(&base, target, sizeof target));
    }
}

static void empty_and_uniform_bytes_are_made_again(void **state) {
    (void)state;
    static uint8_t zeros[100000], ones[100000];
    memset(ones, 0xFF, sizeof ones);
    const uint32_t lengths[] = {0, 1, 2, 4096, 4097, 100000};
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        for (size_t j = 0; j < COUNT_OF(lengths); j++) {
            file_t base = {.bytes = zeros, .length = lengths[i]};
            assert_made(&base, zeros, lengths[j]);
            assert_made(&base, ones, lengths[j]);
        }
    }
}

// Code that has moved keeps its bytes, but the addresses in it change: next to nothing of it is sent as it is.
static void moved_code_with_changed_addresses_is_sent_as_differences(void **state) {
    (void)state;
    static uint8_t bytes[60000], target[60400];
    file_t base = {.bytes = bytes, .length = sizeof bytes};
    seed = 7;
    for (uint32_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)random_below(256);
    }
    memset(target, 0x42, 400);
    memcpy(target + 400, bytes, sizeof bytes);
    for (uint32_t i = 400; i < sizeof target; i += 40) {
        target[i] += 4;
    }
    assert_in_range(assert_made(&base, target, sizeof target), 300, 500);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_of_real_images_is_made_again),
        cmocka_unit_test(random_edits_are_made_again),
        cmocka_unit_test(empty_and_uniform_bytes_are_made_again),
        cmocka_unit_test(moved_code_with_changed_addresses_is_sent_as_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
