// SPDX-License-Identifier: Apache-2.0
#include "login/scram.h"

#include <string.h>

#include "login/base64.h"
#include "login/hmac.h"
#include "text.h"

#define NONCE_MIN 18 // of the client
#define NONCE_MAX 40
#define RANDOM_SIZE 18 // gives 24 characters
#define ITERATIONS_MAX 1000000

static const char client_first_start[] = "n,,n=ota,r=";
static const char client_final_start[] = "c=biws,r=";

bool ota_ws_password_acceptable(const char *password) {
    size_t length = strlen(password);
    for (size_t i = 0; i < length; i++) {
        if (password[i] < ' ' || password[i] > '~') {
            return false;
        }
    }
    return length >= OTA_WS_PASSWORD_MIN && length <= OTA_WS_PASSWORD_MAX;
}

void ota_ws_pairing_code(const uint8_t random[8], char code[OTA_WS_PAIRING_CODE_SIZE]) {
    static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    uint64_t bits = 0;
    for (int i = 0; i < 8; i++) {
        bits = bits << 8 | random[i];
    }
    for (int i = 0; i < OTA_WS_PAIRING_CODE_SIZE - 1; i++) {
        if (i % 5 == 4) {
            code[i] = '-';
            continue;
        }
        code[i] = alphabet[bits & 31];
        bits >>= 5;
    }
    code[OTA_WS_PAIRING_CODE_SIZE - 1] = '\0';
}

// ---- keys and signatures (RFC 5802, section 3) ---------------------------------------------------------------------

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

// RFC 5802, section 8: HMAC(StoredKey, "GSS-API session key" || ClientKey || AuthMessage); then one key a direction.
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
    ota_ws_wipe(session_key, sizeof session_key);
}

void ota_ws_mac(const ota_ws_hash_t *hash, const uint8_t key[OTA_WS_SHA256_SIZE], const char *text, size_t length,
                uint8_t mac[OTA_WS_MAC_SIZE]) {
    uint8_t whole[OTA_WS_SHA256_SIZE];
    ota_ws_hmac(hash, key, OTA_WS_SHA256_SIZE, text, length, whole);
    memcpy(mac, whole, OTA_WS_MAC_SIZE);
}

// ---- the AuthMessage -----------------------------------------------------------------------------------------------

static void begin_text(ota_ws_scram_t *scram, const char *text) {
    scram->length = (uint16_t)strlen(text);
    memcpy(scram->text, text, scram->length + 1U);
}

// False when it does not fit.
static bool append(ota_ws_scram_t *scram, const char *text, size_t length) {
    if (scram->length + length + 1 >= sizeof scram->text) {
        return false;
    }
    scram->text[scram->length++] = ',';
    memcpy(scram->text + scram->length, text, length);
    scram->length = (uint16_t)(scram->length + length);
    scram->text[scram->length] = '\0';
    return true;
}

// The combined nonce is the value of the "r=" with which server-first begins.
static void remember_nonce(ota_ws_scram_t *scram, size_t server_first_offset, size_t nonce_length) {
    scram->nonce_offset = (uint16_t)(server_first_offset + 2);
    scram->nonce_length = (uint16_t)nonce_length;
}

static bool starts_with(const char *text, const char *start) {
    return strncmp(text, start, strlen(start)) == 0;
}

// A nonce has printable characters other than ',' (RFC 5802, section 7).
static bool is_nonce(const char *text) {
    size_t length = 0;
    for (; text[length] != '\0'; length++) {
        if (text[length] < '!' || text[length] > '~' || text[length] == ',') {
            return false;
        }
    }
    return length >= NONCE_MIN && length <= NONCE_MAX;
}

// ---- the device's side ---------------------------------------------------------------------------------------------

ota_ws_status_t ota_ws_scram_challenge(ota_ws_scram_t *scram, const ota_ws_verifier_t *verifier,
                                       const char *client_first, const uint8_t random[18],
                                       char reply[OTA_WS_SCRAM_MESSAGE_SIZE]) {
    const char *nonce = client_first + sizeof client_first_start - 1;
    if (!starts_with(client_first, client_first_start) || !is_nonce(nonce)) {
        return OTA_WS_BAD_LOGIN;
    }
    begin_text(scram, client_first + 3); // without "n,,"

    char *at = reply + 2;
    memcpy(reply, "r=", 2);
    ota_ws_text_copy(at, NONCE_MAX + 1, nonce);
    at = ota_ws_base64(at + strlen(nonce), random, RANDOM_SIZE);
    remember_nonce(scram, scram->length + 1U, (size_t)(at - reply) - 2);
    memcpy(at, ",s=", 3);
    at = ota_ws_base64(at + 3, verifier->salt, OTA_WS_SCRAM_SALT_SIZE);
    memcpy(at, ",i=", 3);
    at = ota_ws_text_number(at + 3, verifier->iterations);
    return append(scram, reply, (size_t)(at - reply)) ? OTA_WS_OK : OTA_WS_BAD_LOGIN;
}

// Reads "c=biws,r=<combined nonce>,p=<proof>"; appends its first part to the AuthMessage.
static bool read_client_final(ota_ws_scram_t *scram, const char *client_final, uint8_t proof[OTA_WS_SHA256_SIZE]) {
    const char *nonce = client_final + sizeof client_final_start - 1;
    if (!starts_with(client_final, client_final_start) ||
        strncmp(nonce, scram->text + scram->nonce_offset, scram->nonce_length) != 0) {
        return false;
    }
    const char *end = nonce + scram->nonce_length;
    return starts_with(end, ",p=") && ota_ws_unbase64(end + 3, strlen(end + 3), proof, OTA_WS_SHA256_SIZE) &&
           append(scram, client_final, (size_t)(end - client_final));
}

