// SPDX-License-Identifier: Apache-2.0
// What a device says when something went wrong: `failed`, `error`, or the body of a refused ticket.
#pragma once

#include "device_message.h"
#include "problem.h"

// Always gives a name and a sentence: a device may be built without its sentences, and be newer than this program.
void error_message_read(problem_t *problem, exit_code_t code, const device_message_t *message);
