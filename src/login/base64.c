// SPDX-License-Identifier: Apache-2.0
#include "login/base64.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static char character(uint32_t value, bool for_url) {
    return for_url && value >= 62 ? "-_"[value - 62] : alphabet[value];
}

// Writes the characters that carry bits; returns where they end.
static char *encode(char *text, const uint8_t *bytes, size_t length, bool for_url) {
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < length; i++) {
        bits = bits << 8 | bytes[i];
        count += 8;
        while (count >= 6) {
            count -= 6;
            *text++ = character(bits >> count & 63, for_url);
        }
    }
    if (count > 0) {
        *text++ = character(bits << (6 - count) & 63, for_url);
    }
    return text;
}

char *ota_ws_base64(char *text, const uint8_t *bytes, size_t length) {
    char *end = encode(text, bytes, length, false);
    while ((end - text) % 4 != 0) {
        *end++ = '=';
    }
    *end = '\0';
    return end;
}

void ota_ws_base64url(char *text, const uint8_t *bytes, size_t length) {
    *encode(text, bytes, length, true) = '\0';
}

bool ota_ws_unbase64(const char *text, size_t text_length, uint8_t *bytes, size_t length) {
    if (text_length != OTA_WS_BASE64_LENGTH(length)) {
        return false;
    }
    size_t characters = (length * 8 + 5) / 6;
    size_t written = 0;
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < text_length; i++) {
        const char *found = text[i] == '\0' ? NULL : strchr(alphabet, text[i]);
        if (i >= characters ? text[i] != '=' : found == NULL) {
            return false;
        }
        if (i >= characters) {
            continue;
        }
        bits = (bits << 6 | (uint32_t)(found - alphabet)) & 0xFFFF;
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes[written++] = (uint8_t)(bits >> count);
        }
    }
    return (bits & ((1U << count) - 1)) == 0; // the bits left over must be zero: one text for one value
}
