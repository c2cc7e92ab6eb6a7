// SPDX-License-Identifier: Apache-2.0
#include "vectors.h"

#include "encrypt_openssl.h"
#include "testing.h"

image_file_t vector_load(const char *name) {
    char path[512];
    snprintf(path, sizeof path, SOURCE_DIR "/test/vectors/%s", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    image_file_t vector = {malloc(8192), 0};
    assert_non_null(vector.bytes);
    vector.length = fread(vector.bytes, 1, 8192, file);
    fclose(file);
    return vector;
}

image_key_t vector_key(const char *name) {
    char path[512];
    image_key_t key;
    snprintf(path, sizeof path, SOURCE_DIR "/test/vectors/%s", name);
    assert_null(image_key_load(&key, path));
    return key;
}

image_file_t vector_encrypt(const image_file_t *plain, const image_key_t *key) {
    encrypt_openssl_t encryption;
    image_file_t file = {malloc(sizeof encryption.header + plain->length), sizeof encryption.header + plain->length};
    assert_non_null(file.bytes);
    assert_true(encrypt_openssl_begin(&encryption, key, (uint32_t)plain->length));
    assert_true(
        encrypt_openssl_update(&encryption, plain->bytes, file.bytes + sizeof encryption.header, plain->length));
    assert_true(encrypt_openssl_finish(&encryption));
    memcpy(file.bytes, encryption.header, sizeof encryption.header);
    encrypt_openssl_end(&encryption);
    return file;
}
