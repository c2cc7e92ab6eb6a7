// SPDX-License-Identifier: Apache-2.0
// A version is  ["v"] N[.N[.N]] ["-" PRE] ["-" COMMITS "-g" HASH] ["-dirty"] ["+" BUILD].  It is read from its end:
// BUILD is left out, then the parts that `git describe` adds are taken off, then the rest is a version of semver.org.
// Two versions are compared by their numbers, then by their pre-releases, then by the commits after the tag.
// web/src/policy.js has the same rule in JavaScript; test/vectors/versions.txt holds both to it.
#include "image/version.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MOST_DIGITS 9 // of one of the three numbers, and of the commits
#define DIRTY_LENGTH 6
#define HASH_DIGITS 7 // to which git shortens the hash of a commit

typedef struct {
    uint32_t core[3];
    uint32_t commits;    // after the tag
    const char *pre;     // pre-release, without its '-'; NULL: a release
    const char *pre_end; // where it ends
} version_t;

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// Reads the digits at `at`, as far as `end`. Returns where they end; NULL when there are none or too many.
static const char *read_number(const char *at, const char *end, uint32_t *value) {
    const char *start = at;
    *value = 0;
    while (at < end && is_digit(*at)) {
        *value = *value * 10 + (uint32_t)(*at++ - '0');
    }
    return at > start && at - start <= MOST_DIGITS ? at : NULL;
}

// Takes "-COMMITS-gHASH" off. Returns the new end.
static const char *strip_commits(const char *text, const char *end, uint32_t *commits) {
    const char *hash = end;
    while (hash > text && (is_digit(hash[-1]) || (hash[-1] >= 'a' && hash[-1] <= 'f'))) {
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

// One to three numbers with dots between them. Returns where they end; NULL when they are none.
static const char *read_core(const char *at, const char *end, uint32_t core[3]) {
    for (int i = 0;; i++) {
        at = read_number(at, end, &core[i]);
        if (at == NULL || at == end || i == 2 || *at != '.') {
            return at;
        }
        at++;
    }
}

// No identifier is empty.
static bool is_pre_release(const char *at, const char *end) {
    char before = '.';
    while (at < end && (*at != '.' || before != '.')) {
        before = *at++;
    }
    return at == end && before != '.';
}

static bool read_version(const char *text, version_t *version) {
    static const char dirty[] = "-dirty";
    const char *end = text + strcspn(text, "+");
    uint32_t number;
    memset(version, 0, sizeof *version);
    if (end - text >= DIRTY_LENGTH && memcmp(end - DIRTY_LENGTH, dirty, DIRTY_LENGTH) == 0) {
        end -= DIRTY_LENGTH;
    }
    // "0296947" is what `git describe --always` writes where there is no tag. One of 27 such hashes has digits only.
    if (end - text == HASH_DIGITS && read_number(text, end, &number) == end) {
        return false;
    }
    end = strip_commits(text, end, &version->commits);
    const char *at = read_core(*text == 'v' ? text + 1 : text, end, version->core);
    if (at == NULL || at == end || *at != '-') {
        return at == end;
    }
    version->pre = at + 1;
    version->pre_end = end;
    return is_pre_release(version->pre, end);
}

static int compare(size_t a, size_t b) {
    return (a > b) - (a < b);
}

// One of the parts of a pre-release between dots.
typedef struct {
    const char *text;
    size_t length;
    bool is_number; // then without zeros at its begin
} identifier_t;

// Returns where the next identifier begins; behind `end` when there is none.
static const char *read_identifier(const char *at, const char *end, identifier_t *identifier) {
    const char *start = at;
    identifier->is_number = true;
    for (; at < end && *at != '.'; at++) {
        identifier->is_number = identifier->is_number && is_digit(*at);
    }
    while (identifier->is_number && start < at && *start == '0') {
        start++;
    }
    identifier->text = start;
    identifier->length = (size_t)(at - start);
    return at + 1;
}

// Numbers come before words. Of numbers the longer one is larger; words go by ASCII.
static int compare_identifiers(const identifier_t *a, const identifier_t *b) {
    if (a->is_number != b->is_number) {
        return a->is_number ? -1 : 1;
    }
    int by_length = compare(a->length, b->length);
    int by_text = memcmp(a->text, b->text, by_length < 0 ? a->length : b->length);
    if (by_text == 0 || (a->is_number && by_length != 0)) {
        return by_length;
    }
    return by_text < 0 ? -1 : 1;
}

static int compare_pre_releases(const version_t *a, const version_t *b) {
    const char *left = a->pre;
    const char *right = b->pre;
    if (left == NULL || right == NULL) {
        return (left == NULL) - (right == NULL); // a release comes after its pre-releases
    }
    int order = 0;
    while (order == 0 && left < a->pre_end && right < b->pre_end) {
        identifier_t of_left;
        identifier_t of_right;
        left = read_identifier(left, a->pre_end, &of_left);
        right = read_identifier(right, b->pre_end, &of_right);
        order = compare_identifiers(&of_left, &of_right);
    }
    return order != 0 ? order : (left < a->pre_end) - (right < b->pre_end);
}

int ota_ws_version_compare(const char *a, const char *b) {
    version_t left;
    version_t right;
    if (!read_version(a, &left) || !read_version(b, &right)) {
        return 2;
    }
    int order = 0;
    for (int i = 0; i < 3 && order == 0; i++) {
        order = compare(left.core[i], right.core[i]);
    }
    if (order == 0) {
        order = compare_pre_releases(&left, &right);
    }
    return order != 0 ? order : compare(left.commits, right.commits);
}
