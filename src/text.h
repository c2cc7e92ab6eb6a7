// SPDX-License-Identifier: Apache-2.0
// Text that every part needs: bounded copies, characters, numbers, addresses, hex, base 64. Every text that is written
// here ends with a zero.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Copies `from` into `to`, cut to `size` - 1 characters.
void ota_ws_text_copy(char *to, size_t size, const char *from);

// Copies all of `from`; the caller knows that there is enough space. Returns where the zero is, for the next append.
char *ota_ws_text_append(char *to, const char *from);

// Where `text` goes on behind `start`. NULL: it does not begin with `start`.
const char *ota_ws_text_behind(const char *text, const char *start);

// The value of a hex digit in any case, which is below 10 for a decimal digit; 16 for every other character.
unsigned ota_ws_text_digit(char c);

// UTF-8 as RFC 3629 has it: no longer sequence than a character needs, no surrogates, nothing beyond U+10FFFF. Zeros at
// first.
typedef struct {
    unsigned missing;    // bytes of the sequence that began
    uint8_t least, most; // of the next one of them
} ota_ws_utf8_t;

// Takes the next byte. False: it is not UTF-8.
bool ota_ws_utf8_take(ota_ws_utf8_t *utf8, uint8_t byte);

// Upper case to lower case, for ASCII letters; every other character stays.
static inline char ota_ws_text_lower(char c) {
    return (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

// Writes `value` in decimal; `to` has at least 11 bytes. Returns where the zero is.
char *ota_ws_text_number(char *to, uint32_t value);

// Writes an IPv6 address as RFC 5952 wants it, an IPv4 one (::ffff:a.b.c.d) with dots.
#define OTA_WS_TEXT_ADDRESS_SIZE 41
void ota_ws_text_address(char to[OTA_WS_TEXT_ADDRESS_SIZE], const uint8_t address[16]);

// One string of a list that lies in memory one behind the other, each with its zero. Half the size of an array of
// pointers. The list must be in the order of its enum.
const char *ota_ws_text_at(const char *list, unsigned index);

// Writes 2 * length lower-case hex digits.
void ota_ws_text_hex(char *to, const uint8_t *bytes, size_t length);

// Reads exactly 2 * length hex digits. False when the text is longer, shorter, or has another character.
bool ota_ws_text_unhex(const char *text, uint8_t *bytes, size_t length);

// Base 64 with padding (RFC 4648, section 4). The length of the text, without its zero:
#define OTA_WS_BASE64_LENGTH(length) (((length) + 2) / 3 * 4)

// Writes OTA_WS_BASE64_LENGTH(length) characters. Returns where the zero is.
char *ota_ws_base64(char *text, const uint8_t *bytes, size_t length);

// Reads the first `text_length` characters of a terminated text. They must be exactly as ota_ws_base64() writes some
// `length` bytes. False when the text is anything else, or `length` is more than
// OTA_WS_UNBASE64_MAX; `bytes` may be overwritten then.
#define OTA_WS_UNBASE64_MAX 72
bool ota_ws_unbase64(const char *text, size_t text_length, uint8_t *bytes, size_t length);

// Takes the same time wherever the difference is.
bool ota_ws_bytes_equal(const uint8_t *a, const uint8_t *b, size_t length);

// Overwrites a secret that is no longer needed; no compiler leaves it out.
void ota_ws_wipe(void *bytes, size_t length);
