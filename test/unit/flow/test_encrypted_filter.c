// SPDX-License-Identifier: Apache-2.0
// The decrypting filter and its counterpart over OpenSSL, against vectors that Espressif's generator has made.
#include "testing.h"

#include <malloc.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "decrypt_openssl.h"
#include "vectors.h"

typedef struct {
    uint8_t bytes[8192];
    size_t length;
    ota_ws_status_t answer; // of the sink
} taken_t;

static ota_ws_status_t take(void *context, const uint8_t *bytes, size_t length) {
    taken_t *taken = context;
    assert_true(taken->length + length <= sizeof taken->bytes);
    memcpy(taken->bytes + taken->length, bytes, length);
    taken->length += length;
    return taken->answer;
}

typedef struct {
    decrypt_openssl_t decryptor;
    ota_ws_filter_t filter;
    taken_t taken;
} desk_t;

static void desk_start(desk_t *desk, const image_key_t *key) {
    memset(desk, 0, sizeof *desk);
    desk->decryptor.key = key;
    desk->filter = decrypt_openssl_filter(&desk->decryptor);
    assert_int_equal(desk->filter.start(desk->filter.context, 0), OTA_WS_OK);
}

static ota_ws_status_t desk_feed(desk_t *desk, const uint8_t *bytes, size_t length) {
    return desk->filter.feed(desk->filter.context, bytes, length, take, &desk->taken);
}

// finish and stop.
static ota_ws_status_t desk_end(desk_t *desk) {
    const ota_ws_status_t status = desk->filter.finish(desk->filter.context, take, &desk->taken);
    desk->filter.stop(desk->filter.context);
    return status;
}

static ota_ws_status_t decrypt(desk_t *desk, const image_key_t *key, const image_file_t *file, size_t piece) {
    ota_ws_status_t status = OTA_WS_OK;
    desk_start(desk, key);
    for (size_t at = 0; at < file->length && status == OTA_WS_OK; at += piece) {
        status = desk_feed(desk, file->bytes + at, piece < file->length - at ? piece : file->length - at);
    }
    const ota_ws_status_t end = desk_end(desk);
    assert_true(status == OTA_WS_OK || end == status); // the first failure sticks
    return end;
}

typedef struct {
    const char *file, *key, *other_key;
    size_t length;
} vector_t;

static const vector_t vectors[] = {
    {"rsa.bin", "rsa_private.pem", "rsa_other.pem", 4096},
    {"rsa_odd.bin", "rsa_private.pem", "rsa_other.pem", 1001},
    {"ecies.bin", "ecies_private.pem", "ecies_other.pem", 4096},
    {"ecies_odd.bin", "ecies_private.pem", "ecies_other.pem", 1001},
};

// ---- well ----

static void images_made_by_espressif_are_decrypted_in_any_pieces(void **state) {
    (void)state;
    static const size_t pieces[] = {1, 3, 4, 15, 16, 17, 388, 511, 512, 513, 4000, 8192};
    image_file_t plain = vector_load("plain.bin");
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        image_file_t file = vector_load(vectors[i].file);
        image_key_t key = vector_key(vectors[i].key);
        for (size_t k = 0; k < COUNT_OF(pieces); k++) {
            desk_t desk;
            assert_int_equal(decrypt(&desk, &key, &file, pieces[k]), OTA_WS_OK);
            assert_int_equal(desk.taken.length, vectors[i].length);
            assert_memory_equal(desk.taken.bytes, plain.bytes, vectors[i].length);
        }
        image_key_free(&key);
        image_free(&file);
    }
    image_free(&plain);
}

static void every_split_in_two_gives_the_same(void **state) {
    (void)state;
    image_file_t plain = vector_load("plain.bin");
    image_file_t file = vector_load("ecies_odd.bin");
    image_key_t key = vector_key("ecies_private.pem");
    for (size_t split = 0; split <= file.length; split++) {
        desk_t desk;
        desk_start(&desk, &key);
        assert_int_equal(desk_feed(&desk, file.bytes, split), OTA_WS_OK);
        assert_int_equal(desk_feed(&desk, file.bytes + split, file.length - split), OTA_WS_OK);
        assert_int_equal(desk_end(&desk), OTA_WS_OK);
        assert_memory_equal(desk.taken.bytes, plain.bytes, 1001);
    }
    image_key_free(&key);
    image_free(&file);
    image_free(&plain);
}

