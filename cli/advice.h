// SPDX-License-Identifier: Apache-2.0
// What to type next, after an outcome: a command where there is one.
#pragma once

#include "outcome.h"

#define ADVICE_SIZE 512

// False and "" when there is nothing to say. `host` is the device as the user has named it.
bool advice_give(const outcome_t *outcome, const char *host, char text[ADVICE_SIZE]);
