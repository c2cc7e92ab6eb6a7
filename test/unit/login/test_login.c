// SPDX-License-Identifier: Apache-2.0
// Tickets and limits on guesses, also while the clock of milliseconds wraps around.
#include "testing.h"

#include "hash_openssl.h"
#include "login/login.h"

#define SECOND 1000u

static const ota_ws_address_t one = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 168, 1, 20}};
static const ota_ws_address_t two = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 168, 1, 21}};

static ota_ws_login_t fresh(void) {
    ota_ws_login_t login;
    static const uint8_t random[OTA_WS_LOGIN_KEY_SIZE] = "a key that nobody knows, not you";
    memset(&login, 0xA5, sizeof login);
    ota_ws_login_init(&login, &ota_ws_hash_openssl, random);
    return login;
}

typedef struct {
    char text[OTA_WS_TICKET_TEXT_SIZE];
} ticket_t;

static ticket_t ticket_of(ota_ws_login_t *login, const ota_ws_address_t *peer, uint32_t now_ms) {
    ticket_t ticket;
    ota_ws_login_ticket(login, peer, now_ms, ticket.text);
    return ticket;
}

static ota_ws_address_t outsider(unsigned number) {
    ota_ws_address_t peer = one;
    peer.bytes[13] = (uint8_t)(number >> 8);
    peer.bytes[14] = (uint8_t)number;
    return peer;
}

// ---- tickets

static void a_ticket_is_spent_once(void **state) {
    (void)state;
    ota_ws_login_t login = fresh();
    ticket_t ticket = ticket_of(&login, &one, 0);
    assert_int_equal(strlen(ticket.text), 32);
    assert_int_equal(strspn(ticket.text, "0123456789abcdef"), 32);
    assert_int_equal(ota_ws_login_spend(&login, &one, ticket.text, 10), OTA_WS_OK);
    assert_int_equal(ota_ws_login_spend(&login, &one, ticket.text, 10), OTA_WS_BAD_TICKET);
}

static void two_tickets_of_one_moment_are_spent_each(void **state) {
    (void)state;
    ota_ws_login_t login = fresh();
    ticket_t first = ticket_of(&login, &one, 5);
    ticket_t second = ticket_of(&login, &one, 5);
    assert_string_not_equal(first.text, second.text);
    assert_int_equal(ota_ws_login_spend(&login, &one, second.text, 6), OTA_WS_OK);
    assert_int_equal(ota_ws_login_spend(&login, &one, first.text, 7), OTA_WS_OK);
    assert_int_equal(ota_ws_login_spend(&login, &one, first.text, 8), OTA_WS_BAD_TICKET);
    assert_int_equal(ota_ws_login_spend(&login, &one, second.text, 9), OTA_WS_BAD_TICKET);
}

static void a_ticket_lives_for_30_seconds_also_across_the_clocks_turn(void **state) {
    (void)state;
    const uint32_t starts[] = {0, 5, UINT32_MAX, UINT32_MAX - 29999, UINT32_MAX - 10000};
    for (size_t i = 0; i < COUNT_OF(starts); i++) {
        ota_ws_login_t login = fresh();
        ticket_t young = ticket_of(&login, &one, starts[i]);
        ticket_t old = ticket_of(&login, &one, starts[i]);
        assert_int_equal(ota_ws_login_spend(&login, &one, young.text, starts[i] + 29999), OTA_WS_OK);
        assert_int_equal(ota_ws_login_spend(&login, &one, old.text, starts[i] + 30000), OTA_WS_BAD_TICKET);
        assert_int_equal(ota_ws_login_spend(&login, &one, old.text, starts[i] - 1), OTA_WS_BAD_TICKET);
    }
}