ota_ws_status_t ota_ws_scram_verify(ota_ws_scram_t *scram, const ota_ws_verifier_t *verifier, const ota_ws_hash_t *hash,
                                    const char *client_final, char reply[OTA_WS_SCRAM_MESSAGE_SIZE],
                                    ota_ws_session_keys_t *keys) {
    uint8_t client_key[OTA_WS_SHA256_SIZE]; // first the proof: ClientKey XOR ClientSignature
    uint8_t value[OTA_WS_SHA256_SIZE];
    if (!read_client_final(scram, client_final, client_key)) {
        return OTA_WS_BAD_LOGIN;
    }
    hmac_text(hash, verifier->stored_key, scram->text, value);
    xor_into(client_key, value);
    sha256(hash, client_key, value);
    if (!ota_ws_bytes_equal(value, verifier->stored_key, OTA_WS_SHA256_SIZE)) {
        return OTA_WS_WRONG_PASSWORD;
    }
    hmac_text(hash, verifier->server_key, scram->text, value);
    memcpy(reply, "v=", 2);
    ota_ws_base64(reply + 2, value, OTA_WS_SHA256_SIZE);

    ota_ws_session_keys_t derived; // `keys` may overlap the text that they are derived from
    derive_session_keys(hash, verifier->stored_key, client_key, scram->text, &derived);
    *keys = derived;
    ota_ws_wipe(&derived, sizeof derived);
    ota_ws_wipe(client_key, sizeof client_key);
    return OTA_WS_OK;
}

// ---- the client's side ---------------------------------------------------------------------------------------------

void ota_ws_scram_client_first(ota_ws_scram_t *scram, const uint8_t random[18],
                               char message[OTA_WS_SCRAM_MESSAGE_SIZE]) {
    memcpy(message, client_first_start, sizeof client_first_start);
    ota_ws_base64(message + sizeof client_first_start - 1, random, RANDOM_SIZE);
    begin_text(scram, message + 3);
}

// Reads "r=<nonce>,s=<salt>,i=<iterations>". The nonce begins with ours and is longer.
static bool read_server_first(ota_ws_scram_t *scram, const char *server_first, uint8_t salt[OTA_WS_SCRAM_SALT_SIZE],
                              uint32_t *iterations) {
    const char *ours = scram->text + strlen("n=ota,r=");
    size_t nonce_length = starts_with(server_first, "r=") ? strcspn(server_first + 2, ",") : 0;
    if (nonce_length <= strlen(ours) || !starts_with(server_first + 2, ours)) {
        return false;
    }
    const char *at = server_first + 2 + nonce_length;
    size_t salt_length = starts_with(at, ",s=") ? strcspn(at + 3, ",") : 0;
    if (salt_length == 0 || !ota_ws_unbase64(at + 3, salt_length, salt, OTA_WS_SCRAM_SALT_SIZE)) {
        return false;
    }
    at += 3 + salt_length;
    if (!starts_with(at, ",i=")) {
        return false;
    }
    *iterations = 0;
    for (at += 3; *at >= '0' && *at <= '9' && *iterations <= ITERATIONS_MAX; at++) {
        *iterations = *iterations * 10 + (uint32_t)(*at - '0');
    }
    if (*at != '\0' || *iterations < OTA_WS_SCRAM_ITERATIONS || *iterations > ITERATIONS_MAX) {
        return false;
    }
    remember_nonce(scram, scram->length + 1U, nonce_length);
    return append(scram, server_first, strlen(server_first));
}

// "c=biws,r=<nonce>", which is also the AuthMessage's last part.
static bool write_client_final(ota_ws_scram_t *scram, char message[OTA_WS_SCRAM_MESSAGE_SIZE]) {
    size_t start = sizeof client_final_start - 1;
    size_t proof = 3 + OTA_WS_BASE64_LENGTH(OTA_WS_SHA256_SIZE);
    if (start + scram->nonce_length + proof >= OTA_WS_SCRAM_MESSAGE_SIZE) {
        return false;
    }
    memcpy(message, client_final_start, start);
    memcpy(message + start, scram->text + scram->nonce_offset, scram->nonce_length);
    message[start + scram->nonce_length] = '\0';
    return append(scram, message, start + scram->nonce_length);
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
    if (!read_server_first(scram, server_first, salt, &iterations) || !write_client_final(scram, message)) {
        return OTA_WS_BAD_LOGIN;
    }
    ota_ws_pbkdf2(hash, password, salt, sizeof salt, iterations, salted);
    hmac_text(hash, salted, "Client Key", client_key);
    sha256(hash, client_key, stored_key);
    hmac_text(hash, stored_key, scram->text, proof);
    xor_into(proof, client_key);
    char *end = message + strlen(message);
    memcpy(end, ",p=", 3);
    ota_ws_base64(end + 3, proof, sizeof proof);

    hmac_text(hash, salted, "Server Key", server_signature);
    hmac_text(hash, server_signature, scram->text, server_signature);
    derive_session_keys(hash, stored_key, client_key, scram->text, keys);
    ota_ws_wipe(salted, sizeof salted);
    ota_ws_wipe(client_key, sizeof client_key);
    return OTA_WS_OK;
}

bool ota_ws_scram_client_check(const uint8_t server_signature[OTA_WS_SHA256_SIZE], const char *server_final) {
    uint8_t value[OTA_WS_SHA256_SIZE];
    return starts_with(server_final, "v=") &&
           ota_ws_unbase64(server_final + 2, strlen(server_final + 2), value, sizeof value) &&
           ota_ws_bytes_equal(value, server_signature, sizeof value);
}
