// SPDX-License-Identifier: Apache-2.0
// The locks: tickets, limits on guesses, and the password's verifier. SCRAM itself is scram.h.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hash.h"
#include "login/scram.h"
#include "status.h"

#define OTA_WS_TICKET_COUNT 4
#define OTA_WS_TICKET_LIFE_MS 30000
#define OTA_WS_TICKET_TEXT_SIZE 23 // 16 bytes in base64url, terminated
#define OTA_WS_PEER_COUNT 64       // peers whose failures are remembered
#define OTA_WS_OWNER_COUNT 4       // peers that have logged in and are remembered
#define OTA_WS_LOGIN_KEY_SIZE 32

// The address of a peer without its port: IPv6, or IPv4 as ::ffff:a.b.c.d.
typedef struct {
    uint8_t bytes[16];
} ota_ws_address_t;

typedef struct {
    bool used;
    uint8_t bytes[16];
    ota_ws_address_t peer;
    uint32_t made_ms;
} ota_ws_ticket_t;

// Failures of one peer.
typedef struct {
    uint32_t last_ms;
    uint16_t tag;     // of its address
    uint8_t failures; // in a row; 0: entry is free
} ota_ws_guesses_t;

typedef struct {
    uint8_t newcomers;    // failures of peers that had not failed before, less one for each minute without
    uint32_t newcomer_ms; // the last of them
    uint32_t failed_ms;   // the last failure of anybody
    uint16_t debt_ms;     // what all owed then: a second for each failure
    ota_ws_address_t owners[OTA_WS_OWNER_COUNT]; // logged in, the last one first; no limit of others is theirs
    uint8_t owner_count;
    uint32_t key[OTA_WS_LOGIN_KEY_SIZE / 4]; // of the tags
    ota_ws_ticket_t tickets[OTA_WS_TICKET_COUNT];
    ota_ws_guesses_t peers[OTA_WS_PEER_COUNT];
} ota_ws_login_t;

// Who comes before whom.
typedef enum {
    OTA_WS_RANK_FAILED,   // has failed within the hour
    OTA_WS_RANK_NEWCOMER, // is not known
    OTA_WS_RANK_OWNER,    // has logged in lately
} ota_ws_rank_t;

// `random`: nobody may know it.
void ota_ws_login_init(ota_ws_login_t *login, const uint8_t random[OTA_WS_LOGIN_KEY_SIZE]);

// Makes a ticket of 16 random bytes for `peer` and writes it as text.
void ota_ws_login_ticket(ota_ws_login_t *login, const ota_ws_address_t *peer, const uint8_t random[16], uint32_t now_ms,
                         char text[OTA_WS_TICKET_TEXT_SIZE]);

// Spends the ticket. OTA_WS_BAD_TICKET when it was never given, is spent, too old, or another peer's.
ota_ws_status_t ota_ws_login_spend(ota_ws_login_t *login, const ota_ws_address_t *peer, const char *text,
                                   uint32_t now_ms);

ota_ws_rank_t ota_ws_login_rank(const ota_ws_login_t *login, const ota_ws_address_t *peer, uint32_t now_ms);

// Milliseconds until this peer may guess; 0: now, never more than 60 s. A peer waits 1, 2, 4 ... 60 s after its own
// failures. Besides, who has failed twice or more waits until a second has passed for each failure of anybody. A
// newcomer waits for nobody, but when more than 56 of them have failed in an hour, 1, 2, 4 ... 60 s after the last one.
// So all attackers together guess once in a second, and twice for each new address, of which there is one in a minute.
// An owner at a new address does not wait for 56 addresses of attackers, also when he has mistyped once
// (docs/security.md).
uint32_t ota_ws_login_wait_ms(const ota_ws_login_t *login, const ota_ws_address_t *peer, uint32_t now_ms);

// So long who logs in need not make room for one of his rank.
uint32_t ota_ws_login_hold_ms(const ota_ws_login_t *login, uint32_t now_ms);

// One guess has failed (or a login was left hanging), or has succeeded.
void ota_ws_login_failed(ota_ws_login_t *login, const ota_ws_address_t *peer, uint32_t now_ms);
void ota_ws_login_succeeded(ota_ws_login_t *login, const ota_ws_address_t *peer, uint32_t now_ms);
