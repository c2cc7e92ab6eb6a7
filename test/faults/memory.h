// SPDX-License-Identifier: Apache-2.0
// Memory that can be made to fail: what OpenSSL, zlib's inflate and the code of this repository allocate.
#pragma once

#include "hash.h"

// Before anything else is called.
void memory_watch(void);

// Counts allocations from now on from 0; number `n` fails, none when it is negative.
void memory_fail_at(long n);

// Allocations since then.
long memory_count(void);

// OpenSSL's hash, of which no allocation counts or fails.
extern const ota_ws_hash_t memory_patient_hash;

// Blocks that were allocated and not freed, since memory_watch().
long memory_blocks(void);
