// SPDX-License-Identifier: Apache-2.0
// Fetches an image from the stream of images, in pieces, and checks its digest. It lies in a file without a name, so
// nothing is left of it when the process is killed.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "firmware.h"
#include "nats_link.h"

#define IMAGE_FETCH_AT_ONCE 8

typedef enum { IMAGE_FETCHING, IMAGE_READY, IMAGE_FAILED } image_state_t;

struct image_fetch;

typedef struct {
    struct image_fetch *fetch;
    uint32_t piece;
    uint64_t again_ms; // the piece was not there; 0: it is asked for now
    bool is_used;
} image_request_t;

typedef struct image_fetch {
    nats_link_t *link;
    char sha256[65];
    uint32_t size, next, done; // bytes; pieces
    int file;                  // descriptor; -1: none
    image_request_t requests[IMAGE_FETCH_AT_ONCE];
    uint64_t alive_ms; // when a piece has come last
    image_state_t state;
    firmware_t firmware; // READY
    bool is_lost;        // FAILED: it may be there another time
    char reason[33];     // FAILED: "image_missing", "image_damaged" ...
} image_fetch_t;

// `sha256` are 64 hexadecimal digits. Both stay the caller's.
void image_fetch_begin(image_fetch_t *fetch, nats_link_t *link, const char *sha256, uint32_t size);
void image_fetch_tick(image_fetch_t *fetch, uint64_t now_ms);
void image_fetch_close(image_fetch_t *fetch);
