// SPDX-License-Identifier: Apache-2.0
#include "encrypt_openssl.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <string.h>

static void write_u32(uint8_t *bytes, uint32_t value) {
    for (int i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
}

// A random AES key, encrypted for the RSA key.
static bool encrypt_key_rsa(const image_key_t *key, uint8_t *field, uint8_t aes_key[OTA_WS_ENCRYPTED_AES_KEY_SIZE]) {
    size_t length = OTA_WS_ENCRYPTED_KEY_SIZE;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key->pkey, NULL);
    bool ok = context != NULL && RAND_bytes(aes_key, OTA_WS_ENCRYPTED_AES_KEY_SIZE) == 1 &&
              EVP_PKEY_encrypt_init(context) == 1 && EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
              EVP_PKEY_encrypt(context, field, &length, aes_key, OTA_WS_ENCRYPTED_AES_KEY_SIZE) == 1 &&
              length == OTA_WS_ENCRYPTED_KEY_SIZE;
    EVP_PKEY_CTX_free(context);
    return ok;
}

// The AES key that the device and a key pair made for this file alone share.
static bool encrypt_key_ecies(const image_key_t *key, uint8_t *field, uint8_t aes_key[OTA_WS_ENCRYPTED_AES_KEY_SIZE]) {
    uint8_t *salt = field + OTA_WS_ENCRYPTED_POINT_SIZE;
    EVP_PKEY *own = EVP_EC_gen("P-256");
    bool ok = own != NULL && image_key_point(own, field) && RAND_bytes(salt, OTA_WS_ENCRYPTED_SALT_SIZE) == 1 &&
              image_key_agree(own, key->pkey, salt, aes_key);
    EVP_PKEY_free(own);
    return ok;
}

static bool start_cipher(encrypt_openssl_t *encryption, const uint8_t aes_key[OTA_WS_ENCRYPTED_AES_KEY_SIZE]) {
    uint8_t *iv = encryption->header + OTA_WS_ENCRYPTED_IV_AT;
    EVP_CIPHER_CTX *cipher = encryption->cipher;
    return RAND_bytes(iv, OTA_WS_ENCRYPTED_IV_SIZE) == 1 &&
           EVP_EncryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, NULL, NULL) == 1 &&
           EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_IVLEN, OTA_WS_ENCRYPTED_IV_SIZE, NULL) == 1 &&
           EVP_EncryptInit_ex(cipher, NULL, NULL, aes_key, iv) == 1;
}

bool encrypt_openssl_begin(encrypt_openssl_t *encryption, const image_key_t *key, uint32_t length) {
    uint8_t aes_key[OTA_WS_ENCRYPTED_AES_KEY_SIZE];
    uint8_t *field = encryption->header + OTA_WS_ENCRYPTED_KEY_AT;
    memset(encryption, 0, sizeof *encryption);
    write_u32(encryption->header, OTA_WS_ENCRYPTED_MAGIC);
    write_u32(encryption->header + OTA_WS_ENCRYPTED_LENGTH_AT, length);
    encryption->cipher = EVP_CIPHER_CTX_new();
    bool ok = encryption->cipher != NULL &&
              (key->scheme == IMAGE_KEY_RSA ? encrypt_key_rsa(key, field, aes_key)
                                            : encrypt_key_ecies(key, field, aes_key)) &&
              start_cipher(encryption, aes_key);
    OPENSSL_cleanse(aes_key, sizeof aes_key);
    if (!ok) {
        encrypt_openssl_end(encryption);
    }
    return ok;
}

bool encrypt_openssl_update(encrypt_openssl_t *encryption, const uint8_t *from, uint8_t *to, size_t length) {
    int written;
    return EVP_EncryptUpdate(encryption->cipher, to, &written, from, (int)length) == 1 && written == (int)length;
}

bool encrypt_openssl_finish(encrypt_openssl_t *encryption) {
    uint8_t unused[EVP_MAX_BLOCK_LENGTH];
    int length;
    return EVP_EncryptFinal_ex(encryption->cipher, unused, &length) == 1 &&
           EVP_CIPHER_CTX_ctrl(encryption->cipher, EVP_CTRL_AEAD_GET_TAG, OTA_WS_ENCRYPTED_TAG_SIZE,
                               encryption->header + OTA_WS_ENCRYPTED_TAG_AT) == 1;
}

void encrypt_openssl_end(encrypt_openssl_t *encryption) {
    EVP_CIPHER_CTX_free(encryption->cipher);
    encryption->cipher = NULL;
    ERR_clear_error();
}
