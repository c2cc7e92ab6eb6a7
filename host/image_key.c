// SPDX-License-Identifier: Apache-2.0
#include "image_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#define RSA_BITS 3072
#define POINT_FORM_SIZE (1 + OTA_WS_ENCRYPTED_POINT_SIZE) // 4, X, Y
#define SCALAR_SIZE 32
#define PBKDF2_ROUNDS 2048

// Of the PBKDF2 that makes an ECIES device key; esp_encrypted_img has it as a constant.
static const uint8_t device_key_salt[32] = {0x0e, 0x21, 0x60, 0x64, 0x2d, 0xae, 0x76, 0xd3, 0x34, 0x48, 0xe4,
                                            0x3d, 0x77, 0x20, 0x12, 0x3d, 0x9f, 0x3b, 0x1e, 0xce, 0xb8, 0x8e,
                                            0x57, 0x3a, 0x4e, 0x8f, 0x7f, 0xb9, 0x4f, 0xf0, 0xc8, 0x69};

// ---- files ----

static bool is_p256(const EVP_PKEY *pkey) {
    char group[32];
    size_t length;
    return EVP_PKEY_get_base_id(pkey) == EVP_PKEY_EC &&
           EVP_PKEY_get_group_name((EVP_PKEY *)pkey, group, sizeof group, &length) == 1 &&
           OBJ_sn2nid(group) == NID_X9_62_prime256v1;
}

static const char *classify(image_key_t *key) {
    if (EVP_PKEY_get_base_id(key->pkey) == EVP_PKEY_RSA && EVP_PKEY_get_bits(key->pkey) == RSA_BITS) {
        key->scheme = IMAGE_KEY_RSA;
        return NULL;
    }
    if (is_p256(key->pkey)) {
        key->scheme = IMAGE_KEY_ECIES;
        return NULL;
    }
    return "holds a key that is neither RSA with 3072 bits nor EC on P-256";
}

// Never asks for a pass phrase.
static int no_phrase(char *buffer, int size, int writing, void *context) {
    (void)buffer;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

static EVP_PKEY *read_pem(FILE *file, bool *is_private) {
    EVP_PKEY *pkey = PEM_read_PrivateKey(file, NULL, no_phrase, NULL);
    *is_private = pkey != NULL;
    if (pkey == NULL) {
        rewind(file);
        pkey = PEM_read_PUBKEY(file, NULL, no_phrase, NULL);
    }
    ERR_clear_error();
    return pkey;
}

const char *image_key_load(image_key_t *key, const char *path) {
    memset(key, 0, sizeof *key);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return "cannot be opened";
    }
    key->pkey = read_pem(file, &key->is_private);
    fclose(file);
    if (key->pkey == NULL) {
        return "holds no key that can be read (PEM, without a pass phrase)";
    }
    const char *wrong = classify(key);
    if (wrong != NULL) {
        image_key_free(key);
    }
    return wrong;
}

void image_key_free(image_key_t *key) {
    EVP_PKEY_free(key->pkey);
    key->pkey = NULL;
}

// ---- new keys ----

static EVP_PKEY *pkey_from_params(const OSSL_PARAM *params, int selection) {
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
    bool ok = context != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
              EVP_PKEY_fromdata(context, &pkey, selection, (OSSL_PARAM *)params) == 1;
    EVP_PKEY_CTX_free(context);
    return ok ? pkey : NULL;
}

// The public point of a private number, 4, X, Y.
static bool multiply(const BIGNUM *number, uint8_t point[POINT_FORM_SIZE]) {
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *product = group != NULL ? EC_POINT_new(group) : NULL;
    bool ok = product != NULL && !BN_is_zero(number) && BN_cmp(number, EC_GROUP_get0_order(group)) < 0 &&
              EC_POINT_mul(group, product, number, NULL, NULL, NULL) == 1 &&
              EC_POINT_point2oct(group, product, POINT_CONVERSION_UNCOMPRESSED, point, POINT_FORM_SIZE, NULL) ==
                  POINT_FORM_SIZE;
    EC_POINT_free(product);
    EC_GROUP_free(group);
    return ok;
}

static EVP_PKEY *pkey_from_number(const BIGNUM *number) {
    uint8_t point[POINT_FORM_SIZE];
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *params = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    bool ok = build != NULL && multiply(number, point) &&
              OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, SN_X9_62_prime256v1, 0) == 1 &&
              OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point) == 1 &&
              OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, number) == 1;
    if (ok) {
        params = OSSL_PARAM_BLD_to_param(build);
        pkey = params != NULL ? pkey_from_params(params, EVP_PKEY_KEYPAIR) : NULL;
    }
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    return pkey;
}

