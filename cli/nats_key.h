// SPDX-License-Identifier: Apache-2.0
// NATS' keys of users: Ed25519, written in base32 with a checksum. The file has the seed ("SU..."); the server knows
// the public key ("U...").
#pragma once

#include <stdbool.h>

#include "problem.h"

#define NATS_KEY_SIZE 57 // 56 letters, terminated

// The public key of the seed in the file. False: `problem` ("nats_key").
bool nats_key_of_seed(char key[NATS_KEY_SIZE], const char *file, problem_t *problem);
