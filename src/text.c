// SPDX-License-Identifier: Apache-2.0
#include "text.h"

#include <string.h>

// ---- copies and characters -----------------------------------------------------------------------------------------

void ota_ws_text_copy(char *to, size_t size, const char *from) {
    while (size-- > 1 && *from != '\0') {
        *to++ = *from++;
    }
    *to = '\0';
}

char *ota_ws_text_append(char *to, const char *from) {
    while ((*to = *from++) != '\0') {
        to++;
    }
    return to;
}

const char *ota_ws_text_behind(const char *text, const char *start) {
    while (*start != '\0') {
        if (*text++ != *start++) {
            return NULL;
        }
    }
    return text;
}

unsigned ota_ws_text_digit(char c) {
    unsigned digit = (uint8_t)c - (unsigned)'0';
    unsigned letter = ((uint8_t)c | 0x20U) - 'a'; // 0x20 turns an upper-case letter into a lower-case one
    return digit < 10 ? digit : letter < 6 ? letter + 10 : 16;
}

bool ota_ws_utf8_take(ota_ws_utf8_t *utf8, uint8_t byte) {
    if (utf8->missing > 0) {
        bool fits = byte >= utf8->least && byte <= utf8->most;
        *utf8 = (ota_ws_utf8_t){utf8->missing - 1, 0x80, 0xBF};
        return fits;
    }
    if (byte < 0x80) {
        return true;
    }
    utf8->missing = 1U + (byte >= 0xE0) + (byte >= 0xF0);
    utf8->least = byte == 0xE0 ? 0xA0 : byte == 0xF0 ? 0x90 : 0x80;
    utf8->most = byte == 0xED ? 0x9F : byte == 0xF4 ? 0x8F : 0xBF;
    return byte >= 0xC2 && byte <= 0xF4;
}

const char *ota_ws_text_at(const char *list, unsigned index) {
    while (index-- > 0) {
        list += strlen(list) + 1;
    }
    return list;
}

// ---- numbers -------------------------------------------------------------------------------------------------------

static const char digits[] = "0123456789abcdef";

static char *write_number(char *to, uint32_t value, unsigned base) {
    char *end = to + 1;
    for (uint32_t rest = value / base; rest > 0; rest /= base) {
        end++;
    }
    char *at = end;
    *at = '\0';
    do {
        *--at = digits[value % base];
        value /= base;
    } while (at > to);
    return end;
}

char *ota_ws_text_number(char *to, uint32_t value) {
    return write_number(to, value, 10);
}

// ---- addresses -----------------------------------------------------------------------------------------------------

#define GROUPS 8 // of 16 bits, in an IPv6 address

// The longest run of zero groups as one bit in the place of its first group, of equal runs the first one. 0: no two
// zero groups follow each other. `length` is that of the run.
static unsigned find_zeros(const uint8_t address[16], size_t *length) {
    unsigned rest = 0; // a bit for each group from which `length` + 1 groups are zero
    unsigned runs = 0; // likewise, `length` groups
    for (size_t i = 0; i < GROUPS; i++) {
        rest |= (unsigned)((address[2 * i] | address[2 * i + 1]) == 0) << i;
    }
    for (*length = 0; rest != 0; rest &= rest >> 1) {
        runs = rest;
        ++*length;
    }
    return *length > 1 ? runs & -runs : 0;
}

static void write_v6(char *to, const uint8_t address[16]) {
    size_t zeros;
    unsigned run = find_zeros(address, &zeros);
    for (size_t i = 0; i < GROUPS; i++) {
        bool is_run = (run >> i & 1) != 0;
        if (is_run || i > 0) {
            *to++ = ':';
        }
        if (!is_run) {
            to = write_number(to, (uint32_t)address[2 * i] << 8 | address[2 * i + 1], 16);
        } else if ((i += zeros - 1) == GROUPS - 1) {
            *to++ = ':'; // no group follows that would bring the second colon
        }
    }
    *to = '\0';
}

void ota_ws_text_address(char to[OTA_WS_TEXT_ADDRESS_SIZE], const uint8_t address[16]) {
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    if (memcmp(address, mapped, sizeof mapped) != 0) {
        write_v6(to, address);
        return;
    }
    for (size_t i = sizeof mapped; i < 16; i++) {
        to = write_number(to, address[i], 10);
        *to++ = '.';
    }
    to[-1] = '\0'; // in the place of the last dot
}

// ---- hex -----------------------------------------------------------------------------------------------------------

void ota_ws_text_hex(char *to, const uint8_t *bytes, size_t length) {
    for (size_t i = 0; i < length; i++) {
        *to++ = digits[bytes[i] >> 4];
        *to++ = digits[bytes[i] & 15];
    }
    *to = '\0';
}

bool ota_ws_text_unhex(const char *text, uint8_t *bytes, size_t length) {
    unsigned value = 0;
    for (size_t i = 0; i < 2 * length; i++) {
        unsigned digit = ota_ws_text_digit(text[i]);
        if (digit > 15) {
            return false;
        }
        value = value << 4 | digit;
        bytes[i / 2] = (uint8_t)value; // complete at the second digit
    }
    return text[2 * length] == '\0';
}

// ---- base 64 -------------------------------------------------------------------------------------------------------

#define NO_VALUE 64

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// Six bits make a character. The last character is filled up with zeros, the last four characters with '='.
char *ota_ws_base64(char *text, const uint8_t *bytes, size_t length) {
    char *at = text;
    for (size_t bit = 0; bit < 8 * length; bit += 6) {
        size_t i = bit / 8;
        unsigned two = (unsigned)bytes[i] << 8 | (i + 1 < length ? bytes[i + 1] : 0);
        *at++ = alphabet[two >> (10 - bit % 8) & 63];
    }
    while ((at - text) % 4 != 0) {
        *at++ = '=';
    }
    *at = '\0';
    return at;
}

// Takes as long for each character of the alphabet: a text may be a password.
static unsigned value_of(char c) {
    unsigned value = NO_VALUE;
    for (unsigned i = 0; i < NO_VALUE; i++) {
        if (alphabet[i] == c) {
            value = i;
        }
    }
    return value;
}

// Decodes without looking at the end, then encodes again: only the one right text of these bytes comes out the same.
bool ota_ws_unbase64(const char *text, size_t text_length, uint8_t *bytes, size_t length) {
    char again[OTA_WS_BASE64_LENGTH(OTA_WS_UNBASE64_MAX) + 1];
    uint32_t bits = 0;
    unsigned count = 0; // of bits that are in no byte yet
    const char *at = text;
    if (length > OTA_WS_UNBASE64_MAX) {
        return false;
    }
    for (uint8_t *to = bytes; to < bytes + length; at++) {
        unsigned value = value_of(*at);
        if (value == NO_VALUE) {
            return false; // at the end of the text, too
        }
        bits = bits << 6 | value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            *to++ = (uint8_t)(bits >> count);
        }
    }
    return ota_ws_base64(again, bytes, length) == again + text_length && memcmp(again, text, text_length) == 0;
}

// ---- secrets -------------------------------------------------------------------------------------------------------

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
