// SPDX-License-Identifier: Apache-2.0
// New keys for encrypted images, as files. None is ever written over.
#pragma once

#include <stdbool.h>

#include "output.h"

// Makes `path` (the private key, PEM, for its owner only) and `path`.pub (the public one, PEM); for ECIES `path`.hmac
// too: the 32 bytes for the chip's eFuse, from which the private key follows. False: `problem` says why not, and what
// was begun is removed.
bool keygen_make(const output_t *output, const char *path, bool ecies, problem_t *problem);
