// SPDX-License-Identifier: Apache-2.0
// Sessions before and after their login: tickets, proofs, limits, count and mac of every message.
#include "testing.h"

#include "rig.h"

#define SECOND 1000u

#define BEGIN_OF_ONE_BYTE                                                                                              \
    "{\"type\":\"begin\",\"size\":1,\"sha256\":\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\""

// ---- login ----

static void without_a_password_hello_is_welcome(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    peer_t *peer = peer_new(rig);
    ota_ws_scram_t scram;
    char text[1024];
    peer_hello(peer, &scram, text, sizeof text);
    peer_say(peer, text);
    assert_string_equal(peer_received(peer, "welcome"), "{\"type\":\"welcome\",\"version\":1}");
    assert_non_null(peer_received(peer, "state"));
    peer_free(peer);
    rig_free(rig);
}

static void with_a_password_both_sides_prove_themselves(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    peer_t *peer = peer_welcome(rig);
    peer_say(peer, "{\"type\":\"ping\"");
    peer_say(peer, "{\"type\":\"ping\"");
    assert_int_equal(peer->log_count, 2);
    assert_non_null(peer_received(peer, "pong"));
    peer_free(peer);
    rig_assert_updates(rig);
    rig_free(rig);
}

static void nothing_is_answered_before_hello(void **state) {
    (void)state;
    static const char *const messages[] = {"{\"type\":\"ping\"",
                                           "{\"type\":\"cancel\"",
                                           "{\"type\":\"restart\"",
                                           "{\"type\":\"confirm\"",
                                           "{\"type\":\"rollback\"",
                                           "{\"type\":\"end\"",
                                           "{\"type\":\"proof\",\"scram\":\"c=biws\"",
                                           BEGIN_OF_ONE_BYTE};
    for (size_t i = 0; i < COUNT_OF(messages) * 2; i++) {
        rig_t *rig = i % 2 == 0 ? rig_new() : rig_new_locked();
        peer_t *peer = peer_new(rig);
        peer_say(peer, messages[i / 2]);
        assert_true(peer_ended(peer, "unexpected_message"));
        assert_int_equal(peer->log_count, 1);
        assert_int_equal(rig->starts + rig->restarts, 0);
        peer_free(peer);
        rig_free(rig);
    }
}

