// SPDX-License-Identifier: Apache-2.0
// The machine: header (gathered) -> ciphertext (passed through) -> finish. Its first failure sticks.
#include "decrypt_openssl.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

#define PIECE_SIZE 4096

struct decryption {
    EVP_CIPHER_CTX *cipher;
    ota_ws_status_t failed;
    size_t held;   // bytes of the header
    uint32_t left; // of ciphertext, once the header is held
    uint8_t header[OTA_WS_ENCRYPTED_HEADER_SIZE];
    uint8_t plain[PIECE_SIZE];
};

typedef struct decryption decryption_t;

// ---- the AES key ----

// What is no key of this size after the padding was taken away was made for another RSA key. So is what an OpenSSL with
// implicit rejection invents; where that has this size, the image behind it is noise.
static bool open_rsa(const image_key_t *key, const uint8_t *field, uint8_t aes_key[OTA_WS_ENCRYPTED_AES_KEY_SIZE]) {
    uint8_t opened[OTA_WS_ENCRYPTED_KEY_SIZE];
    size_t length = sizeof opened;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key->pkey, NULL);
    bool ok = context != NULL && EVP_PKEY_decrypt_init(context) == 1 &&
              EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
              EVP_PKEY_decrypt(context, opened, &length, field, OTA_WS_ENCRYPTED_KEY_SIZE) == 1 &&
              length == OTA_WS_ENCRYPTED_AES_KEY_SIZE;
    if (ok) {
        memcpy(aes_key, opened, OTA_WS_ENCRYPTED_AES_KEY_SIZE);
    }
    EVP_PKEY_CTX_free(context);
    OPENSSL_cleanse(opened, sizeof opened);
    return ok;
}

static bool is_zero(const uint8_t *bytes, size_t length) {
    size_t i = 0;
    while (i < length && bytes[i] == 0) {
        i++;
    }
    return i == length;
}

// Behind the salt the field is zero; in an image for an RSA key it is not.
static bool open_ecies(const image_key_t *key, const uint8_t *field, uint8_t aes_key[OTA_WS_ENCRYPTED_AES_KEY_SIZE]) {
    const size_t used = OTA_WS_ENCRYPTED_POINT_SIZE + OTA_WS_ENCRYPTED_SALT_SIZE;
    if (!is_zero(field + used, OTA_WS_ENCRYPTED_KEY_SIZE - used)) {
        return false;
    }
    EVP_PKEY *peer = image_key_from_point(field);
    bool ok = peer != NULL && image_key_agree(key->pkey, peer, field + OTA_WS_ENCRYPTED_POINT_SIZE, aes_key);
    EVP_PKEY_free(peer);
    return ok;
}

// ---- the header ----

static bool start_cipher(decryption_t *decryption, const uint8_t aes_key[OTA_WS_ENCRYPTED_AES_KEY_SIZE]) {
    uint8_t *header = decryption->header;
    EVP_CIPHER_CTX *cipher = decryption->cipher;
    return EVP_DecryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, NULL, NULL) == 1 &&
           EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_IVLEN, OTA_WS_ENCRYPTED_IV_SIZE, NULL) == 1 &&
           EVP_DecryptInit_ex(cipher, NULL, NULL, aes_key, header + OTA_WS_ENCRYPTED_IV_AT) == 1 &&
           EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, OTA_WS_ENCRYPTED_TAG_SIZE,
                               header + OTA_WS_ENCRYPTED_TAG_AT) == 1;
}

static ota_ws_status_t read_header(decryption_t *decryption, const image_key_t *key) {
    const uint8_t *field = decryption->header + OTA_WS_ENCRYPTED_KEY_AT;
    uint8_t aes_key[OTA_WS_ENCRYPTED_AES_KEY_SIZE];
    if (ota_ws_read_u32(decryption->header) != OTA_WS_ENCRYPTED_MAGIC) {
        return OTA_WS_NOT_ENCRYPTED;
    }
    decryption->left = ota_ws_read_u32(decryption->header + OTA_WS_ENCRYPTED_LENGTH_AT);
    bool opens = key->scheme == IMAGE_KEY_RSA ? open_rsa(key, field, aes_key) : open_ecies(key, field, aes_key);
    ota_ws_status_t status = !opens                              ? OTA_WS_WRONG_KEY
                             : start_cipher(decryption, aes_key) ? OTA_WS_OK
                                                                 : OTA_WS_NO_MEMORY;
    OPENSSL_cleanse(aes_key, sizeof aes_key);
    ERR_clear_error();
    return status;
}

