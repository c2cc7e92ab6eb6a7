// SPDX-License-Identifier: Apache-2.0
// A hash port for tests that hash the same few files many thousand times: SHA-256, but as long as what comes is the
// beginning of a known file, it is compared instead of hashed, and each digest is made once. Whatever differs goes to
// OpenSSL. Not for threads.
#pragma once

#include "hash.h"
#include "image_builder.h"

extern const ota_ws_hash_t known_hash;

// At most 32 files; they must outlive the hashes. Forgets the ones before.
void known_hash_learn(const image_file_t *files, size_t count);