static void another_peers_ticket_is_none_and_stays_its_owners(void **state) {
    (void)state;
    ota_ws_login_t login = fresh();
    ticket_t ticket = ticket_of(&login, &one, 0);
    for (size_t i = 0; i < 16; i++) { // each byte of the address counts
        ota_ws_address_t near = one;
        near.bytes[i] ^= 1;
        assert_int_equal(ota_ws_login_spend(&login, &near, ticket.text, 1), OTA_WS_BAD_TICKET);
    }
    assert_int_equal(ota_ws_login_spend(&login, &one, ticket.text, 1), OTA_WS_OK);
}

static void nothing_else_is_a_ticket(void **state) {
    (void)state;
    ota_ws_login_t login = fresh();
    static const char *const wrong[] = {"",
                                        "0",
                                        "00000000000000000000000000000000",
                                        "0000000000000000000000000000000",
                                        "000000000000000000000000000000000",
                                        "0000000000000000000000000000000g"};
    ticket_t ticket = ticket_of(&login, &one, 0);
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_int_equal(ota_ws_login_spend(&login, &one, wrong[i], 0), OTA_WS_BAD_TICKET);
    }
    for (size_t i = 0; i < 32; i++) { // each digit counts: of the number, of the time, of the mac
        ticket_t changed = ticket;
        changed.text[i] = changed.text[i] == '1' ? '2' : '1';
        assert_int_equal(ota_ws_login_spend(&login, &one, changed.text, 0), OTA_WS_BAD_TICKET);
    }
    assert_int_equal(ota_ws_login_spend(&login, &one, ticket.text, 0), OTA_WS_OK);
}

static void a_ticket_from_before_the_restart_is_none(void **state) {
    (void)state;
    ota_ws_login_t login = fresh();
    uint8_t random[OTA_WS_LOGIN_KEY_SIZE];
    memcpy(random, login.key, sizeof random);
    ticket_t ticket = ticket_of(&login, &one, 0);
    for (size_t i = 0; i < sizeof random; i++) { // each byte of the key counts
        ota_ws_login_t next;
        random[i] ^= 1;
        ota_ws_login_init(&next, &ota_ws_hash_openssl, random);
        assert_int_equal(ota_ws_login_spend(&next, &one, ticket.text, 0), OTA_WS_BAD_TICKET);
        random[i] ^= 1;
    }
}

// However many tickets are given and spent meanwhile, to unknown addresses and to its own.
static void no_flood_of_requests_takes_a_ticket_away(void **state) {
    (void)state;
    ota_ws_login_t login = fresh();
    ticket_t ticket = ticket_of(&login, &two, 0);
    for (unsigned i = 0; i < 20000; i++) {
        const ota_ws_address_t peer = i % 2 == 0 ? outsider(i) : two;
        ticket_t other = ticket_of(&login, &peer, i);
        assert_int_equal(ota_ws_login_spend(&login, &peer, other.text, i), OTA_WS_OK);
    }
    assert_int_equal(ota_ws_login_spend(&login, &two, ticket.text, 20000), OTA_WS_OK);
    assert_int_equal(ota_ws_login_spend(&login, &two, ticket.text, 20000), OTA_WS_BAD_TICKET);
}

static void the_last_sixteen_spent_tickets_stay_spent(void **state) {
    (void)state;
    ota_ws_login_t login = fresh();
    ticket_t tickets[300];
    for (size_t i = 0; i < COUNT_OF(tickets); i++) { // the ring turns more often than its index has values
        tickets[i] = ticket_of(&login, &one, 0);
        assert_int_equal(ota_ws_login_spend(&login, &one, tickets[i].text, 0), OTA_WS_OK);
        for (size_t j = i < 15 ? 0 : i - 15; j <= i; j++) {
            assert_int_equal(ota_ws_login_spend(&login, &one, tickets[j].text, 0), OTA_WS_BAD_TICKET);
        }
    }
}

