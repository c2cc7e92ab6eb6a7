// SPDX-License-Identifier: Apache-2.0
#include "login/scram.h"

#include <string.h>

#include "text.h"

#define NONCE_MIN 18 // of the client
#define NONCE_MAX 40
#define RANDOM_SIZE 18 // gives 24 characters
#define ITERATIONS_MAX 1000000

// Longest AuthMessage of the device: client-first-bare, server-first with 24 characters from each side's 18 random
// bytes and from the salt, client-final-without-proof.
_Static_assert(sizeof "n=ota,r=" + NONCE_MAX + sizeof "r=,s=,i=4294967295" + NONCE_MAX + 24 + 24 +
                       sizeof "c=biws,r=" + NONCE_MAX + 24 <=
                   OTA_WS_SCRAM_TEXT_SIZE,
               "the AuthMessage always fits");

static const char client_final_start[] = "c=biws,r=";

// How many printable characters the text begins with; `other` is none.
static size_t count_printable(const char *text, char first, char other) {
    size_t length = 0;
    while (text[length] >= first && text[length] <= '~' && text[length] != other) {
        length++;
    }
    return length;
}

bool ota_ws_password_acceptable(const char *password) {
    size_t length = count_printable(password, ' ', '\0');
    return password[length] == '\0' && length >= OTA_WS_PASSWORD_MIN && length <= OTA_WS_PASSWORD_MAX;
}

void ota_ws_pairing_code(const uint8_t random[8], char code[OTA_WS_PAIRING_CODE_SIZE]) {
    static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    const uint8_t *end = random + 8;
    for (unsigned bit = 0; bit < 60; bit += 5) { // of the number whose last byte is random[7]
        const uint8_t *two = end - 2 - bit / 8;
        *code++ = alphabet[(two[0] << 8 | two[1]) >> bit % 8 & 31];
        if (bit % 20 == 15) {
            *code++ = '-';
        }
    }
    code[-1] = '\0'; // in the place of the last hyphen
}

// ---- keys and signatures (RFC 5802, section 3) ----

static void hmac_text(const ota_ws_hash_t *hash, const uint8_t key[OTA_WS_SHA256_SIZE], const char *text,
                      uint8_t mac[OTA_WS_SHA256_SIZE]) {
    ota_ws_hmac(hash, key, OTA_WS_SHA256_SIZE, text, strlen(text), mac);
}

static void sha256(const ota_ws_hash_t *hash, const uint8_t bytes[OTA_WS_SHA256_SIZE],
                   uint8_t digest[OTA_WS_SHA256_SIZE]) {
    ota_ws_sha256_t state;
    hash->start(&state);
    hash->update(&state, bytes, OTA_WS_SHA256_SIZE);
    hash->finish(&state, digest);
}

static void xor_into(uint8_t to[OTA_WS_SHA256_SIZE], const uint8_t with[OTA_WS_SHA256_SIZE]) {
    for (int i = 0; i < OTA_WS_SHA256_SIZE; i++) {
        to[i] ^= with[i];
    }
}

void ota_ws_verifier_make(const ota_ws_hash_t *hash, const char *password, const uint8_t salt[OTA_WS_SCRAM_SALT_SIZE],
                          uint32_t iterations, ota_ws_verifier_t *verifier) {
    uint8_t salted[OTA_WS_SHA256_SIZE];
    uint8_t client_key[OTA_WS_SHA256_SIZE];
    ota_ws_pbkdf2(hash, password, salt, OTA_WS_SCRAM_SALT_SIZE, iterations, salted);
    hmac_text(hash, salted, "Client Key", client_key);
    sha256(hash, client_key, verifier->stored_key);
    hmac_text(hash, salted, "Server Key", verifier->server_key);
    ota_ws_wipe(salted, sizeof salted);
    ota_ws_wipe(client_key, sizeof client_key);
    memcpy(verifier->salt, salt, OTA_WS_SCRAM_SALT_SIZE);
    verifier->iterations = iterations;
}

// RFC 5802, section 8: HMAC(StoredKey, "GSS-API session key" || ClientKey || AuthMessage); then one key for each use.
static void derive_session_keys(const ota_ws_hash_t *hash, const uint8_t *stored_key, const uint8_t *client_key,
                                const char *auth_message, ota_ws_session_keys_t *keys) {
    static const char label[] = "GSS-API session key";
    uint8_t session_key[OTA_WS_SHA256_SIZE];
    ota_ws_hmac_t hmac;
    ota_ws_hmac_start(&hmac, hash, stored_key, OTA_WS_SHA256_SIZE);
    ota_ws_hmac_update(&hmac, label, sizeof label - 1);
    ota_ws_hmac_update(&hmac, client_key, OTA_WS_SHA256_SIZE);
    ota_ws_hmac_update(&hmac, auth_message, strlen(auth_message));
    ota_ws_hmac_finish(&hmac, session_key);
    hmac_text(hash, session_key, "ota_ws client", keys->client);
    hmac_text(hash, session_key, "ota_ws device", keys->device);
    hmac_text(hash, session_key, "ota_ws data", keys->data);
    hmac_text(hash, session_key, "ota_ws answers", keys->answers);
    ota_ws_wipe(session_key, sizeof session_key);
}

