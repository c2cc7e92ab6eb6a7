// SPDX-License-Identifier: Apache-2.0
// Text from elsewhere, made safe to show on a terminal and to put into JSON.
#pragma once

#include <stddef.h>

// Number of bytes of the printable UTF-8 character at `text`; 0 when there is none.
size_t printable_length(const char *text, size_t length);

// Copies `from` into `to`, other bytes replaced by '?', cut to `size` - 1 bytes, never within a character.
void printable_copy(char *to, size_t size, const char *from);
