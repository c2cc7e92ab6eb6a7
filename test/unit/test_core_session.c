// SPDX-License-Identifier: Apache-2.0
// Sessions of one device, told as they happen: login, update, trial, and everything that a peer may do wrong. The
// exhaustive part (every state x every event) is test_core_states.c.
#include "testing.h"

#include "image_builder.h"
#include "rig.h"

#define SECOND 1000u
#define BEGIN_OF_ONE_BYTE                                                                                              \
    "{\"type\":\"begin\",\"size\":1,\"sha256\":\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\""

static image_file_t demo(const char *version) {
    image_spec_t spec = image_spec_default;
    spec.version = version;
    return image_build(&spec);
}

static image_file_t demo_of_another_chip(void) {
    image_spec_t spec = image_spec_default;
    spec.chip_id = 9;
    return image_build(&spec);
}

// Begins and waits for `ready`.
static void begin(peer_t *peer, const image_file_t *file) {
    peer_begin(peer, (uint32_t)file->length, file->bytes, false);
    rig_settle(peer->rig);
    assert_non_null(peer_heard(peer, "ready"));
}

static void assert_updates(rig_t *rig) {
    image_file_t file = demo("3.0.0");
    peer_t *peer = peer_welcome(rig);
    assert_true(peer_update(peer, file.bytes, (uint32_t)file.length));
    assert_memory_equal(rig->nor->bytes, file.bytes, file.length);
    assert_true(rig->nor->active);
    peer_free(peer);
    image_free(&file);
}

// ---- login

static void without_a_password_hello_is_welcome(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    peer_t *peer = peer_new(rig);
    ota_ws_scram_t scram;
    char text[1024];
    peer_hello(peer, &scram, text, sizeof text);
    peer_say(peer, text);
    assert_string_equal(peer_heard(peer, "welcome"), "{\"type\":\"welcome\",\"version\":1}");
    assert_non_null(peer_heard(peer, "state"));
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
    assert_non_null(peer_heard(peer, "pong"));
    peer_free(peer);
    assert_updates(rig);
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

static void say_hello_with(peer_t *peer, const char *find, const char *replacement) {
    ota_ws_scram_t scram;
    char text[1024];
    char changed[2048];
    peer_hello(peer, &scram, text, sizeof text);
    const char *at = strstr(text, find);
    assert_non_null(at);
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, replacement, at + strlen(find));
    peer_say(peer, changed);
}

