// SPDX-License-Identifier: Apache-2.0
// The rules T1 to T4 and G1 to G5 are in login.h.
#include "login/login.h"

#include <string.h>

#include "text.h"

#define FIRST_WAIT_MS 1000
#define LONGEST_WAIT_MS 60000
#define MOST_FAILURES 7                   // 1 s doubled six times is more than the longest wait
#define FORGIVE_MS (10 * LONGEST_WAIT_MS) // G1: then failures are counted from the start again
#define FORGET_MS (60 * LONGEST_WAIT_MS)  // G1: then a peer is a newcomer again
#define FREE_NEWCOMERS 56                 // G3: fewer than remembered peers, and than minutes until they are forgotten
#define FREE_MISTAKES 1                   // G2: so many failures do not make a peer wait for the failures of others
#define HOLD_MS 3000                      // a telephone's browser needs one second for its proof
#define HOLD_MANY_MS 1000                 // while many newcomers fail

_Static_assert(FREE_NEWCOMERS < OTA_WS_PEER_COUNT, "a newcomer that failed is remembered when it comes again");
_Static_assert(FREE_NEWCOMERS + (uint64_t)1 < FORGET_MS / LONGEST_WAIT_MS, "the same peers are no newcomers for ever");

void ota_ws_login_init(ota_ws_login_t *login, const ota_ws_hash_t *hash, const uint8_t random[OTA_WS_LOGIN_KEY_SIZE]) {
    memset(login, 0, sizeof *login);
    login->hash = hash;
    memcpy(login->key, random, sizeof login->key);
}

// ---- tickets

// In the byte order of the machine: only the device that has made a ticket reads it.
typedef struct {
    uint32_t number; // from 1 on
    uint32_t made_ms;
    uint8_t mac[8];
} ticket_t;

_Static_assert(2 * sizeof(ticket_t) + 1 == OTA_WS_TICKET_TEXT_SIZE, "a ticket in hex");

static void sign(const ota_ws_login_t *login, const ota_ws_address_t *peer, ticket_t *ticket) {
    uint8_t mac[OTA_WS_SHA256_SIZE];
    ota_ws_hmac_t hmac;
    ota_ws_hmac_start(&hmac, login->hash, login->key, sizeof login->key);
    ota_ws_hmac_update(&hmac, peer, sizeof *peer);
    ota_ws_hmac_update(&hmac, ticket, offsetof(ticket_t, mac));
    ota_ws_hmac_finish(&hmac, mac);
    memcpy(ticket->mac, mac, sizeof ticket->mac);
}

void ota_ws_login_ticket(ota_ws_login_t *login, const ota_ws_address_t *peer, uint32_t now_ms,
                         char text[OTA_WS_TICKET_TEXT_SIZE]) {
    ticket_t ticket = {.number = ++login->tickets, .made_ms = now_ms};
    sign(login, peer, &ticket);
    ota_ws_text_hex(text, (const uint8_t *)&ticket, sizeof ticket);
}

static bool is_spent(const ota_ws_login_t *login, uint32_t number) {
    for (int i = 0; i < OTA_WS_SPENT_COUNT; i++) {
        if (login->spent[i] == number) {
            return true;
        }
    }
    return false;
}

ota_ws_status_t ota_ws_login_spend(ota_ws_login_t *login, const ota_ws_address_t *peer, const char *text,
                                   uint32_t now_ms) {
    ticket_t ticket;
    if (!ota_ws_text_unhex(text, (uint8_t *)&ticket, sizeof ticket)) {
        return OTA_WS_BAD_TICKET;
    }
    ticket_t right = ticket;
    sign(login, peer, &right);
    if (!ota_ws_bytes_equal(ticket.mac, right.mac, sizeof right.mac) ||
        now_ms - ticket.made_ms >= OTA_WS_TICKET_LIFE_MS || is_spent(login, ticket.number)) {
        return OTA_WS_BAD_TICKET;
    }
    login->spent[login->spent_at++ % OTA_WS_SPENT_COUNT] = ticket.number;
    return OTA_WS_OK;
}

bool ota_ws_login_obey(ota_ws_login_t *login) {
    uint32_t number = login->spent[(uint8_t)(login->spent_at - 1) % OTA_WS_SPENT_COUNT];
    bool is_later = number > login->obeyed;
    login->obeyed = is_later ? number : login->obeyed;
    return is_later;
}

// ---- owners

static bool same_peer(const ota_ws_address_t *a, const ota_ws_address_t *b) {
    return memcmp(a, b, sizeof *a) == 0;
}

// Its place among the owners; `owner_count`: the peer is none.
static size_t find_owner(const ota_ws_login_t *login, const ota_ws_address_t *peer) {
    size_t i = 0;
    while (i < login->owner_count && !same_peer(&login->owners[i], peer)) {
        i++;
    }
    return i;
}

static bool is_owner(const ota_ws_login_t *login, const ota_ws_address_t *peer) {
    return find_owner(login, peer) < login->owner_count;
}

// The owners before the peer's own place move back by one; the peer goes to the front.
static void remember_owner(ota_ws_login_t *login, const ota_ws_address_t *peer) {
    size_t place = find_owner(login, peer);
    if (place == OTA_WS_OWNER_COUNT) {
        place--; // the last owner is forgotten
    } else if (place == login->owner_count) {
        login->owner_count++;
    }
    memmove(login->owners + 1, login->owners, place * sizeof *peer);
    login->owners[0] = *peer;
}

// ---- failures

// Multilinear hashing of the address.
static uint16_t tag_of(const ota_ws_login_t *login, const ota_ws_address_t *peer) {
    uint32_t sum = 0;
    for (int i = 0; i < 8; i++) {
        sum += login->key[i] * (uint32_t)(peer->bytes[2 * i] << 8 | peer->bytes[2 * i + 1]);
    }
    return (uint16_t)(sum >> 16);
}

