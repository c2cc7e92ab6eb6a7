// SPDX-License-Identifier: Apache-2.0
#include "text.h"

#include <string.h>

static const char hex_digits[] = "0123456789abcdef";

void ota_ws_text_copy(char *to, size_t size, const char *from) {
    size_t length = strlen(from);
    if (length >= size) {
        length = size - 1;
    }
    memcpy(to, from, length);
    to[length] = '\0';
}

static char *write_number(char *to, uint32_t value, unsigned base) {
    char digits[10];
    size_t count = 0;
    do {
        digits[count++] = hex_digits[value % base];
        value /= base;
    } while (value > 0);
    while (count > 0) {
        *to++ = digits[--count];
    }
    *to = '\0';
    return to;
}

char *ota_ws_text_number(char *to, uint32_t value) {
    return write_number(to, value, 10);
}

// The zeros that "::" stands for: the longest run of two zero groups or more, the first of equal ones. Returns how many
// bytes they are, 0 when there is none.
static size_t find_zeros(const uint8_t address[16], size_t *start) {
    size_t longest = 0;
    for (size_t from = 0; from < 16; from += 2) {
        size_t to = from;
        while (to < 16 && (address[to] | address[to + 1]) == 0) {
            to += 2;
        }
        if (to - from > 2 && to - from > longest) {
            longest = to - from;
            *start = from;
        }
    }
    return longest;
}

// Each group is followed by a colon, also the last one.
static char *write_v6(char *to, const uint8_t address[16]) {
    size_t start = 16;
    size_t zeros = find_zeros(address, &start);
    for (size_t i = 0; i < 16;) {
        if (i != start) {
            to = write_number(to, (uint32_t)address[i] << 8 | address[i + 1], 16);
            i += 2;
        } else {
            i += zeros;
            if (start == 0) {
                *to++ = ':';
            }
            if (i == 16) {
                *to++ = ':';
            }
        }
        *to++ = ':';
    }
    return to;
}

static char *write_v4(char *to, const uint8_t address[4]) {
    for (size_t i = 0; i < 4; i++) {
        to = write_number(to, address[i], 10);
        *to++ = '.';
    }
    return to;
}

void ota_ws_text_address(char to[OTA_WS_TEXT_ADDRESS_SIZE], const uint8_t address[16]) {
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    bool is_v4 = memcmp(address, mapped, sizeof mapped) == 0;
    char *end = is_v4 ? write_v4(to, address + sizeof mapped) : write_v6(to, address);
    end[-1] = '\0'; // in the place of the last separator
}

const char *ota_ws_text_at(const char *list, unsigned index) {
    while (index-- > 0) {
        list += strlen(list) + 1;
    }
    return list;
}

void ota_ws_text_hex(char *to, const uint8_t *bytes, size_t length) {
    for (size_t i = 0; i < length; i++) {
        *to++ = hex_digits[bytes[i] >> 4];
        *to++ = hex_digits[bytes[i] & 15];
    }
    *to = '\0';
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

bool ota_ws_text_unhex(const char *text, uint8_t *bytes, size_t length) {
    for (size_t i = 0; i < length; i++) {
        int high = hex_value(text[2 * i]);
        int low = high < 0 ? -1 : hex_value(text[2 * i + 1]);
        if (low < 0) {
            return false;
        }
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return text[2 * length] == '\0';
}

bool ota_ws_bytes_equal(const uint8_t *a, const uint8_t *b, size_t length) {
    uint8_t difference = 0;
    for (size_t i = 0; i < length; i++) {
        difference |= (uint8_t)(a[i] ^ b[i]);
    }
    return difference == 0;
}

void ota_ws_wipe(void *bytes, size_t length) {
    volatile uint8_t *at = bytes;
    while (length-- > 0) {
        *at++ = 0;
    }
}
