// SPDX-License-Identifier: Apache-2.0
#include "pairing_code.h"

#include <stddef.h>
#include <string.h>

#define GROUP 4 // characters between two hyphens

// The character of the alphabet that `typed` stands for; '\0' when it stands for none.
static char read_character(char typed) {
    static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    char upper = (char)(typed >= 'a' && typed <= 'z' ? typed - 'a' + 'A' : typed);
    if (upper == 'O') {
        return '0';
    }
    if (upper == 'I' || upper == 'L') {
        return '1';
    }
    return (char)(upper != '\0' && strchr(alphabet, upper) != NULL ? upper : '\0');
}

// The bytes of a blank or hyphen at `typed`, 0 when there is none; also of a blank that does not break (U+00A0).
static size_t separator_length(const char *typed) {
    if (typed[0] == '\xC2' && typed[1] == '\xA0') {
        return 2;
    }
    return *typed != '\0' && strchr(" -\t\n\v\f\r", *typed) != NULL ? 1 : 0;
}

bool pairing_code_read(const char *typed, char code[OTA_WS_PAIRING_CODE_SIZE]) {
    size_t length = 0;
    while (*typed != '\0') {
        size_t separator = separator_length(typed);
        if (separator > 0) {
            typed += separator;
            continue;
        }
        char character = read_character(*typed++);
        if (character == '\0' || length == OTA_WS_PAIRING_CODE_SIZE - 1) {
            length = 0;
            break;
        }
        code[length++] = character;
        if (length % (GROUP + 1) == GROUP && length < OTA_WS_PAIRING_CODE_SIZE - 1) {
            code[length++] = '-';
        }
    }
    bool is_whole = length == OTA_WS_PAIRING_CODE_SIZE - 1;
    code[is_whole ? length : 0] = '\0';
    return is_whole;
}
