// SPDX-License-Identifier: Apache-2.0
// The life of the virtual device from power on to power off: boot, serve, restart, boot ... Between two boots nothing
// is left but the flash and what the store keeps.
#pragma once

#include "access.h"
#include "board.h"
#include "image_key.h"
#include "signature_openssl.h"

typedef struct {
    board_t *board;
    store_t *store;
    const access_t *access;
    const image_key_t *key; // private; NULL: plain images are expected
    const signer_t *signer; // NULL: images need not be signed
    const options_t *options;
    const console_t *console;
    remains_t *remains;
} life_parts_t;

// SIGINT and SIGTERM must be blocked; they end it. Returns an exit code (exit_codes.h).
int life_run(const life_parts_t *parts);
