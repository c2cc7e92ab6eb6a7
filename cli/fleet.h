// SPDX-License-Identifier: Apache-2.0
// The command `fleet` and its verbs. docs/fleet.md is the contract.
#pragma once

#include "arguments.h"
#include "output.h"

exit_code_t fleet_command(const arguments_t *arguments, output_t *output);