static void of_requests_with_proofs_the_later_ticket_counts(void **state) {
    (void)state;
    ota_ws_login_t login = fresh();
    ticket_t tickets[3];
    static const int order[] = {1, 0, 2};
    for (int i = 0; i < 3; i++) {
        tickets[i] = ticket_of(&login, &one, 0);
    }
    for (int i = 0; i < 3; i++) { // the first one comes too late
        assert_int_equal(ota_ws_login_spend(&login, &one, tickets[order[i]].text, 0), OTA_WS_OK);
        assert_int_equal(ota_ws_login_obey(&login), order[i] > 0);
        assert_false(ota_ws_login_obey(&login));
    }
    for (int i = 0; i < 300; i++) { // the ring of spent tickets turns
        ticket_t next = ticket_of(&login, &one, 0);
        assert_int_equal(ota_ws_login_spend(&login, &one, next.text, 0), OTA_WS_OK);
        assert_true(ota_ws_login_obey(&login));
    }
}

// ---- guesses ----

static void the_wait_doubles_from_1_to_60_seconds(void **state) {
    (void)state;
    static const uint32_t waits[] = {1, 2, 4, 8, 16, 32, 60, 60, 60, 60};
    ota_ws_login_t login = fresh();
    uint32_t now_ms = UINT32_MAX - 20 * SECOND;
    assert_int_equal(ota_ws_login_wait_ms(&login, &one, now_ms), 0);
    for (size_t i = 0; i < COUNT_OF(waits); i++) {
        ota_ws_login_failed(&login, &one, now_ms);
        assert_int_equal(ota_ws_login_wait_ms(&login, &one, now_ms), waits[i] * SECOND);
        assert_int_equal(ota_ws_login_wait_ms(&login, &one, now_ms + waits[i] * SECOND - 1), 1);
        now_ms += waits[i] * SECOND;
        assert_int_equal(ota_ws_login_wait_ms(&login, &one, now_ms), 0);
    }
}

static void a_thousand_failures_wait_no_longer_than_60_seconds(void **state) {
    (void)state;
    ota_ws_login_t login = fresh();
    for (int i = 0; i < 1000; i++) {
        ota_ws_login_failed(&login, &one, 0);
    }
    assert_int_equal(ota_ws_login_wait_ms(&login, &one, 0), 60 * SECOND);
}

static void success_forgets_the_failures(void **state) {
    (void)state;
    ota_ws_login_t login = fresh();
    ota_ws_login_failed(&login, &one, 0);
    ota_ws_login_failed(&login, &one, 0);
    ota_ws_login_succeeded(&login, &one, 0);
    assert_int_equal(ota_ws_login_wait_ms(&login, &one, 0), 0);
    ota_ws_login_failed(&login, &one, 0);
    assert_int_equal(ota_ws_login_wait_ms(&login, &one, 0), SECOND);
}

static void fail_twice(ota_ws_login_t *login, const ota_ws_address_t *peer) {
    ota_ws_login_failed(login, peer, 0);
    ota_ws_login_failed(login, peer, 0);
}

// An address with two failures waits for the failures of all, one with a single failure only for its own. A newcomer
// does not wait.
static void each_failure_costs_a_second_who_has_failed_twice(void **state) {
    (void)state;
    ota_ws_login_t login = fresh();
    const ota_ws_address_t newcomer = outsider(77), mistyped = outsider(78);
    for (unsigned i = 0; i < 5; i++) {
        const ota_ws_address_t peer = outsider(i);
        fail_twice(&login, &peer);
    }
    for (unsigned i = 0; i < 5; i++) {
        const ota_ws_address_t peer = outsider(i);
        assert_int_equal(ota_ws_login_rank(&login, &peer, 0), OTA_WS_RANK_FAILED);
        assert_int_equal(ota_ws_login_wait_ms(&login, &peer, 0), 10 * SECOND);
        assert_int_equal(ota_ws_login_wait_ms(&login, &peer, 10 * SECOND - 1), 1);
        assert_int_equal(ota_ws_login_wait_ms(&login, &peer, 10 * SECOND), 0);
    }
    assert_int_equal(ota_ws_login_rank(&login, &newcomer, 0), OTA_WS_RANK_NEWCOMER);
    assert_int_equal(ota_ws_login_wait_ms(&login, &newcomer, 0), 0);
    for (unsigned i = 0; i < 500; i++) {
        const ota_ws_address_t peer = outsider(i);
        fail_twice(&login, &peer);
    }
    ota_ws_login_failed(&login, &mistyped, 0);
    assert_int_equal(ota_ws_login_wait_ms(&login, &mistyped, 0), SECOND);
    const ota_ws_address_t last = outsider(499);
    assert_int_equal(ota_ws_login_wait_ms(&login, &last, 0), 60 * SECOND);
}

