// SPDX-License-Identifier: Apache-2.0
// "Did you mean": the known word that a misspelt one is closest to.
#pragma once

#include <stddef.h>

// The closest of `words`; NULL when none is near: more than one letter in three would have to change.
const char *suggest(const char *word, const char *const words[], size_t count);
