// SPDX-License-Identifier: Apache-2.0
#include "decrypt_key.h"
#include "sdkconfig.h"

#define ZEROS_AT (OTA_WS_ENCRYPTED_KEY_AT + OTA_WS_ENCRYPTED_POINT_SIZE + OTA_WS_ENCRYPTED_SALT_SIZE)

bool ota_ws_chip_key(esp_decrypt_cfg_t *config) {
    config->hmac_key_id = CONFIG_OTA_PRE_ENCRYPTED_HMAC_KEY_ID;
    return true;
}

// Behind the salt the key field is zero; in an image for an RSA key it is not.
bool ota_ws_chip_key_may_open(const uint8_t header[OTA_WS_ENCRYPTED_HEADER_SIZE]) {
    for (size_t at = ZEROS_AT; at < OTA_WS_ENCRYPTED_IV_AT; at++) {
        if (header[at] != 0) {
            return false;
        }
    }
    return true;
}
