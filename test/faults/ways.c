// SPDX-License-Identifier: Apache-2.0
#include "ways.h"

#include <stdlib.h>
#include <string.h>

#include "decrypt_openssl.h"
#include "encrypt_openssl.h"
#include "inflate_zlib.h"

static image_file_t encrypted[LIFE_IMAGES];
static image_key_t key;

static void confirm_new_image(life_t *life) {
    if (!life->is_done) {
        return;
    }
    life_say(life, "{\"type\":\"restart\"}");
    life_restart_if_wanted(life);
    if (!life->is_connected) {
        life_connect(life);
    }
    life_confirm(life);
}

// ---- plain ----

static void prepare_plain(life_t *life) {
    (void)life;
}

void ways_plain(life_t *life, int image) {
    uint32_t size = (uint32_t)life->files[image].length;
    life_begin(life, image);
    life_send(life, image, size / 2);
    life_disconnect(life);
    life_connect(life);
    life_begin(life, image);
    life_send(life, image, size);
    confirm_new_image(life);
}

// ---- compressed ----

static void prepare_compressed(life_t *life) {
    static inflate_zlib_t inflater;
    static ota_ws_filter_t inflate;
    inflate = inflate_zlib_port(&inflater);
    life->inflate = &inflate;
}

// The file as one deflate stream; returns its length.
static uint32_t deflate_file(const image_file_t *file, uint8_t *stream, uint32_t space) {
    z_stream deflater = {
        .next_in = file->bytes, .avail_in = (unsigned)file->length, .next_out = stream, .avail_out = space};
    if (deflateInit2(&deflater, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK ||
        deflate(&deflater, Z_FINISH) != Z_STREAM_END) {
        abort();
    }
    deflateEnd(&deflater);
    return (uint32_t)deflater.total_out;
}

static void update_compressed(life_t *life, int image) {
    static uint8_t stream[32768];
    uint32_t size = deflate_file(&life->images[image], stream, sizeof stream);
    uint32_t chunk = life->settings.chunk;
    life_offer(life, image, (uint32_t)life->images[image].length, NULL, ",\"deflate\":true");
    for (uint32_t at = 0; at < size && life->is_ready && life->failure[0] == '\0'; at += chunk) {
        if (!life_data(life, at, stream + at, size - at < chunk ? size - at : chunk)) {
            return;
        }
    }
    life_say(life, "{\"type\":\"end\"}");
    confirm_new_image(life);
}

// ---- encrypted ----

static void encrypt(const image_file_t *image, image_file_t *file) {
    encrypt_openssl_t encryption;
    image_free(file);
    file->length = image->length + OTA_WS_ENCRYPTED_HEADER_SIZE;
    file->bytes = malloc(file->length);
    if (file->bytes == NULL || !encrypt_openssl_begin(&encryption, &key, (uint32_t)image->length) ||
        !encrypt_openssl_update(&encryption, image->bytes, file->bytes + OTA_WS_ENCRYPTED_HEADER_SIZE, image->length) ||
        !encrypt_openssl_finish(&encryption)) {
        abort();
    }
    memcpy(file->bytes, encryption.header, sizeof encryption.header);
    encrypt_openssl_end(&encryption);
}

static void prepare_encrypted(life_t *life) {
    static const uint8_t secret[IMAGE_KEY_HMAC_SIZE] = {1, 2, 3};
    static decrypt_openssl_t decryptor;
    static ota_ws_filter_t decrypt;
    if (key.pkey == NULL && !image_key_from_hmac(&key, secret)) {
        abort();
    }
    for (int i = 0; i < LIFE_IMAGES; i++) {
        encrypt(&life->images[i], &encrypted[i]);
    }
    decryptor = (decrypt_openssl_t){.key = &key};
    decrypt = decrypt_openssl_filter(&decryptor);
    life->decrypt = &decrypt;
    life->files = encrypted;
}

const way_t ways[] = {{"a plain update", prepare_plain, ways_plain},
                      {"a compressed update", prepare_compressed, update_compressed},
                      {"an encrypted update", prepare_encrypted, ways_plain}};
const size_t way_count = sizeof ways / sizeof *ways;

void ways_free(void) {
    for (int i = 0; i < LIFE_IMAGES; i++) {
        image_free(&encrypted[i]);
    }
    image_key_free(&key);
}
