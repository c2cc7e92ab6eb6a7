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
    ota_ws_guesses_t all;
    ota_ws_address_t last_owner; // logged in last; exempt from the limit of all
    bool have_owner;
} ota_ws_login_t;

void ota_ws_login_init(ota_ws_login_t *login);

// Makes a ticket of 16 random bytes for `peer` and writes it as text.
void ota_ws_login_ticket(ota_ws_login_t *login, const ota_ws_address_t *peer, const uint8_t random[16], uint32_t now_ms,
                         char text[OTA_WS_TICKET_TEXT_SIZE]);

// Spends the ticket. OTA_WS_BAD_TICKET when it was never given, is spent, too old, or another peer's.
ota_ws_status_t ota_ws_login_spend(ota_ws_login_t *login, const ota_ws_address_t *peer, const char *text,
                                   uint32_t now_ms);

// Milliseconds until this peer may guess; 0: now.
uint32_t ota_ws_login_wait_ms(const ota_ws_login_t *login, const ota_ws_address_t *peer, uint32_t now_ms);

// One guess has failed (or a login was left hanging), or has succeeded.
void ota_ws_login_failed(ota_ws_login_t *login, const ota_ws_address_t *peer, uint32_t now_ms);
void ota_ws_login_succeeded(ota_ws_login_t *login, const ota_ws_address_t *peer);
