// SPDX-License-Identifier: Apache-2.0
// The way of bsdiff (C. Percival, "Naive differences of executable code", 2003). Compiled code that moves keeps most of
// its bytes; the addresses in it change by the same small amount everywhere. So a match need not be exact: where most
// bytes of a region equal those of the base, the region is sent as differences, nearly all of them zero, which deflate
// makes very small.
//
// The target is scanned from its start to its end. Each position is looked up in the sorted suffixes of the base
// (libdivsufsort). The distance of a region is its place in the base minus its place in the target. A match at another
// distance that is clearly longer than the equal bytes at the present distance starts a new region. The region before
// it grows forward, the new one grows backward, and the bytes between them are sent as they are.
#include "patch.h"

#include <divsufsort.h>
#include <stdlib.h>
#include <string.h>

#define BETTER_BY 8        // so many more bytes must a match at another distance have
#define MATCH_MAX 4096     // compared at once: longer matches go on by themselves
#define NUMBER_SIZE_MAX 15 // of the three numbers of a record

typedef struct {
    const uint8_t *base, *target;
    int32_t base_length, length;
    const saidx_t *sorted; // the starts of the base's suffixes, in their order
    patch_t *patch;
    size_t space;
    int32_t position; // in the base, behind the last byte that a record has used
} maker_t;

// A part of the target that lies in the base at another place.
typedef struct {
    int32_t at, position; // in the target, in the base
} region_t;

static int32_t smaller(int32_t a, int32_t b) {
    return a < b ? a : b;
}

// ---- output ----

static bool grow(maker_t *maker, size_t more) {
    patch_t *patch = maker->patch;
    if (maker->space - patch->length >= more) {
        return true;
    }
    size_t space = 2 * maker->space + more;
    uint8_t *bytes = space <= UINT32_MAX ? realloc(patch->bytes, space) : NULL;
    if (bytes == NULL) {
        return false;
    }
    patch->bytes = bytes;
    maker->space = space;
    return true;
}

// 7 bits in a byte, the low ones first; the high bit of a byte says that another one follows.
static void put_number(patch_t *patch, uint32_t value) {
    for (; value >= 0x80; value >>= 7) {
        patch->bytes[patch->length++] = (uint8_t)(value | 0x80);
    }
    patch->bytes[patch->length++] = (uint8_t)value;
}

// One record: `added` bytes of the target from `from` on, and `fresh` bytes behind them.
static bool put_record(maker_t *maker, const region_t *from, int32_t added, int32_t fresh) {
    patch_t *patch = maker->patch;
    int32_t move = added > 0 ? from->position - maker->position : 0;
    const uint8_t *base = maker->base + from->position, *target = maker->target + from->at;
    if (added + fresh == 0) {
        return true;
    }
    if (!grow(maker, NUMBER_SIZE_MAX + (size_t)added + (size_t)fresh)) {
        return false;
    }
    put_number(patch, (uint32_t)move << 1 ^ (move < 0 ? UINT32_MAX : 0));
    put_number(patch, (uint32_t)added);
    put_number(patch, (uint32_t)fresh);
    for (int32_t i = 0; i < added; i++) {
        patch->bytes[patch->length++] = (uint8_t)(target[i] - base[i]);
    }
    memcpy(patch->bytes + patch->length, target + added, (size_t)fresh);
    patch->length += (uint32_t)fresh;
    maker->position += move + added;
    return true;
}

// ---- matches ----

static int32_t match_length(const maker_t *maker, int32_t at, int32_t position, int32_t known) {
    int32_t most = smaller(smaller(maker->length - at, maker->base_length - position), MATCH_MAX);
    while (known < most && maker->base[position + known] == maker->target[at + known]) {
        known++;
    }
    return known;
}

// Does the base's suffix at `position`, of which `equal` bytes are equal, come before the target's rest at `at`?
static bool comes_before(const maker_t *maker, int32_t at, int32_t position, int32_t equal) {
    if (position + equal == maker->base_length) {
        return true;
    }
    return at + equal < maker->length && maker->base[position + equal] < maker->target[at + equal];
}

// The longest match of the target's bytes at `at` with the base; returns its length, 0 when there is none.
static int32_t find(const maker_t *maker, int32_t at, int32_t *position) {
    int32_t low = 0, high = maker->base_length; // the suffixes before `low` come before, those from `high` on behind
    int32_t low_equal = 0, high_equal = 0, best = 0;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        int32_t start = maker->sorted[middle];
        int32_t equal = match_length(maker, at, start, smaller(low_equal, high_equal));
        if (equal > best) {
            best = equal;
            *position = start;
        }
        if (comes_before(maker, at, start, equal)) {
            low = middle + 1;
            low_equal = equal;
        } else {
            high = middle;
            high_equal = equal;
        }
    }
    return best;
}

