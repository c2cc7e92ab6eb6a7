// SPDX-License-Identifier: Apache-2.0
// What protects the page: a password or the pairing code, kept in NVS as a verifier (the code also as text, because the
// console and a display show it). Takes about a second where it makes a verifier.
#pragma once

#include <stdbool.h>

#include "login/scram.h"
#include "ota_ws_update.h"

// Finds or makes the verifier: of `password` (config or menuconfig); else of the password that was set; else of the
// pairing code. `code` is the pairing code, "" when there is none.
void ota_ws_password_load(const char *password, ota_ws_verifier_t *verifier, char code[OTA_WS_CODE_SIZE]);

// Makes and keeps the verifier of a password, and drops the pairing code.
esp_err_t ota_ws_password_set(const char *password, ota_ws_verifier_t *verifier);

// Makes and keeps a pairing code with its verifier.
esp_err_t ota_ws_password_renew(ota_ws_verifier_t *verifier, char code[OTA_WS_CODE_SIZE]);
