// SPDX-License-Identifier: Apache-2.0
#include "version.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    uint32_t core[3];
    const char *pre; // pre-release, without its '-'
    size_t pre_length;
    uint32_t commits; // after the tag
} version_t;

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f');
}

// Reads digits into `value`; false when there are none or too many.
static bool read_number(const char **text, uint32_t *value) {
    const char *at = *text;
    *value = 0;
    while (is_digit(*at) && at - *text < 9) {
        *value = *value * 10 + (uint32_t)(*at++ - '0');
    }
    bool good = at > *text && !is_digit(*at);
    *text = at;
    return good;
}

// Takes what `git describe` adds: "-N-gHEX", "-dirty", both or none. True when that is all of `text`.
static bool read_describe(const char *text, uint32_t *commits) {
    *commits = 0;
    const char *at = text;
    if (*at == '-' && is_digit(at[1])) {
        at++;
        if (!read_number(&at, commits) || strncmp(at, "-g", 2) != 0) {
            return false;
        }
        at += 2;
        while (is_hex(*at)) {
            at++;
        }
    }
    return *at == '\0' || strcmp(at, "-dirty") == 0;
}

static bool read_version(const char *text, version_t *version) {
    memset(version, 0, sizeof *version);
    if (*text == 'v') {
        text++;
    }
    for (int i = 0; i < 3; i++) {
        if (!read_number(&text, &version->core[i])) {
            return false;
        }
        if (i < 2 && *text != '.') {
            break;
        }
        text += i < 2;
    }
    if (read_describe(text, &version->commits)) {
        return true;
    }
    version->commits = 0;
    if (*text == '-') {
        version->pre = text + 1;
        version->pre_length = strcspn(version->pre, "+");
        return version->pre_length > 0;
    }
    return *text == '+';
}

static int compare(size_t a, size_t b) {
    return (a > b) - (a < b);
}

static bool is_number(const char *text, size_t length) {
    size_t digits = 0;
    while (digits < length && is_digit(text[digits])) {
        digits++;
    }
    return digits == length;
}

// One dot-separated identifier against another: numbers come before words. Of numbers the longer one is larger, they
// have no leading zeros (semver.org, 9); words go by ASCII.
static int compare_identifier(const char *a, size_t a_length, const char *b, size_t b_length) {
    bool a_is_number = is_number(a, a_length);
    bool b_is_number = is_number(b, b_length);
    int by_length = compare(a_length, b_length);
    int by_text = memcmp(a, b, by_length < 0 ? a_length : b_length);
    if (a_is_number != b_is_number) {
        return a_is_number ? -1 : 1;
    }
    if (by_text == 0 || (a_is_number && by_length != 0)) {
        return by_length;
    }
    return by_text < 0 ? -1 : 1;
}

static size_t identifier_length(const char *text, size_t left) {
    size_t length = 0;
    while (length < left && text[length] != '.') {
        length++;
    }
    return length;
}

static int compare_pre(const version_t *a, const version_t *b) {
    if (a->pre == NULL || b->pre == NULL) {
        return (a->pre == NULL) - (b->pre == NULL); // a release comes after its pre-releases
    }
    size_t i = 0;
    size_t j = 0;
    while (i < a->pre_length && j < b->pre_length) {
        size_t a_length = identifier_length(a->pre + i, a->pre_length - i);
        size_t b_length = identifier_length(b->pre + j, b->pre_length - j);
        int order = compare_identifier(a->pre + i, a_length, b->pre + j, b_length);
        if (order != 0) {
            return order;
        }
        i += a_length + 1;
        j += b_length + 1;
    }
    return (i < a->pre_length) - (j < b->pre_length);
}

int ota_ws_version_compare(const char *a, const char *b) {
    version_t left;
    version_t right;
    if (!read_version(a, &left) || !read_version(b, &right)) {
        return 2;
    }
    for (int i = 0; i < 3; i++) {
        int order = compare(left.core[i], right.core[i]);
        if (order != 0) {
            return order;
        }
    }
    int order = compare_pre(&left, &right);
    return order != 0 ? order : compare(left.commits, right.commits);
}
