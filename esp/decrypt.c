// SPDX-License-Identifier: Apache-2.0
// Bytes go on in pieces of at most PIECE_SIZE, so that the buffer for decrypted ones, which esp_encrypted_img resizes as
// it likes, never grows beyond that. It gives its handle up in `end` and in `abort`: the other one must not follow.
#include "decrypt.h"

#include <stdlib.h>

#include "decrypt_key.h"
#include "encrypted.h"
#include "esp_encrypted_img.h"

#define PIECE_SIZE 1024 // a multiple of 16, which the AES hardware wants

// Of the writer: the image that is being decrypted.
static esp_decrypt_handle_t handle;
static char *plain;     // esp_encrypted_img's buffer; ours to free
static uint32_t offset; // bytes of the file so far
static bool whole;      // esp_encrypted_img has all that it waits for

static ota_ws_status_t start(void *context) {
    (void)context;
    esp_decrypt_cfg_t config = {0};
    handle = ota_ws_chip_key(&config) ? esp_encrypted_img_decrypt_start(&config) : NULL;
    plain = NULL;
    offset = 0;
    whole = false;
    return handle != NULL ? OTA_WS_OK : OTA_WS_NO_MEMORY;
}

// A failure in the header is the key's: magic and length the core has seen.
static ota_ws_status_t status_of(esp_err_t error, uint32_t from) {
    switch (error) {
    case ESP_OK:
    case ESP_ERR_NOT_FINISHED:
        return OTA_WS_OK;
    case ESP_ERR_NO_MEM:
        return OTA_WS_NO_MEMORY;
    default:
        return from < OTA_WS_ENCRYPTED_HEADER_SIZE ? OTA_WS_WRONG_KEY : OTA_WS_BAD_TAG;
    }
}

static ota_ws_status_t decrypt_piece(const uint8_t *bytes, size_t length, size_t *decrypted) {
    pre_enc_decrypt_arg_t piece = {.data_in = (const char *)bytes, .data_in_len = length, .data_out = plain};
    uint32_t from = offset;
    if (!ota_ws_chip_key_may_open(from, bytes, length)) {
        return OTA_WS_WRONG_KEY;
    }
    offset += (uint32_t)length;
    esp_err_t error = esp_encrypted_img_decrypt_data(handle, &piece);
    whole = error == ESP_OK;
    if (error != ESP_ERR_NO_MEM) {
        plain = piece.data_out; // a resize that failed has left the old buffer, whatever the call says of it
    }
    *decrypted = piece.data_out_len;
    return status_of(error, from);
}

static ota_ws_status_t feed(void *context, const uint8_t *bytes, size_t length, ota_ws_sink_t sink,
                            void *sink_context) {
    (void)context;
    ota_ws_status_t status = OTA_WS_OK;
    while (length > 0 && status == OTA_WS_OK) {
        size_t step = length < PIECE_SIZE ? length : PIECE_SIZE;
        size_t decrypted = 0;
        status = decrypt_piece(bytes, step, &decrypted);
        if (status == OTA_WS_OK && decrypted > 0) {
            status = sink(sink_context, (const uint8_t *)plain, decrypted);
        }
        bytes += step;
        length -= step;
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
    free(plain);
    plain = NULL;
}

const ota_ws_filter_t *ota_ws_chip_decrypt(void) {
    static const ota_ws_filter_t filter = {.start = start, .feed = feed, .finish = finish, .stop = stop};
    return &filter;
}
