// SPDX-License-Identifier: Apache-2.0
#include "wrap.h"

#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

size_t wrap_columns(FILE *stream) {
    struct winsize size;
    if (isatty(fileno(stream)) != 1) {
        return 0;
    }
    return ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

// Bytes 0x80 to 0xBF continue a character of UTF-8.
static size_t width_of(const char *text, size_t length) {
    size_t width = 0;
    for (size_t i = 0; i < length; i++) {
        width += ((unsigned char)text[i] & 0xC0) != 0x80;
    }
    return width;
}

void wrap_write(FILE *stream, const char *text, size_t columns) {
    wrap_write_indented(stream, text, columns, 0);
}

void wrap_write_indented(FILE *stream, const char *text, size_t columns, size_t indent) {
    size_t used = indent;
    while (*text != '\0') {
        size_t blanks = strspn(text, " ");
        size_t length = strcspn(text + blanks, " ");
        size_t width = width_of(text + blanks, length);
        bool breaks = columns > 0 && used > indent && used + blanks + width > columns;
        if (breaks) {
            fputc('\n', stream);
        }
        fprintf(stream, "%*s%.*s", breaks ? (int)indent : (int)blanks, "", (int)length, text + blanks);
        used = breaks ? indent + width : used + blanks + width;
        text += blanks + length;
    }
    fputc('\n', stream);
}
