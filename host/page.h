// SPDX-License-Identifier: Apache-2.0
// The page, as the build has embedded it (device.cmake): one gzip file.
#pragma once

#include <stddef.h>

extern const unsigned char page_bytes[];
extern const size_t page_size;
extern const char page_etag[]; // with its quotes