static void what_is_encrypted_here_is_decrypted_here(void **state) {
    (void)state;
    static const size_t lengths[] = {0, 1, 15, 16, 17, 4095, 4096};
    image_file_t plain = vector_load("plain.bin");
    for (size_t i = 0; i < 2; i++) {
        image_key_t public_key = vector_key(i == 0 ? "rsa_public.pem" : "ecies_public.pem");
        image_key_t private_key = vector_key(i == 0 ? "rsa_private.pem" : "ecies_private.pem");
        assert_false(public_key.is_private);
        assert_true(private_key.is_private);
        for (size_t k = 0; k < COUNT_OF(lengths); k++) {
            desk_t desk;
            const image_file_t part = {plain.bytes, lengths[k]};
            image_file_t file = vector_encrypt(&part, &public_key);
            image_file_t again = vector_encrypt(&part, &public_key);
            assert_memory_not_equal(file.bytes, again.bytes, 404); // other AES key, other IV
            assert_int_equal(decrypt(&desk, &private_key, &file, 1000), OTA_WS_OK);
            assert_int_equal(desk.taken.length, lengths[k]);
            assert_memory_equal(desk.taken.bytes, plain.bytes, lengths[k]);
            image_free(&file);
            image_free(&again);
        }
        image_key_free(&public_key);
        image_key_free(&private_key);
    }
    image_free(&plain);
}

// The chip keeps 32 bytes in an eFuse and derives its key from them, as Espressif's generator does.
static void an_ecies_key_comes_from_the_bytes_in_the_efuse(void **state) {
    (void)state;
    image_file_t hmac = vector_load("ecies_hmac.bin");
    image_key_t public_key = vector_key("ecies_public.pem");
    image_key_t key;
    assert_true(image_key_from_hmac(&key, hmac.bytes));
    assert_int_equal(EVP_PKEY_eq(key.pkey, public_key.pkey), 1);
    image_file_t file = vector_load("ecies.bin");
    desk_t desk;
    assert_int_equal(decrypt(&desk, &key, &file, 4096), OTA_WS_OK);
    image_free(&file);
    image_free(&hmac);
    image_key_free(&key);
    image_key_free(&public_key);
}

static void memory_does_not_grow_with_the_image(void **state) {
    (void)state;
    image_file_t file = vector_load("rsa.bin");
    image_key_t key = vector_key("rsa_private.pem");
    desk_t desk;
    const size_t before = mallinfo2().uordblks;
    desk_start(&desk, &key);
    desk_feed(&desk, file.bytes, 1024);
    const size_t early = mallinfo2().uordblks - before;
    desk_feed(&desk, file.bytes + 1024, file.length - 1024);
    const size_t late = mallinfo2().uordblks - before;
    assert_int_equal(desk_end(&desk), OTA_WS_OK);
    print_message("the filter holds %zu bytes of heap\n", late); // 0 under a sanitizer, which has its own heap
    assert_int_equal(early, late);
    image_key_free(&key);
    image_free(&file);
}

// ---- badly ----

static void another_key_does_not_open_it(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        image_file_t file = vector_load(vectors[i].file);
        image_key_t key = vector_key(vectors[i].other_key);
        desk_t desk;
        const ota_ws_status_t status = decrypt(&desk, &key, &file, 4096);
        // An ECIES key always gives some AES key: the tag shows the difference, and before it the image that is none.
        assert_int_equal(status, key.scheme == IMAGE_KEY_RSA ? OTA_WS_WRONG_KEY : OTA_WS_BAD_TAG);
        image_key_free(&key);
        image_free(&file);
    }
}

static void an_image_of_the_other_scheme_does_not_open(void **state) {
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        image_file_t file = vector_load(i == 0 ? "ecies.bin" : "rsa.bin");
        image_key_t key = vector_key(i == 0 ? "rsa_private.pem" : "ecies_private.pem");
        desk_t desk;
        assert_int_equal(decrypt(&desk, &key, &file, 4096), OTA_WS_WRONG_KEY);
        assert_int_equal(desk.taken.length, 0);
        image_key_free(&key);
        image_free(&file);
    }
}

static void a_file_cut_anywhere_is_truncated(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(vectors); i += 2) {
        image_file_t file = vector_load(vectors[i].file);
        image_key_t key = vector_key(vectors[i].key);
        const size_t whole = file.length;
        for (file.length = 0; file.length < whole; file.length += file.length < 520 ? 1 : 101) {
            desk_t desk;
            assert_int_equal(decrypt(&desk, &key, &file, 4096),
                             file.length < 4 ? OTA_WS_NOT_ENCRYPTED : OTA_WS_TRUNCATED);
        }
        image_key_free(&key);
        image_free(&file);
    }
}

