// SPDX-License-Identifier: Apache-2.0
// The locks: tickets, limits on guesses, and the password's verifier. SCRAM itself is scram.h.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hash.h"
#include "scram.h"
#include "status.h"

#define OTA_WS_TICKET_COUNT 4
#define OTA_WS_TICKET_LIFE_MS 30000
#define OTA_WS_TICKET_TEXT_SIZE 23 // 16 bytes in base64url, terminated
#define OTA_WS_PEER_COUNT 8        // peers whose failures are remembered
#define OTA_WS_OWNER_COUNT 4       // peers that have logged in and are remembered

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

// Failures of one peer, or of all.
typedef struct {
    ota_ws_address_t peer;
    uint8_t failures; // in a row; 0: entry is free
    uint32_t last_ms;
} ota_ws_guesses_t;

typedef struct {
    ota_ws_ticket_t tickets[OTA_WS_TICKET_COUNT];
    ota_ws_guesses_t peers[OTA_WS_PEER_COUNT];
    ota_ws_guesses_t newcomers; // failures of peers that had not failed before: what a change of address is worth
    bool have_failed;           // anybody, `last_failed_ms`
    uint32_t last_failed_ms;
    ota_ws_address_t owners[OTA_WS_OWNER_COUNT]; // logged in, the last one first; no limit of others is theirs
    uint8_t owner_count;
} ota_ws_login_t;

void ota_ws_login_init(ota_ws_login_t *login);

// Makes a ticket of 16 random bytes for `peer` and writes it as text.
void ota_ws_login_ticket(ota_ws_login_t *login, const ota_ws_address_t *peer, const uint8_t random[16], uint32_t now_ms,
                         char text[OTA_WS_TICKET_TEXT_SIZE]);

// Spends the ticket. OTA_WS_BAD_TICKET when it was never given, is spent, too old, or another peer's.
ota_ws_status_t ota_ws_login_spend(ota_ws_login_t *login, const ota_ws_address_t *peer, const char *text,
                                   uint32_t now_ms);

// Has this peer logged in lately?
bool ota_ws_login_is_owner(const ota_ws_login_t *login, const ota_ws_address_t *peer);

// Milliseconds until this peer may guess; 0: now. A peer waits 1, 2, 4 ... 60 s after its own failures. Who is no owner
// also waits 1 s after each failure of anybody, and 1, 2, 4 ... 60 s after those of peers that fail for the first time:
// one stranger who tries for ever holds nobody else up for longer than a second, and one who changes his address with
// each guess is slowed down all the same.
uint32_t ota_ws_login_wait_ms(const ota_ws_login_t *login, const ota_ws_address_t *peer, uint32_t now_ms);

// One guess has failed (or a login was left hanging), or has succeeded.
void ota_ws_login_failed(ota_ws_login_t *login, const ota_ws_address_t *peer, uint32_t now_ms);
void ota_ws_login_succeeded(ota_ws_login_t *login, const ota_ws_address_t *peer);
