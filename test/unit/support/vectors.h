// SPDX-License-Identifier: Apache-2.0
// The fixed vectors of test/vectors, and encrypted images made of any bytes. What cannot be had fails the test.
#pragma once

#include "image_builder.h"
#include "image_key.h"

// image_free() it.
image_file_t vector_load(const char *name);

// image_key_free() it.
image_key_t vector_key(const char *name);

// An ESP Encrypted Image with these bytes inside. image_free() it.
image_file_t vector_encrypt(const image_file_t *plain, const image_key_t *key);
