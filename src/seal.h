// SPDX-License-Identifier: Apache-2.0
// The seal of uploads on plain http: data frames are XORed with a keystream of the session, so that a listener reads
// nothing of them. ChaCha20 (RFC 8439, section 2.4): 256 bits of key, a nonce of which two words are used (the third
// one is 0), and a block counter that follows from the place in the stream, so any piece can be opened by itself.
// Nothing here looks after changed bytes: the digest in `begin` does (docs/security.md, "Sealed uploads").
#pragma once

#include <stddef.h>
#include <stdint.h>

#define OTA_WS_SEAL_KEY_SIZE 32

// One stream. The caller never uses the same three values for other data.
typedef struct {
    const uint8_t *key; // OTA_WS_SEAL_KEY_SIZE bytes, the caller's
    uint32_t begin;     // first word of the nonce: the count of the `begin` that the data belong to
    uint32_t start;     // second word: `ready.offset` for data that follow `ready`, else 0
} ota_ws_seal_t;

// Seals or opens `length` bytes in place; `offset` is the place of the first one in the stream. Pure, any thread. Fast
// where `bytes` and `offset` have the same distance from a multiple of four.
void ota_ws_seal(const ota_ws_seal_t *seal, uint32_t offset, void *bytes, size_t length);