void ota_ws_mac(const ota_ws_hash_t *hash, const uint8_t key[OTA_WS_SHA256_SIZE], const char *text, size_t length,
                uint8_t mac[OTA_WS_MAC_SIZE]) {
    uint8_t whole[OTA_WS_SHA256_SIZE];
    ota_ws_hmac(hash, key, OTA_WS_SHA256_SIZE, text, length, whole);
    memcpy(mac, whole, OTA_WS_MAC_SIZE);
}

// ---- the AuthMessage ----

// `end` is where server-first ends in scram->text. Appends client-final-without-proof, which repeats the combined
// nonce.
static void append_client_final(ota_ws_scram_t *scram, char *end, const char *nonce, size_t nonce_length) {
    *end++ = ',';
    scram->final_offset = (uint16_t)(end - scram->text);
    end = ota_ws_text_append(end, client_final_start);
    memcpy(end, nonce, nonce_length);
    end[nonce_length] = '\0';
}

// ---- the device's side ----

ota_ws_status_t ota_ws_scram_challenge(ota_ws_scram_t *scram, const ota_ws_verifier_t *verifier,
                                       const char *client_first, const uint8_t random[18],
                                       char reply[OTA_WS_SCRAM_MESSAGE_SIZE]) {
    const char *nonce = ota_ws_text_behind(client_first, "n,,n=ota,r=");
    size_t length = nonce != NULL ? count_printable(nonce, '!', ',') : 0; // RFC 5802, section 7
    if (length < NONCE_MIN || length > NONCE_MAX || nonce[length] != '\0') {
        return OTA_WS_BAD_LOGIN;
    }
    char *at = ota_ws_text_append(scram->text, client_first + strlen("n,,"));
    *at++ = ',';
    char *server_first = at;
    char *both = ota_ws_text_append(at, "r=");
    at = ota_ws_base64(ota_ws_text_append(both, nonce), random, RANDOM_SIZE);
    size_t both_length = (size_t)(at - both);
    at = ota_ws_base64(ota_ws_text_append(at, ",s="), verifier->salt, OTA_WS_SCRAM_SALT_SIZE);
    at = ota_ws_text_number(ota_ws_text_append(at, ",i="), verifier->iterations);
    ota_ws_text_append(reply, server_first);
    append_client_final(scram, at, both, both_length);
    return OTA_WS_OK;
}

ota_ws_status_t ota_ws_scram_check(const ota_ws_verifier_t *verifier, const ota_ws_hash_t *hash, const char *text,
                                   uint8_t proof[OTA_WS_SHA256_SIZE], ota_ws_session_keys_t *keys) {
    uint8_t value[OTA_WS_SHA256_SIZE];
    hmac_text(hash, verifier->stored_key, text, value);
    xor_into(proof, value); // ClientKey, when it is right
    sha256(hash, proof, value);
    bool is_right = ota_ws_bytes_equal(value, verifier->stored_key, OTA_WS_SHA256_SIZE);
    if (is_right) {
        derive_session_keys(hash, verifier->stored_key, proof, text, keys);
    }
    ota_ws_wipe(proof, OTA_WS_SHA256_SIZE);
    return is_right ? OTA_WS_OK : OTA_WS_WRONG_PASSWORD;
}

// client-final is the end of the AuthMessage, ",p=" and the proof.
ota_ws_status_t ota_ws_scram_verify(ota_ws_scram_t *scram, const ota_ws_verifier_t *verifier, const ota_ws_hash_t *hash,
                                    const char *client_final, char reply[OTA_WS_SCRAM_MESSAGE_SIZE],
                                    ota_ws_session_keys_t *keys) {
    uint8_t value[OTA_WS_SHA256_SIZE];
    ota_ws_session_keys_t derived; // `keys` may overlap the text that they are derived from
    const char *behind = ota_ws_text_behind(client_final, scram->text + scram->final_offset);
    const char *proof = behind != NULL ? ota_ws_text_behind(behind, ",p=") : NULL;
    if (proof == NULL || !ota_ws_unbase64(proof, strlen(proof), value, sizeof value)) {
        return OTA_WS_BAD_LOGIN;
    }
    ota_ws_status_t status = ota_ws_scram_check(verifier, hash, scram->text, value, &derived);
    if (status == OTA_WS_OK) {
        hmac_text(hash, verifier->server_key, scram->text, value);
        ota_ws_base64(ota_ws_text_append(reply, "v="), value, sizeof value);
        *keys = derived;
        ota_ws_wipe(&derived, sizeof derived);
    }
    return status;
}

