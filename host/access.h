// SPDX-License-Identifier: Apache-2.0
// How a client proves itself: by a password from a file, by a pairing code that is made at the first start and kept, or
// not at all.
#pragma once

#include "console.h"
#include "login/scram.h"
#include "store.h"

typedef enum {
    ACCESS_PAIRING_CODE,
    ACCESS_PASSWORD,
    ACCESS_OPEN, // no login
} access_kind_t;

typedef struct {
    access_kind_t kind;
    char code[OTA_WS_PAIRING_CODE_SIZE]; // PAIRING_CODE
    ota_ws_verifier_t verifier;          // but for OPEN
} access_t;

// A pairing code from the store; makes and keeps one when there is none. False: the console says why.
bool access_pairing_code(access_t *access, store_t *store, const ota_ws_hash_t *hash, const console_t *console);

// The first line of a file. False: the console says why.
bool access_password(access_t *access, const char *path, const ota_ws_hash_t *hash, const console_t *console);

// Anybody.
void access_open(access_t *access);

// What ota_ws_device_init() wants: NULL when anybody may.
const ota_ws_verifier_t *access_verifier(const access_t *access);
