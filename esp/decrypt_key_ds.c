// SPDX-License-Identifier: Apache-2.0
#include "decrypt_key.h"
#include "esp_secure_cert_read.h"

bool ota_ws_chip_key(esp_decrypt_cfg_t *config) {
    config->ds_data = esp_secure_cert_get_ds_ctx();
    return config->ds_data != NULL;
}

bool ota_ws_chip_key_may_open(const uint8_t header[OTA_WS_ENCRYPTED_HEADER_SIZE]) {
    (void)header;
    return true;
}
