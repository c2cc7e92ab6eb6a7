// SPDX-License-Identifier: Apache-2.0
#include "partition_text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST (INT64_C(1) << 53)

// ---- characters ----

// One character of UTF-8. Returns its length; 0 when it is none.
static size_t read_character(const char *at, const char *end, uint32_t *character) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = (uint8_t)*at;
    size_t length = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first >= 0xF8 || (first >= 0x80 && first < 0xC0) || (size_t)(end - at) < length) {
        return 0;
    }
    *character = length == 1 ? first : first & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        uint8_t next = (uint8_t)at[i];
        if ((next & 0xC0) != 0x80) {
            return 0;
        }
        *character = *character << 6 | (next & 0x3F);
    }
    bool is_surrogate = *character >= 0xD800 && *character < 0xE000;
    return *character < least[length] || *character > 0x10FFFF || is_surrogate ? 0 : length;
}

static size_t write_character(char *to, uint32_t character) {
    if (character < 0x80) {
        to[0] = (char)character;
        return 1;
    }
    size_t length = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--, character >>= 6) {
        to[i] = (char)(0x80 | (character & 0x3F));
    }
    to[0] = (char)((0xF00u >> length & 0xFF) | character);
    return length;
}

// str.splitlines(), beside "\r\n".
static bool ends_line(uint32_t c) {
    return (c >= '\n' && c <= '\r') || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

// str.isspace()
static bool is_blank(uint32_t c) {
    return ends_line(c) || c == ' ' || c == '\t' || c == 0x1F || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x202F || c == 0x205F || c == 0x3000;
}

// ---- the whole file ----

static bool is_utf8(const char *at, const char *end) {
    uint32_t character;
    while (at < end) {
        size_t length = read_character(at, end, &character);
        if (length == 0) {
            return false;
        }
        at += length;
    }
    return true;
}

static uint32_t read_unit(const uint8_t *at, bool big) {
    return big ? (uint32_t)at[0] << 8 | at[1] : (uint32_t)at[1] << 8 | at[0];
}

// Without the mark. Two bytes become three at most. Returns false when a half of a pair is missing.
static bool convert_utf16(const uint8_t *bytes, size_t length, bool big, char *to, size_t *written) {
    for (size_t at = 0; at < length; at += 2) {
        if (length - at < 2) {
            return false;
        }
        uint32_t unit = read_unit(bytes + at, big);
        if (unit >= 0xD800 && unit < 0xE000) {
            uint32_t low = length - at < 4 ? 0 : read_unit(bytes + at + 2, big);
            if (unit >= 0xDC00 || low < 0xDC00 || low >= 0xE000) {
                return false;
            }
            unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
            at += 2;
        }
        *written += write_character(to + *written, unit);
    }
    return true;
}

char *partition_text_decode(const uint8_t *bytes, size_t length, size_t *decoded, const char **why) {
    char *text = malloc(length / 2 * 3 + length % 2 + 4);
    bool little = length >= 2 && bytes[0] == 0xFF && bytes[1] == 0xFE;
    bool big = length >= 2 && bytes[0] == 0xFE && bytes[1] == 0xFF;
    size_t mark = length >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    bool good = false;
    *decoded = 0;
    *why = text == NULL ? "there is no memory for it" : "it is no text in UTF-8";
    if (text != NULL && (little || big)) {
        good = convert_utf16(bytes + 2, length - 2, big, text, decoded);
    } else if (text != NULL) {
        *decoded = length - mark;
        memcpy(text, bytes + mark, *decoded);
        good = is_utf8(text, text + *decoded);
    }
    if (!good) {
        free(text);
        return NULL;
    }
    return text;
}

// ---- lines and blanks ----

bool partition_text_line(span_t *rest, span_t *line) {
    const char *at = rest->start;
    uint32_t character = 0;
    *line = *rest;
    if (at == rest->end) {
        return false;
    }
    while (at < rest->end) {
        size_t length = read_character(at, rest->end, &character);
        if (ends_line(character)) {
            line->end = at;
            at += length;
            at += character == '\r' && at < rest->end && *at == '\n';
            rest->start = at;
            return true;
        }
        at += length > 0 ? length : 1;
    }
    rest->start = at;
    return true;
}

span_t partition_text_trim(span_t text) {
    span_t trimmed = {text.end, text.end};
    uint32_t character = 0;
    for (const char *at = text.start; at < text.end;) {
        size_t length = read_character(at, text.end, &character);
        const char *next = at + (length > 0 ? length : 1);
        if (!is_blank(character)) {
            trimmed.start = trimmed.start == text.end ? at : trimmed.start;
            trimmed.end = next;
        }
        at = next;
    }
    return trimmed;
}

// ---- environment ----

static bool is_name(char c) {
    return isalnum((unsigned char)c) || c == '_';
}

// The name behind a '$' at `at`: os.path.expandvars(). Returns what follows it; NULL when there is none.
static const char *find_name(const char *at, const char *end, span_t *name) {
    bool braced = at + 1 < end && at[1] == '{';
    name->start = at + (braced ? 2 : 1);
    name->end = name->start;
    while (name->end < end && (braced ? *name->end != '}' : is_name(*name->end))) {
        name->end++;
    }
    if (braced) {
        return name->end < end ? name->end + 1 : NULL;
    }
    return name->end > name->start ? name->end : NULL;
}

static const char *value_of(span_t name) {
    char *copy = strndup(name.start, (size_t)(name.end - name.start));
    const char *value = copy == NULL ? NULL : getenv(copy);
    free(copy);
    return value;
}

char *partition_text_expand(span_t line) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        return NULL;
    }
    for (const char *at = line.start; at < line.end;) {
        span_t name = {at, at};
        const char *next = *at == '$' ? find_name(at, line.end, &name) : NULL;
        const char *value = next != NULL ? value_of(name) : NULL;
        next = next == NULL ? at + 1 : next;
        if (value != NULL) {
            fputs(value, out);
        } else {
            fwrite(at, 1, (size_t)(next - at), out);
        }
        at = next;
    }
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        free(text);
        return NULL;
    }
    return text;
}

// ---- numbers ----

static int base_at(span_t *digits) {
    if (digits->end - digits->start < 2 || digits->start[0] != '0') {
        return 10;
    }
    char mark = (char)tolower((unsigned char)digits->start[1]);
    int base = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 10;
    if (base != 10) {
        digits->start += 2;
        digits->start += digits->start < digits->end && *digits->start == '_';
    }
    return base;
}

static int digit_of(char c) {
    return c >= '0' && c <= '9' ? c - '0' : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : 99;
}

static bool read_digits(span_t digits, int base, int64_t *value) {
    *value = 0;
    for (const char *at = digits.start; at < digits.end; at++) {
        if (*at == '_' && at > digits.start && at[-1] != '_' && at + 1 < digits.end) {
            continue;
        }
        int digit = digit_of(*at);
        if (digit >= base) {
            return false;
        }
        *value = *value * base + digit;
        *value = *value < LARGEST ? *value : LARGEST;
    }
    return digits.start < digits.end;
}

bool partition_text_number(span_t text, int64_t *value) {
    span_t digits = partition_text_trim(text);
    bool has_sign = digits.start < digits.end && (*digits.start == '-' || *digits.start == '+');
    bool is_negative = has_sign && *digits.start == '-';
    digits.start += has_sign;
    int base = base_at(&digits);
    if (!read_digits(digits, base, value) || (base == 10 && *digits.start == '0' && *value != 0)) {
        return false;
    }
    *value = is_negative ? -*value : *value;
    return true;
}
