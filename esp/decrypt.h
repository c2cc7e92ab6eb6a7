// SPDX-License-Identifier: Apache-2.0
// The core's filter port (ports.h) that opens encrypted images, over Espressif's esp_encrypted_img. One of decrypt.c
// and decrypt_none.c is built.
#pragma once

#include "ports.h"

// NULL: this firmware takes plain images (OTA_PRE_ENCRYPTED_MODE is off). `feed`: OTA_WS_WRONG_KEY, OTA_WS_NO_MEMORY,
// OTA_WS_BAD_TAG. `finish`: OTA_WS_TRUNCATED, OTA_WS_BAD_TAG. That the file is an encrypted image of its length, the
// core has found out before (encrypted.h).
const ota_ws_filter_t *ota_ws_chip_decrypt(void);
