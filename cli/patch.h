// SPDX-License-Identifier: Apache-2.0
// A patch turns one image, the base, into a part of another one. Its format is in docs/protocol.md ("A patch"):
// records, each with a move in the base, bytes that are added to bytes of the base, and bytes that are new.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint8_t *bytes; // NULL: there is none
    uint32_t length;
} patch_t;

// Makes the patch that gives `length` bytes at `target` out of the base. False: there is no memory for it; `patch` has
// nothing then. Both lengths are below 1 GiB.
bool patch_make(patch_t *patch, const uint8_t *base, uint32_t base_length, const uint8_t *target, uint32_t length);
void patch_free(patch_t *patch);
