// SPDX-License-Identifier: Apache-2.0
// `fleet serve`: leads a rollout whose devices are driven by gateways (gateway.h). It is the same machine as in one
// process (rollout.h) with another journal (fleet_hub.h): what has happened and what was decided is written down
// together, then it is done. Jobs and events are messages, so nothing is lost with the process. Two may run: a lease
// says which one leads, and the journal takes no message of the other one.
#pragma once

#include "arguments.h"
#include "output.h"

exit_code_t fleet_serve_command(const arguments_t *arguments, output_t *output);
