// SPDX-License-Identifier: Apache-2.0
// The seal's keystream: the vectors of RFC 8439 (test/vectors/chacha20.txt), OpenSSL at every alignment and split, and
// nothing outside the bytes is touched.
#include "testing.h"

#include <openssl/evp.h>

#include "bytes.h"
#include "seal.h"
#include "text.h"

#define TABLE SOURCE_DIR "/test/vectors/chacha20.txt"
#define LONGEST 300u

typedef struct {
    uint8_t key[32], nonce[12], plain[256], sealed[256];
    uint32_t counter;
    size_t length;
} vector_t;

static bool read_vector(FILE *table, vector_t *vector) {
    char line[2048], key[65], nonce[25], plain[513], sealed[513];
    do {
        if (fgets(line, sizeof line, table) == NULL) {
            return false;
        }
    } while (line[0] == '#');
    assert_int_equal(sscanf(line, "%64s %24s %u %512s %512s", key, nonce, &vector->counter, plain, sealed), 5);
    vector->length = strlen(plain) / 2;
    assert_true(ota_ws_text_unhex(key, vector->key, 32) && ota_ws_text_unhex(nonce, vector->nonce, 12));
    assert_true(ota_ws_text_unhex(plain, vector->plain, vector->length));
    assert_true(ota_ws_text_unhex(sealed, vector->sealed, vector->length));
    return true;
}

static void the_vectors_of_rfc_8439(void **state) {
    (void)state;
    FILE *table = fopen(TABLE, "r");
    vector_t vector;
    unsigned count = 0;
    assert_non_null(table);
    for (; read_vector(table, &vector); count++) {
        const ota_ws_seal_t seal = {vector.key, ota_ws_read_u32(vector.nonce), ota_ws_read_u32(vector.nonce + 4)};
        assert_int_equal(ota_ws_read_u32(vector.nonce + 8), 0);
        ota_ws_seal(&seal, vector.counter * 64, vector.plain, vector.length);
        assert_memory_equal(vector.plain, vector.sealed, vector.length);
    }
    assert_int_equal(count, 3);
    fclose(table);
}

// The keystream from `block` on, by OpenSSL.
static void ask_openssl(const ota_ws_seal_t *seal, uint32_t block, uint8_t *stream, int length) {
    const uint32_t iv[4] = {block, seal->begin, seal->start, 0};
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int written;
    memset(stream, 0, (size_t)length);
    assert_int_equal(EVP_EncryptInit_ex(context, EVP_chacha20(), NULL, seal->key, (const uint8_t *)iv), 1);
    assert_int_equal(EVP_EncryptUpdate(context, stream, &written, stream, length), 1);
    EVP_CIPHER_CTX_free(context);
}

static const uint8_t key[32] = "a key of exactly 32 bytes, here";
static const ota_ws_seal_t streams[] = {{key, 1, 0}, {key, 0, 0}, {key, 7, 65536}, {key, UINT32_MAX, UINT32_MAX}};

// ---- the worked example of docs/protocol.md, section 8 ----

// The bytes of the next row of this name.
static void read_row(FILE *document, const char *name, uint8_t *bytes, size_t size) {
    char line[2048], found[32] = "", digits[129] = "";
    while (strcmp(found, name) != 0 || strlen(digits) != 2 * size) {
        assert_non_null(fgets(line, sizeof line, document));
        if (sscanf(line, "%31s %128[0-9a-f]", found, digits) != 2) {
            found[0] = '\0';
        }
    }
    assert_true(ota_ws_text_unhex(digits, bytes, size));
}

static void the_example_of_the_protocol(void **state) {
    (void)state;
    FILE *document = fopen(SOURCE_DIR "/docs/protocol.md", "r");
    uint8_t data_key[32], nonce[12], stream[16], file[16], sealed[16], zeros[16];
    assert_non_null(document);
    read_row(document, "DataKey", data_key, sizeof data_key);
    for (uint32_t offset = 0; offset <= 16; offset += 16) {
        read_row(document, "nonce", nonce, sizeof nonce);
        read_row(document, "keystream", stream, sizeof stream);
        read_row(document, "file", file, sizeof file);
        read_row(document, "sealed", sealed, sizeof sealed);
        const ota_ws_seal_t seal = {data_key, ota_ws_read_u32(nonce), ota_ws_read_u32(nonce + 4)};
        assert_int_equal(seal.begin, 2);
        assert_int_equal(seal.start, offset);
        memset(zeros, 0, sizeof zeros);
        ota_ws_seal(&seal, offset, zeros, sizeof zeros);
        assert_memory_equal(zeros, stream, sizeof stream);
        ota_ws_seal(&seal, offset, file, sizeof file);
        assert_memory_equal(file, sealed, sizeof sealed);
    }
    fclose(document);
}

// Wherever a piece begins in the stream and in memory, and however long it is.
static void every_alignment_and_length_agrees_with_openssl(void **state) {
    (void)state;
    uint8_t stream[LONGEST + 128];
    uint8_t bytes[LONGEST + 16];
    for (size_t i = 0; i < COUNT_OF(streams); i++) {
        ask_openssl(&streams[i], 1000, stream, sizeof stream);
        for (uint32_t offset = 0; offset < 66; offset++) {
            for (size_t at = 0; at < 4; at++) {
                size_t length = (offset * 7 + at * 61) % LONGEST;
                memset(bytes, 0, sizeof bytes);
                ota_ws_seal(&streams[i], 64000 + offset, bytes + 4 + at, length);
                assert_memory_equal(bytes + 4 + at, stream + offset, length);
                for (size_t j = 0; j < sizeof bytes; j++) {
                    assert_true(bytes[j] == 0 || (j >= 4 + at && j < 4 + at + length));
                }
            }
        }
    }
}

static void every_split_gives_the_same(void **state) {
    (void)state;
    uint8_t whole[LONGEST] = {0};
    ota_ws_seal(&streams[0], 3, whole, LONGEST);
    for (uint32_t split = 0; split <= LONGEST; split++) {
        uint8_t parts[LONGEST] = {0};
        ota_ws_seal(&streams[0], 3, parts, split);
        ota_ws_seal(&streams[0], 3 + split, parts + split, LONGEST - split);
        assert_memory_equal(parts, whole, LONGEST);
    }
}

static void the_last_bytes_of_a_stream_of_4_gib(void **state) {
    (void)state;
    uint8_t stream[64];
    uint8_t bytes[10] = {0};
    ask_openssl(&streams[0], UINT32_MAX / 64, stream, sizeof stream);
    ota_ws_seal(&streams[0], UINT32_MAX - 9, bytes, sizeof bytes);
    assert_memory_equal(bytes, stream + 54, sizeof bytes);
}

static void twice_is_open_again(void **state) {
    (void)state;
    uint8_t bytes[100];
    memset(bytes, 'x', sizeof bytes);
    ota_ws_seal(&streams[2], 17, bytes, sizeof bytes);
    ota_ws_seal(&streams[2], 17, bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        assert_int_equal(bytes[i], 'x');
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_rfc_8439),
        cmocka_unit_test(the_example_of_the_protocol),
        cmocka_unit_test(every_alignment_and_length_agrees_with_openssl),
        cmocka_unit_test(every_split_gives_the_same),
        cmocka_unit_test(the_last_bytes_of_a_stream_of_4_gib),
        cmocka_unit_test(twice_is_open_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
