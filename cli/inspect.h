// SPDX-License-Identifier: Apache-2.0
// What `inspect` prints of a file: everything that was understood before a fault was found.
#pragma once

#include "firmware.h"
#include "output.h"

void inspect_print(output_t *output, const firmware_t *firmware);

// Whether it would be taken, as the last line.
void inspect_print_verdict(output_t *output, const char *device, const outcome_t *outcome);
