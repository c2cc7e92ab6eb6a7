// SPDX-License-Identifier: Apache-2.0
// The store beside the flash file, and what it keeps for the login.
#include "testing.h"

#include <sys/stat.h>
#include <unistd.h>

#include "access.h"
#include "hash_openssl.h"
#include "store.h"

static char directory[64];
static char flash_path[128];
static char store_path[160];
static console_t console;

static int make_directory(void **state) {
    (void)state;
    strcpy(directory, "/tmp/ota_ws_test_XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(flash_path, sizeof flash_path, "%s/flash", directory);
    snprintf(store_path, sizeof store_path, "%s.nvs", flash_path);
    console_init(&console, NULL);
    return 0;
}

static int remove_directory(void **state) {
    (void)state;
    unlink(flash_path);
    unlink(store_path);
    return rmdir(directory);
}

static store_t open_store(void) {
    store_t store;
    assert_true(store_init(&store, flash_path));
    return store;
}

static void write_text(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void values_are_kept_changed_and_removed(void **state) {
    (void)state;
    store_t store = open_store();
    char text[STORE_TEXT_SIZE];
    assert_false(store_get(&store, "one", text));
    assert_true(store_set(&store, "one", "1"));
    assert_true(store_set(&store, "two", "zwei"));
    assert_true(store_set(&store, "one", "uno"));
    store_t again = open_store();
    assert_true(store_get(&again, "one", text));
    assert_string_equal(text, "uno");
    assert_true(store_get(&again, "two", text));
    assert_string_equal(text, "zwei");
    assert_true(store_set(&again, "one", NULL));
    assert_false(store_get(&store, "one", text));
    assert_true(store_get(&store, "two", text));
}

static void a_name_is_not_the_start_of_another(void **state) {
    (void)state;
    store_t store = open_store();
    char text[STORE_TEXT_SIZE];
    assert_true(store_set(&store, "pairing", "a"));
    assert_false(store_get(&store, "pair", text));
    assert_true(store_set(&store, "pair", "b"));
    assert_true(store_get(&store, "pairing", text));
    assert_string_equal(text, "a");
}

static void bytes_come_back_as_they_were(void **state) {
    (void)state;
    store_t store = open_store();
    uint8_t bytes[OTA_WS_STORE_VALUE_MAX];
    uint8_t loaded[OTA_WS_STORE_VALUE_MAX];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 37);
    }
    store_save(&store, "small", bytes, 1);
    store_save(&store, "large", bytes, sizeof bytes);
    assert_int_equal(store_load(&store, "small", loaded, sizeof loaded), 1);
    assert_int_equal(store_load(&store, "large", loaded, sizeof loaded), sizeof bytes);
    assert_memory_equal(loaded, bytes, sizeof bytes);
    assert_int_equal(store_load(&store, "large", loaded, sizeof loaded - 1), 0);
    store_save(&store, "large", NULL, 0);
    assert_int_equal(store_load(&store, "large", loaded, sizeof loaded), 0);
}

static void a_value_that_is_no_hexadecimal_is_none(void **state) {
    (void)state;
    store_t store = open_store();
    uint8_t loaded[16];
    assert_true(store_set(&store, "text", "not hexadecimal!"));
    assert_int_equal(store_load(&store, "text", loaded, sizeof loaded), 0);
}

