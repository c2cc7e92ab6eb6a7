// SPDX-License-Identifier: Apache-2.0
// Signatures of Secure Boot v2, verified with OpenSSL as ESP-IDF's bootloader and esp_ota_end() would do it, and a bit
// more strictly: every block of the sector must be right, not just one.
#pragma once

#include "image/signature.h"
#include "status.h"

typedef struct {
    ota_ws_signature_scheme_t scheme;
    uint8_t key_digest[OTA_WS_SHA256_SIZE]; // as espsecure and the chips' eFuses name the key
} signer_t;

typedef struct {
    unsigned count;
    signer_t signers[OTA_WS_SIGNATURE_BLOCK_MAX];
} signers_t;

// `digest` is the SHA-256 of all bytes of the image before the sector. OTA_WS_OK: all signatures of the sector are
// right, and `signers` made them. Else OTA_WS_BAD_SIGNATURE, and `signers` has none.
ota_ws_status_t signature_verify(const uint8_t sector[OTA_WS_SIGNATURE_SECTOR_SIZE],
                                 const uint8_t digest[OTA_WS_SHA256_SIZE], signers_t *signers);

bool signature_is_by(const signers_t *signers, const signer_t *signer);

// Reads a public key (PEM; a private one is a public one too). NULL, or what is wrong, as the rest of a sentence that
// begins with the file's name.
const char *signature_key_load(signer_t *signer, const char *path);
