// SPDX-License-Identifier: Apache-2.0
#include "signature_openssl.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

#include "hash_openssl.h"
#include "image_key.h"

#define RSA_SIZE OTA_WS_SIGNATURE_RSA_SIZE
#define EC_SIZE OTA_WS_SIGNATURE_EC_SIZE
#define WORD_SIZE 4

static void reverse(uint8_t *to, const uint8_t *from, size_t length) {
    for (size_t i = 0; i < length; i++) {
        to[i] = from[length - 1 - i];
    }
}

// ---- RSA ----

// n, e, R^2 mod n and -1/n mod 2^32, where R is 2^3072: what the chip's RSA unit wants to have at hand.
static bool write_rsa_key(const BIGNUM *n, const BIGNUM *e, uint8_t key[OTA_WS_SIGNATURE_RSA_KEY_SIZE]) {
    BN_CTX *context = BN_CTX_new();
    BIGNUM *r = BN_new(), *word = BN_new(), *minus = BN_new();
    bool ok = context != NULL && r != NULL && word != NULL && minus != NULL && BN_num_bits(n) == 8 * RSA_SIZE &&
              BN_is_odd(n) && BN_set_bit(r, 2 * 8 * RSA_SIZE) == 1 && BN_mod(r, r, n, context) == 1 &&
              BN_set_bit(word, 8 * WORD_SIZE) == 1 && BN_mod_inverse(minus, n, word, context) != NULL &&
              BN_sub(minus, word, minus) == 1 && BN_bn2lebinpad(n, key, RSA_SIZE) == RSA_SIZE &&
              BN_bn2lebinpad(e, key + RSA_SIZE, WORD_SIZE) == WORD_SIZE &&
              BN_bn2lebinpad(r, key + RSA_SIZE + WORD_SIZE, RSA_SIZE) == RSA_SIZE &&
              BN_bn2lebinpad(minus, key + 2 * RSA_SIZE + WORD_SIZE, WORD_SIZE) == WORD_SIZE;
    BN_free(minus);
    BN_free(word);
    BN_free(r);
    BN_CTX_free(context);
    return ok;
}

static EVP_PKEY *make_rsa(const BIGNUM *n, const BIGNUM *e) {
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    OSSL_PARAM *parameters = NULL;
    if (build != NULL && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1) {
        parameters = OSSL_PARAM_BLD_to_param(build);
    }
    if (parameters == NULL || context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, parameters) != 1) {
        pkey = NULL;
    }
    OSSL_PARAM_free(parameters);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_BLD_free(build);
    return pkey;
}

// The key of a block, when all that the block says of it fits together.
static EVP_PKEY *read_rsa_key(const uint8_t *bytes) {
    uint8_t key[OTA_WS_SIGNATURE_RSA_KEY_SIZE];
    BIGNUM *n = BN_lebin2bn(bytes, RSA_SIZE, NULL);
    BIGNUM *e = BN_lebin2bn(bytes + RSA_SIZE, WORD_SIZE, NULL);
    bool fits = n != NULL && e != NULL && write_rsa_key(n, e, key) && memcmp(key, bytes, sizeof key) == 0;
    EVP_PKEY *pkey = fits ? make_rsa(n, e) : NULL;
    BN_free(e);
    BN_free(n);
    return pkey;
}

static bool verify_rsa(EVP_PKEY *pkey, const uint8_t *signature, const uint8_t *digest) {
    uint8_t reversed[RSA_SIZE];
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(pkey, NULL);
    reverse(reversed, signature, sizeof reversed);
    bool ok = context != NULL && EVP_PKEY_verify_init(context) == 1 &&
              EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
              EVP_PKEY_CTX_set_rsa_pss_saltlen(context, OTA_WS_SHA256_SIZE) == 1 &&
              EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1 &&
              EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1 &&
              EVP_PKEY_verify(context, reversed, sizeof reversed, digest, OTA_WS_SHA256_SIZE) == 1;
    EVP_PKEY_CTX_free(context);
    return ok;
}

// ---- ECDSA ----

static EVP_PKEY *read_ec_key(const uint8_t *bytes) {
    uint8_t point[2 * EC_SIZE];
    reverse(point, bytes + 1, EC_SIZE);
    reverse(point + EC_SIZE, bytes + 1 + EC_SIZE, EC_SIZE);
    return image_key_from_point(point);
}

