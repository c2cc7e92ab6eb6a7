// SPDX-License-Identifier: Apache-2.0
// Text as ESP-IDF's partition tool takes it, which is written in Python: lines, blanks, environment variables and
// numbers by Python's rules. Knows no partitions. Unicode digits, which Python takes too, are not taken.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    const char *start;
    const char *end;
} span_t;

// The file as UTF-8 without a byte order mark: a copy to free. UTF-16 is converted. NULL: it is neither, or memory is
// short; then `why` says so.
char *partition_text_decode(const uint8_t *bytes, size_t length, size_t *decoded, const char **why);

// Takes the next line off `rest`, without its end. False when there is none.
bool partition_text_line(span_t *rest, span_t *line);

span_t partition_text_trim(span_t text);

// A line with $NAME and ${NAME} filled in from the environment; what is not set stays as it is. To free; NULL: no
// memory.
char *partition_text_expand(span_t line);

// Python's int(text, 0): decimal, 0x, 0o, 0b, a sign, single underscores between digits, blanks around; no decimal with
// zeros before it. What is larger than 2^53 is 2^53.
bool partition_text_number(span_t text, int64_t *value);