bool image_key_make_rsa(image_key_t *key) {
    *key = (image_key_t){.pkey = EVP_RSA_gen(RSA_BITS), .scheme = IMAGE_KEY_RSA, .is_private = true};
    return key->pkey != NULL;
}

bool image_key_from_hmac(image_key_t *key, const uint8_t hmac[IMAGE_KEY_HMAC_SIZE]) {
    uint8_t scalar[SCALAR_SIZE];
    *key = (image_key_t){.scheme = IMAGE_KEY_ECIES, .is_private = true};
    if (PKCS5_PBKDF2_HMAC((const char *)hmac, IMAGE_KEY_HMAC_SIZE, device_key_salt, sizeof device_key_salt,
                          PBKDF2_ROUNDS, EVP_sha256(), sizeof scalar, scalar) != 1) {
        return false;
    }
    BIGNUM *number = BN_bin2bn(scalar, sizeof scalar, NULL);
    key->pkey = number != NULL ? pkey_from_number(number) : NULL;
    BN_clear_free(number);
    OPENSSL_cleanse(scalar, sizeof scalar);
    return key->pkey != NULL;
}

// ---- ECIES ----

EVP_PKEY *image_key_from_point(const uint8_t point[OTA_WS_ENCRYPTED_POINT_SIZE]) {
    uint8_t form[POINT_FORM_SIZE] = {POINT_CONVERSION_UNCOMPRESSED};
    memcpy(form + 1, point, OTA_WS_ENCRYPTED_POINT_SIZE);
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)SN_X9_62_prime256v1, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, form, sizeof form),
        OSSL_PARAM_construct_end(),
    };
    return pkey_from_params(params, EVP_PKEY_PUBLIC_KEY);
}

bool image_key_point(const EVP_PKEY *pkey, uint8_t point[OTA_WS_ENCRYPTED_POINT_SIZE]) {
    uint8_t form[POINT_FORM_SIZE];
    size_t length;
    if (EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, form, sizeof form, &length) != 1 ||
        length != sizeof form || form[0] != POINT_CONVERSION_UNCOMPRESSED) {
        return false;
    }
    memcpy(point, form + 1, OTA_WS_ENCRYPTED_POINT_SIZE);
    return true;
}

static bool share(const EVP_PKEY *own, const EVP_PKEY *peer, uint8_t secret[SCALAR_SIZE]) {
    size_t length = SCALAR_SIZE;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new((EVP_PKEY *)own, NULL);
    bool ok = context != NULL && EVP_PKEY_derive_init(context) == 1 &&
              EVP_PKEY_derive_set_peer(context, (EVP_PKEY *)peer) == 1 &&
              EVP_PKEY_derive(context, secret, &length) == 1 && length == SCALAR_SIZE;
    EVP_PKEY_CTX_free(context);
    return ok;
}

static bool stretch(const uint8_t secret[SCALAR_SIZE], const uint8_t salt[OTA_WS_ENCRYPTED_SALT_SIZE],
                    uint8_t aes_key[OTA_WS_ENCRYPTED_AES_KEY_SIZE]) {
    size_t length = OTA_WS_ENCRYPTED_AES_KEY_SIZE;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
    bool ok = context != NULL && EVP_PKEY_derive_init(context) == 1 &&
              EVP_PKEY_CTX_set_hkdf_md(context, EVP_sha256()) == 1 &&
              EVP_PKEY_CTX_set1_hkdf_salt(context, salt, OTA_WS_ENCRYPTED_SALT_SIZE) == 1 &&
              EVP_PKEY_CTX_set1_hkdf_key(context, secret, SCALAR_SIZE) == 1 &&
              EVP_PKEY_CTX_add1_hkdf_info(context, (const uint8_t *)OTA_WS_ENCRYPTED_HKDF_INFO,
                                          sizeof OTA_WS_ENCRYPTED_HKDF_INFO - 1) == 1 &&
              EVP_PKEY_derive(context, aes_key, &length) == 1;
    EVP_PKEY_CTX_free(context);
    return ok;
}

bool image_key_agree(const EVP_PKEY *own, const EVP_PKEY *peer, const uint8_t salt[OTA_WS_ENCRYPTED_SALT_SIZE],
                     uint8_t aes_key[OTA_WS_ENCRYPTED_AES_KEY_SIZE]) {
    uint8_t secret[SCALAR_SIZE];
    bool ok = share(own, peer, secret) && stretch(secret, salt, aes_key);
    OPENSSL_cleanse(secret, sizeof secret);
    return ok;
}
