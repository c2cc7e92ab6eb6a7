// SPDX-License-Identifier: Apache-2.0
// The hash of `make cuts` says what SHA-256 says, of known files, of parts of them, and of what differs anywhere.
#include "testing.h"

#include <openssl/sha.h>

#include "known_hash.h"

#define SIZE 700

static uint8_t first[SIZE], second[SIZE];
static const image_file_t files[] = {{first, SIZE}, {second, SIZE - 100}};

static int learn(void **state) {
    (void)state;
    uint32_t random = 5;
    image_fill(first, sizeof first, &random);
    memcpy(second, first, sizeof second);
    second[300] ^= 1; // the same up to here
    known_hash_learn(files, COUNT_OF(files));
    return 0;
}

static int forget(void **state) {
    (void)state;
    known_hash_learn(NULL, 0);
    return 0;
}

static void expect(const uint8_t *bytes, size_t length, size_t split) {
    uint8_t wanted[OTA_WS_SHA256_SIZE], found[OTA_WS_SHA256_SIZE];
    ota_ws_sha256_t state;
    known_hash.start(&state);
    known_hash.update(&state, bytes, split);
    known_hash.peek(&state, found);
    SHA256(bytes, split, wanted);
    assert_memory_equal(found, wanted, sizeof wanted);
    known_hash.update(&state, bytes + split, length - split);
    known_hash.finish(&state, found);
    SHA256(bytes, length, wanted);
    assert_memory_equal(found, wanted, sizeof wanted);
}

static void every_split_of_a_known_file(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        for (size_t split = 0; split <= files[i].length; split++) {
            expect(files[i].bytes, files[i].length, split);
        }
    }
}

static void one_byte_that_differs_anywhere(void **state) {
    (void)state;
    uint8_t bytes[SIZE];
    for (size_t at = 0; at < SIZE; at++) {
        memcpy(bytes, first, sizeof bytes);
        bytes[at] ^= 0x80;
        expect(bytes, SIZE, at / 2);
        expect(bytes, SIZE, at);
        expect(bytes, SIZE, SIZE);
    }
}

static void more_than_a_known_file(void **state) {
    (void)state;
    uint8_t bytes[SIZE + 1];
    memcpy(bytes, first, SIZE);
    bytes[SIZE] = 0;
    expect(bytes, sizeof bytes, SIZE);
    expect(bytes, sizeof bytes, sizeof bytes);
}

static void nothing_at_all_and_nothing_known(void **state) {
    expect(first, 0, 0);
    forget(state);
    expect(first, SIZE, 100);
    learn(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_split_of_a_known_file),
        cmocka_unit_test(one_byte_that_differs_anywhere),
        cmocka_unit_test(more_than_a_known_file),
        cmocka_unit_test(nothing_at_all_and_nothing_known),
    };
    return cmocka_run_group_tests(tests, learn, forget);
}