static void a_hello_that_is_not_right_ends_the_session(void **state) {
    (void)state;
    static const struct {
        const char *find, *replacement, *name;
    } cases[] = {{"\"version\":1", "\"version\":2", "wrong_version"},
                 {"\"version\":1", "\"version\":0", "wrong_version"},
                 {"\"ticket\":\"0", "\"ticket\":\"f", "bad_ticket"},
                 {"n,,n=ota", "n,,n=eve", "bad_login"},
                 {"n,,n=ota", "y,,n=ota", "bad_login"},
                 {",\"scram\":\"", ",\"count\":1,\"scram\":\"", "missing_member"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        rig_t *rig = rig_new_locked();
        peer_t *peer = peer_new(rig);
        peer_say_hello_with(peer, cases[i].find, cases[i].replacement);
        assert_true(peer_ended(peer, cases[i].name));
        peer_free(peer);
        rig_free(rig);
    }
}

static void a_ticket_serves_one_hello(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    peer_t *one = peer_new(rig);
    peer_t *two = peer_new(rig);
    ota_ws_scram_t scram;
    char text[1024];
    peer_hello(one, &scram, text, sizeof text);
    peer_say(one, text);
    assert_non_null(peer_received(one, "welcome"));
    peer_say(two, text);
    assert_true(peer_ended(two, "bad_ticket"));
    peer_free(one);
    peer_free(two);
    rig_free(rig);
}

static void a_ticket_grows_old(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    peer_t *peer = peer_new(rig);
    ota_ws_scram_t scram;
    char text[1024];
    peer_hello(peer, &scram, text, sizeof text);
    rig->now_ms += 30 * SECOND;
    peer_say(peer, text);
    assert_true(peer_ended(peer, "bad_ticket"));
    peer_free(peer);
    rig_free(rig);
}

static void prove_wrongly(rig_t *rig) {
    peer_t *peer = peer_new(rig);
    ota_ws_scram_t scram;
    char text[1024];
    peer_hello(peer, &scram, text, sizeof text);
    peer_say(peer, text);
    const char *challenge = peer_received(peer, "challenge");
    assert_non_null(challenge);
    const char *nonce = strstr(challenge, "r=");
    snprintf(text, sizeof text, "{\"type\":\"proof\",\"scram\":\"c=biws,%.*s,p=%043d=\"", (int)strcspn(nonce, ","),
             nonce, 0);
    peer_say(peer, text);
    assert_true(peer_ended(peer, "wrong_password"));
    assert_null(peer_received(peer, "welcome"));
    assert_null(peer_received(peer, "state"));
    peer_free(peer);
}

static void a_wrong_password_makes_everybody_wait(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    prove_wrongly(rig);
    rig_pass(rig, 999);
    peer_t *peer = peer_new(rig);
    ota_ws_scram_t scram;
    char text[1024];
    peer_hello(peer, &scram, text, sizeof text);
    peer_say(peer, text);
    assert_true(peer_ended(peer, "try_later"));
    assert_non_null(strstr(peer_received(peer, "error"), "\"wait_s\":1"));
    assert_non_null(strstr(peer_received(peer, "error"), "\"device\":\"1\"")); // of which a millisecond is left
    peer_free(peer);
    rig_pass(rig, 1);
    prove_wrongly(rig);
    rig_pass(rig, 2 * SECOND);
    rig_assert_updates(rig);
    rig_free(rig);
}

static void one_login_runs_at_a_time_and_has_ten_seconds(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    peer_t *slow = peer_new(rig);
    peer_t *other = peer_new(rig);
    ota_ws_scram_t scram;
    char text[1024];
    peer_hello(slow, &scram, text, sizeof text);
    peer_say(slow, text);
    peer_hello(other, &scram, text, sizeof text);
    peer_say(other, text);
    assert_true(peer_ended(other, "login_busy"));
    assert_non_null(strstr(peer_received(other, "error"), "\"wait_s\":2"));
    rig_pass(rig, 9999);
    assert_false(peer_ended(slow, "silent"));
    rig_pass(rig, 1);
    assert_true(peer_ended(slow, "silent"));
    peer_free(slow);
    peer_free(other);
    rig_pass(rig, 2 * SECOND);
    rig_assert_updates(rig);
    rig_free(rig);
}

static void a_login_left_hanging_counts_as_a_guess(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    peer_t *peer = peer_new(rig);
    ota_ws_scram_t scram;
    char text[1024];
    peer_hello(peer, &scram, text, sizeof text);
    peer_say(peer, text);
    peer_free(peer);
    peer = peer_new(rig);
    peer_hello(peer, &scram, text, sizeof text);
    peer_say(peer, text);
    assert_true(peer_ended(peer, "try_later"));
    peer_free(peer);
    rig_free(rig);
}

// Else an attacker could keep the one place for ever: ask for a challenge, wait, say nonsense, come again.
static void a_login_that_ends_in_nonsense_counts_as_a_guess(void **state) {
    (void)state;
    static const char *const nonsense[] = {"{", "{\"type\":\"ping\"", "{\"type\":\"proof\",\"scram\":\"c=biws\""};
    for (size_t i = 0; i < COUNT_OF(nonsense); i++) {
        rig_t *rig = rig_new_locked();
        peer_t *peer = peer_new(rig);
        ota_ws_scram_t scram;
        char text[1024];
        peer_hello(peer, &scram, text, sizeof text);
        peer_say(peer, text);
        peer_say(peer, nonsense[i]);
        assert_non_null(peer_received(peer, "error"));
        peer_forget(peer);
        peer_t *again = peer_new(rig);
        peer_hello(again, &scram, text, sizeof text);
        peer_say(again, text);
        assert_true(peer_ended(again, "try_later"));
        peer_free(again);
        peer_free(peer);
        rig_free(rig);
    }
}

static void who_holds_the_login_for_three_seconds_makes_space(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    peer_t *slow = peer_new(rig);
    peer_t *other = peer_new(rig);
    ota_ws_scram_t scram;
    char text[1024];
    peer_hello(slow, &scram, text, sizeof text);
    peer_say(slow, text);
    rig_pass(rig, 3 * SECOND);
    peer_hello(other, &scram, text, sizeof text);
    peer_say(other, text);
    assert_true(peer_ended(slow, "silent"));
    assert_non_null(peer_received(other, "challenge"));
    peer_free(slow);
    peer_free(other);
    rig_free(rig);
}

static void an_owner_need_not_wait_for_an_unknown_address(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    rig_assert_updates(rig); // now the address of all peers is an owner's
    peer_t *outsider = peer_new(rig);
    peer_t *owner = peer_new(rig);
    ota_ws_scram_t scram;
    char text[1024];
    peer_hello(outsider, &scram, text, sizeof text);
    peer_say(outsider, text);
    outsider->session->peer.bytes[0] = 99;
    peer_hello(owner, &scram, text, sizeof text);
    peer_say(owner, text);
    assert_true(peer_ended(outsider, "silent"));
    assert_non_null(peer_received(owner, "challenge"));
    peer_free(owner);
    peer_free(outsider);
    rig_free(rig);
}

// Before the login a message may have 384 bytes, after it 1024.
static void messages_before_the_login_must_be_short(void **state) {
    (void)state;
    static const struct {
        bool logged_in;
        uint64_t length;
        ota_ws_admission_t admission;
    } frames[] = {{false, 384, OTA_WS_ADMIT_TAKE},
                  {false, 385, OTA_WS_ADMIT_DISCARD},
                  {true, 1024, OTA_WS_ADMIT_TAKE},
                  {true, 1025, OTA_WS_ADMIT_DISCARD}};
    for (size_t i = 0; i < COUNT_OF(frames); i++) {
        rig_t *rig = rig_new_locked();
        peer_t *peer = frames[i].logged_in ? peer_welcome(rig) : peer_new(rig);
        assert_int_equal(ota_ws_session_admit(peer->session, OTA_WS_FRAME_TEXT, frames[i].length, rig->now_ms),
                         frames[i].admission);
        assert_int_equal(peer_ended(peer, "message_too_long"), frames[i].admission == OTA_WS_ADMIT_DISCARD);
        peer_free(peer);
        rig_free(rig);
    }
}

static void the_keys_of_a_session_go_with_it(void **state) {
    (void)state;
    static const ota_ws_session_t nothing;
    rig_t *rig = rig_new_locked();
    peer_t *peer = peer_welcome(rig);
    assert_memory_equal(peer->session->secret.keys.client, peer->keys.client, sizeof peer->keys.client);
    peer_say_raw(peer, "{", 1);
    assert_memory_equal(&peer->session->secret, &nothing.secret, sizeof nothing.secret);
    peer_free(peer);
    rig_free(rig);
}

// Strangers who sit on the login, and have failed before, do not keep a newcomer from it.
static void a_newcomer_need_not_wait_for_who_has_failed(void **state) {
    (void)state;
    for (int who = 0; who < 2; who++) { // the newcomer comes second, or first
        rig_t *rig = rig_new_locked();
        peer_t *peers[2] = {peer_new(rig), peer_new(rig)};
        ota_ws_scram_t scram;
        char text[1024];
        peers[who]->session->peer.bytes[0] = 99;
        ota_ws_login_failed(&rig->device.login, &peers[who]->session->peer, rig->now_ms);
        rig_pass(rig, SECOND);
        for (int i = 0; i < 2; i++) {
            peer_hello(peers[i], &scram, text, sizeof text);
            peer_say(peers[i], text);
        }
        assert_true(peer_ended(peers[0], "silent") == (who == 0));
        assert_true(peer_ended(peers[1], "login_busy") == (who == 1));
        assert_non_null(peer_received(peers[1 - who], "challenge"));
        peer_free(peers[0]);
        peer_free(peers[1]);
        rig_free(rig);
    }
}

static void a_session_that_is_over_holds_no_keys(void **state) {
    (void)state;
    for (int closed = 0; closed < 2; closed++) {
        rig_t *rig = rig_new_locked();
        peer_t *peer = peer_welcome(rig);
        uint8_t zeros[sizeof peer->session->secret];
        memset(zeros, 0, sizeof zeros);
        assert_memory_not_equal(&peer->session->secret, zeros, sizeof zeros);
        if (closed) {
            ota_ws_session_closed(peer->session, rig->now_ms);
        } else {
            ota_ws_session_broken(peer->session, OTA_WS_BAD_FRAME, rig->now_ms);
        }
        assert_memory_equal(&peer->session->secret, zeros, sizeof zeros);
        if (closed) {
            free(peer->session);
            peer->session = NULL;
        }
        peer_free(peer);
        rig_free(rig);
    }
}

// After 2^32 - 1 messages a session ends, rather than that its macs begin anew.
static void counts_never_turn_over(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    peer_t *peer = peer_welcome(rig);
    peer->session->received_count = peer->said = UINT32_MAX - 1;
    peer_say(peer, "{\"type\":\"ping\"");
    assert_non_null(peer_received(peer, "pong"));
    peer_say(peer, "{\"type\":\"ping\"");
    assert_true(peer_ended(peer, "bad_mac"));
    peer_free(peer);
    peer = peer_welcome(rig);
    peer->session->sent_count = peer->received = UINT32_MAX - 1;
    peer_say(peer, "{\"type\":\"ping\"");
    assert_int_equal(peer->closes, 0);
    peer_forget(peer);
    peer_say(peer, "{\"type\":\"ping\"");
    assert_int_equal(peer->log_count, 0);
    assert_true(peer->closes > 0);
    peer_free(peer);
    rig_free(rig);
}

static void who_says_nothing_is_sent_away_after_ten_seconds(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    peer_t *peer = peer_new(rig);
    rig_pass(rig, 9999);
    assert_int_equal(peer->log_count, 0);
    rig_pass(rig, 1);
    assert_true(peer_ended(peer, "silent"));
    assert_int_equal(peer->closes, 0);
    rig_pass(rig, SECOND);
    assert_true(peer->closes > 0);
    peer_free(peer);
    rig_free(rig);
}

// ---- count and mac ----

static void say_ping(peer_t *peer, unsigned count, const char *change, const char *with) {
    const unsigned before = peer->said;
    char text[512];
    peer->said = count - 1;
    peer->with_mac = true;
    char open_text[64] = "{\"type\":\"ping\"";
    uint8_t mac[16];
    int length = snprintf(text, sizeof text, "%s,\"count\":%u", open_text, count);
    ota_ws_mac(peer->rig->device.ports.hash, peer->keys.client, text, (size_t)length, mac);
    length += snprintf(text + length, sizeof text - (size_t)length, ",\"mac\":\"");
    for (int i = 0; i < 16; i++) {
        length += snprintf(text + length, sizeof text - (size_t)length, "%02x", mac[i]);
    }
    strcat(text, "\"}");
    char *at = strstr(text, change);
    assert_non_null(at);
    memcpy(at, with, strlen(with));
    peer->said = before;
    peer_say_raw(peer, text, strlen(text));
}

static void every_change_of_a_message_is_found_out(void **state) {
    (void)state;
    static const struct {
        unsigned count;
        const char *change, *with, *name;
    } cases[] = {{0, "ping", "ping", "bad_mac"},
                 {2, "ping", "ping", "bad_mac"},
                 {1, "ping\"", "end\" ", "bad_mac"},
                 {1, "\"count\":1", "\"count\":2", "bad_mac"},
                 {4294967295u, "ping", "ping", "bad_mac"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        rig_t *rig = rig_new_locked();
        peer_t *peer = peer_welcome(rig);
        say_ping(peer, cases[i].count, cases[i].change, cases[i].with);
        assert_true(peer_ended(peer, cases[i].name));
        assert_null(peer_received(peer, "pong"));
        peer_free(peer);
        rig_free(rig);
    }
}

static void each_digit_of_the_mac_counts(void **state) {
    (void)state;
    for (int digit = 0; digit < 32; digit++) {
        rig_t *rig = rig_new_locked();
        peer_t *peer = peer_welcome(rig);
        const char open_text[] = "{\"type\":\"ping\",\"count\":1";
        char text[128];
        uint8_t mac[16];
        ota_ws_mac(rig->device.ports.hash, peer->keys.client, open_text, strlen(open_text), mac);
        mac[digit / 2] ^= digit % 2 == 0 ? 0x10 : 0x01;
        int length = snprintf(text, sizeof text, "%s,\"mac\":\"", open_text);
        for (int i = 0; i < 16; i++) {
            length += snprintf(text + length, sizeof text - (size_t)length, "%02x", mac[i]);
        }
        strcat(text, "\"}");
        peer_say_raw(peer, text, strlen(text));
        assert_true(peer_ended(peer, "bad_mac"));
        peer_free(peer);
        rig_free(rig);
    }
}

static void a_message_twice_or_without_a_mac_is_refused(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    peer_t *peer = peer_welcome(rig);
    say_ping(peer, 1, "ping", "ping");
    assert_non_null(peer_received(peer, "pong"));
    say_ping(peer, 1, "ping", "ping");
    assert_true(peer_ended(peer, "bad_mac"));
    peer_free(peer);
    peer = peer_welcome(rig);
    peer_say_raw(peer, "{\"type\":\"restart\"}", 18);
    assert_true(peer_ended(peer, "bad_mac"));
    assert_int_equal(rig->restarts, 0);
    peer_free(peer);
    rig_free(rig);
}

// What the device says is no request: its own key is another one.
static void a_message_with_the_devices_key_is_refused(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    peer_t *peer = peer_welcome(rig);
    ota_ws_session_keys_t keys = peer->keys;
    memcpy(peer->keys.client, keys.device, sizeof keys.device);
    peer_say(peer, "{\"type\":\"ping\"");
    assert_true(peer_ended(peer, "bad_mac"));
    peer_free(peer);
    rig_free(rig);
}

// ---- the ticket ----

static void a_ticket_is_given_to_our_own_page_only(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    static const ota_ws_address_t peer = {{[15] = 1}};
    char body[OTA_WS_TICKET_BODY_SIZE];
    ota_ws_gate_request_t request = {.host = "127.0.0.1:8070", .origin = "http://127.0.0.1:8070"};
    assert_int_equal(ota_ws_device_ticket(&rig->device, &request, &peer, 0, body, sizeof body), OTA_WS_OK);
    assert_non_null(strstr(body, "\"version\":1"));
    assert_non_null(strstr(body, "\"login\":\"scram-sha-256\""));
    assert_non_null(strstr(body, "\"ws\":\"/ota/ws\""));
    request.origin = "http://evil.example";
    assert_int_equal(ota_ws_device_ticket(&rig->device, &request, &peer, 0, body, sizeof body), OTA_WS_FOREIGN_ORIGIN);
    assert_non_null(strstr(body, "\"foreign_origin\""));
    assert_null(strstr(body, "ticket\":"));
    request.host = "evil.example";
    assert_int_equal(ota_ws_device_ticket(&rig->device, &request, &peer, 0, body, sizeof body), OTA_WS_FOREIGN_HOST);
    assert_non_null(strstr(body, "\"foreign_host\""));
    rig_free(rig);
}

static void ticket_body(rig_t *rig, const char *path, bool has_pairing_code, char body[OTA_WS_TICKET_BODY_SIZE]) {
    static const ota_ws_address_t peer = {{[15] = 1}};
    ota_ws_gate_request_t request = {.host = "127.0.0.1", .path = path};
    rig->settings.has_pairing_code = has_pairing_code;
    assert_int_equal(ota_ws_device_ticket(&rig->device, &request, &peer, 0, body, OTA_WS_TICKET_BODY_SIZE), OTA_WS_OK);
}

static void the_ticket_says_which_path_was_asked_for(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    char body[OTA_WS_TICKET_BODY_SIZE];
    ticket_body(rig, "/update", false, body);
    assert_non_null(strstr(body, "\"page\":\"/update\"}"));
    ticket_body(rig, NULL, false, body);
    assert_null(strstr(body, "\"page\""));
    rig_free(rig);
}

static void the_ticket_says_that_the_password_is_a_code(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    char body[OTA_WS_TICKET_BODY_SIZE];
    ticket_body(rig, "/ota", true, body);
    assert_non_null(strstr(body, "\"code\":true}"));
    ticket_body(rig, "/ota", false, body);
    assert_null(strstr(body, "\"code\""));
    rig->device.verifier = NULL;
    ticket_body(rig, "/ota", true, body);
    assert_null(strstr(body, "\"code\""));
    rig_free(rig);
}

static void the_ticket_carries_what_a_proof_needs(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    char body[OTA_WS_TICKET_BODY_SIZE];
    ticket_body(rig, "/ota", false, body);
    assert_non_null(strstr(body, "\"salt\":\"dGhlIHJpZydzIHNhbHQuAA==\",\"rounds\":4096,"));
    rig->device.verifier = NULL;
    ticket_body(rig, "/ota", false, body);
    assert_null(strstr(body, "salt"));
    assert_null(strstr(body, "rounds"));
    rig_free(rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_password_hello_is_welcome),
        cmocka_unit_test(with_a_password_both_sides_prove_themselves),
        cmocka_unit_test(nothing_is_answered_before_hello),
        cmocka_unit_test(a_hello_that_is_not_right_ends_the_session),
        cmocka_unit_test(a_ticket_serves_one_hello),
        cmocka_unit_test(a_ticket_grows_old),
        cmocka_unit_test(a_wrong_password_makes_everybody_wait),
        cmocka_unit_test(one_login_runs_at_a_time_and_has_ten_seconds),
        cmocka_unit_test(a_login_left_hanging_counts_as_a_guess),
        cmocka_unit_test(a_login_that_ends_in_nonsense_counts_as_a_guess),
        cmocka_unit_test(who_holds_the_login_for_three_seconds_makes_space),
        cmocka_unit_test(messages_before_the_login_must_be_short),
        cmocka_unit_test(the_keys_of_a_session_go_with_it),
        cmocka_unit_test(an_owner_need_not_wait_for_an_unknown_address),
        cmocka_unit_test(a_newcomer_need_not_wait_for_who_has_failed),
        cmocka_unit_test(a_session_that_is_over_holds_no_keys),
        cmocka_unit_test(counts_never_turn_over),
        cmocka_unit_test(who_says_nothing_is_sent_away_after_ten_seconds),
        cmocka_unit_test(every_change_of_a_message_is_found_out),
        cmocka_unit_test(each_digit_of_the_mac_counts),
        cmocka_unit_test(a_message_twice_or_without_a_mac_is_refused),
        cmocka_unit_test(a_message_with_the_devices_key_is_refused),
        cmocka_unit_test(a_ticket_is_given_to_our_own_page_only),
        cmocka_unit_test(the_ticket_says_which_path_was_asked_for),
        cmocka_unit_test(the_ticket_says_that_the_password_is_a_code),
        cmocka_unit_test(the_ticket_carries_what_a_proof_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