static void only_the_owner_may_read_it(void **state) {
    (void)state;
    store_t store = open_store();
    struct stat info;
    assert_true(store_set(&store, "secret", "code"));
    assert_int_equal(stat(store_path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

static void where_nothing_can_be_written_set_says_so(void **state) {
    (void)state;
    store_t store;
    assert_true(store_init(&store, "/nowhere/flash"));
    assert_false(store_set(&store, "one", "1"));
}

static void a_path_that_is_too_long_is_refused(void **state) {
    (void)state;
    store_t store;
    char path[STORE_PATH_SIZE];
    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_false(store_init(&store, path));
}

// ---- access ----

static void a_pairing_code_is_made_once_and_kept(void **state) {
    (void)state;
    store_t store = open_store();
    access_t first;
    access_t second;
    assert_true(access_pairing_code(&first, &store, &ota_ws_hash_openssl, &console));
    assert_int_equal(strlen(first.code), 14);
    assert_int_equal(first.kind, ACCESS_PAIRING_CODE);
    assert_true(access_pairing_code(&second, &store, &ota_ws_hash_openssl, &console));
    assert_string_equal(first.code, second.code);
    assert_non_null(access_verifier(&second));
}

static void the_verifier_is_that_of_the_code(void **state) {
    (void)state;
    store_t store = open_store();
    access_t access;
    ota_ws_verifier_t expected;
    assert_true(access_pairing_code(&access, &store, &ota_ws_hash_openssl, &console));
    ota_ws_verifier_make(&ota_ws_hash_openssl, access.code, access.verifier.salt, access.verifier.iterations,
                         &expected);
    assert_memory_equal(&access.verifier, &expected, sizeof expected);
}

static void a_code_that_cannot_be_kept_is_not_used(void **state) {
    (void)state;
    store_t store;
    access_t access;
    assert_true(store_init(&store, "/nowhere/flash"));
    assert_false(access_pairing_code(&access, &store, &ota_ws_hash_openssl, &console));
}

static void the_password_is_the_first_line_of_its_file(void **state) {
    (void)state;
    static const char *const texts[] = {"secret words", "secret words\n", "secret words\r\nmore\n"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        access_t access;
        ota_ws_verifier_t expected;
        write_text(flash_path, texts[i]);
        assert_true(access_password(&access, flash_path, &ota_ws_hash_openssl, &console));
        ota_ws_verifier_make(&ota_ws_hash_openssl, "secret words", access.verifier.salt, access.verifier.iterations,
                             &expected);
        assert_memory_equal(&access.verifier, &expected, sizeof expected);
    }
}

static void unfit_passwords_are_refused(void **state) {
    (void)state;
    char long_one[OTA_WS_PASSWORD_MAX + 3];
    memset(long_one, 'x', sizeof long_one - 1);
    long_one[sizeof long_one - 1] = '\0';
    const char *const texts[] = {"",
                                 "\n",
                                 "abc\n",
                                 "gr\xC3\xBC\xC3\x9F"
                                 "e\n",
                                 "a\tb c d\n",
                                 long_one};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        access_t access;
        write_text(flash_path, texts[i]);
        assert_false(access_password(&access, flash_path, &ota_ws_hash_openssl, &console));
    }
    access_t access;
    assert_false(access_password(&access, "/nowhere/password", &ota_ws_hash_openssl, &console));
}

static void open_access_has_no_verifier(void **state) {
    (void)state;
    access_t access;
    access_open(&access);
    assert_null(access_verifier(&access));
}

#define FILE_TEST(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void) {
    const struct CMUnitTest tests[] = {
        FILE_TEST(values_are_kept_changed_and_removed),
        FILE_TEST(a_name_is_not_the_start_of_another),
        FILE_TEST(bytes_come_back_as_they_were),
        FILE_TEST(a_value_that_is_no_hexadecimal_is_none),
        FILE_TEST(only_the_owner_may_read_it),
        cmocka_unit_test(where_nothing_can_be_written_set_says_so),
        cmocka_unit_test(a_path_that_is_too_long_is_refused),
        FILE_TEST(a_pairing_code_is_made_once_and_kept),
        FILE_TEST(the_verifier_is_that_of_the_code),
        FILE_TEST(a_code_that_cannot_be_kept_is_not_used),
        FILE_TEST(the_password_is_the_first_line_of_its_file),
        FILE_TEST(unfit_passwords_are_refused),
        cmocka_unit_test(open_access_has_no_verifier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