// ---- the client's side ----

void ota_ws_scram_client_first(ota_ws_scram_t *scram, const uint8_t random[18],
                               char message[OTA_WS_SCRAM_MESSAGE_SIZE]) {
    ota_ws_base64(ota_ws_text_append(message, "n,,n=ota,r="), random, RANDOM_SIZE);
    ota_ws_text_append(scram->text, message + strlen("n,,"));
}

// The AuthMessage and client-final must fit, whatever the server has sent.
static bool fits(const ota_ws_scram_t *scram, const char *server_first, size_t nonce_length) {
    size_t final = sizeof client_final_start + nonce_length;
    return strlen(scram->text) + strlen(server_first) + final + 3 <= sizeof scram->text &&
           final + strlen(",p=") + OTA_WS_BASE64_LENGTH(OTA_WS_SHA256_SIZE) <= OTA_WS_SCRAM_MESSAGE_SIZE;
}

// Reads "r=<nonce>,s=<salt>,i=<iterations>". The nonce begins with ours and is longer.
static bool read_server_first(ota_ws_scram_t *scram, const char *server_first, uint8_t salt[OTA_WS_SCRAM_SALT_SIZE],
                              uint32_t *iterations) {
    const char *ours = scram->text + strlen("n=ota,r=");
    const char *nonce = ota_ws_text_behind(server_first, "r=");
    size_t nonce_length = nonce != NULL ? strcspn(nonce, ",") : 0;
    if (nonce_length <= strlen(ours) || ota_ws_text_behind(nonce, ours) == NULL) {
        return false;
    }
    const char *at = ota_ws_text_behind(nonce + nonce_length, ",s=");
    size_t salt_length = at != NULL ? strcspn(at, ",") : 0;
    if (salt_length == 0 || !ota_ws_unbase64(at, salt_length, salt, OTA_WS_SCRAM_SALT_SIZE)) {
        return false;
    }
    at = ota_ws_text_behind(at + salt_length, ",i=");
    if (at == NULL || !fits(scram, server_first, nonce_length)) {
        return false;
    }
    for (*iterations = 0; *at >= '0' && *at <= '9' && *iterations <= ITERATIONS_MAX; at++) {
        *iterations = *iterations * 10 + (uint32_t)(*at - '0');
    }
    char *end = scram->text + strlen(scram->text);
    *end++ = ',';
    append_client_final(scram, ota_ws_text_append(end, server_first), nonce, nonce_length);
    return *at == '\0' && *iterations >= OTA_WS_SCRAM_ITERATIONS && *iterations <= ITERATIONS_MAX;
}

ota_ws_status_t ota_ws_scram_client_final(ota_ws_scram_t *scram, const ota_ws_hash_t *hash, const char *password,
                                          const char *server_first, char message[OTA_WS_SCRAM_MESSAGE_SIZE],
                                          ota_ws_session_keys_t *keys, uint8_t server_signature[OTA_WS_SHA256_SIZE]) {
    uint8_t salt[OTA_WS_SCRAM_SALT_SIZE];
    uint8_t salted[OTA_WS_SHA256_SIZE];
    uint8_t client_key[OTA_WS_SHA256_SIZE];
    uint8_t stored_key[OTA_WS_SHA256_SIZE];
    uint8_t proof[OTA_WS_SHA256_SIZE];
    uint32_t iterations;
    if (!read_server_first(scram, server_first, salt, &iterations)) {
        return OTA_WS_BAD_LOGIN;
    }
    ota_ws_pbkdf2(hash, password, salt, sizeof salt, iterations, salted);
    hmac_text(hash, salted, "Client Key", client_key);
    sha256(hash, client_key, stored_key);
    hmac_text(hash, stored_key, scram->text, proof);
    xor_into(proof, client_key);
    char *end = ota_ws_text_append(message, scram->text + scram->final_offset);
    ota_ws_base64(ota_ws_text_append(end, ",p="), proof, sizeof proof);

    hmac_text(hash, salted, "Server Key", server_signature);
    hmac_text(hash, server_signature, scram->text, server_signature);
    derive_session_keys(hash, stored_key, client_key, scram->text, keys);
    ota_ws_wipe(salted, sizeof salted);
    ota_ws_wipe(client_key, sizeof client_key);
    return OTA_WS_OK;
}

bool ota_ws_scram_client_check(const uint8_t server_signature[OTA_WS_SHA256_SIZE], const char *server_final) {
    uint8_t value[OTA_WS_SHA256_SIZE];
    const char *text = ota_ws_text_behind(server_final, "v=");
    return text != NULL && ota_ws_unbase64(text, strlen(text), value, sizeof value) &&
           ota_ws_bytes_equal(value, server_signature, sizeof value);
}
