// SPDX-License-Identifier: Apache-2.0
// From a sound plain image and a public key to an ESP Encrypted Image, as files.
#pragma once

#include "firmware.h"
#include "output.h"

// Writes `path`; NULL: what ESP-IDF's build calls it, app_secure.bin beside app.bin. False: `problem` says why not, and
// what was begun is removed.
bool encrypt_file(const output_t *output, const firmware_t *firmware, const char *key_path, const char *path,
                  problem_t *problem);
