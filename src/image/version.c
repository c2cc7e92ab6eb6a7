// SPDX-License-Identifier: Apache-2.0
// A version is  ["v"] N[.N[.N]] ["-" PRE] ["-" COMMITS "-g" HASH] ["-dirty"] ["+" BUILD].  It is read from its end:
// BUILD is left out, then what `git describe` has added is taken off, then the rest is a version of semver.org. Two
// versions are compared by their numbers, then by their pre-releases, then by the commits after the tag.
// web/src/policy.js has the same rule in JavaScript; test/vectors/versions.txt holds both to it.
#include "image/version.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MOST_DIGITS 9 // of one of the three numbers, and of the commits
#define HASH_DIGITS 7 // to which git shortens the hash of a commit

typedef struct {
    uint32_t core[3];
    const char *pre; // pre-release, without its '-'; NULL: a release
    size_t pre_length;
    uint32_t commits; // after the tag
} version_t;

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f');
}

// Reads the digits at `at`, as far as `end`. Returns where they end; NULL when there are none or too many.
static const char *read_number(const char *at, const char *end, uint32_t *value) {
    const char *start = at;
    *value = 0;
    while (at < end && is_digit(*at) && at - start < MOST_DIGITS) {
        *value = *value * 10 + (uint32_t)(*at++ - '0');
    }
    bool good = at > start && (at == end || !is_digit(*at));
    return good ? at : NULL;
}

// Takes "-dirty" off. Returns the new end.
static const char *strip_dirty(const char *text, const char *end) {
    static const char dirty[] = "-dirty";
    size_t length = sizeof dirty - 1;
    bool found = (size_t)(end - text) >= length && memcmp(end - length, dirty, length) == 0;
    return found ? end - length : end;
}

// Takes "-COMMITS-gHASH" off. Returns the new end.
static const char *strip_commits(const char *text, const char *end, uint32_t *commits) {
    const char *hash = end;
    while (hash > text && is_hex(hash[-1])) {
        hash--;
    }
    if (hash - text < 3 || hash[-1] != 'g' || hash[-2] != '-') {
        return end;
    }
    const char *number = hash - 2;
    while (number > text && is_digit(number[-1])) {
        number--;
    }
    uint32_t value;
    if (number == text || number[-1] != '-' || read_number(number, hash - 2, &value) == NULL) {
        return end;
    }
    *commits = value;
    return number - 1;
}

// "0296947": what `git describe --always` says where there is no tag. Digits alone happen in one of 27 such hashes.
static bool is_hash(const char *text, const char *end) {
    bool digits = end - text == HASH_DIGITS;
    for (int i = 0; digits && i < HASH_DIGITS; i++) {
        digits = is_digit(text[i]);
    }
    return digits;
}

// One to three numbers with dots between them. Returns where they end; NULL when they are none.
static const char *read_core(const char *at, const char *end, uint32_t core[3]) {
    for (int i = 0; i < 3; i++) {
        at = read_number(at, end, &core[i]);
        if (at == NULL || at == end || i == 2 || *at != '.') {
            return at;
        }
        at++;
    }
    return at;
}

// No identifier is empty.
static bool is_pre_release(const char *text, size_t length) {
    bool good = length > 0 && text[0] != '.' && text[length - 1] != '.';
    for (size_t i = 1; good && i < length; i++) {
        good = text[i] != '.' || text[i - 1] != '.';
    }
    return good;
}

static bool read_version(const char *text, version_t *version) {
    memset(version, 0, sizeof *version);
    const char *end = strip_dirty(text, text + strcspn(text, "+"));
    if (is_hash(text, end)) {
        return false;
    }
    end = strip_commits(text, end, &version->commits);
    const char *at = read_core(*text == 'v' ? text + 1 : text, end, version->core);
    if (at == NULL || at == end || *at != '-') {
        return at == end;
    }
    version->pre = at + 1;
    version->pre_length = (size_t)(end - version->pre);
    return is_pre_release(version->pre, version->pre_length);
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

static size_t leading_zeros(const char *text, size_t length) {
    size_t zeros = 0;
    while (zeros < length && text[zeros] == '0') {
        zeros++;
    }
    return zeros;
}

// One dot-separated identifier against another: numbers come before words. Of numbers the longer one is larger, zeros
// before it do not count; words go by ASCII.
static int compare_identifier(const char *a, size_t a_length, const char *b, size_t b_length) {
    bool a_is_number = is_number(a, a_length);
    bool b_is_number = is_number(b, b_length);
    if (a_is_number != b_is_number) {
        return a_is_number ? -1 : 1;
    }
    size_t a_zeros = a_is_number ? leading_zeros(a, a_length) : 0;
    size_t b_zeros = b_is_number ? leading_zeros(b, b_length) : 0;
    a_length -= a_zeros;
    b_length -= b_zeros;
    int by_length = compare(a_length, b_length);
    int by_text = memcmp(a + a_zeros, b + b_zeros, by_length < 0 ? a_length : b_length);
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
