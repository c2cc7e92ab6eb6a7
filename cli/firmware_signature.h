// SPDX-License-Identifier: Apache-2.0
// The keys that signed a firmware file: Espressif's signature sector (src/signature.h), verified.
#pragma once

#include "firmware.h"
#include "signature_openssl.h"

// Of a plain file without a fault. OTA_WS_OK: every signature is right, and `signers` made them. OTA_WS_NOT_SIGNED,
// OTA_WS_BAD_SIGNATURE; OTA_WS_TRUNCATED: the file cannot be read any more.
ota_ws_status_t firmware_signers(const firmware_t *firmware, signers_t *signers);