static uint32_t rest_of(uint32_t wait_ms, uint32_t since_ms, uint32_t now_ms) {
    uint32_t passed_ms = now_ms - since_ms;
    return passed_ms < wait_ms ? wait_ms - passed_ms : 0;
}

static uint32_t at_most_longest(uint32_t wait_ms) {
    return wait_ms < LONGEST_WAIT_MS ? wait_ms : LONGEST_WAIT_MS;
}

// The rest of 1, 2, 4 ... 60 s after the last of so many failures.
static uint32_t wait_after(unsigned failures, uint32_t last_ms, uint32_t now_ms) {
    uint32_t wait_ms = failures > 0 ? at_most_longest((uint32_t)FIRST_WAIT_MS << (failures - 1)) : 0;
    return rest_of(wait_ms, last_ms, now_ms);
}

static bool is_known(const ota_ws_guesses_t *guesses, uint32_t now_ms) {
    return guesses->failures > 0 && now_ms - guesses->last_ms < FORGET_MS;
}

// NULL for a newcomer.
static const ota_ws_guesses_t *find(const ota_ws_login_t *login, const ota_ws_address_t *peer, uint32_t now_ms) {
    uint16_t tag = tag_of(login, peer);
    const ota_ws_guesses_t *end = login->peers + OTA_WS_PEER_COUNT;
    for (const ota_ws_guesses_t *at = login->peers; at < end; at++) {
        if (at->tag == tag && is_known(at, now_ms)) {
            return at;
        }
    }
    return NULL;
}

// An entry for a newcomer: a free one, else that of the peer that failed longest ago.
static ota_ws_guesses_t *make(ota_ws_login_t *login, const ota_ws_address_t *peer, uint32_t now_ms) {
    ota_ws_guesses_t *best = NULL;
    uint32_t best_age_ms = 0;
    for (ota_ws_guesses_t *at = login->peers; at < login->peers + OTA_WS_PEER_COUNT; at++) {
        uint32_t age_ms = is_known(at, now_ms) ? now_ms - at->last_ms : UINT32_MAX;
        if (best == NULL || age_ms > best_age_ms) {
            best = at;
            best_age_ms = age_ms;
        }
    }
    best->tag = tag_of(login, peer);
    best->failures = 0;
    return best;
}

static unsigned count_newcomers(const ota_ws_login_t *login, uint32_t now_ms) {
    uint32_t minutes = (now_ms - login->newcomer_ms) / LONGEST_WAIT_MS;
    return login->newcomers > minutes ? login->newcomers - minutes : 0;
}

// G2
static uint32_t wait_for_all(const ota_ws_login_t *login, uint32_t now_ms) {
    return rest_of(login->debt_ms, login->failed_ms, now_ms);
}

// ---- ranks, waits, failures and successes

ota_ws_rank_t ota_ws_login_rank(const ota_ws_login_t *login, const ota_ws_address_t *peer, uint32_t now_ms) {
    if (is_owner(login, peer)) {
        return OTA_WS_RANK_OWNER;
    }
    return find(login, peer, now_ms) != NULL ? OTA_WS_RANK_FAILED : OTA_WS_RANK_NEWCOMER;
}

uint32_t ota_ws_login_wait_ms(const ota_ws_login_t *login, const ota_ws_address_t *peer, uint32_t now_ms) {
    const ota_ws_guesses_t *own = find(login, peer, now_ms);
    bool owner = is_owner(login, peer);
    if (own == NULL) { // G3
        unsigned count = count_newcomers(login, now_ms);
        bool is_free = owner || count <= FREE_NEWCOMERS;
        return wait_after(is_free ? 0 : count - FREE_NEWCOMERS, login->newcomer_ms, now_ms);
    }
    uint32_t own_ms = wait_after(own->failures, own->last_ms, now_ms);
    uint32_t all_ms = owner || own->failures <= FREE_MISTAKES ? 0 : wait_for_all(login, now_ms);
    return own_ms > all_ms ? own_ms : all_ms;
}

uint32_t ota_ws_login_hold_ms(const ota_ws_login_t *login, uint32_t now_ms) {
    return count_newcomers(login, now_ms) < 2 ? HOLD_MS : HOLD_MANY_MS;
}

static void count_newcomer(ota_ws_login_t *login, uint32_t now_ms) {
    unsigned count = count_newcomers(login, now_ms);
    login->newcomers = (uint8_t)(count + (count < FREE_NEWCOMERS + MOST_FAILURES));
    login->newcomer_ms = now_ms;
}

void ota_ws_login_failed(ota_ws_login_t *login, const ota_ws_address_t *peer, uint32_t now_ms) {
    ota_ws_guesses_t *own = (ota_ws_guesses_t *)find(login, peer, now_ms);
    if (own == NULL) {
        count_newcomer(login, now_ms);
        own = make(login, peer, now_ms);
    } else if (now_ms - own->last_ms >= FORGIVE_MS) {
        own->failures = 0;
    }
    own->failures = (uint8_t)(own->failures + (own->failures < MOST_FAILURES));
    own->last_ms = now_ms;
    login->debt_ms = (uint16_t)at_most_longest(wait_for_all(login, now_ms) + FIRST_WAIT_MS);
    login->failed_ms = now_ms;
}

void ota_ws_login_succeeded(ota_ws_login_t *login, const ota_ws_address_t *peer, uint32_t now_ms) {
    ota_ws_guesses_t *own = (ota_ws_guesses_t *)find(login, peer, now_ms);
    if (own != NULL) {
        own->failures = 0;
    }
    remember_owner(login, peer);
}