// ---- regions ----

static bool is_equal(const maker_t *maker, int32_t at, int32_t position) {
    return position >= 0 && position < maker->base_length && maker->base[position] == maker->target[at];
}

// How far the region goes on, to `end` at most: up to where the equal bytes outweigh the others most.
static int32_t extend_forward(const maker_t *maker, const region_t *region, int32_t end) {
    int32_t most = smaller(end - region->at, maker->base_length - region->position);
    int32_t score = 0, best = 0, length = 0;
    for (int32_t i = 0; i < most; i++) {
        score += is_equal(maker, region->at + i, region->position + i) ? 1 : -1;
        if (score > best) {
            best = score;
            length = i + 1;
        }
    }
    return length;
}

// The same backward, down to `start`.
static int32_t extend_backward(const maker_t *maker, const region_t *region, int32_t start) {
    int32_t most = smaller(region->at - start, region->position);
    int32_t score = 0, best = 0, length = 0;
    for (int32_t i = 1; i <= most; i++) {
        score += is_equal(maker, region->at - i, region->position - i) ? 1 : -1;
        if (score > best) {
            best = score;
            length = i;
        }
    }
    return length;
}

// Two regions claim the same `overlap` bytes of the target, from `before->at` on. Returns how many of them belong to
// `before`, so that the equal bytes are most.
static int32_t divide(const maker_t *maker, const region_t *before, const region_t *after, int32_t overlap) {
    int32_t score = 0, best = 0, kept = 0;
    for (int32_t i = 0; i < overlap; i++) {
        score += is_equal(maker, before->at + i, before->position + i);
        score -= is_equal(maker, after->at + i, after->position + i);
        if (score > best) {
            best = score;
            kept = i + 1;
        }
    }
    return kept;
}

// Writes the region that begins at `last` and the bytes between it and `next`. `next` is moved to where it begins when
// it has grown backward.
static bool put_region(maker_t *maker, const region_t *last, region_t *next) {
    int32_t forward = extend_forward(maker, last, next->at);
    int32_t backward = next->at < maker->length ? extend_backward(maker, next, last->at) : 0;
    int32_t overlap = last->at + forward - (next->at - backward);
    if (overlap > 0) {
        const region_t before = {last->at + forward - overlap, last->position + forward - overlap};
        const region_t after = {next->at - backward, next->position - backward};
        int32_t kept = divide(maker, &before, &after, overlap);
        forward += kept - overlap;
        backward -= kept;
    }
    next->at -= backward;
    next->position -= backward;
    return put_record(maker, last, forward, next->at - last->at - forward);
}

// Searches from `next` on for a match that is longer than the equal bytes at the distance of `last`, and sets `next`
// and the `length` of the match. False: the match lies at the distance of `last`, or the target ends.
static bool look_on(const maker_t *maker, const region_t *last, region_t *next, int32_t *length) {
    int32_t distance = last->position - last->at;
    int32_t counted = next->at;
    int32_t as_good = 0; // bytes from `next` to before `counted` that the distance of `last` gives as well
    for (*length = 0; next->at < maker->length; next->at++) {
        *length = find(maker, next->at, &next->position);
        for (; counted < next->at + *length; counted++) {
            as_good += is_equal(maker, counted, counted + distance);
        }
        if ((*length == as_good && *length > 0) || *length > as_good + BETTER_BY) {
            return *length != as_good;
        }
        as_good -= is_equal(maker, next->at, next->at + distance);
    }
    *length = 0;
    return false;
}

static bool make(maker_t *maker) {
    region_t last = {0, 0}, next = {0, 0};
    int32_t length = 0;
    bool made = true;
    while (next.at < maker->length && made) {
        next.at += length;
        if (look_on(maker, &last, &next, &length) || next.at == maker->length) {
            int32_t at = next.at;
            made = put_region(maker, &last, &next);
            last = next;
            next.at = at;
        }
    }
    return made;
}

bool patch_make(patch_t *patch, const uint8_t *base, uint32_t base_length, const uint8_t *target, uint32_t length) {
    saidx_t *sorted = malloc((size_t)base_length * sizeof *sorted + 1);
    maker_t maker = {.base = base,
                     .target = target,
                     .base_length = (int32_t)base_length,
                     .length = (int32_t)length,
                     .sorted = sorted,
                     .patch = patch};
    memset(patch, 0, sizeof *patch);
    bool made =
        sorted != NULL && (base_length == 0 || divsufsort(base, sorted, maker.base_length) == 0) && make(&maker);
    free(sorted);
    if (!made) {
        patch_free(patch);
    }
    return made;
}

void patch_free(patch_t *patch) {
    free(patch->bytes);
    memset(patch, 0, sizeof *patch);
}
