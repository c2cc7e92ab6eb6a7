// SPDX-License-Identifier: Apache-2.0
#include "password.h"

#include <string.h>

#include "compat.h"
#include "esp_random.h"
#include "hash.h"
#include "platform.h"
#include "text.h"

#define KEY_VERIFIER "verifier"
#define KEY_CODE "code"
#define KEY_TAG "tag" // shows if the verifier belongs to the password that is built into the firmware
#define TAG_SIZE 8

#ifndef OTA_WS_RECOVERY_APP
#define OTA_WS_RECOVERY_APP 0
#endif

static void make(const char *password, ota_ws_verifier_t *verifier) {
    uint8_t salt[OTA_WS_SCRAM_SALT_SIZE];
    esp_fill_random(salt, sizeof salt);
    ota_ws_verifier_make(&ota_ws_compat_hash, password, salt, OTA_WS_SCRAM_ITERATIONS, verifier);
}

static esp_err_t keep(const ota_ws_verifier_t *verifier, const char *code) {
    esp_err_t error = ota_ws_chip_save(KEY_VERIFIER, verifier, sizeof *verifier);
    if (error == ESP_OK && code[0] != '\0') {
        error = ota_ws_chip_save(KEY_CODE, code, OTA_WS_CODE_SIZE);
    } else if (error == ESP_OK) {
        ota_ws_chip_save(KEY_CODE, NULL, 0);
    }
    return error;
}

static bool load_verifier(ota_ws_verifier_t *verifier) {
    return ota_ws_chip_load(KEY_VERIFIER, verifier, sizeof *verifier) == sizeof *verifier;
}

// The password lies in the firmware anyway; the tag only saves its 4096 rounds at every start.
static void make_tag(const ota_ws_verifier_t *verifier, const char *password, uint8_t tag[OTA_WS_SHA256_SIZE]) {
    ota_ws_hmac(&ota_ws_compat_hash, verifier->server_key, sizeof verifier->server_key, password, strlen(password),
                tag);
}

static void load_given(const char *password, ota_ws_verifier_t *verifier) {
    uint8_t kept[TAG_SIZE];
    uint8_t tag[OTA_WS_SHA256_SIZE];
    bool have = load_verifier(verifier) && ota_ws_chip_load(KEY_TAG, kept, sizeof kept) == sizeof kept;
    if (have) {
        make_tag(verifier, password, tag);
        if (ota_ws_bytes_equal(kept, tag, sizeof kept)) {
            return;
        }
    }
    make(password, verifier);
    make_tag(verifier, password, tag);
    if (keep(verifier, "") == ESP_OK) {
        ota_ws_chip_save(KEY_TAG, tag, TAG_SIZE);
    }
}

// A verifier without a tag and without a code is that of ota_ws_set_password(). A recovery application takes whatever
// verifier the application has left.
static bool load_kept(ota_ws_verifier_t *verifier, char code[OTA_WS_CODE_SIZE]) {
    uint8_t tag[TAG_SIZE];
    bool have_code = ota_ws_chip_load(KEY_CODE, code, OTA_WS_CODE_SIZE) == OTA_WS_CODE_SIZE;
    bool have_tag = ota_ws_chip_load(KEY_TAG, tag, sizeof tag) > 0;
    code[have_code ? OTA_WS_CODE_SIZE - 1 : 0] = '\0';
    return load_verifier(verifier) && (have_code || !have_tag || OTA_WS_RECOVERY_APP);
}

void ota_ws_password_load(const char *password, ota_ws_verifier_t *verifier, char code[OTA_WS_CODE_SIZE]) {
    code[0] = '\0';
    if (password != NULL) {
        load_given(password, verifier);
    } else if (!load_kept(verifier, code)) {
        ota_ws_password_renew(verifier, code);
    }
}

esp_err_t ota_ws_password_set(const char *password, ota_ws_verifier_t *verifier) {
    make(password, verifier);
    ota_ws_chip_save(KEY_TAG, NULL, 0);
    return keep(verifier, "");
}

esp_err_t ota_ws_password_renew(ota_ws_verifier_t *verifier, char code[OTA_WS_CODE_SIZE]) {
    uint8_t random[8];
    esp_fill_random(random, sizeof random);
    ota_ws_pairing_code(random, code);
    make(code, verifier);
    ota_ws_chip_save(KEY_TAG, NULL, 0);
    return keep(verifier, code);
}
