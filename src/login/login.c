// SPDX-License-Identifier: Apache-2.0
#include "login/login.h"

#include <string.h>

#include "login/base64.h"
#include "text.h"

#define FIRST_WAIT_MS 1000
#define LONGEST_WAIT_MS 60000
#define MOST_FAILURES 7                   // 1 s doubled six times is more than the longest wait
#define FORGIVE_MS (10 * LONGEST_WAIT_MS) // then failures are counted from the start again
#define FORGET_MS (60 * LONGEST_WAIT_MS)  // then a peer is a newcomer again
#define FREE_NEWCOMERS 56                 // fewer than peers are remembered, and than minutes until they are forgotten
#define FREE_MISTAKES 1                   // so many of his own do not make an owner wait for the failures of others
#define HOLD_MS 3000                      // a telephone's browser needs one second for its proof
#define HOLD_MANY_MS 1000                 // when newcomers fail by the dozen

_Static_assert(FREE_NEWCOMERS < OTA_WS_PEER_COUNT, "as many are known when they come again");
_Static_assert(FREE_NEWCOMERS + (uint64_t)1 < FORGET_MS / LONGEST_WAIT_MS, "the same ones are no newcomers for ever");

static bool same_peer(const ota_ws_address_t *a, const ota_ws_address_t *b) {
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

void ota_ws_login_init(ota_ws_login_t *login, const uint8_t random[OTA_WS_LOGIN_KEY_SIZE]) {
    memset(login, 0, sizeof *login);
    memcpy(login->key, random, sizeof login->key);
}

static bool is_owner(const ota_ws_login_t *login, const ota_ws_address_t *peer) {
    for (int i = 0; i < login->owner_count; i++) {
        if (same_peer(&login->owners[i], peer)) {
            return true;
        }
    }
    return false;
}

// ---- tickets -------------------------------------------------------------------------------------------------------

static bool is_fresh(const ota_ws_ticket_t *ticket, uint32_t now_ms) {
    return ticket->used && now_ms - ticket->made_ms < OTA_WS_TICKET_LIFE_MS;
}

// Which place does a new ticket get? A free one; else the peer's own oldest; else the oldest of all, an owner's last.
static ota_ws_ticket_t *choose_place(ota_ws_login_t *login, const ota_ws_address_t *peer, uint32_t now_ms) {
    ota_ws_ticket_t *oldest = NULL;
    ota_ws_ticket_t *own = NULL;
    bool oldest_is_owners = false;
    for (int i = 0; i < OTA_WS_TICKET_COUNT; i++) {
        ota_ws_ticket_t *ticket = &login->tickets[i];
        if (!is_fresh(ticket, now_ms)) {
            return ticket;
        }
        uint32_t age = now_ms - ticket->made_ms;
        bool owners = is_owner(login, &ticket->peer);
        bool older = oldest != NULL && age > now_ms - oldest->made_ms;
        if (oldest == NULL || (owners == oldest_is_owners ? older : oldest_is_owners)) {
            oldest = ticket;
            oldest_is_owners = owners;
        }
        if (same_peer(&ticket->peer, peer) && (own == NULL || age > now_ms - own->made_ms)) {
            own = ticket;
        }
    }
    return own != NULL ? own : oldest;
}

void ota_ws_login_ticket(ota_ws_login_t *login, const ota_ws_address_t *peer, const uint8_t random[16], uint32_t now_ms,
                         char text[OTA_WS_TICKET_TEXT_SIZE]) {
    ota_ws_ticket_t *ticket = choose_place(login, peer, now_ms);
    ticket->used = true;
    ticket->peer = *peer;
    ticket->made_ms = now_ms;
    memcpy(ticket->bytes, random, sizeof ticket->bytes);
    ota_ws_base64url(text, random, sizeof ticket->bytes);
}

ota_ws_status_t ota_ws_login_spend(ota_ws_login_t *login, const ota_ws_address_t *peer, const char *text,
                                   uint32_t now_ms) {
    ota_ws_status_t status = OTA_WS_BAD_TICKET;
    if (strlen(text) != OTA_WS_TICKET_TEXT_SIZE - 1) {
        return status;
    }
    for (int i = 0; i < OTA_WS_TICKET_COUNT; i++) {
        ota_ws_ticket_t *ticket = &login->tickets[i];
        char expected[OTA_WS_TICKET_TEXT_SIZE];
        ota_ws_base64url(expected, ticket->bytes, sizeof ticket->bytes);
        if (is_fresh(ticket, now_ms) && same_peer(&ticket->peer, peer) &&
            ota_ws_bytes_equal((const uint8_t *)expected, (const uint8_t *)text, sizeof expected)) {
            memset(ticket, 0, sizeof *ticket);
            status = OTA_WS_OK;
        }
    }
    return status;
}

// ---- guesses -------------------------------------------------------------------------------------------------------

// What we remember of an address: two bytes by multilinear hashing. Who does not know the key cannot choose an address
// with an owner's tag; by chance two have the same once in 32,000.
static uint16_t tag_of(const ota_ws_login_t *login, const ota_ws_address_t *peer) {
    uint32_t sum = 0;
    for (int i = 0; i < 8; i++) {
        sum += login->key[i] * (uint32_t)(peer->bytes[2 * i] << 8 | peer->bytes[2 * i + 1]);
    }
    return (uint16_t)(sum >> 16);
}

// What is left of 1, 2, 4 ... 60 s after the last of so many failures.
static uint32_t wait_after(unsigned failures, uint32_t last_ms, uint32_t now_ms) {
    if (failures == 0) {
        return 0;
    }
    uint32_t wait_ms = (uint32_t)FIRST_WAIT_MS << (failures - 1);
    if (wait_ms > LONGEST_WAIT_MS) {
        wait_ms = LONGEST_WAIT_MS;
    }
    uint32_t passed_ms = now_ms - last_ms;
    return passed_ms < wait_ms ? wait_ms - passed_ms : 0;
}

static bool is_known(const ota_ws_guesses_t *guesses, uint32_t now_ms) {
    return guesses->failures > 0 && now_ms - guesses->last_ms < FORGET_MS;
}

// NULL for a newcomer.
static const ota_ws_guesses_t *find(const ota_ws_login_t *login, const ota_ws_address_t *peer, uint32_t now_ms) {
    uint16_t tag = tag_of(login, peer);
    for (int i = 0; i < OTA_WS_PEER_COUNT; i++) {
        if (login->peers[i].tag == tag && is_known(&login->peers[i], now_ms)) {
            return &login->peers[i];
        }
    }
    return NULL;
}

// A place for a newcomer: a free one; else that of the peer who has failed longest ago.
static ota_ws_guesses_t *make(ota_ws_login_t *login, const ota_ws_address_t *peer, uint32_t now_ms) {
    ota_ws_guesses_t *best = &login->peers[0];
    for (int i = 1; i < OTA_WS_PEER_COUNT && is_known(best, now_ms); i++) {
        ota_ws_guesses_t *other = &login->peers[i];
        if (!is_known(other, now_ms) || now_ms - other->last_ms > now_ms - best->last_ms) {
            best = other;
        }
    }
    best->tag = tag_of(login, peer);
    best->failures = 0;
    return best;
}

ota_ws_rank_t ota_ws_login_rank(const ota_ws_login_t *login, const ota_ws_address_t *peer, uint32_t now_ms) {
    if (is_owner(login, peer)) {
        return OTA_WS_RANK_OWNER;
    }
    return find(login, peer, now_ms) != NULL ? OTA_WS_RANK_FAILED : OTA_WS_RANK_NEWCOMER;
}

static unsigned count_newcomers(const ota_ws_login_t *login, uint32_t now_ms) {
    uint32_t minutes = (now_ms - login->newcomer_ms) / LONGEST_WAIT_MS;
    return login->newcomers > minutes ? login->newcomers - minutes : 0;
}

static uint32_t wait_of_newcomer(const ota_ws_login_t *login, uint32_t now_ms) {
    unsigned count = count_newcomers(login, now_ms);
    return wait_after(count > FREE_NEWCOMERS ? count - FREE_NEWCOMERS : 0, login->newcomer_ms, now_ms);
}

static uint32_t wait_for_all(const ota_ws_login_t *login, uint32_t now_ms) {
    uint32_t passed_ms = now_ms - login->failed_ms;
    return passed_ms < login->debt_ms ? login->debt_ms - passed_ms : 0;
}

uint32_t ota_ws_login_wait_ms(const ota_ws_login_t *login, const ota_ws_address_t *peer, uint32_t now_ms) {
    const ota_ws_guesses_t *own = find(login, peer, now_ms);
    bool owner = is_owner(login, peer);
    if (own == NULL) {
        return owner ? 0 : wait_of_newcomer(login, now_ms);
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

static void count_failure(ota_ws_guesses_t *guesses, uint32_t now_ms) {
    if (guesses->failures > 0 && now_ms - guesses->last_ms >= FORGIVE_MS) {
        guesses->failures = 0;
    }
    if (guesses->failures < MOST_FAILURES) {
        guesses->failures++;
    }
    guesses->last_ms = now_ms;
}

void ota_ws_login_failed(ota_ws_login_t *login, const ota_ws_address_t *peer, uint32_t now_ms) {
    uint32_t debt_ms = wait_for_all(login, now_ms) + FIRST_WAIT_MS;
    ota_ws_guesses_t *own = (ota_ws_guesses_t *)find(login, peer, now_ms);
    if (own == NULL) {
        count_newcomer(login, now_ms);
        own = make(login, peer, now_ms);
    }
    count_failure(own, now_ms);
    login->failed_ms = now_ms;
    login->debt_ms = (uint16_t)(debt_ms < LONGEST_WAIT_MS ? debt_ms : LONGEST_WAIT_MS);
}

// Puts the peer first; who was there moves back by one, and the last one is forgotten.
static void remember_owner(ota_ws_login_t *login, const ota_ws_address_t *peer) {
    ota_ws_address_t moved = *peer;
    for (int i = 0; i < OTA_WS_OWNER_COUNT; i++) {
        ota_ws_address_t here = login->owners[i];
        bool is_free = i >= login->owner_count;
        login->owners[i] = moved;
        if (is_free || same_peer(&here, peer)) {
            login->owner_count = (uint8_t)(login->owner_count + is_free);
            return;
        }
        moved = here;
    }
}

void ota_ws_login_succeeded(ota_ws_login_t *login, const ota_ws_address_t *peer, uint32_t now_ms) {
    ota_ws_guesses_t *own = (ota_ws_guesses_t *)find(login, peer, now_ms);
    if (own != NULL) {
        own->failures = 0;
    }
    remember_owner(login, peer);
}