// Returns how many bytes the header took.
static size_t hold(decryption_t *decryption, const image_key_t *key, const uint8_t *bytes, size_t length) {
    size_t missing = sizeof decryption->header - decryption->held;
    size_t taken = length < missing ? length : missing;
    memcpy(decryption->header + decryption->held, bytes, taken);
    decryption->held += taken;
    if (taken > 0 && taken == missing) {
        decryption->failed = read_header(decryption, key);
    }
    return taken;
}

// ---- the port ----

static ota_ws_status_t start(void *context, uint32_t window) {
    (void)window;
    decrypt_openssl_t *decryptor = context;
    decryption_t *decryption = calloc(1, sizeof *decryption);
    if (decryption == NULL) {
        return OTA_WS_NO_MEMORY;
    }
    decryption->cipher = EVP_CIPHER_CTX_new();
    if (decryption->cipher == NULL) {
        free(decryption);
        return OTA_WS_NO_MEMORY;
    }
    decryptor->decryption = decryption;
    return OTA_WS_OK;
}

static ota_ws_status_t decrypt_piece(decryption_t *decryption, const uint8_t *bytes, size_t length) {
    int taken;
    if (length > decryption->left) {
        return OTA_WS_TRAILING_BYTES;
    }
    decryption->left -= (uint32_t)length;
    bool ok = EVP_DecryptUpdate(decryption->cipher, decryption->plain, &taken, bytes, (int)length) == 1;
    return ok && taken == (int)length ? OTA_WS_OK : OTA_WS_BAD_TAG;
}

static ota_ws_status_t feed(void *context, const uint8_t *bytes, size_t length, ota_ws_sink_t sink,
                            void *sink_context) {
    const decrypt_openssl_t *decryptor = context;
    decryption_t *decryption = decryptor->decryption;
    size_t at = decryption->failed == OTA_WS_OK ? hold(decryption, decryptor->key, bytes, length) : 0;
    while (at < length && decryption->failed == OTA_WS_OK) {
        size_t step = length - at < PIECE_SIZE ? length - at : PIECE_SIZE;
        decryption->failed = decrypt_piece(decryption, bytes + at, step);
        if (decryption->failed == OTA_WS_OK) {
            decryption->failed = sink(sink_context, decryption->plain, step);
        }
        at += step;
    }
    return decryption->failed;
}

static ota_ws_status_t judge_end(decryption_t *decryption) {
    if (decryption->held < sizeof decryption->header) {
        bool starts = decryption->held >= 4 && ota_ws_read_u32(decryption->header) == OTA_WS_ENCRYPTED_MAGIC;
        return starts ? OTA_WS_TRUNCATED : OTA_WS_NOT_ENCRYPTED;
    }
    if (decryption->left > 0) {
        return OTA_WS_TRUNCATED;
    }
    int length;
    return EVP_DecryptFinal_ex(decryption->cipher, decryption->plain, &length) == 1 ? OTA_WS_OK : OTA_WS_BAD_TAG;
}

static ota_ws_status_t finish(void *context, ota_ws_sink_t sink, void *sink_context) {
    const decrypt_openssl_t *decryptor = context;
    decryption_t *decryption = decryptor->decryption;
    (void)sink;
    (void)sink_context;
    if (decryption->failed == OTA_WS_OK) {
        decryption->failed = judge_end(decryption);
    }
    return decryption->failed;
}

static void stop(void *context) {
    decrypt_openssl_t *decryptor = context;
    EVP_CIPHER_CTX_free(decryptor->decryption->cipher);
    OPENSSL_cleanse(decryptor->decryption, sizeof *decryptor->decryption);
    free(decryptor->decryption);
    decryptor->decryption = NULL;
}

ota_ws_filter_t decrypt_openssl_filter(decrypt_openssl_t *decryptor) {
    return (ota_ws_filter_t){.context = decryptor, .start = start, .feed = feed, .finish = finish, .stop = stop};
}
