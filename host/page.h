// SPDX-License-Identifier: Apache-2.0
// The two pages, as the build has embedded them (device.cmake): one gzip file each.
#pragma once

#include <stddef.h>

typedef struct {
    const unsigned char *bytes;
    size_t size;
    const char *etag; // with its quotes
} page_t;

extern const page_t page_full;
extern const page_t page_small;
