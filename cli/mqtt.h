// SPDX-License-Identifier: Apache-2.0
// The command `mqtt`: the devices of a fleet as `update` entities of Home Assistant. docs/fleet.md is the contract.
#pragma once

#include "arguments.h"
#include "output.h"

exit_code_t mqtt_command(const arguments_t *arguments, output_t *output);
