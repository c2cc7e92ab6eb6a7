// SPDX-License-Identifier: Apache-2.0
// What `info` prints of a device.
#pragma once

#include "commands.h"
#include "output.h"

void info_print(output_t *output, const char *name, const device_state_t *state, const info_t *info);