// For hours, and when they come again all at once after they were forgotten.
static void fifty_six_unknown_addresses_never_hold_a_newcomer_up(void **state) {
    (void)state;
    static const uint32_t pauses_s[] = {0, 660, 3610};
    for (size_t k = 0; k < COUNT_OF(pauses_s); k++) {
        ota_ws_login_t login = fresh();
        uint32_t begin_ms = UINT32_MAX - 5000 * SECOND;
        for (uint32_t at_s = 0; at_s < 5 * 3600; at_s++) {
            const uint32_t now_ms = begin_ms + at_s * SECOND;
            const bool rest = pauses_s[k] > 0 && at_s % (pauses_s[k] + 10) > 10;
            for (unsigned i = 0; i < 56 && !rest; i++) {
                const ota_ws_address_t peer = outsider(i);
                if (ota_ws_login_wait_ms(&login, &peer, now_ms) == 0) {
                    ota_ws_login_failed(&login, &peer, now_ms);
                }
            }
            assert_int_equal(ota_ws_login_wait_ms(&login, &two, now_ms), 0);
        }
    }
}

// With more addresses than that they are slowed down all together: 1, 2, 4 ... 60 s, and a minute makes up for one.
static void newcomers_beyond_that_wait_1_to_60_seconds(void **state) {
    (void)state;
    static const uint32_t waits[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};
    ota_ws_login_t login = fresh();
    unsigned number = 0;
    for (; number < 56; number++) {
        const ota_ws_address_t peer = outsider(number);
        assert_int_equal(ota_ws_login_wait_ms(&login, &peer, 0), 0);
        ota_ws_login_failed(&login, &peer, 0);
    }
    uint32_t now_ms = 0;
    for (size_t i = 0; i < COUNT_OF(waits); i++, number++) {
        const ota_ws_address_t peer = outsider(number);
        assert_int_equal(ota_ws_login_wait_ms(&login, &peer, now_ms), 0);
        ota_ws_login_failed(&login, &peer, now_ms);
        assert_int_equal(ota_ws_login_wait_ms(&login, &two, now_ms), waits[i] * SECOND);
        now_ms += waits[i] * SECOND;
    }
    assert_int_equal(ota_ws_login_wait_ms(&login, &two, now_ms + 3600 * SECOND), 0);
}

static void the_last_four_owners_are_known(void **state) {
    (void)state;
    ota_ws_login_t login = fresh();
    ota_ws_address_t owner = two;
    for (uint8_t i = 0; i < OTA_WS_OWNER_COUNT; i++) {
        owner.bytes[14] = i;
        ota_ws_login_succeeded(&login, &owner, 0);
        assert_int_equal(login.owner_count, i + 1);
    }
    for (uint8_t i = 0; i < OTA_WS_OWNER_COUNT; i++) { // again, in another order: nobody is forgotten
        owner.bytes[14] = (uint8_t)(i ^ 1);
        ota_ws_login_succeeded(&login, &owner, 0);
    }
    ota_ws_login_failed(&login, &one, 0);
    for (uint8_t i = 0; i < OTA_WS_OWNER_COUNT; i++) {
        owner.bytes[14] = i;
        assert_int_equal(ota_ws_login_wait_ms(&login, &owner, 0), 0);
    }
    owner.bytes[14] = 77;
    ota_ws_login_succeeded(&login, &owner, 0); // a fifth: the one who came longest ago is forgotten
    owner.bytes[14] = 1;
    assert_int_not_equal(ota_ws_login_rank(&login, &owner, 0), OTA_WS_RANK_OWNER);
    owner.bytes[14] = 2;
    assert_int_equal(ota_ws_login_rank(&login, &owner, 0), OTA_WS_RANK_OWNER);
    assert_int_equal(ota_ws_login_rank(&login, &one, 0), OTA_WS_RANK_FAILED);
}

