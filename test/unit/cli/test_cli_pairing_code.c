// SPDX-License-Identifier: Apache-2.0
// A pairing code as people type it: every row of test/vectors/codes.txt. The page's and the Python client's tests read
// the same table.
#include "testing.h"

#include <stdio.h>

#include "pairing_code.h"

#define TABLE SOURCE_DIR "/test/vectors/codes.txt"

// The JSON string at `text`, without its quotes; \uXXXX becomes UTF-8 of two or three bytes. Where it ends.
static const char *read_string(const char *text, char *to) {
    assert_int_equal(*text, '"');
    for (text++; *text != '"'; text++) {
        unsigned value = (unsigned char)*text;
        if (*text == '\\' && text[1] == 'u') {
            assert_int_equal(sscanf(text + 2, "%4x", &value), 1);
            text += 5;
        } else if (*text == '\\') {
            value = *++text == 't' ? '\t' : '\r';
        }
        if (value >= 0x800) {
            *to++ = (char)(0xE0 | value >> 12);
            *to++ = (char)(0x80 | (value >> 6 & 0x3F));
            *to++ = (char)(0x80 | (value & 0x3F));
        } else if (value >= 0x80) {
            *to++ = (char)(0xC0 | value >> 6);
            *to++ = (char)(0x80 | (value & 0x3F));
        } else {
            *to++ = (char)value;
        }
    }
    *to = '\0';
    return text + 1;
}

static void every_typed_code_of_the_table_is_sent_as_it_says(void **state) {
    (void)state;
    FILE *file = fopen(TABLE, "r");
    assert_non_null(file);
    char line[200];
    int rows = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        char typed[200];
        char sent[200];
        char code[OTA_WS_PAIRING_CODE_SIZE];
        if (line[0] != '"') {
            continue;
        }
        read_string(read_string(line, typed) + 1, sent);
        assert_string_equal(pairing_code_read(typed, code) ? code : typed, sent);
        rows++;
    }
    fclose(file);
    assert_true(rows > 15);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_typed_code_of_the_table_is_sent_as_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
