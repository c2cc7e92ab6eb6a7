// SPDX-License-Identifier: Apache-2.0
// SCRAM-SHA-256, both sides (RFC 5802, RFC 7677), and the session keys that follow from it. Messages are the RFC's,
// byte for byte, without channel binding. Knows no JSON and no clock.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hash.h"
#include "status.h"

#define OTA_WS_SCRAM_SALT_SIZE 16
#define OTA_WS_SCRAM_ITERATIONS 4096  // RFC 7677 asks for at least as many
#define OTA_WS_SCRAM_TEXT_SIZE 256    // client-first-bare "," server-first "," client-final-without-proof, terminated
#define OTA_WS_SCRAM_MESSAGE_SIZE 128 // longest single message, terminated
#define OTA_WS_PASSWORD_MIN 4
#define OTA_WS_PASSWORD_MAX 64
#define OTA_WS_PAIRING_CODE_SIZE 15 // "XXXX-XXXX-XXXX", terminated; 60 bits
#define OTA_WS_MAC_SIZE 16

// A device keeps this instead of a password (RFC 5802, section 3). It is stored as it is and has no padding.
typedef struct {
    uint8_t salt[OTA_WS_SCRAM_SALT_SIZE];
    uint32_t iterations;
    uint8_t stored_key[OTA_WS_SHA256_SIZE];
    uint8_t server_key[OTA_WS_SHA256_SIZE];
} ota_ws_verifier_t;

// Keys of one session (docs/protocol.md, section 3): of the macs, one a direction; of sealed data and of sealed answers
// (seal.h).
typedef struct {
    uint8_t client[OTA_WS_SHA256_SIZE];
    uint8_t device[OTA_WS_SHA256_SIZE];
    uint8_t data[OTA_WS_SHA256_SIZE];
    uint8_t answers[OTA_WS_SHA256_SIZE];
} ota_ws_session_keys_t;

// Printable ASCII, OTA_WS_PASSWORD_MIN to _MAX characters.
bool ota_ws_password_acceptable(const char *password);

// 60 random bits as three groups of four; the alphabet has no I, L, O, U (Crockford's base 32).
void ota_ws_pairing_code(const uint8_t random[8], char code[OTA_WS_PAIRING_CODE_SIZE]);

// PBKDF2 with `iterations` rounds: 4096 of them take seconds on a chip.
void ota_ws_verifier_make(const ota_ws_hash_t *hash, const char *password, const uint8_t salt[OTA_WS_SCRAM_SALT_SIZE],
                          uint32_t iterations, ota_ws_verifier_t *verifier);

// The AuthMessage of RFC 5802: client-first-bare "," server-first "," client-final-without-proof. It is known as a
// whole once server-first is.
typedef struct {
    uint16_t final_offset; // of client-final-without-proof in `text`
    char text[OTA_WS_SCRAM_TEXT_SIZE];
} ota_ws_scram_t;

// ---- the device's side ----

// Takes client-first, writes server-first into `reply`. OTA_WS_BAD_LOGIN when RFC 5802 or docs/protocol.md do not allow
// client-first.
ota_ws_status_t ota_ws_scram_challenge(ota_ws_scram_t *scram, const ota_ws_verifier_t *verifier,
                                       const char *client_first, const uint8_t random[18],
                                       char reply[OTA_WS_SCRAM_MESSAGE_SIZE]);

// Is this the ClientProof for the AuthMessage `text`? OTA_WS_OK: `keys` are the session's; else OTA_WS_WRONG_PASSWORD,
// and `keys` are as before. `proof` is wiped.
ota_ws_status_t ota_ws_scram_check(const ota_ws_verifier_t *verifier, const ota_ws_hash_t *hash, const char *text,
                                   uint8_t proof[OTA_WS_SHA256_SIZE], ota_ws_session_keys_t *keys);

// Takes client-final. OTA_WS_OK: `reply` is server-final and `keys` are the session's. OTA_WS_WRONG_PASSWORD or
// OTA_WS_BAD_LOGIN otherwise. The comparison takes the same time wherever the difference is. `keys` may overlap
// `scram`.
ota_ws_status_t ota_ws_scram_verify(ota_ws_scram_t *scram, const ota_ws_verifier_t *verifier, const ota_ws_hash_t *hash,
                                    const char *client_final, char reply[OTA_WS_SCRAM_MESSAGE_SIZE],
                                    ota_ws_session_keys_t *keys);

// ---- the client's side (ota-ws, tests) ----

// Writes client-first for user "ota".
void ota_ws_scram_client_first(ota_ws_scram_t *scram, const uint8_t random[18],
                               char message[OTA_WS_SCRAM_MESSAGE_SIZE]);

// Takes server-first, writes client-final. `server_signature` is for ota_ws_scram_client_check().
// OTA_WS_BAD_LOGIN when the server's message is not in order: its nonce must go on from ours, its iterations be 4096 to
// 1000000.
ota_ws_status_t ota_ws_scram_client_final(ota_ws_scram_t *scram, const ota_ws_hash_t *hash, const char *password,
                                          const char *server_first, char message[OTA_WS_SCRAM_MESSAGE_SIZE],
                                          ota_ws_session_keys_t *keys, uint8_t server_signature[OTA_WS_SHA256_SIZE]);

// Takes server-final: true only when the server has proved that it knows the password too.
bool ota_ws_scram_client_check(const uint8_t server_signature[OTA_WS_SHA256_SIZE], const char *server_final);

// ---- the mac of a message ----

void ota_ws_mac(const ota_ws_hash_t *hash, const uint8_t key[OTA_WS_SHA256_SIZE], const char *text, size_t length,
                uint8_t mac[OTA_WS_MAC_SIZE]);
