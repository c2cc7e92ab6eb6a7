// SPDX-License-Identifier: Apache-2.0
// The header is gathered first, because esp_encrypted_img reads its numbers where they lie, aligned or not. The rest
// goes on in pieces of at most PIECE_SIZE, so that the buffer for decrypted bytes, which esp_encrypted_img resizes as
// it likes, never grows beyond that. It gives its handle up in `end` and in `abort`: the other one must not follow.
#include "decrypt.h"

#include <stdlib.h>
#include <string.h>

#include "decrypt_key.h"
#include "esp_system.h"
#include "image/encrypted.h"

#define PIECE_SIZE 1024    // a multiple of 16, which the AES hardware wants
#define KEY_HEAP_SIZE 8192 // with less to spare, a key that did not open may have lacked memory

// Of the writer: the image that is being decrypted.
static esp_decrypt_handle_t handle;
static uint8_t *header; // NULL when it is complete
static size_t held;     // bytes of it
static char *plain;     // esp_encrypted_img's buffer; ours to free
static bool whole;      // esp_encrypted_img has all that it waits for

static ota_ws_status_t start(void *context, uint32_t window) {
    (void)window;
    (void)context;
    esp_decrypt_cfg_t config = {0};
    header = malloc(OTA_WS_ENCRYPTED_HEADER_SIZE);
    handle = header != NULL && ota_ws_chip_key(&config) ? esp_encrypted_img_decrypt_start(&config) : NULL;
    if (handle == NULL) {
        free(header);
        header = NULL;
        return OTA_WS_NO_MEMORY;
    }
    held = 0;
    plain = NULL;
    whole = false;
    return OTA_WS_OK;
}

// What esp_encrypted_img makes of these bytes.
static esp_err_t decrypt_piece(const uint8_t *bytes, size_t length, size_t *decrypted) {
    pre_enc_decrypt_arg_t piece = {.data_in = (const char *)bytes, .data_in_len = length, .data_out = plain};
    esp_err_t error = esp_encrypted_img_decrypt_data(handle, &piece);
    if (error != ESP_ERR_NO_MEM) {
        plain = piece.data_out; // a resize that failed has left the old buffer, whatever the call says of it
    }
    *decrypted = piece.data_out_len;
    whole = error == ESP_OK;
    return error == ESP_ERR_NOT_FINISHED ? ESP_OK : error;
}

// Magic and length the core has seen: what fails here is the key, or memory for it.
static ota_ws_status_t open_header(void) {
    size_t decrypted;
    if (!ota_ws_chip_key_may_open(header)) {
        return OTA_WS_WRONG_KEY;
    }
    if (decrypt_piece(header, OTA_WS_ENCRYPTED_HEADER_SIZE, &decrypted) != ESP_OK) {
        return esp_get_free_heap_size() < KEY_HEAP_SIZE ? OTA_WS_NO_MEMORY : OTA_WS_WRONG_KEY;
    }
    free(header);
    header = NULL;
    return OTA_WS_OK;
}

// Collects the header; returns how many bytes it took.
static size_t hold(const uint8_t *bytes, size_t length, ota_ws_status_t *status) {
    size_t missing = OTA_WS_ENCRYPTED_HEADER_SIZE - held;
    size_t taken = length < missing ? length : missing;
    memcpy(header + held, bytes, taken);
    held += taken;
    if (taken == missing) {
        *status = open_header();
    }
    return taken;
}

static ota_ws_status_t pass(const uint8_t *bytes, size_t length, ota_ws_sink_t sink, void *sink_context) {
    size_t decrypted = 0;
    esp_err_t error = decrypt_piece(bytes, length, &decrypted);
    if (error != ESP_OK) {
        return error == ESP_ERR_NO_MEM ? OTA_WS_NO_MEMORY : OTA_WS_BAD_TAG;
    }
    return decrypted > 0 ? sink(sink_context, (const uint8_t *)plain, decrypted) : OTA_WS_OK;
}

static ota_ws_status_t feed(void *context, const uint8_t *bytes, size_t length, ota_ws_sink_t sink,
                            void *sink_context) {
    (void)context;
    ota_ws_status_t status = OTA_WS_OK;
    size_t at = header != NULL ? hold(bytes, length, &status) : 0;
    while (at < length && status == OTA_WS_OK) {
        size_t step = length - at < PIECE_SIZE ? length - at : PIECE_SIZE;
        status = pass(bytes + at, step, sink, sink_context);
        at += step;
    }
    return status;
}

static ota_ws_status_t finish(void *context, ota_ws_sink_t sink, void *sink_context) {
    (void)context;
    (void)sink;
    (void)sink_context;
    esp_err_t error = esp_encrypted_img_decrypt_end(handle);
    handle = NULL;
    if (!whole) {
        return OTA_WS_TRUNCATED;
    }
    return error == ESP_OK ? OTA_WS_OK : OTA_WS_BAD_TAG;
}

static void stop(void *context) {
    (void)context;
    if (handle != NULL) {
        esp_encrypted_img_decrypt_abort(handle);
        handle = NULL;
    }
    free(header);
    free(plain);
    header = NULL;
    plain = NULL;
}

const ota_ws_filter_t *ota_ws_chip_decrypt(void) {
    static const ota_ws_filter_t filter = {.start = start, .feed = feed, .finish = finish, .stop = stop};
    return &filter;
}