static void the_last_owner_is_not_slowed_down_by_others(void **state) {
    (void)state;
    ota_ws_login_t login = fresh();
    ota_ws_login_succeeded(&login, &two, 0);
    for (int i = 0; i < 10; i++) {
        ota_ws_login_failed(&login, &one, 0);
    }
    assert_int_equal(ota_ws_login_wait_ms(&login, &two, 0), 0);
    assert_int_equal(ota_ws_login_wait_ms(&login, &one, 0), 60 * SECOND);
    ota_ws_login_failed(&login, &two, 0); // but by itself
    assert_int_equal(ota_ws_login_wait_ms(&login, &two, 0), SECOND);
}

// However many addresses an attacker has, all of them together wait.
static void many_peers_are_no_way_around_the_limit(void **state) {
    (void)state;
    ota_ws_login_t login = fresh();
    uint32_t now_ms = 0;
    int guesses = 0;
    for (unsigned i = 0; now_ms < 3600 * SECOND; i++, now_ms += SECOND / 2) {
        const ota_ws_address_t peer = outsider(i);
        if (ota_ws_login_wait_ms(&login, &peer, now_ms) == 0) {
            ota_ws_login_failed(&login, &peer, now_ms);
            guesses++;
        }
    }
    assert_in_range(guesses, 56, 56 + 7 + 60); // in an hour
}

static void forgotten_peers_are_those_who_failed_longest_ago(void **state) {
    (void)state;
    ota_ws_login_t login = fresh();
    ota_ws_login_succeeded(&login, &one, 0); // exempt from the limit of all: what is left is its own
    for (unsigned i = 0; i < OTA_WS_PEER_COUNT - 1; i++) {
        const ota_ws_address_t peer = outsider(i);
        ota_ws_login_failed(&login, &peer, 50);
    }
    for (int i = 0; i < 7; i++) {
        ota_ws_login_failed(&login, &one, 100);
    }
    const ota_ws_address_t last = outsider(77);
    ota_ws_login_failed(&login, &last, 200);
    assert_int_equal(ota_ws_login_wait_ms(&login, &one, 200), 60 * SECOND - 100);
}

// An address that one likes has its own tag, and the tags change with the key.
static void tags_of_addresses_are_not_to_be_guessed(void **state) {
    (void)state;
    unsigned shared[2] = {0, 0};
    for (unsigned key = 0; key < 200; key++) {
        uint8_t random[OTA_WS_LOGIN_KEY_SIZE];
        ota_ws_login_t login;
        for (size_t i = 0; i < sizeof random; i++) {
            random[i] = (uint8_t)((key + 1) * 2654435761U >> (i % 4 * 8)) ^ (uint8_t)(i * 37);
        }
        ota_ws_login_init(&login, &ota_ws_hash_openssl, random);
        ota_ws_login_failed(&login, &one, 0);
        for (unsigned i = 1; i < 256; i++) {
            ota_ws_address_t near = one;
            near.bytes[15] ^= (uint8_t)i;
            ota_ws_address_t far = one;
            far.bytes[0] ^= (uint8_t)i;
            shared[0] += ota_ws_login_rank(&login, &near, 0) == OTA_WS_RANK_FAILED;
            shared[1] += ota_ws_login_rank(&login, &far, 0) == OTA_WS_RANK_FAILED;
        }
    }
    assert_in_range(shared[0], 0, 20); // of 51,000
    assert_in_range(shared[1], 0, 20);
}

