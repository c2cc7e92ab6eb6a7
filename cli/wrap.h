// SPDX-License-Identifier: Apache-2.0
// Sentences on a terminal: broken between words where the terminal would break inside one. In a pipe or a file a
// sentence stays one line.
#pragma once

#include <stdio.h>

// Writes `text` and a line end to `stream`; lines have at most `columns` characters, if words allow. 0: one line.
void wrap_write(FILE *stream, const char *text, size_t columns);

// Likewise, with `indent` blanks before every line but the first, which begins in that column already.
void wrap_write_indented(FILE *stream, const char *text, size_t columns, size_t indent);

// Columns of the terminal that `stream` is; 0 when it is none.
size_t wrap_columns(FILE *stream);
