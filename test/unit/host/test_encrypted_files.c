// SPDX-License-Identifier: Apache-2.0
// The command line's side of encrypted images: keys and images as files, and a look inside.
#include "testing.h"

#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "encrypt.h"
#include "keygen.h"
#include "vectors.h"

static char folder[] = "/tmp/test_encrypted_files.XXXXXX";
static const output_t quiet = {.json = true};

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state) {
    (void)state;
    return rmdir(folder); // fails when a test has left something
}

static const char *in_folder(const char *name) {
    static char paths[8][128];
    static size_t next;
    char *path = paths[next++ % COUNT_OF(paths)];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static const char *vector_path(const char *name) {
    static char path[512];
    snprintf(path, sizeof path, SOURCE_DIR "/test/vectors/%s", name);
    return path;
}

static void write_file(const char *path, const void *bytes, size_t length) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static bool exists(const char *path) {
    return access(path, F_OK) == 0;
}

static unsigned mode_of(const char *path) {
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_mode & 0777;
}

// Runs with the program's output thrown away.
static bool make_keys(const char *path, bool ecies, problem_t *problem) {
    FILE *before = stdout;
    stdout = fopen("/dev/null", "w");
    const bool made = keygen_make(&quiet, path, ecies, problem);
    fclose(stdout);
    stdout = before;
    return made;
}

static bool encrypt(const char *image, const char *key, const char *to, problem_t *problem) {
    firmware_t firmware;
    FILE *before = stdout;
    stdout = fopen("/dev/null", "w");
    assert_true(firmware_open(&firmware, image));
    const bool made = encrypt_file(&quiet, &firmware, key, to, problem);
    firmware_close(&firmware);
    fclose(stdout);
    stdout = before;
    return made;
}

// ---- keys ----

static void a_key_pair_opens_what_it_closes(void **state) {
    (void)state;
    for (int ecies = 0; ecies < 2; ecies++) {
        problem_t problem;
        image_key_t private_key, public_key;
        assert_true(make_keys(in_folder("key"), ecies, &problem));
        assert_int_equal(mode_of(in_folder("key")), 0600);
        assert_null(image_key_load(&private_key, in_folder("key")));
        assert_null(image_key_load(&public_key, in_folder("key.pub")));
        assert_true(private_key.is_private && !public_key.is_private);
        assert_int_equal(private_key.scheme, ecies ? IMAGE_KEY_ECIES : IMAGE_KEY_RSA);
        assert_int_equal(EVP_PKEY_eq(private_key.pkey, public_key.pkey), 1);
        assert_int_equal(exists(in_folder("key.hmac")), ecies);

        firmware_t firmware;
        assert_true(encrypt(vector_path("plain.bin"), in_folder("key.pub"), in_folder("image"), &problem));
        assert_true(firmware_open(&firmware, in_folder("image")));
        assert_true(firmware.is_encrypted);
        assert_int_equal(firmware.fault.code, EXIT_CODE_OK);
        firmware_look_inside(&firmware, &private_key);
        assert_int_equal(firmware.fault.code, EXIT_CODE_OK);
        assert_string_equal(firmware.inspection.image.description.version, "2.0.0");
        firmware_close(&firmware);

        image_key_free(&private_key);
        image_key_free(&public_key);
        remove(in_folder("key"));
        remove(in_folder("key.pub"));
        remove(in_folder("key.hmac"));
        remove(in_folder("image"));
    }
}

static void a_key_is_never_written_over(void **state) {
    (void)state;
    static const char *const occupied[] = {"key", "key.pub", "key.hmac"};
    for (size_t i = 0; i < COUNT_OF(occupied); i++) {
        problem_t problem;
        write_file(in_folder(occupied[i]), "mine", 4);
        assert_false(make_keys(in_folder("key"), true, &problem));
        assert_string_equal(problem.name, "cannot_write");
        for (size_t k = 0; k < COUNT_OF(occupied); k++) {
            assert_int_equal(exists(in_folder(occupied[k])), i == k); // what was begun is gone
        }
        struct stat status;
        assert_int_equal(stat(in_folder(occupied[i]), &status), 0);
        assert_int_equal(status.st_size, 4);
        remove(in_folder(occupied[i]));
    }
}

// ---- images ----

static void what_cannot_be_encrypted_is_refused_and_nothing_is_written(void **state) {
    (void)state;
    static const struct {
        const char *image, *key, *name;
    } cases[] = {{"rsa.bin", "rsa_public.pem", "encrypted_image"},
                 {"rsa_public.pem", "rsa_public.pem", "not_an_image"},
                 {"plain.bin", "plain.bin", "no_key"},
                 {"plain.bin", "absent.pem", "no_key"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        problem_t problem;
        char image[512];
        snprintf(image, sizeof image, "%s", vector_path(cases[i].image));
        assert_false(encrypt(image, vector_path(cases[i].key), in_folder("image"), &problem));
        assert_string_equal(problem.name, cases[i].name);
        assert_false(exists(in_folder("image")));
    }
}

static void the_image_itself_is_not_written_over(void **state) {
    (void)state;
    problem_t problem;
    image_file_t plain = vector_load("plain.bin");
    write_file(in_folder("app.bin"), plain.bytes, plain.length);
    assert_false(encrypt(in_folder("app.bin"), vector_path("rsa_public.pem"), in_folder("app.bin"), &problem));
    struct stat status;
    assert_int_equal(stat(in_folder("app.bin"), &status), 0);
    assert_int_equal(status.st_size, 4096);
    assert_true(encrypt(in_folder("app.bin"), vector_path("rsa_public.pem"), NULL, &problem)); // its name by itself
    assert_int_equal(stat(in_folder("app_secure.bin"), &status), 0);
    assert_int_equal(status.st_size, 4608);
    remove(in_folder("app.bin"));
    remove(in_folder("app_secure.bin"));
    image_free(&plain);
}

static const char *fault_inside(const char *image, const char *key_name) {
    static firmware_t firmware;
    image_key_t key = vector_key(key_name);
    assert_true(firmware_open(&firmware, image));
    assert_int_equal(firmware.fault.code, EXIT_CODE_OK);
    firmware_look_inside(&firmware, &key);
    firmware_close(&firmware);
    image_key_free(&key);
    return firmware.fault.name;
}

static void a_look_inside_finds_what_the_device_would(void **state) {
    (void)state;
    image_file_t file = vector_load("rsa.bin");
    write_file(in_folder("image"), file.bytes, file.length);
    assert_string_equal(fault_inside(in_folder("image"), "rsa_private.pem"), "");
    assert_string_equal(fault_inside(in_folder("image"), "rsa_other.pem"), "wrong_key");
    assert_string_equal(fault_inside(in_folder("image"), "ecies_private.pem"), "wrong_key");
    file.bytes[4000] ^= 1;
    write_file(in_folder("image"), file.bytes, file.length);
    assert_string_equal(fault_inside(in_folder("image"), "rsa_private.pem"), "bad_tag");
    image_free(&file);

    file = vector_load("ecies.bin");
    write_file(in_folder("image"), file.bytes, file.length);
    assert_string_equal(fault_inside(in_folder("image"), "ecies_other.pem"), "wrong_key");
    image_free(&file);

    image_key_t key = vector_key("rsa_private.pem");
    image_file_t plain = image_build_defective(&image_spec_default, image_defect_find("bad-digest"));
    file = vector_encrypt(&plain, &key);
    write_file(in_folder("image"), file.bytes, file.length);
    assert_string_equal(fault_inside(in_folder("image"), "rsa_private.pem"), "bad_image_digest");
    image_key_free(&key);
    image_free(&file);
    image_free(&plain);
    remove(in_folder("image"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_pair_opens_what_it_closes),
        cmocka_unit_test(a_key_is_never_written_over),
        cmocka_unit_test(what_cannot_be_encrypted_is_refused_and_nothing_is_written),
        cmocka_unit_test(the_image_itself_is_not_written_over),
        cmocka_unit_test(a_look_inside_finds_what_the_device_would),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