static void an_old_failure_is_forgotten_after_some_time(void **state) {
    (void)state;
    ota_ws_login_t login = fresh();
    for (int i = 0; i < 7; i++) {
        ota_ws_login_failed(&login, &one, 0);
    }
    ota_ws_login_failed(&login, &one, 3600 * SECOND);
    assert_int_equal(ota_ws_login_wait_ms(&login, &one, 3600 * SECOND), SECOND);
    ota_ws_login_failed(&login, &one, 7200 * SECOND); // one alone is forgotten too
    assert_int_equal(ota_ws_login_wait_ms(&login, &one, 7200 * SECOND), SECOND);
}

static void ten_minutes_without_a_failure_start_the_count_again(void **state) {
    (void)state;
    static const uint32_t pauses_ms[] = {600 * SECOND - 1, 600 * SECOND};
    for (size_t k = 0; k < COUNT_OF(pauses_ms); k++) {
        ota_ws_login_t login = fresh();
        uint32_t now_ms = UINT32_MAX - 300 * SECOND;
        for (int i = 0; i < 7; i++) {
            ota_ws_login_failed(&login, &one, now_ms);
        }
        now_ms += pauses_ms[k];
        ota_ws_login_failed(&login, &one, now_ms);
        assert_int_equal(ota_ws_login_wait_ms(&login, &one, now_ms), k == 0 ? 60 * SECOND : SECOND);
        assert_int_equal(ota_ws_login_rank(&login, &one, now_ms), OTA_WS_RANK_FAILED);
    }
}

// The wait for the failures of all counts from the last of them, whenever that was.
static void the_wait_for_all_counts_from_the_last_failure(void **state) {
    (void)state;
    ota_ws_login_t login = fresh();
    for (unsigned i = 0; i < 6; i++) { // three peers, each of them twice
        const ota_ws_address_t peer = outsider(i % 3);
        ota_ws_login_failed(&login, &peer, (i < 3 ? 1000 : 1002) * SECOND);
    }
    const ota_ws_address_t first = outsider(0);
    // Of the first three seconds one is left when the second three begin.
    assert_int_equal(ota_ws_login_wait_ms(&login, &first, 1002 * SECOND), 4 * SECOND);
    assert_int_equal(ota_ws_login_wait_ms(&login, &first, 1006 * SECOND - 1), 1);
    assert_int_equal(ota_ws_login_wait_ms(&login, &first, 1006 * SECOND), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ticket_is_spent_once),
        cmocka_unit_test(two_tickets_of_one_moment_are_spent_each),
        cmocka_unit_test(a_ticket_lives_for_30_seconds_also_across_the_clocks_turn),
        cmocka_unit_test(another_peers_ticket_is_none_and_stays_its_owners),
        cmocka_unit_test(nothing_else_is_a_ticket),
        cmocka_unit_test(a_ticket_from_before_the_restart_is_none),
        cmocka_unit_test(no_flood_of_requests_takes_a_ticket_away),
        cmocka_unit_test(the_last_sixteen_spent_tickets_stay_spent),
        cmocka_unit_test(of_requests_with_proofs_the_later_ticket_counts),
        cmocka_unit_test(the_wait_doubles_from_1_to_60_seconds),
        cmocka_unit_test(a_thousand_failures_wait_no_longer_than_60_seconds),
        cmocka_unit_test(success_forgets_the_failures),
        cmocka_unit_test(each_failure_costs_a_second_who_has_failed_twice),
        cmocka_unit_test(fifty_six_unknown_addresses_never_hold_a_newcomer_up),
        cmocka_unit_test(newcomers_beyond_that_wait_1_to_60_seconds),
        cmocka_unit_test(the_last_four_owners_are_known),
        cmocka_unit_test(the_last_owner_is_not_slowed_down_by_others),
        cmocka_unit_test(many_peers_are_no_way_around_the_limit),
        cmocka_unit_test(forgotten_peers_are_those_who_failed_longest_ago),
        cmocka_unit_test(tags_of_addresses_are_not_to_be_guessed),
        cmocka_unit_test(an_old_failure_is_forgotten_after_some_time),
        cmocka_unit_test(ten_minutes_without_a_failure_start_the_count_again),
        cmocka_unit_test(the_wait_for_all_counts_from_the_last_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
