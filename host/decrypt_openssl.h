// SPDX-License-Identifier: Apache-2.0
// The core's filter port (ports.h) that opens ESP Encrypted Images, over OpenSSL. Streams: about 8 KB whatever the
// image's size. Gives decrypted bytes away before the tag is known; only `finish` says that they are authentic.
#pragma once

#include "image_key.h"
#include "ports.h"

typedef struct {
    const image_key_t *key;        // private; outlives the decryptor
    struct decryption *decryption; // between start and stop
} decrypt_openssl_t;

// The port; `decryptor` must outlive it. `feed`: OTA_WS_NOT_ENCRYPTED, OTA_WS_WRONG_KEY, OTA_WS_TRAILING_BYTES.
// `finish`: OTA_WS_NOT_ENCRYPTED, OTA_WS_TRUNCATED, OTA_WS_BAD_TAG.
ota_ws_filter_t decrypt_openssl_filter(decrypt_openssl_t *decryptor);
