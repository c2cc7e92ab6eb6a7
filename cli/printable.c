// SPDX-License-Identifier: Apache-2.0
#include "printable.h"

#include <stdbool.h>
#include <string.h>

// Control characters above ASCII (U+0080 to U+009F), longer forms than needed, surrogates, and what lies beyond
// U+10FFFF.
static bool is_forbidden(const unsigned char *c) {
    return (c[0] == 0xC2 && c[1] < 0xA0) || (c[0] == 0xE0 && c[1] < 0xA0) || (c[0] == 0xF0 && c[1] < 0x90) ||
           (c[0] == 0xED && c[1] > 0x9F) || (c[0] == 0xF4 && c[1] > 0x8F);
}

size_t printable_length(const char *text, size_t length) {
    const unsigned char *c = (const unsigned char *)text;
    if (c[0] < 0x80) {
        return c[0] >= 0x20 && c[0] != 0x7f ? 1 : 0;
    }
    size_t size = c[0] >= 0xF0 ? 4 : c[0] >= 0xE0 ? 3 : 2;
    if (c[0] < 0xC2 || c[0] > 0xF4 || size > length) {
        return 0;
    }
    for (size_t i = 1; i < size; i++) {
        if ((c[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return is_forbidden(c) ? 0 : size;
}

void printable_copy(char *to, size_t size, const char *from) {
    size_t left = strlen(from), used = 0;
    while (left > 0) {
        size_t length = printable_length(from, left);
        size_t taken = length > 0 ? length : 1;
        if (used + taken >= size) {
            break;
        }
        memcpy(to + used, length > 0 ? from : "?", taken);
        used += taken;
        from += taken;
        left -= taken;
    }
    to[used] = '\0';
}
