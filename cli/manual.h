// SPDX-License-Identifier: Apache-2.0
// The man page, in the language of man(7), made from words.h.
#pragma once

// Writes it to standard output.
void manual_write(void);
