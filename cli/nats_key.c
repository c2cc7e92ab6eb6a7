// SPDX-License-Identifier: Apache-2.0
// A seed is base32 of: two bytes with the kinds "seed" and "user", 32 bytes of an Ed25519 seed, a CRC-16. A public key
// is base32 of: one byte with the kind, 32 bytes, a CRC-16. The CRC is XMODEM's (polynomial 0x1021, from 0), its low
// byte first. Base32 is that of RFC 4648 without '='.
#include "nats_key.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <string.h>

#include "credentials.h"

#define KIND_SEED (18 << 3)
#define KIND_USER (20 << 3)
#define SEED_SIZE (2 + 32 + 2)
#define KEY_SIZE (1 + 32 + 2)

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

static uint16_t checksum(const uint8_t *bytes, size_t length) {
    uint16_t crc = 0;
    for (size_t i = 0; i < 8 * length; i++) {
        bool bit = (bytes[i / 8] >> (7 - i % 8) & 1) != 0;
        bool top = (crc & 0x8000) != 0;
        crc = (uint16_t)(crc << 1);
        crc = bit != top ? crc ^ 0x1021 : crc;
    }
    return crc;
}

static bool decode(const char *text, uint8_t *bytes, size_t size) {
    memset(bytes, 0, size);
    for (size_t i = 0; i < (8 * size + 4) / 5; i++) {
        const char *letter = text[i] == '\0' ? NULL : strchr(letters, text[i]);
        if (letter == NULL) {
            return false;
        }
        for (size_t bit = 5 * i; bit < 5 * i + 5 && bit < 8 * size; bit++) {
            unsigned is_set = (unsigned)(letter - letters) >> (4 - (bit - 5 * i)) & 1;
            bytes[bit / 8] = (uint8_t)(bytes[bit / 8] | is_set << (7 - bit % 8));
        }
    }
    return text[(8 * size + 4) / 5] == '\0';
}

static void encode(const uint8_t *bytes, size_t size, char *text) {
    size_t count = (8 * size + 4) / 5;
    for (size_t i = 0; i < count; i++) {
        unsigned value = 0;
        for (size_t bit = 5 * i; bit < 5 * i + 5; bit++) {
            value = value << 1 | (bit < 8 * size ? bytes[bit / 8] >> (7 - bit % 8) & 1u : 0);
        }
        text[i] = letters[value];
    }
    text[count] = '\0';
}

static bool is_user_seed(const uint8_t seed[SEED_SIZE]) {
    uint16_t crc = checksum(seed, SEED_SIZE - 2);
    return seed[0] == (KIND_SEED | KIND_USER >> 5) && seed[1] == (KIND_USER << 3 & 0xff) &&
           seed[SEED_SIZE - 2] == (crc & 0xff) && seed[SEED_SIZE - 1] == crc >> 8;
}

static bool derive(const uint8_t seed[SEED_SIZE], uint8_t key[KEY_SIZE]) {
    size_t length = 32;
    EVP_PKEY *pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed + 2, 32);
    key[0] = KIND_USER;
    bool done = pair != NULL && EVP_PKEY_get_raw_public_key(pair, key + 1, &length) == 1;
    EVP_PKEY_free(pair);
    uint16_t crc = checksum(key, KEY_SIZE - 2);
    key[KEY_SIZE - 2] = (uint8_t)(crc & 0xff);
    key[KEY_SIZE - 1] = (uint8_t)(crc >> 8);
    return done;
}

bool nats_key_of_seed(char key[NATS_KEY_SIZE], const char *file, problem_t *problem) {
    char line[CREDENTIALS_LINE_SIZE];
    uint8_t seed[SEED_SIZE], public_key[KEY_SIZE];
    if (!credentials_read_line(line, file, problem)) {
        return false;
    }
    bool done = decode(line, seed, sizeof seed) && is_user_seed(seed) && derive(seed, public_key);
    if (done) {
        encode(public_key, sizeof public_key, key);
    } else {
        problem_set(problem, EXIT_CODE_LOGIN, "nats_key", "%.160s holds no seed of a NATS user (\"SU...\", one line).",
                    file);
    }
    OPENSSL_cleanse(line, sizeof line);
    OPENSSL_cleanse(seed, sizeof seed);
    return done;
}
