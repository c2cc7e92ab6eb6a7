// SPDX-License-Identifier: Apache-2.0
// Tickets, and limits on guesses of the password. The login itself is SCRAM (scram.h).
//
// Rules for tickets
//  T1  A ticket is good for one hello, within 30 s, from the address that asked for it.
//  T2  The device keeps no list of the tickets that it gives: a ticket carries its number, its time and a mac of both
//      and of the address, under a key that is new at each start. So no flood of requests can push a ticket out.
//  T3  The device remembers the numbers of the last 16 tickets that were spent. A hello could spend an older one again
//      within its 30 s, from its own address; it gains nothing, because this address may ask for a new ticket.
//  T4  A request of plain HTTP brings ticket and proof at once, and a copy of it must do nothing, ever. So of such
//      requests only one is obeyed whose ticket has a higher number than all that were obeyed before it.
//
// Rules for guesses (a failure is a wrong proof, or a login that is left unfinished; a peer is an IP address)
//  G1  A peer waits 1, 2, 4 ... 60 s after its own failures. Ten minutes without a failure: the count starts again. One
//      hour without a failure, or a success: the peer has not failed at all.
//  G2  A peer with two failures or more waits besides until one second has passed for each failure of any peer, but no
//      longer than 60 s. So all attackers together guess once in a second.
//  G3  A newcomer is a peer that has not failed. It waits for no one, as long as at most 56 newcomers have failed, each
//      minute without such a failure making up for one. Beyond 56 it waits 1, 2, 4 ... 60 s after the last one.
//      So an attacker with any number of addresses gets one more guess in a minute; an owner at a new address does not
//      wait for 56 addresses of attackers, also when he has mistyped once (docs/security.md).
//  G4  An owner is one of the last four peers that have logged in. Only G1 applies to an owner.
//  G5  The failures of 64 peers are remembered; a new one takes the entry of the peer that failed longest ago. An entry
//      knows its peer by two bytes that depend on a secret: an attacker cannot choose an address with the two bytes of
//      an owner; by chance two addresses share them once in 65,536.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hash.h"
#include "login/scram.h"
#include "status.h"

#define OTA_WS_TICKET_LIFE_MS 30000
#define OTA_WS_TICKET_TEXT_SIZE 33 // 16 bytes in hex, terminated
#define OTA_WS_SPENT_COUNT 16      // spent tickets that are remembered
#define OTA_WS_PEER_COUNT 64       // peers whose failures are remembered
#define OTA_WS_OWNER_COUNT 4       // peers that have logged in and are remembered
#define OTA_WS_LOGIN_KEY_SIZE 32

// The address of a peer without its port: IPv6, or IPv4 as ::ffff:a.b.c.d.
typedef struct {
    uint8_t bytes[16];
} ota_ws_address_t;

// Failures of one peer.
typedef struct {
    uint32_t last_ms;
    uint16_t tag;     // of its address
    uint8_t failures; // in a row; 0: the entry is free
} ota_ws_guesses_t;

typedef struct {
    const ota_ws_hash_t *hash;
    uint32_t key[OTA_WS_LOGIN_KEY_SIZE / 4]; // of tickets and of tags
    uint32_t tickets;                        // given since the start
    uint32_t spent[OTA_WS_SPENT_COUNT];      // numbers of tickets, as a ring; 0: none
    uint8_t spent_at;                        // where the next one goes
    uint32_t obeyed;                         // rule T4: the highest number
    uint8_t owner_count;
    uint8_t newcomers;                           // failures of newcomers, less one for each minute without
    uint16_t debt_ms;                            // the wait of rule G2 at `failed_ms`
    uint32_t newcomer_ms;                        // the last failure of a newcomer
    uint32_t failed_ms;                          // the last failure of any peer
    ota_ws_address_t owners[OTA_WS_OWNER_COUNT]; // the latest one first
    ota_ws_guesses_t peers[OTA_WS_PEER_COUNT];
} ota_ws_login_t;

// When two peers want the same thing, the higher rank gets it.
typedef enum {
    OTA_WS_RANK_FAILED,   // has failed within the hour
    OTA_WS_RANK_NEWCOMER, // is not known
    OTA_WS_RANK_OWNER,    // has logged in lately
} ota_ws_rank_t;

// `random` is secret and new at each start. `hash` must outlive `login`.
void ota_ws_login_init(ota_ws_login_t *login, const ota_ws_hash_t *hash, const uint8_t random[OTA_WS_LOGIN_KEY_SIZE]);

// Writes a new ticket for `peer`.
void ota_ws_login_ticket(ota_ws_login_t *login, const ota_ws_address_t *peer, uint32_t now_ms,
                         char text[OTA_WS_TICKET_TEXT_SIZE]);

// Spends a ticket. OTA_WS_BAD_TICKET: rule T1 is not kept, or the text is no ticket of this device.
ota_ws_status_t ota_ws_login_spend(ota_ws_login_t *login, const ota_ws_address_t *peer, const char *text,
                                   uint32_t now_ms);

// Rule T4, for the ticket that was spent last: a right proof has come with it. False: the request must not be obeyed.
bool ota_ws_login_obey(ota_ws_login_t *login);

ota_ws_rank_t ota_ws_login_rank(const ota_ws_login_t *login, const ota_ws_address_t *peer, uint32_t now_ms);

// Milliseconds until this peer may guess, by the rules G1 to G4; 0: now. Never more than 60 s.
uint32_t ota_ws_login_wait_ms(const ota_ws_login_t *login, const ota_ws_address_t *peer, uint32_t now_ms);

// Only one login runs at a time. For so many milliseconds it is safe from another peer of the same rank.
uint32_t ota_ws_login_hold_ms(const ota_ws_login_t *login, uint32_t now_ms);

// Counts a failure of `peer`; remembers it as an owner.
void ota_ws_login_failed(ota_ws_login_t *login, const ota_ws_address_t *peer, uint32_t now_ms);
void ota_ws_login_succeeded(ota_ws_login_t *login, const ota_ws_address_t *peer, uint32_t now_ms);
