// SPDX-License-Identifier: Apache-2.0
// The core's filter port (ports.h) that unpacks compressed uploads, with the decompressor that every chip has in ROM.
// One of inflate.c and inflate_none.c is built.
#pragma once

#include "ports.h"

// NULL: compressed uploads are declined (OTA_COMPRESSED is off). `start` takes all of its memory, about 43 KiB, and
// fails when it is not free. `feed`, `finish`: OTA_WS_BAD_COMPRESSION.
const ota_ws_filter_t *ota_ws_chip_inflate(void);
