// SPDX-License-Identifier: Apache-2.0
// The program: does what the arguments say and returns its exit code.
#pragma once

#include "arguments.h"

int run(const arguments_t *arguments);
