// SPDX-License-Identifier: Apache-2.0
// The filter port for compressed uploads: raw deflate (RFC 1951) over zlib.
#pragma once

#include <zlib.h>

#include "ports.h"

#define INFLATE_PIECE_SIZE 4096

typedef struct {
    z_stream stream;
    bool ended; // the stream's last block has come
    bool full;  // the last call has filled the piece: more may be waiting inside
    uint8_t piece[INFLATE_PIECE_SIZE];
} inflate_zlib_t;

// A filter whose state is `inflate`, which must outlive it.
ota_ws_filter_t inflate_zlib_port(inflate_zlib_t *inflate);
