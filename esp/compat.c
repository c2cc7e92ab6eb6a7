// SPDX-License-Identifier: Apache-2.0
#include "compat.h"

#include <string.h>

#include "esp_idf_version.h"
#include "hal/efuse_hal.h"
#include "sdkconfig.h"

// ---- hash ----

#if ESP_IDF_VERSION >= ESP_IDF_VERSION_VAL(6, 0, 0)

#include "psa/crypto.h"

_Static_assert(sizeof(psa_hash_operation_t) <= sizeof(ota_ws_sha256_t), "the hash fits into its place");

static void start(ota_ws_sha256_t *state) {
    psa_hash_operation_t *operation = (psa_hash_operation_t *)state->opaque;
    memset(state, 0, sizeof *state);
    psa_hash_setup(operation, PSA_ALG_SHA_256);
}

static void update(ota_ws_sha256_t *state, const void *bytes, size_t length) {
    psa_hash_update((psa_hash_operation_t *)state->opaque, bytes, length);
}

// A failed operation answers every further call with an error: the digest stays zero, which fits nothing.
static void finish(ota_ws_sha256_t *state, uint8_t digest[OTA_WS_SHA256_SIZE]) {
    psa_hash_operation_t *operation = (psa_hash_operation_t *)state->opaque;
    size_t length;
    memset(digest, 0, OTA_WS_SHA256_SIZE);
    psa_hash_finish(operation, digest, OTA_WS_SHA256_SIZE, &length);
    psa_hash_abort(operation);
}

static void peek(const ota_ws_sha256_t *state, uint8_t digest[OTA_WS_SHA256_SIZE]) {
    ota_ws_sha256_t copy;
    memset(&copy, 0, sizeof copy);
    psa_hash_clone((const psa_hash_operation_t *)state->opaque, (psa_hash_operation_t *)copy.opaque);
    finish(&copy, digest);
}

#else

#include "mbedtls/sha256.h"

_Static_assert(sizeof(mbedtls_sha256_context) <= sizeof(ota_ws_sha256_t), "the hash fits into its place");

static void start(ota_ws_sha256_t *state) {
    mbedtls_sha256_context *context = (mbedtls_sha256_context *)state->opaque;
    mbedtls_sha256_init(context);
    mbedtls_sha256_starts(context, 0);
}

static void update(ota_ws_sha256_t *state, const void *bytes, size_t length) {
    mbedtls_sha256_update((mbedtls_sha256_context *)state->opaque, bytes, length);
}

static void finish(ota_ws_sha256_t *state, uint8_t digest[OTA_WS_SHA256_SIZE]) {
    mbedtls_sha256_context *context = (mbedtls_sha256_context *)state->opaque;
    memset(digest, 0, OTA_WS_SHA256_SIZE);
    mbedtls_sha256_finish(context, digest);
    mbedtls_sha256_free(context);
}

static void peek(const ota_ws_sha256_t *state, uint8_t digest[OTA_WS_SHA256_SIZE]) {
    ota_ws_sha256_t copy;
    mbedtls_sha256_init((mbedtls_sha256_context *)copy.opaque);
    mbedtls_sha256_clone((mbedtls_sha256_context *)copy.opaque, (const mbedtls_sha256_context *)state->opaque);
    finish(&copy, digest);
}

#endif

const ota_ws_hash_t ota_ws_compat_hash = {start, update, peek, finish};

// ---- server ----

#if CONFIG_HTTPD_WS_POST_HANDSHAKE_CB_SUPPORT

void ota_ws_compat_on_handshake(httpd_uri_t *uri, esp_err_t (*opened)(httpd_req_t *request)) {
    uri->ws_post_handshake_cb = opened;
}

#else

void ota_ws_compat_on_handshake(httpd_uri_t *uri, esp_err_t (*opened)(httpd_req_t *request)) {
    (void)uri;
    (void)opened;
}

#endif

#if ESP_IDF_VERSION >= ESP_IDF_VERSION_VAL(6, 1, 0)

esp_err_t ota_ws_compat_read_payload(httpd_req_t *request, httpd_ws_frame_t *frame, uint8_t *to, size_t length) {
    frame->payload = to;
    return httpd_ws_recv_frame_part(request, frame, length);
}

#else

// A frame whose length is known already is taken for one whose header was read; the mask starts again at its first
// byte, which is right as long as the parts before it were multiples of 4.
esp_err_t ota_ws_compat_read_payload(httpd_req_t *request, httpd_ws_frame_t *frame, uint8_t *to, size_t length) {
    httpd_ws_frame_t part = {.type = frame->type, .payload = to, .len = length};
    return httpd_ws_recv_frame(request, &part, length);
}

#endif

// ---- hardware ----

#if CONFIG_IDF_TARGET_ESP32

// ESP-IDF looks at the eFuse block on later chips only.
static void describe_efuse(ota_ws_identity_t *identity) {
    (void)identity;
}

#else

static void describe_efuse(ota_ws_identity_t *identity) {
    identity->checks_efuse = true;
    identity->efuse_revision = (uint16_t)efuse_hal_blk_version();
#if ESP_IDF_VERSION >= ESP_IDF_VERSION_VAL(5, 4, 0)
    identity->any_efuse_maximum = efuse_hal_get_disable_blk_version_major();
#endif
}

#endif

// From 5.4 on the image check of ESP-IDF goes by the page size that the image names; before, by its own.
void ota_ws_compat_describe_hardware(ota_ws_identity_t *identity) {
    describe_efuse(identity);
#if ESP_IDF_VERSION < ESP_IDF_VERSION_VAL(5, 4, 0)
    identity->mmu_page_bits = (uint8_t)__builtin_ctz(CONFIG_MMU_PAGE_SIZE);
#endif
}

// ---- all methods ----

bool ota_ws_compat_any_method(httpd_uri_t *uri) {
#ifdef HTTP_ANY
    uri->method = HTTP_ANY;
    return true;
#else
    (void)uri;
    return false;
#endif
}

// ---- Wi-Fi ----

// Declared here and weak, so that an application without Wi-Fi does not get it linked. The type is wifi_ps_type_t.
esp_err_t esp_wifi_get_ps(int *type) __attribute__((weak));
esp_err_t esp_wifi_set_ps(int type) __attribute__((weak));

#define POWER_SAVE_NONE 0 // WIFI_PS_NONE

static int power_save = POWER_SAVE_NONE;

void ota_ws_compat_wifi_awake(void) {
    if (esp_wifi_get_ps == NULL || esp_wifi_set_ps == NULL || esp_wifi_get_ps(&power_save) != ESP_OK) {
        power_save = POWER_SAVE_NONE;
        return;
    }
    esp_wifi_set_ps(POWER_SAVE_NONE);
}

void ota_ws_compat_wifi_restore(void) {
    if (power_save != POWER_SAVE_NONE && esp_wifi_set_ps != NULL) {
        esp_wifi_set_ps(power_save);
        power_save = POWER_SAVE_NONE;
    }
}