static void bytes_behind_the_end_are_trailing(void **state) {
    (void)state;
    image_file_t file = vector_load("rsa_odd.bin");
    image_key_t key = vector_key("rsa_private.pem");
    for (size_t piece = 1; piece <= 8192; piece *= 2) {
        desk_t desk;
        file.bytes[file.length++] = 0;
        assert_int_equal(decrypt(&desk, &key, &file, piece), OTA_WS_TRAILING_BYTES);
    }
    image_key_free(&key);
    image_free(&file);
}

static void a_plain_image_is_not_encrypted(void **state) {
    (void)state;
    image_file_t file = vector_load("plain.bin");
    image_key_t key = vector_key("rsa_private.pem");
    desk_t desk;
    assert_int_equal(decrypt(&desk, &key, &file, 4096), OTA_WS_NOT_ENCRYPTED);
    assert_int_equal(desk.taken.length, 0);
    image_key_free(&key);
    image_free(&file);
}

static void every_byte_of_ciphertext_counts(void **state) {
    (void)state;
    image_file_t file = vector_load("ecies_odd.bin");
    image_key_t key = vector_key("ecies_private.pem");
    for (size_t at = 512; at < file.length; at++) {
        desk_t desk;
        file.bytes[at] ^= 0x01;
        assert_int_equal(decrypt(&desk, &key, &file, 8192), OTA_WS_BAD_TAG);
        file.bytes[at] ^= 0x01;
    }
    image_key_free(&key);
    image_free(&file);
}

static void the_sinks_failure_is_passed_on_and_sticks(void **state) {
    (void)state;
    image_file_t file = vector_load("rsa.bin");
    image_key_t key = vector_key("rsa_private.pem");
    desk_t desk;
    desk_start(&desk, &key);
    desk.taken.answer = OTA_WS_WRONG_CHIP;
    assert_int_equal(desk_feed(&desk, file.bytes, file.length), OTA_WS_WRONG_CHIP);
    desk.taken.answer = OTA_WS_OK;
    assert_int_equal(desk_feed(&desk, file.bytes, file.length), OTA_WS_WRONG_CHIP);
    assert_int_equal(desk_end(&desk), OTA_WS_WRONG_CHIP);
    image_key_free(&key);
    image_free(&file);
}

static void it_may_be_stopped_anywhere(void **state) {
    (void)state;
    image_file_t file = vector_load("ecies_odd.bin");
    image_key_t key = vector_key("ecies_private.pem");
    for (size_t taken = 0; taken <= file.length; taken++) {
        desk_t desk;
        desk_start(&desk, &key);
        desk_feed(&desk, file.bytes, taken);
        desk.filter.stop(desk.filter.context);
        assert_null(desk.decryptor.decryption);
    }
    image_key_free(&key);
    image_free(&file);
}

static void files_that_hold_no_such_key_are_refused_by_name(void **state) {
    (void)state;
    image_key_t key;
    assert_string_equal(image_key_load(&key, SOURCE_DIR "/test/vectors/absent.pem"), "cannot be opened");
    const char *wrong = image_key_load(&key, SOURCE_DIR "/test/vectors/plain.bin");
    assert_non_null(strstr(wrong, "no key"));
    assert_null(key.pkey);
    static const struct {
        const char *type, *group;
    } others[] = {{"EC", "P-384"}, {"EC", "secp256k1"}, {"ED25519", NULL}};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        char path[] = "/tmp/ota_ws_key_XXXXXX";
        FILE *file = fdopen(mkstemp(path), "wb");
        EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, others[i].type, others[i].group);
        PEM_write_PrivateKey(file, pkey, NULL, NULL, 0, NULL, NULL);
        fclose(file);
        assert_non_null(strstr(image_key_load(&key, path), "neither"));
        assert_null(key.pkey);
        EVP_PKEY_free(pkey);
        remove(path);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_made_by_espressif_are_decrypted_in_any_pieces),
        cmocka_unit_test(every_split_in_two_gives_the_same),
        cmocka_unit_test(what_is_encrypted_here_is_decrypted_here),
        cmocka_unit_test(an_ecies_key_comes_from_the_bytes_in_the_efuse),
        cmocka_unit_test(memory_does_not_grow_with_the_image),
        cmocka_unit_test(another_key_does_not_open_it),
        cmocka_unit_test(an_image_of_the_other_scheme_does_not_open),
        cmocka_unit_test(a_file_cut_anywhere_is_truncated),
        cmocka_unit_test(bytes_behind_the_end_are_trailing),
        cmocka_unit_test(a_plain_image_is_not_encrypted),
        cmocka_unit_test(every_byte_of_ciphertext_counts),
        cmocka_unit_test(the_sinks_failure_is_passed_on_and_sticks),
        cmocka_unit_test(it_may_be_stopped_anywhere),
        cmocka_unit_test(files_that_hold_no_such_key_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
