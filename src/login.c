// SPDX-License-Identifier: Apache-2.0
#include "login.h"

#include <string.h>

#include "base64.h"
#include "text.h"

#define FIRST_WAIT_MS 1000
#define LONGEST_WAIT_MS 60000
#define MOST_FAILURES 7 // 1 s doubled six times is more than the longest wait
#define FORGET_MS (10 * LONGEST_WAIT_MS)

static bool same_peer(const ota_ws_address_t *a, const ota_ws_address_t *b) {
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

void ota_ws_login_init(ota_ws_login_t *login) {
    memset(login, 0, sizeof *login);
}

// ---- tickets -------------------------------------------------------------------------------------------------------

static bool is_fresh(const ota_ws_ticket_t *ticket, uint32_t now_ms) {
    return ticket->used && now_ms - ticket->made_ms < OTA_WS_TICKET_LIFE_MS;
}

// Which place does a new ticket get? A free one; else the peer's own oldest; else the oldest of all.
static ota_ws_ticket_t *choose_place(ota_ws_login_t *login, const ota_ws_address_t *peer, uint32_t now_ms) {
    ota_ws_ticket_t *oldest = NULL;
    ota_ws_ticket_t *own = NULL;
    for (int i = 0; i < OTA_WS_TICKET_COUNT; i++) {
        ota_ws_ticket_t *ticket = &login->tickets[i];
        if (!is_fresh(ticket, now_ms)) {
            return ticket;
        }
        uint32_t age = now_ms - ticket->made_ms;
        if (oldest == NULL || age > now_ms - oldest->made_ms) {
            oldest = ticket;
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

// 1, 2, 4 ... 60 s after the last failure.
static uint32_t wait_of(const ota_ws_guesses_t *guesses, uint32_t now_ms) {
    if (guesses->failures == 0) {
        return 0;
    }
    uint32_t wait_ms = (uint32_t)FIRST_WAIT_MS << (guesses->failures - 1);
    if (wait_ms > LONGEST_WAIT_MS) {
        wait_ms = LONGEST_WAIT_MS;
    }
    uint32_t passed_ms = now_ms - guesses->last_ms;
    return passed_ms < wait_ms ? wait_ms - passed_ms : 0;
}

static void count_failure(ota_ws_guesses_t *guesses, uint32_t now_ms) {
    if (guesses->failures > 0 && now_ms - guesses->last_ms >= FORGET_MS) {
        guesses->failures = 0;
    }
    if (guesses->failures < MOST_FAILURES) {
        guesses->failures++;
    }
    guesses->last_ms = now_ms;
}

static const ota_ws_guesses_t *find(const ota_ws_login_t *login, const ota_ws_address_t *peer) {
    for (int i = 0; i < OTA_WS_PEER_COUNT; i++) {
        if (login->peers[i].failures > 0 && same_peer(&login->peers[i].peer, peer)) {
            return &login->peers[i];
        }
    }
    return NULL;
}

// The entry of this peer; a free one; else that of the peer who has failed longest ago.
static ota_ws_guesses_t *find_or_make(ota_ws_login_t *login, const ota_ws_address_t *peer, uint32_t now_ms) {
    ota_ws_guesses_t *best = (ota_ws_guesses_t *)find(login, peer);
    for (int i = 0; best == NULL && i < OTA_WS_PEER_COUNT; i++) {
        if (login->peers[i].failures == 0) {
            best = &login->peers[i];
        }
    }
    if (best == NULL) {
        best = &login->peers[0];
        for (int i = 1; i < OTA_WS_PEER_COUNT; i++) {
            if (now_ms - login->peers[i].last_ms > now_ms - best->last_ms) {
                best = &login->peers[i];
            }
        }
        best->failures = 0;
    }
    best->peer = *peer;
    return best;
}

bool ota_ws_login_is_owner(const ota_ws_login_t *login, const ota_ws_address_t *peer) {
    for (int i = 0; i < login->owner_count; i++) {
        if (same_peer(&login->owners[i], peer)) {
            return true;
        }
    }
    return false;
}

static uint32_t longer(uint32_t a, uint32_t b) {
    return a > b ? a : b;
}

static uint32_t wait_for_others(const ota_ws_login_t *login, uint32_t now_ms) {
    uint32_t passed_ms = now_ms - login->last_failed_ms;
    uint32_t spacing_ms = login->have_failed && passed_ms < FIRST_WAIT_MS ? FIRST_WAIT_MS - passed_ms : 0;
    return longer(spacing_ms, wait_of(&login->newcomers, now_ms));
}

uint32_t ota_ws_login_wait_ms(const ota_ws_login_t *login, const ota_ws_address_t *peer, uint32_t now_ms) {
    const ota_ws_guesses_t *own = find(login, peer);
    uint32_t own_ms = own == NULL ? 0 : wait_of(own, now_ms);
    return ota_ws_login_is_owner(login, peer) ? own_ms : longer(own_ms, wait_for_others(login, now_ms));
}

void ota_ws_login_failed(ota_ws_login_t *login, const ota_ws_address_t *peer, uint32_t now_ms) {
    if (find(login, peer) == NULL) {
        count_failure(&login->newcomers, now_ms);
    }
    count_failure(find_or_make(login, peer, now_ms), now_ms);
    login->have_failed = true;
    login->last_failed_ms = now_ms;
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

void ota_ws_login_succeeded(ota_ws_login_t *login, const ota_ws_address_t *peer) {
    ota_ws_guesses_t *own = (ota_ws_guesses_t *)find(login, peer);
    if (own != NULL) {
        own->failures = 0;
    }
    remember_owner(login, peer);
}
