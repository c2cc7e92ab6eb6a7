// SPDX-License-Identifier: Apache-2.0
// Where the device's key is: one of decrypt_key_rsa.c (embedded from the project), decrypt_key_ds.c (DS peripheral) and
// decrypt_key_ecies.c (eFuse) is built, by the scheme chosen in menuconfig.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "image/encrypted.h"
#include "sdkconfig.h" // before esp_encrypted_img.h, whose struct depends on it

#include "esp_encrypted_img.h"

// Fills `config`. False when the device has no such key, or no memory for it.
bool ota_ws_chip_key(esp_decrypt_cfg_t *config);

// Could this be the header of an image for a key of this kind? esp_encrypted_img passes over the part of the key field
// that ECIES does not use.
bool ota_ws_chip_key_may_open(const uint8_t header[OTA_WS_ENCRYPTED_HEADER_SIZE]);
