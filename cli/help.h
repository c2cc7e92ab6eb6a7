// SPDX-License-Identifier: Apache-2.0
// The texts of `ota-ws help`.
#pragma once

#include <stdbool.h>

// Prints the page of a command, or the overview when `topic` is NULL. False when there is no such command.
bool help_print(const char *topic);

void help_print_version(void);