static void a_hello_that_is_not_right_ends_the_session(void **state) {
    (void)state;
    static const struct {
        const char *find, *replacement, *name;
    } cases[] = {{"\"version\":1", "\"version\":2", "wrong_version"},
                 {"\"version\":1", "\"version\":0", "wrong_version"},
                 {"\"ticket\":\"", "\"ticket\":\"x", "bad_ticket"},
                 {"n,,n=ota", "n,,n=eve", "bad_login"},
                 {"n,,n=ota", "y,,n=ota", "bad_login"},
                 {",\"scram\":\"", ",\"count\":1,\"scram\":\"", "missing_member"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        rig_t *rig = rig_new_locked();
        peer_t *peer = peer_new(rig);
        say_hello_with(peer, cases[i].find, cases[i].replacement);
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
    assert_non_null(peer_heard(one, "welcome"));
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
    const char *challenge = peer_heard(peer, "challenge");
    assert_non_null(challenge);
    const char *nonce = strstr(challenge, "r=");
    snprintf(text, sizeof text, "{\"type\":\"proof\",\"scram\":\"c=biws,%.*s,p=%043d=\"", (int)strcspn(nonce, ","),
             nonce, 0);
    peer_say(peer, text);
    assert_true(peer_ended(peer, "wrong_password"));
    assert_null(peer_heard(peer, "welcome"));
    assert_null(peer_heard(peer, "state"));
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
    assert_non_null(strstr(peer_heard(peer, "error"), "\"wait_s\":1"));
    peer_free(peer);
    rig_pass(rig, 1);
    prove_wrongly(rig);
    rig_pass(rig, 2 * SECOND);
    assert_updates(rig);
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
    rig_pass(rig, 9999);
    assert_false(peer_ended(slow, "silent"));
    rig_pass(rig, 1);
    assert_true(peer_ended(slow, "silent"));
    peer_free(slow);
    peer_free(other);
    rig_pass(rig, 2 * SECOND);
    assert_updates(rig);
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

// Else a stranger could keep the one place for ever: ask for a challenge, wait, say nonsense, come again.
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
        assert_non_null(peer_heard(peer, "error"));
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

static void who_holds_the_login_for_three_seconds_makes_room(void **state) {
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
    assert_non_null(peer_heard(other, "challenge"));
    peer_free(slow);
    peer_free(other);
    rig_free(rig);
}

static void an_owner_need_not_wait_for_a_stranger(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    assert_updates(rig); // now the address of all peers is an owner's
    peer_t *stranger = peer_new(rig);
    peer_t *owner = peer_new(rig);
    ota_ws_scram_t scram;
    char text[1024];
    peer_hello(stranger, &scram, text, sizeof text);
    peer_say(stranger, text);
    stranger->session->peer.bytes[0] = 99;
    peer_hello(owner, &scram, text, sizeof text);
    peer_say(owner, text);
    assert_true(peer_ended(stranger, "silent"));
    assert_non_null(peer_heard(owner, "challenge"));
    peer_free(owner);
    peer_free(stranger);
    rig_free(rig);
}

// After 2^32 - 1 messages a session ends, rather than that its macs begin anew.
static void counts_never_turn_over(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    peer_t *peer = peer_welcome(rig);
    peer->session->received_count = peer->said = UINT32_MAX - 1;
    peer_say(peer, "{\"type\":\"ping\"");
    assert_non_null(peer_heard(peer, "pong"));
    peer_say(peer, "{\"type\":\"ping\"");
    assert_true(peer_ended(peer, "bad_mac"));
    peer_free(peer);
    peer = peer_welcome(rig);
    peer->session->sent_count = peer->heard = UINT32_MAX - 1;
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

// ---- count and mac

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
        assert_null(peer_heard(peer, "pong"));
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
    assert_non_null(peer_heard(peer, "pong"));
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

// ---- an update

static void an_update_ends_with_done_and_a_restart(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    image_file_t file = demo("2.0.0");
    peer_t *peer = peer_welcome(rig);
    begin(peer, &file);
    assert_non_null(strstr(peer_heard(peer, "ready"), "\"offset\":0,\"chunk\":4096,\"credit\":8192"));
    assert_non_null(strstr(peer_heard(peer, "state"), "\"update\":\"receiving\",\"yours\":true"));
    for (uint32_t at = 0; at < file.length; at += 4096) {
        peer_forget(peer);
        assert_true(peer_data(peer, at, file.bytes + at, 4096));
        char received[64];
        snprintf(received, sizeof received, "\"received\":%u,", at + 4096);
        assert_non_null(strstr(peer_heard(peer, "progress"), received));
        rig_work(rig);
    }
    assert_non_null(strstr(peer_heard(peer, "state"), "\"update\":\"verifying\""));
    rig->identity.other_valid = true;
    strcpy(rig->identity.other.version, "2.0.0");
    rig_settle(rig);
    assert_non_null(strstr(peer_heard(peer, "done"), "\"slot\":\"ota_1\""));
    assert_non_null(strstr(peer_heard(peer, "done"), "\"version\":\"2.0.0\""));
    assert_non_null(strstr(peer_heard(peer, "progress"), "\"written\":65536"));
    assert_non_null(strstr(peer_heard(peer, "state"), "\"update\":\"ready\""));
    assert_null(rig->writer); // its memory was given back
    peer_say(peer, "{\"type\":\"restart\"");
    assert_non_null(peer_heard(peer, "restarting"));
    assert_int_equal(rig->restarts, 1);
    peer_free(peer);
    rig_free(rig);
    image_free(&file);
}

static void frames_of_any_length_up_to_the_chunk_are_taken(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t file = demo("2.0.0");
    peer_t *peer = peer_welcome(rig);
    begin(peer, &file);
    uint32_t at = 0;
    for (uint32_t length = 1; at < file.length; length = length * 3 % 4097) {
        length = length > file.length - at ? (uint32_t)file.length - at : length;
        assert_true(peer_data(peer, at, file.bytes + at, length));
        rig_settle(rig);
        at += length;
        peer->log_count = at < file.length ? 0 : peer->log_count;
    }
    assert_non_null(peer_heard(peer, "done"));
    peer_free(peer);
    rig_free(rig);
    image_free(&file);
}

static void a_begin_that_cannot_be_is_refused_and_the_session_goes_on(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    peer_t *peer = peer_welcome(rig);
    peer_begin(peer, 0, NULL, false);
    assert_true(peer_failed(peer, "empty"));
    uint8_t *large = calloc(1, rig->nor->size + 1);
    peer_begin(peer, rig->nor->size + 1, large, false);
    assert_true(peer_failed(peer, "too_large"));
    assert_non_null(strstr(peer_heard(peer, "failed"), "\"image\":\"262145\",\"device\":\"262144\""));
    free(large);
    rig->start_status = OTA_WS_NO_MEMORY;
    peer_begin(peer, 5, (const uint8_t *)"12345", false);
    assert_true(peer_failed(peer, "no_memory"));
    rig->start_status = OTA_WS_OK;
    const uint32_t size = rig->nor->size;
    rig->nor->size = 0;
    peer_begin(peer, 5, (const uint8_t *)"12345", false);
    assert_true(peer_failed(peer, "no_slot"));
    rig->nor->size = size;
    rig->device.on_trial = true;
    peer_begin(peer, 5, (const uint8_t *)"12345", false);
    assert_true(peer_failed(peer, "on_trial"));
    rig->device.on_trial = false;
    assert_int_equal(rig->starts, 0);
    assert_true(nor_model_untouched(rig->nor));
    peer_free(peer);
    assert_updates(rig);
    rig_free(rig);
}

static void the_wrong_image_is_refused_before_any_erase(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t file = demo_of_another_chip();
    peer_t *peer = peer_welcome(rig);
    begin(peer, &file);
    assert_true(peer_data(peer, 0, file.bytes, 4096));
    assert_true(peer_data(peer, 4096, file.bytes + 4096, 4096)); // is on its way already
    rig_settle(rig);
    assert_true(peer_failed(peer, "wrong_chip"));
    assert_non_null(strstr(peer_heard(peer, "failed"), "\"image\":\"ESP32-S3\",\"device\":\"ESP32-C3\""));
    assert_true(nor_model_untouched(rig->nor));
    assert_false(peer_data(peer, 8192, file.bytes + 8192, 4096)); // dropped without a word
    assert_int_equal(peer->session->state, OTA_WS_SESSION_WELCOME);
    peer_free(peer);
    assert_updates(rig);
    rig_free(rig);
    image_free(&file);
}

static void the_next_begin_may_follow_a_failure_at_once(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t wrong = demo_of_another_chip();
    image_file_t right = demo("2.0.0");
    peer_t *peer = peer_welcome(rig);
    assert_false(peer_update(peer, wrong.bytes, (uint32_t)wrong.length));
    assert_true(peer_update(peer, right.bytes, (uint32_t)right.length));
    peer_free(peer);
    rig_free(rig);
    image_free(&wrong);
    image_free(&right);
}

static void cancel_ends_the_update_at_any_time(void **state) {
    (void)state;
    image_file_t file = demo("2.0.0");
    for (uint32_t taken = 0; taken <= file.length; taken += 8192) {
        rig_t *rig = rig_new();
        peer_t *peer = peer_welcome(rig);
        begin(peer, &file);
        for (uint32_t at = 0; at < taken; at += 4096) {
            peer_data(peer, at, file.bytes + at, 4096);
            if (taken < file.length) {
                rig_settle(rig);
            } else if (rig->job_count > 2) {
                rig_work(rig);
            }
            peer_forget(peer);
        }
        peer_say(peer, "{\"type\":\"cancel\"");
        rig_settle(rig);
        assert_true(peer_failed(peer, "cancelled"));
        assert_false(rig->nor->active);
        peer_free(peer);
        assert_updates(rig);
        rig_free(rig);
    }
    image_free(&file);
}

static void cancel_takes_back_an_image_that_is_ready(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t file = demo("2.0.0");
    peer_t *peer = peer_welcome(rig);
    assert_true(peer_update(peer, file.bytes, (uint32_t)file.length));
    assert_true(rig->nor->active);
    peer_begin(peer, (uint32_t)file.length, file.bytes, false);
    assert_true(peer_failed(peer, "restart_pending"));
    peer_say(peer, "{\"type\":\"cancel\"");
    rig_settle(rig);
    assert_true(peer_failed(peer, "cancelled"));
    assert_false(rig->nor->active);
    peer_free(peer);
    assert_updates(rig);
    rig_free(rig);
    image_free(&file);
}

static void nothing_to_cancel_is_said(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    peer_t *peer = peer_welcome(rig);
    peer_say(peer, "{\"type\":\"cancel\"");
    assert_true(peer_failed(peer, "no_update"));
    peer_free(peer);
    rig_free(rig);
}

static void an_update_without_data_fails_after_30_seconds(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t file = demo("2.0.0");
    peer_t *peer = peer_welcome(rig);
    begin(peer, &file);
    peer_data(peer, 0, file.bytes, 4096);
    rig_settle(rig);
    rig_pass(rig, 29999);
    peer_say(peer, "{\"type\":\"ping\""); // keeps the session, not the update
    rig_settle(rig);
    assert_false(peer_failed(peer, "stalled"));
    rig_pass(rig, 1);
    rig_settle(rig);
    assert_true(peer_failed(peer, "stalled"));
    assert_int_equal(peer->session->state, OTA_WS_SESSION_WELCOME);
    peer_free(peer);
    assert_updates(rig);
    rig_free(rig);
    image_free(&file);
}

static void slow_flash_is_no_stall(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t file = demo("2.0.0");
    peer_t *peer = peer_welcome(rig);
    begin(peer, &file);
    peer_data(peer, 0, file.bytes, 4096);
    rig_pass(rig, 80 * SECOND); // the job is with the writer all the time
    assert_false(peer_failed(peer, "stalled"));
    rig_settle(rig);
    peer_data(peer, 4096, file.bytes + 4096, 4096);
    assert_null(peer_heard(peer, "failed"));
    peer_free(peer);
    rig_settle(rig);
    rig_free(rig);
    image_free(&file);
}

static void a_lost_link_frees_the_device_at_once(void **state) {
    (void)state;
    image_file_t file = demo("2.0.0");
    for (int jobs = 0; jobs < 4; jobs++) {
        rig_t *rig = rig_new();
        peer_t *peer = peer_welcome(rig);
        peer_begin(peer, (uint32_t)file.length, file.bytes, false);
        for (int i = 0; i < jobs; i++) {
            peer_data(peer, rig->device.received, file.bytes + rig->device.received, 4096);
            rig_work(rig);
        }
        peer_free(peer);
        rig_settle(rig);
        assert_false(rig->nor->open);
        assert_int_equal(rig->device.update, OTA_WS_UPDATE_IDLE);
        assert_updates(rig);
        rig_free(rig);
    }
    image_free(&file);
}

// Its `begin` comes while the writer still gives up the update of the one who went.
static void a_begin_may_come_while_the_last_update_is_ending(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t file = demo("2.0.0");
    peer_t *gone = peer_welcome(rig);
    peer_t *peer = peer_welcome(rig);
    begin(gone, &file);
    peer_data(gone, 0, file.bytes, 4096);
    peer_free(gone);
    peer_begin(peer, (uint32_t)file.length, file.bytes, false);
    assert_null(peer_heard(peer, "failed"));
    rig_settle(rig);
    assert_non_null(peer_heard(peer, "ready"));
    peer_free(peer);
    rig_settle(rig);
    assert_updates(rig);
    rig_free(rig);
    image_free(&file);
}

static void the_same_file_goes_on_after_a_lost_link(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t file = demo("2.0.0");
    peer_t *peer = peer_welcome(rig);
    begin(peer, &file);
    peer_data(peer, 0, file.bytes, 4096);
    peer_data(peer, 4096, file.bytes + 4096, 4000);
    peer_free(peer);
    rig_settle(rig);
    peer = peer_welcome(rig);
    begin(peer, &file);
    assert_non_null(strstr(peer_heard(peer, "ready"), "\"offset\":8096,"));
    for (uint32_t at = 8096; at < file.length; at += 4096) {
        const uint32_t left = (uint32_t)file.length - at;
        assert_true(peer_data(peer, at, file.bytes + at, left < 4096 ? left : 4096));
        rig_settle(rig);
        peer->log_count = left <= 4096 ? peer->log_count : 0;
    }
    assert_non_null(peer_heard(peer, "done"));
    assert_memory_equal(rig->nor->bytes, file.bytes, file.length);
    peer_free(peer);
    rig_free(rig);
    image_free(&file);
}

// ---- two clients

static void a_second_client_is_told_to_wait_and_sees_the_progress(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t file = demo("2.0.0");
    peer_t *owner = peer_welcome(rig);
    peer_t *viewer = peer_welcome(rig);
    begin(owner, &file);
    assert_non_null(strstr(peer_heard(viewer, "state"), "\"update\":\"receiving\""));
    assert_null(strstr(peer_heard(viewer, "state"), "yours"));
    peer_begin(viewer, (uint32_t)file.length, file.bytes, false);
    assert_true(peer_failed(viewer, "busy"));
    peer_say(viewer, "{\"type\":\"cancel\"");
    assert_true(peer_failed(viewer, "busy"));
    peer_say(viewer, "{\"type\":\"restart\"");
    assert_true(peer_failed(viewer, "busy"));
    peer_say(viewer, "{\"type\":\"rollback\"");
    assert_true(peer_failed(viewer, "busy"));
    assert_int_equal(rig->restarts, 0);
    for (uint32_t at = 0; at < file.length; at += 4096) {
        rig->now_ms += 100;
        assert_true(peer_data(owner, at, file.bytes + at, 4096));
        rig_settle(rig);
        peer_forget(owner);
    }
    assert_non_null(peer_heard(viewer, "progress"));
    assert_non_null(strstr(peer_heard(viewer, "state"), "\"update\":\"ready\""));
    assert_null(peer_heard(viewer, "done"));
    peer_free(owner);
    peer_free(viewer);
    rig_free(rig);
    image_free(&file);
}

static void data_of_another_client_ends_only_its_own_session(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t file = demo("2.0.0");
    peer_t *owner = peer_welcome(rig);
    peer_t *other = peer_welcome(rig);
    begin(owner, &file);
    assert_false(peer_data(other, 0, file.bytes, 4096));
    assert_true(peer_ended(other, "unexpected_data"));
    assert_true(peer_data(owner, 0, file.bytes, 4096));
    rig_settle(rig);
    assert_null(peer_heard(owner, "failed"));
    peer_free(owner);
    peer_free(other);
    rig_settle(rig);
    rig_free(rig);
    image_free(&file);
}

// ---- what ends a session during an update, and the update with it

typedef void (*misdeed_t)(peer_t *peer, const image_file_t *file);

static void send_wrong_offset(peer_t *peer, const image_file_t *file) {
    peer_data(peer, 4097, file->bytes, 100);
}

static void send_repeated_offset(peer_t *peer, const image_file_t *file) {
    peer_data(peer, 0, file->bytes, 4096);
}

static void send_long_frame(peer_t *peer, const image_file_t *file) {
    peer_data(peer, 4096, file->bytes, 4097);
}

static void send_huge_frame(peer_t *peer, const image_file_t *file) {
    (void)file;
    assert_int_equal(ota_ws_session_admit(peer->session, OTA_WS_FRAME_DATA, UINT64_MAX, peer->rig->now_ms),
                     OTA_WS_ADMIT_DISCARD);
}

static void send_offset_only(peer_t *peer, const image_file_t *file) {
    peer_data(peer, 4096, file->bytes, 0);
}

static void send_three_bytes(peer_t *peer, const image_file_t *file) {
    (void)file;
    assert_int_equal(ota_ws_session_admit(peer->session, OTA_WS_FRAME_DATA, 3, peer->rig->now_ms),
                     OTA_WS_ADMIT_DISCARD);
}

static void send_nothing(peer_t *peer, const image_file_t *file) {
    (void)file;
    assert_int_equal(ota_ws_session_admit(peer->session, OTA_WS_FRAME_DATA, 0, peer->rig->now_ms),
                     OTA_WS_ADMIT_DISCARD);
}

static void begin_again(peer_t *peer, const image_file_t *file) {
    peer_begin(peer, (uint32_t)file->length, file->bytes, false);
}

static void say_hello_again(peer_t *peer, const image_file_t *file) {
    (void)file;
    say_hello_with(peer, "version", "version");
}

static void say_long(peer_t *peer, const image_file_t *file) {
    (void)file;
    assert_int_equal(ota_ws_session_admit(peer->session, OTA_WS_FRAME_TEXT, 1025, peer->rig->now_ms),
                     OTA_WS_ADMIT_DISCARD);
}

static void say_empty(peer_t *peer, const image_file_t *file) {
    (void)file;
    peer_say_raw(peer, "", 0);
}

static void say_nested(peer_t *peer, const image_file_t *file) {
    (void)file;
    peer_say_raw(peer, "{\"type\":{}}", 11);
}

static void say_unknown(peer_t *peer, const image_file_t *file) {
    (void)file;
    peer_say(peer, "{\"type\":\"format\"");
}

static void send_fragment(peer_t *peer, const image_file_t *file) {
    (void)file;
    ota_ws_session_broken(peer->session, OTA_WS_FRAGMENTED, peer->rig->now_ms);
}

static void be_silent(peer_t *peer, const image_file_t *file) {
    (void)file;
    peer->rig->settings.stall_timeout_ms = 1000 * SECOND;
    rig_pass(peer->rig, 90 * SECOND);
}

static void what_may_not_come_ends_the_session_by_its_name_and_frees_the_device(void **state) {
    (void)state;
    static const struct {
        misdeed_t commit;
        const char *name;
    } misdeeds[] = {{send_wrong_offset, "wrong_offset"},
                    {send_repeated_offset, "wrong_offset"},
                    {send_long_frame, "frame_too_long"},
                    {send_huge_frame, "frame_too_long"},
                    {send_offset_only, "bad_frame"},
                    {send_three_bytes, "bad_frame"},
                    {send_nothing, "bad_frame"},
                    {begin_again, "unexpected_message"},
                    {say_hello_again, "unexpected_message"},
                    {say_long, "message_too_long"},
                    {say_empty, "not_json"},
                    {say_nested, "nested"},
                    {say_unknown, "unknown_message"},
                    {send_fragment, "fragmented"},
                    {be_silent, "silent"}};
    image_file_t file = demo("2.0.0");
    for (size_t i = 0; i < COUNT_OF(misdeeds) * 2; i++) {
        rig_t *rig = i % 2 == 0 ? rig_new() : rig_new_locked();
        peer_t *peer = peer_welcome(rig);
        begin(peer, &file);
        peer_data(peer, 0, file.bytes, 4096);
        rig_settle(rig);
        peer_forget(peer);
        misdeeds[i / 2].commit(peer, &file);
        if (!peer_ended(peer, misdeeds[i / 2].name)) {
            fail_msg("%s: %s", misdeeds[i / 2].name, peer->log_count > 0 ? peer->log[peer->log_count - 1] : "nothing");
        }
        assert_int_equal(peer->session->state, OTA_WS_SESSION_ENDED);
        rig_settle(rig);
        assert_updates(rig);                              // while the ended session is still open
        peer_say_raw(peer, "{\"type\":\"restart\"}", 18); // and is not heard any more
        assert_false(peer_data(peer, 4096, file.bytes, 100));
        assert_int_equal(rig->restarts, 0);
        rig_pass(rig, SECOND);
        assert_true(peer->closes > 0);
        peer_free(peer);
        rig_free(rig);
    }
    image_free(&file);
}

static void data_before_begin_and_before_ready_is_unexpected(void **state) {
    (void)state;
    image_file_t file = demo("2.0.0");
    for (int begun = 0; begun < 2; begun++) {
        rig_t *rig = rig_new();
        peer_t *peer = peer_welcome(rig);
        if (begun) {
            peer_begin(peer, (uint32_t)file.length, file.bytes, false); // `ready` has not come
        }
        assert_false(peer_data(peer, 0, file.bytes, 4096));
        assert_true(peer_ended(peer, "unexpected_data"));
        rig_settle(rig);
        assert_true(nor_model_untouched(rig->nor));
        peer_free(peer);
        assert_updates(rig);
        rig_free(rig);
    }
    image_free(&file);
}

static void more_bytes_than_promised_are_refused(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t file = demo("2.0.0");
    peer_t *peer = peer_welcome(rig);
    peer_begin(peer, 5000, file.bytes, false);
    rig_settle(rig);
    peer_data(peer, 0, file.bytes, 4096);
    peer_data(peer, 4096, file.bytes + 4096, 4096);
    rig_settle(rig);
    assert_true(peer_failed(peer, "too_many_bytes") || peer_ended(peer, "too_many_bytes"));
    assert_false(rig->nor->active);
    peer_free(peer);
    rig_settle(rig);
    assert_updates(rig);
    rig_free(rig);
    image_free(&file);
}

static void what_flash_reports_reaches_the_client(void **state) {
    (void)state;
    static const struct {
        nor_kind_t kind;
        ota_ws_status_t status;
    } failing[] = {{NOR_OPEN, OTA_WS_NO_MEMORY},        {NOR_ERASE, OTA_WS_FLASH_ERASE},
                   {NOR_PROGRAM, OTA_WS_FLASH_PROGRAM}, {NOR_READ, OTA_WS_FLASH_READ},
                   {NOR_ACTIVATE, OTA_WS_NOT_VERIFIED}, {NOR_ACTIVATE, OTA_WS_BOOT_RECORD}};
    image_file_t file = demo("2.0.0");
    for (size_t i = 0; i < COUNT_OF(failing); i++) {
        rig_t *rig = rig_new();
        peer_t *peer = peer_welcome(rig);
        rig->nor->failing = failing[i].kind;
        rig->nor->status = failing[i].status;
        rig->nor->fail_after = 0;
        assert_false(peer_update(peer, file.bytes, (uint32_t)file.length));
        assert_true(peer_failed(peer, ota_ws_status_name(failing[i].status)));
        assert_false(rig->nor->active);
        rig->nor->fail_after = -1;
        assert_true(peer_update(peer, file.bytes, (uint32_t)file.length));
        peer_free(peer);
        rig_free(rig);
    }
    image_free(&file);
}

// ---- trial, confirm, go back, restart

static rig_t *rig_on_trial(void) {
    rig_t *rig = rig_new();
    rig->identity.image_state = OTA_WS_IMAGE_TRIAL;
    rig->device.on_trial = true;
    rig->device.trial_since_ms = rig->now_ms;
    return rig;
}

static void a_trial_counts_down_and_can_be_confirmed(void **state) {
    (void)state;
    rig_t *rig = rig_on_trial();
    rig_pass(rig, 10 * SECOND);
    peer_t *peer = peer_new(rig);
    ota_ws_scram_t scram;
    char text[1024];
    peer_hello(peer, &scram, text, sizeof text);
    peer_say(peer, text);
    assert_non_null(strstr(peer_heard(peer, "state"), "\"image\":\"trial\""));
    assert_non_null(strstr(peer_heard(peer, "state"), "\"trial_left_s\":290"));
    peer_say(peer, "{\"type\":\"confirm\"");
    rig_settle(rig);
    assert_int_equal(rig->confirms, 1);
    assert_null(peer_heard(peer, "failed"));
    assert_non_null(strstr(peer_heard(peer, "state"), "\"image\":\"valid\""));
    assert_null(strstr(peer_heard(peer, "state"), "trial_left_s"));
    peer_say(peer, "{\"type\":\"confirm\"");
    assert_true(peer_failed(peer, "not_on_trial"));
    rig_pass(rig, 80 * SECOND);
    peer_free(peer);
    rig_pass(rig, 400 * SECOND);
    assert_int_equal(rig->roll_backs, 0);
    assert_updates(rig);
    rig_free(rig);
}

static void a_trial_that_nobody_decides_goes_back(void **state) {
    (void)state;
    rig_t *rig = rig_on_trial();
    rig_pass(rig, 299999);
    rig_settle(rig);
    assert_int_equal(rig->roll_backs, 0);
    rig_pass(rig, 1);
    rig_settle(rig);
    assert_int_equal(rig->roll_backs, 1);
    assert_int_equal(rig->restarts, 1);
    for (int i = 0; i < 10; i++) {
        rig_pass(rig, SECOND);
        rig_settle(rig);
    }
    assert_int_equal(rig->restarts, 1);
    rig_free(rig);
}

static void a_trial_without_a_limit_lasts(void **state) {
    (void)state;
    rig_t *rig = rig_on_trial();
    rig->settings.trial_timeout_ms = 0;
    peer_t *peer = peer_welcome(rig);
    for (int i = 0; i < 100; i++) {
        rig_pass(rig, 80 * SECOND);
        peer_say(peer, "{\"type\":\"ping\"");
        peer_forget(peer);
    }
    assert_int_equal(rig->roll_backs, 0);
    peer_free(peer);
    rig_free(rig);
}

static void going_back_restarts_and_what_cannot_go_back_says_so(void **state) {
    (void)state;
    rig_t *rig = rig_on_trial();
    peer_t *peer = peer_welcome(rig);
    rig->roll_back_status = OTA_WS_NOTHING_TO_GO_BACK_TO;
    peer_say(peer, "{\"type\":\"rollback\"");
    rig_settle(rig);
    assert_true(peer_failed(peer, "nothing_to_go_back_to"));
    assert_int_equal(rig->restarts, 0);
    rig->roll_back_status = OTA_WS_OK;
    peer_forget(peer);
    peer_say(peer, "{\"type\":\"rollback\"");
    rig_settle(rig);
    assert_non_null(peer_heard(peer, "restarting"));
    assert_int_equal(rig->restarts, 1);
    peer_free(peer);
    rig_free(rig);
}

static void a_confirm_that_fails_is_told_and_the_trial_goes_on(void **state) {
    (void)state;
    rig_t *rig = rig_on_trial();
    peer_t *peer = peer_welcome(rig);
    rig->confirm_status = OTA_WS_BOOT_RECORD;
    peer_say(peer, "{\"type\":\"confirm\"");
    rig_settle(rig);
    assert_true(peer_failed(peer, "boot_record"));
    assert_true(rig->device.on_trial);
    peer_free(peer);
    rig_pass(rig, 300 * SECOND);
    rig_settle(rig);
    assert_int_equal(rig->restarts, 1);
    rig_free(rig);
}

static void what_the_application_refuses_is_not_done(void **state) {
    (void)state;
    image_file_t file = demo("2.0.0");
    rig_t *rig = rig_new();
    peer_t *peer = peer_welcome(rig);
    rig->refused = 1u << OTA_WS_ASK_ERASE;
    assert_false(peer_update(peer, file.bytes, (uint32_t)file.length));
    assert_true(peer_failed(peer, "refused_by_application"));
    assert_non_null(strstr(peer_heard(peer, "failed"), "the oven is on"));
    assert_true(nor_model_untouched(rig->nor));
    rig->refused = 1u << OTA_WS_ASK_ACTIVATE;
    assert_false(peer_update(peer, file.bytes, (uint32_t)file.length));
    assert_true(peer_failed(peer, "refused_by_application"));
    assert_false(rig->nor->active);
    rig->refused = 1u << OTA_WS_ASK_RESTART;
    peer_say(peer, "{\"type\":\"restart\"");
    rig_settle(rig);
    assert_true(peer_failed(peer, "refused_by_application"));
    assert_int_equal(rig->restarts, 0);
    rig->refused = 0;
    assert_true(peer_update(peer, file.bytes, (uint32_t)file.length));
    peer_free(peer);
    rig_free(rig);
    image_free(&file);
}

// ---- the limits of a message

static void the_largest_state_fits_into_a_message_whole(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    ota_ws_identity_t *identity = &rig->identity;
    char name[64];
    memset(name, 'n', 63);
    name[63] = '\0';
    identity->device_name = name;
    identity->chip_revision = UINT16_MAX;
    identity->secure_version = UINT32_MAX;
    identity->image_state = OTA_WS_IMAGE_UNCONFIRMED;
    identity->other_state = OTA_WS_IMAGE_ROLLED_BACK;
    identity->other_valid = identity->can_roll_back = true;
    ota_ws_image_description_t *descriptions[] = {&identity->running, &identity->other};
    for (size_t i = 0; i < 2; i++) {
        memset(descriptions[i]->version, 'v', 32);
        memset(descriptions[i]->project, 'p', 32);
        memset(descriptions[i]->time, 't', 16);
        memset(descriptions[i]->date, 'd', 16);
        memset(descriptions[i]->idf, 'i', 32);
    }
    memset(identity->slot, 's', 16);
    memset(identity->other_slot, 'o', 16);
    rig->device.on_trial = true;
    rig->settings.trial_timeout_ms = UINT32_MAX;
    rig->device.update = OTA_WS_UPDATE_READY;
    rig->device.size = rig->device.received = rig->device.written = UINT32_MAX;
    peer_t *peer = peer_new(rig);
    peer->session->state = OTA_WS_SESSION_WELCOME; // the count is what matters, not who has the keys
    rig->device.verifier = NULL;
    rig->worker.inflates = true;
    peer_close(peer);
    peer_free(peer);
    peer = peer_new(rig);
    ota_ws_scram_t scram;
    char text[1024];
    peer_hello(peer, &scram, text, sizeof text);
    peer_say(peer, text);
    const char *said = peer_heard(peer, "state");
    static const char *const members[] = {
        "device",           "boot",          "chip",          "chip_id",    "revision",       "project",
        "version",          "built",         "idf",           "elf_sha256", "secure_version", "slot",
        "slot_size",        "image",         "trial_left_s",  "other_slot", "other_version",  "other_project",
        "other_elf_sha256", "other_image",   "can_roll_back", "update",     "size",           "received",
        "written",          "check_project", "deflate"};
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        char member[64];
        snprintf(member, sizeof member, "\"%s\":", members[i]);
        if (strstr(said, member) == NULL) {
            fail_msg("%s is left out", members[i]);
        }
    }
    assert_true(strlen(said) + strlen(",\"count\":4294967295,\"mac\":\"\"") + 32 <= OTA_WS_MESSAGE_SIZE);
    rig->device.update = OTA_WS_UPDATE_IDLE;
    peer_free(peer);
    rig_free(rig);
}

static void a_session_needs_less_than_a_kilobyte(void **state) {
    (void)state;
    assert_true(sizeof(ota_ws_session_t) < 1024);
}

// ---- the ticket

static void a_ticket_is_given_to_our_own_page_only(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    static const ota_ws_address_t peer = {{[15] = 1}};
    char body[OTA_WS_TICKET_BODY_SIZE];
    ota_ws_gate_request_t request = {"127.0.0.1:8070", "http://127.0.0.1:8070", "127.0.0.1", NULL};
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
        cmocka_unit_test(who_holds_the_login_for_three_seconds_makes_room),
        cmocka_unit_test(an_owner_need_not_wait_for_a_stranger),
        cmocka_unit_test(counts_never_turn_over),
        cmocka_unit_test(who_says_nothing_is_sent_away_after_ten_seconds),
        cmocka_unit_test(every_change_of_a_message_is_found_out),
        cmocka_unit_test(each_digit_of_the_mac_counts),
        cmocka_unit_test(a_message_twice_or_without_a_mac_is_refused),
        cmocka_unit_test(a_message_with_the_devices_key_is_refused),
        cmocka_unit_test(an_update_ends_with_done_and_a_restart),
        cmocka_unit_test(frames_of_any_length_up_to_the_chunk_are_taken),
        cmocka_unit_test(a_begin_that_cannot_be_is_refused_and_the_session_goes_on),
        cmocka_unit_test(the_wrong_image_is_refused_before_any_erase),
        cmocka_unit_test(the_next_begin_may_follow_a_failure_at_once),
        cmocka_unit_test(cancel_ends_the_update_at_any_time),
        cmocka_unit_test(cancel_takes_back_an_image_that_is_ready),
        cmocka_unit_test(nothing_to_cancel_is_said),
        cmocka_unit_test(an_update_without_data_fails_after_30_seconds),
        cmocka_unit_test(slow_flash_is_no_stall),
        cmocka_unit_test(a_lost_link_frees_the_device_at_once),
        cmocka_unit_test(a_begin_may_come_while_the_last_update_is_ending),
        cmocka_unit_test(the_same_file_goes_on_after_a_lost_link),
        cmocka_unit_test(a_second_client_is_told_to_wait_and_sees_the_progress),
        cmocka_unit_test(data_of_another_client_ends_only_its_own_session),
        cmocka_unit_test(what_may_not_come_ends_the_session_by_its_name_and_frees_the_device),
        cmocka_unit_test(data_before_begin_and_before_ready_is_unexpected),
        cmocka_unit_test(more_bytes_than_promised_are_refused),
        cmocka_unit_test(what_flash_reports_reaches_the_client),
        cmocka_unit_test(a_trial_counts_down_and_can_be_confirmed),
        cmocka_unit_test(a_trial_that_nobody_decides_goes_back),
        cmocka_unit_test(a_trial_without_a_limit_lasts),
        cmocka_unit_test(going_back_restarts_and_what_cannot_go_back_says_so),
        cmocka_unit_test(a_confirm_that_fails_is_told_and_the_trial_goes_on),
        cmocka_unit_test(what_the_application_refuses_is_not_done),
        cmocka_unit_test(the_largest_state_fits_into_a_message_whole),
        cmocka_unit_test(a_session_needs_less_than_a_kilobyte),
        cmocka_unit_test(a_ticket_is_given_to_our_own_page_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
