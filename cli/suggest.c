// SPDX-License-Identifier: Apache-2.0
#include "suggest.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define LONGEST 32

static size_t smallest(size_t a, size_t b, size_t c) {
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

static bool is_same(char a, char b) {
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

// Letters to change, to add, to leave out, or pairs of neighbours to exchange (optimal string alignment).
static size_t distance(const char *a, const char *b) {
    size_t cost[LONGEST + 1][LONGEST + 1];
    size_t rows = strlen(a), columns = strlen(b);
    for (size_t i = 0; i <= rows; i++) {
        for (size_t j = 0; j <= columns; j++) {
            if (i == 0 || j == 0) {
                cost[i][j] = i + j;
                continue;
            }
            cost[i][j] =
                smallest(cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + !is_same(a[i - 1], b[j - 1]));
            bool exchanged = i > 1 && j > 1 && is_same(a[i - 1], b[j - 2]) && is_same(a[i - 2], b[j - 1]);
            if (exchanged && cost[i - 2][j - 2] + 1 < cost[i][j]) {
                cost[i][j] = cost[i - 2][j - 2] + 1;
            }
        }
    }
    return cost[rows][columns];
}

const char *suggest(const char *word, const char *const words[], size_t count) {
    const char *found = NULL;
    size_t length = strlen(word), best = length / 3 + 1;
    for (size_t i = 0; i < count && length <= LONGEST; i++) {
        size_t apart = strlen(words[i]) <= LONGEST ? distance(word, words[i]) : SIZE_MAX;
        if (apart <= best && (found == NULL || apart < best)) {
            best = apart;
            found = words[i];
        }
    }
    return found;
}
