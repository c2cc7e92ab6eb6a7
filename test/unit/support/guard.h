// SPDX-License-Identifier: Apache-2.0
// Copies that end where the readable memory ends: one byte read too far is a crash.
#pragma once

#include <stddef.h>
#include <stdint.h>

// A copy of `bytes` whose last byte lies just before a PROT_NONE page. Valid until the next guard_free().
uint8_t *guard_copy(const void *bytes, size_t length);

void guard_free(uint8_t *copy, size_t length);
