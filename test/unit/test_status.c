// SPDX-License-Identifier: Apache-2.0
// The table of statuses: complete, without doubles, and known to docs/protocol.md.
#include "testing.h"

#include "status.h"

static char *read_document(void) {
    FILE *file = fopen(SOURCE_DIR "/docs/protocol.md", "rb");
    assert_non_null(file);
    char *text = calloc(1, 1 << 20);
    assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
    fclose(file);
    return text;
}

static void every_status_has_a_name_of_lower_case_words(void **state) {
    (void)state;
    for (int i = 0; i < OTA_WS_STATUS_COUNT; i++) {
        const char *name = ota_ws_status_name((ota_ws_status_t)i);
        assert_non_null(name);
        assert_true(strlen(name) > 0);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789"), strlen(name));
    }
    assert_string_equal(ota_ws_status_name(OTA_WS_OK), "ok");
    assert_string_equal(ota_ws_status_name(OTA_WS_WRONG_CHIP), "wrong_chip");
}

static void no_name_and_no_sentence_stands_for_two(void **state) {
    (void)state;
    for (int i = 0; i < OTA_WS_STATUS_COUNT; i++) {
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(ota_ws_status_name((ota_ws_status_t)i), ota_ws_status_name((ota_ws_status_t)k));
            assert_string_not_equal(ota_ws_status_sentence((ota_ws_status_t)i),
                                    ota_ws_status_sentence((ota_ws_status_t)k));
        }
    }
}

static void every_sentence_is_one_that_a_person_reads(void **state) {
    (void)state;
    for (int i = 0; i < OTA_WS_STATUS_COUNT; i++) {
        const char *sentence = ota_ws_status_sentence((ota_ws_status_t)i);
        assert_non_null(sentence);
        assert_true(sentence[0] >= 'A' && sentence[0] <= 'Z');
        assert_int_equal(sentence[strlen(sentence) - 1], '.');
        assert_null(strpbrk(sentence, "\"\\\n"));
    }
}

// What stands in braces is replaced by the failure's values: nothing else may.
static void sentences_have_no_places_but_image_and_device(void **state) {
    (void)state;
    for (int i = 0; i < OTA_WS_STATUS_COUNT; i++) {
        const char *at = ota_ws_status_sentence((ota_ws_status_t)i);
        while ((at = strchr(at, '{')) != NULL) {
            assert_true(strncmp(at, "{image}", 7) == 0 || strncmp(at, "{device}", 8) == 0);
            at++;
        }
    }
}

// With two values of the largest size, and all that stands around them in the message, it still fits.
static void every_sentence_fits_into_a_message(void **state) {
    (void)state;
    for (int i = 0; i < OTA_WS_STATUS_COUNT; i++) {
        assert_true(strlen(ota_ws_status_sentence((ota_ws_status_t)i)) < 160);
    }
}

static void assert_sentence(const ota_ws_failure_t *failure, const char *expected) {
    char text[200];
    for (size_t size = 1; size <= strlen(expected) + 2; size++) {
        memset(text, 'x', sizeof text);
        ota_ws_sentence(text, size, failure);
        const size_t length = size <= strlen(expected) ? size - 1 : strlen(expected);
        assert_int_equal(strlen(text), length);
        assert_memory_equal(text, expected, length);
        assert_int_equal(text[size], 'x');
    }
}

static void a_sentence_has_the_failures_values_and_is_cut_where_its_place_ends(void **state) {
    (void)state;
    ota_ws_failure_t failure = {.status = OTA_WS_WRONG_CHIP, .image = "ESP32-S3", .device = "ESP32-C3"};
    assert_sentence(&failure, "This image is for ESP32-S3, this device is an ESP32-C3.");
    failure = (ota_ws_failure_t){.status = OTA_WS_OLDER_VERSION, .image = "{device}", .device = ""};
    assert_sentence(&failure, "Version {device} is older than , which runs. Allow the downgrade if you want it.");
    failure.status = OTA_WS_EMPTY;
    assert_sentence(&failure, "The file is empty.");
}

static void the_protocol_document_names_every_status(void **state) {
    (void)state;
    char *document = read_document();
    size_t missing = 0;
    for (int i = 1; i < OTA_WS_STATUS_COUNT; i++) {
        char quoted[64];
        snprintf(quoted, sizeof quoted, "`%s`", ota_ws_status_name((ota_ws_status_t)i));
        if (strstr(document, quoted) == NULL) {
            fprintf(stderr, "docs/protocol.md lacks %s\n", quoted);
            missing++;
        }
    }
    free(document);
    assert_int_equal(missing, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_a_name_of_lower_case_words),
        cmocka_unit_test(no_name_and_no_sentence_stands_for_two),
        cmocka_unit_test(every_sentence_is_one_that_a_person_reads),
        cmocka_unit_test(sentences_have_no_places_but_image_and_device),
        cmocka_unit_test(every_sentence_fits_into_a_message),
        cmocka_unit_test(a_sentence_has_the_failures_values_and_is_cut_where_its_place_ends),
        cmocka_unit_test(the_protocol_document_names_every_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
