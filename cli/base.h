// SPDX-License-Identifier: Apache-2.0
// The image that a device runs, as the base of a patch: from a file that the user names, or from the cache of the
// images that were sent. Its name is the SHA-256 that ends an image; `state.base` has the first 16 digits of it. A
// signature behind that does not belong to the image.
//
// The cache is the folder ota-ws in $XDG_CACHE_HOME or ~/.cache, for its owner alone (0700, files 0600), because a
// firmware may hold secrets. A file is named after its digest and is used only when it has that digest. All together
// have at most BASE_CACHE_MAX bytes; those that were not used for longest go first. The cache is a help: its
// errors are not reported.
#pragma once

#include "firmware.h"

#define BASE_CACHE_MAX (64u << 20)

typedef struct {
    uint8_t *bytes; // NULL: there is none
    uint32_t length;
} base_t;

// Has the firmware a digest of its own, and does it begin with these digits ("": any)?
bool base_is(const firmware_t *firmware, const char *digits);

// Takes the image out of the file `path`. False when it cannot be read, is no sound image or is not the one with these
// digits: `base` has nothing then.
bool base_read(base_t *base, const char *path, const char *digits);

// Takes it out of the cache.
bool base_find(base_t *base, const char *digits);

// Puts the firmware's image into the cache.
void base_keep(const firmware_t *firmware);

void base_free(base_t *base);
