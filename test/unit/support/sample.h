// SPDX-License-Identifier: Apache-2.0
// Images to test with: the real ones that lie beside the repository (../shared/firmware), or, where these are absent,
// images of the builder with the same names, chips and kinds. Says on stderr which.
#pragma once

#include <stdbool.h>

#include "image_builder.h"

typedef struct {
    const char *name; // file name without ".bin"
    uint16_t chip_id;
    const char *project;
    const char *status; // what the image parser calls it, "ok" for a sound application
} sample_t;

extern const sample_t sample_list[];
extern const size_t sample_count;

bool samples_are_real(void);

// image_free() it. Fails the test when it cannot be had.
image_file_t sample_load(const sample_t *sample);