// r and s in DER, as OpenSSL wants them. The length, or 0; OPENSSL_free(*der).
static int write_der(const uint8_t *signature, unsigned char **der) {
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_lebin2bn(signature, EC_SIZE, NULL);
    BIGNUM *s = BN_lebin2bn(signature + EC_SIZE, EC_SIZE, NULL);
    *der = NULL;
    if (pair == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(pair, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(pair);
        return 0;
    }
    int length = i2d_ECDSA_SIG(pair, der); // r and s are the pair's by now
    ECDSA_SIG_free(pair);
    return length > 0 ? length : 0;
}

static bool verify_ec(EVP_PKEY *pkey, const uint8_t *signature, const uint8_t *digest) {
    unsigned char *der;
    int length = write_der(signature, &der);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(pkey, NULL);
    bool ok = length > 0 && context != NULL && EVP_PKEY_verify_init(context) == 1 &&
              EVP_PKEY_verify(context, der, (size_t)length, digest, OTA_WS_SHA256_SIZE) == 1;
    EVP_PKEY_CTX_free(context);
    OPENSSL_free(der);
    return ok;
}

// ---- blocks ----

static bool verify_block(const ota_ws_signature_block_t *block, const uint8_t *digest) {
    bool is_rsa = block->scheme == OTA_WS_SIGNATURE_RSA_3072;
    if (memcmp(block->image_digest, digest, OTA_WS_SHA256_SIZE) != 0) {
        return false;
    }
    EVP_PKEY *pkey = is_rsa ? read_rsa_key(block->key) : read_ec_key(block->key);
    bool ok = pkey != NULL &&
              (is_rsa ? verify_rsa(pkey, block->signature, digest) : verify_ec(pkey, block->signature, digest));
    EVP_PKEY_free(pkey);
    return ok;
}

ota_ws_status_t signature_verify(const uint8_t sector[OTA_WS_SIGNATURE_SECTOR_SIZE],
                                 const uint8_t digest[OTA_WS_SHA256_SIZE], signers_t *signers) {
    ota_ws_signature_block_t blocks[OTA_WS_SIGNATURE_BLOCK_MAX];
    unsigned count = ota_ws_signature_read(sector, blocks);
    memset(signers, 0, sizeof *signers);
    for (unsigned i = 0; i < count; i++) {
        if (!verify_block(&blocks[i], digest)) {
            return OTA_WS_BAD_SIGNATURE;
        }
    }
    for (unsigned i = 0; i < count; i++) {
        signers->signers[i].scheme = blocks[i].scheme;
        ota_ws_signature_key_digest(&blocks[i], &ota_ws_hash_openssl, signers->signers[i].key_digest);
    }
    signers->count = count;
    return count > 0 ? OTA_WS_OK : OTA_WS_BAD_SIGNATURE;
}

bool signature_is_by(const signers_t *signers, const signer_t *signer) {
    for (unsigned i = 0; i < signers->count; i++) {
        if (memcmp(signers->signers[i].key_digest, signer->key_digest, sizeof signer->key_digest) == 0) {
            return true;
        }
    }
    return false;
}

// ---- keys in files ----

static bool name_rsa(const EVP_PKEY *pkey, signer_t *signer) {
    uint8_t key[OTA_WS_SIGNATURE_RSA_KEY_SIZE];
    BIGNUM *n = NULL, *e = NULL;
    bool ok = EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
              EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && write_rsa_key(n, e, key);
    BN_free(e);
    BN_free(n);
    if (ok) {
        ota_ws_signature_block_t block = {.key = key, .key_size = sizeof key};
        signer->scheme = OTA_WS_SIGNATURE_RSA_3072;
        ota_ws_signature_key_digest(&block, &ota_ws_hash_openssl, signer->key_digest);
    }
    return ok;
}

static bool name_ec(const EVP_PKEY *pkey, signer_t *signer) {
    uint8_t key[OTA_WS_SIGNATURE_EC_KEY_SIZE] = {OTA_WS_SIGNATURE_CURVE_P256};
    uint8_t point[2 * EC_SIZE];
    if (!image_key_point(pkey, point)) {
        return false;
    }
    reverse(key + 1, point, EC_SIZE);
    reverse(key + 1 + EC_SIZE, point + EC_SIZE, EC_SIZE);
    ota_ws_signature_block_t block = {.key = key, .key_size = sizeof key};
    signer->scheme = OTA_WS_SIGNATURE_ECDSA_P256;
    ota_ws_signature_key_digest(&block, &ota_ws_hash_openssl, signer->key_digest);
    return true;
}

static bool is_p256(const EVP_PKEY *pkey) {
    char group[32] = "";
    return EVP_PKEY_is_a(pkey, "EC") == 1 && EVP_PKEY_get_group_name(pkey, group, sizeof group, NULL) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

static EVP_PKEY *read_pem(FILE *file) {
    EVP_PKEY *pkey = PEM_read_PUBKEY(file, NULL, NULL, NULL);
    if (pkey == NULL) {
        rewind(file);
        pkey = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    }
    return pkey;
}

const char *signature_key_load(signer_t *signer, const char *path) {
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return "cannot be read";
    }
    EVP_PKEY *pkey = read_pem(file);
    fclose(file);
    if (pkey == NULL) {
        return "holds no key in PEM";
    }
    bool ok = EVP_PKEY_is_a(pkey, "RSA") == 1 ? name_rsa(pkey, signer) : is_p256(pkey) && name_ec(pkey, signer);
    EVP_PKEY_free(pkey);
    return ok ? NULL : "holds a key that is neither RSA-3072 nor ECDSA P-256";
}
