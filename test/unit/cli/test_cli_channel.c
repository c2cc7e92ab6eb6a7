// SPDX-License-Identifier: Apache-2.0
// The client's side of login and mac, against the device's side in the core; and everything that a man in the middle
// could do to the device's messages.
#include "testing.h"

#include "channel.h"
#include "hash_openssl.h"
#include "seal.h"
#include "text.h"

#define PASSWORD "K7MQ-2RTX-9WPD"

static const ota_ws_hash_t *const hash = &ota_ws_hash_openssl;
static const uint8_t salt[16] = "salt of 16 bytes";
static const uint8_t client_random[18] = "client's 18 bytes";
static const uint8_t device_random[18] = "device's 18 bytes";

typedef struct {
    channel_t client;
    ota_ws_verifier_t verifier;
    ota_ws_scram_t scram;
    ota_ws_session_keys_t keys;
    char text[CHANNEL_TEXT_SIZE];
} dialog_t;

static void read_member(const char *text, const char *name, char *value, size_t size) {
    device_message_t message;
    assert_true(device_message_read(&message, text, strlen(text)));
    assert_true(device_message_string(&message, name, value, size));
}

static bool answer(dialog_t *dialog, const char *text, const char *password, problem_t *problem) {
    device_message_t message;
    assert_true(device_message_read(&message, text, strlen(text)));
    return channel_answer(&dialog->client, &message, password, dialog->text, problem);
}

static bool welcome(dialog_t *dialog, const char *text, problem_t *problem) {
    device_message_t message;
    assert_true(device_message_read(&message, text, strlen(text)));
    return channel_welcome(&dialog->client, &message, problem);
}

static void start(dialog_t *dialog, bool login) {
    memset(dialog, 0, sizeof *dialog);
    channel_start(&dialog->client, hash, "TICKET", login, client_random, dialog->text);
}

// Hello and the device's answer to it, in dialog->text.
static void challenge(dialog_t *dialog) {
    char first[OTA_WS_SCRAM_MESSAGE_SIZE], reply[OTA_WS_SCRAM_MESSAGE_SIZE];
    start(dialog, true);
    ota_ws_verifier_make(hash, PASSWORD, salt, OTA_WS_SCRAM_ITERATIONS, &dialog->verifier);
    read_member(dialog->text, "scram", first, sizeof first);
    assert_int_equal(ota_ws_scram_challenge(&dialog->scram, &dialog->verifier, first, device_random, reply), OTA_WS_OK);
    snprintf(dialog->text, sizeof dialog->text, "{\"type\":\"challenge\",\"version\":1,\"scram\":\"%s\"}", reply);
}

// The device judges the proof in dialog->text; its welcome replaces it.
static ota_ws_status_t judge(dialog_t *dialog) {
    char final[OTA_WS_SCRAM_MESSAGE_SIZE], reply[OTA_WS_SCRAM_MESSAGE_SIZE];
    read_member(dialog->text, "scram", final, sizeof final);
    ota_ws_status_t status = ota_ws_scram_verify(&dialog->scram, &dialog->verifier, hash, final, reply, &dialog->keys);
    snprintf(dialog->text, sizeof dialog->text, "{\"type\":\"welcome\",\"version\":1,\"scram\":\"%s\"}", reply);
    return status;
}

static void log_in(dialog_t *dialog) {
    problem_t problem;
    challenge(dialog);
    assert_true(answer(dialog, dialog->text, PASSWORD, &problem));
    assert_int_equal(judge(dialog), OTA_WS_OK);
    assert_true(welcome(dialog, dialog->text, &problem));
}

// A message of the device's with this count.
static size_t device_says(const dialog_t *dialog, uint32_t count, char text[CHANNEL_TEXT_SIZE]) {
    ota_ws_reply_t message;
    ota_ws_reply_begin(&message, text, CHANNEL_TEXT_SIZE, "progress");
    ota_ws_reply_number(&message, "received", 8192);
    ota_ws_reply_end(&message, hash, dialog->keys.device, count);
    return message.length;
}

// ---- login ----

static void hello_has_ticket_and_the_first_message_of_scram(void **state) {
    (void)state;
    dialog_t dialog;
    start(&dialog, true);
    assert_string_equal(dialog.text, "{\"type\":\"hello\",\"version\":1,\"ticket\":\"TICKET\","
                                     "\"scram\":\"n,,n=ota,r=Y2xpZW50J3MgMTggYnl0ZXMA\"}");
    start(&dialog, false);
    assert_string_equal(dialog.text, "{\"type\":\"hello\",\"version\":1,\"ticket\":\"TICKET\"}");
}

static void both_sides_agree_when_they_know_the_same_password(void **state) {
    (void)state;
    dialog_t dialog;
    log_in(&dialog);
    assert_memory_equal(&dialog.keys, &dialog.client.keys, sizeof dialog.keys);
}

static void a_device_refuses_another_password(void **state) {
    (void)state;
    dialog_t dialog;
    problem_t problem;
    challenge(&dialog);
    assert_true(answer(&dialog, dialog.text, "K7MQ-2RTX-9WPE", &problem));
    assert_int_equal(judge(&dialog), OTA_WS_WRONG_PASSWORD);
}

static void a_device_that_does_not_know_the_password_is_not_believed(void **state) {
    (void)state;
    dialog_t dialog;
    problem_t problem = {0};
    log_in(&dialog);
    for (size_t i = strlen("{\"type\":\"welcome\",\"version\":1,\"scram\":\"v="); dialog.text[i + 3] != '\0'; i++) {
        char before = dialog.text[i];
        dialog.text[i] = before == 'A' ? 'B' : 'A';
        assert_false(welcome(&dialog, dialog.text, &problem));
        dialog.text[i] = before;
    }
    assert_int_equal(problem.code, EXIT_CODE_LOGIN);
    assert_string_equal(problem.name, "device_not_proved");
    assert_false(welcome(&dialog, "{\"type\":\"welcome\",\"version\":1}", &problem));
    assert_true(welcome(&dialog, dialog.text, &problem));
}

static void a_welcome_without_a_challenge_before_is_not_believed(void **state) {
    (void)state;
    dialog_t dialog;
    problem_t problem;
    start(&dialog, true);
    // The signature that is compared would be zero: an attacker may guess that.
    assert_false(welcome(
        &dialog, "{\"type\":\"welcome\",\"version\":1,\"scram\":\"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"}",
        &problem));
    assert_false(dialog.client.open);
}

static void a_challenge_that_is_not_ours_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "{\"type\":\"challenge\",\"version\":1}",
        "{\"type\":\"challenge\",\"scram\":\"\"}",
        "{\"type\":\"challenge\",\"scram\":\"r=OTHER,s=c2FsdCBvZiAxNiBieXRlcw==,i=4096\"}",
        "{\"type\":\"challenge\",\"scram\":\"r=Y2xpZW50J3MgMTggYnl0ZXMA,s=c2FsdCBvZiAxNiBieXRlcw==,i=4096\"}",
        "{\"type\":\"challenge\",\"scram\":\"r=Y2xpZW50J3MgMTggYnl0ZXMAX,s=c2FsdCBvZiAxNiBieXRlcw==,i=1\"}",
        "{\"type\":\"challenge\",\"scram\":\"r=Y2xpZW50J3MgMTggYnl0ZXMAX,s=c2FsdCBvZiAxNiBieXRlcw==,i=4294967295\"}",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        dialog_t dialog;
        problem_t problem = {0};
        start(&dialog, true);
        assert_false(answer(&dialog, bad[i], PASSWORD, &problem));
        assert_string_equal(problem.name, "bad_challenge");
        assert_int_equal(problem.code, EXIT_CODE_LOGIN);
    }
}

static void a_second_challenge_is_refused(void **state) {
    (void)state;
    dialog_t dialog;
    problem_t problem;
    challenge(&dialog);
    char text[CHANNEL_TEXT_SIZE];
    strcpy(text, dialog.text);
    assert_true(answer(&dialog, text, PASSWORD, &problem));
    assert_false(answer(&dialog, text, PASSWORD, &problem));
}

static void a_device_without_login_must_not_ask_for_a_proof(void **state) {
    (void)state;
    dialog_t dialog;
    problem_t problem;
    start(&dialog, false);
    assert_false(answer(&dialog, "{\"type\":\"challenge\",\"scram\":\"r=x,s=c2FsdCBvZiAxNiBieXRlcw==,i=4096\"}",
                        PASSWORD, &problem));
    assert_true(welcome(&dialog, "{\"type\":\"welcome\",\"version\":1}", &problem));
}

// ---- count and mac ----

static void the_devices_messages_pass_one_after_the_other(void **state) {
    (void)state;
    dialog_t dialog;
    char text[CHANNEL_TEXT_SIZE];
    log_in(&dialog);
    for (uint32_t count = 1; count <= 12; count++) {
        assert_true(channel_check(&dialog.client, text, device_says(&dialog, count, text)));
    }
}

static void repeated_left_out_and_reordered_messages_do_not_pass(void **state) {
    (void)state;
    dialog_t dialog;
    char text[CHANNEL_TEXT_SIZE];
    log_in(&dialog);
    assert_true(channel_check(&dialog.client, text, device_says(&dialog, 1, text)));
    static const uint32_t wrong[] = {0, 1, 3, 4, 12, 20, 22, 4294967295};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_false(channel_check(&dialog.client, text, device_says(&dialog, wrong[i], text)));
    }
    assert_true(channel_check(&dialog.client, text, device_says(&dialog, 2, text)));
}

static void no_byte_of_a_message_can_be_changed_and_none_left_out(void **state) {
    (void)state;
    dialog_t dialog;
    char text[CHANNEL_TEXT_SIZE];
    log_in(&dialog);
    size_t length = device_says(&dialog, 1, text);
    for (size_t i = 0; i < length; i++) {
        char before = text[i];
        text[i] = (char)(before ^ 1);
        assert_false(channel_check(&dialog.client, text, length));
        text[i] = before;
        assert_false(channel_check(&dialog.client, text, i));
    }
    assert_false(channel_check(&dialog.client, text, length + 1));
    assert_true(channel_check(&dialog.client, text, length));
}

static void a_message_of_the_clients_own_sent_back_does_not_pass(void **state) {
    (void)state;
    dialog_t dialog;
    ota_ws_reply_t message;
    log_in(&dialog);
    ota_ws_reply_begin(&message, dialog.text, sizeof dialog.text, "ping");
    channel_add_mac(&dialog.client, &message);
    assert_false(channel_check(&dialog.client, message.text, message.length));
}

static void our_messages_carry_the_count_and_mac_that_the_protocol_says(void **state) {
    (void)state;
    dialog_t dialog;
    log_in(&dialog);
    for (uint32_t count = 1; count <= 2; count++) {
        ota_ws_reply_t message;
        char expected[128];
        uint8_t mac[OTA_WS_MAC_SIZE];
        ota_ws_reply_begin(&message, dialog.text, sizeof dialog.text, "ping");
        channel_add_mac(&dialog.client, &message);

        size_t covered = (size_t)snprintf(expected, sizeof expected, "{\"type\":\"ping\",\"count\":%u", count);
        ota_ws_mac(hash, dialog.keys.client, expected, covered, mac);
        strcat(expected, ",\"mac\":\"");
        for (size_t i = 0; i < sizeof mac; i++) {
            sprintf(expected + strlen(expected), "%02x", mac[i]);
        }
        strcat(expected, "\"}");
        assert_int_equal(message.length, strlen(expected));
        assert_memory_equal(message.text, expected, message.length);
    }
}

// ---- sealed answers ----

// Opens the device's newest message.
static size_t open_text(const dialog_t *dialog, const char *sealed, char opened[CHANNEL_TEXT_SIZE]) {
    device_message_t message;
    assert_true(device_message_read(&message, sealed, strlen(sealed)));
    return channel_open(&dialog->client, &message, opened);
}

static void what_the_device_seals_can_be_read_whatever_its_length(void **state) {
    (void)state;
    dialog_t dialog;
    log_in(&dialog);
    for (uint32_t length = 1; length < 700; length++) {
        char plain[700], bytes[700], text[CHANNEL_TEXT_SIZE], opened[CHANNEL_TEXT_SIZE];
        const ota_ws_seal_t seal = {dialog.keys.answers, dialog.client.received = length, 0};
        memset(plain, 'a' + (char)(length % 26), length);
        memcpy(bytes, plain, length);
        ota_ws_seal(&seal, 0, bytes, length);
        strcpy(text, "{\"type\":\"sealed\",\"message\":\"");
        strcpy(ota_ws_base64(text + strlen(text), (const uint8_t *)bytes, length), "\"}");
        assert_int_equal(open_text(&dialog, text, opened), length);
        assert_memory_equal(opened, plain, length);
        assert_int_equal(opened[length], '\0');
    }
}

static void what_is_no_base64_is_not_opened(void **state) {
    (void)state;
    static const char *const bad[] = {
        "{\"type\":\"sealed\"}",
        "{\"type\":\"sealed\",\"message\":\"\"}",
        "{\"type\":\"sealed\",\"message\":7}",
        "{\"type\":\"sealed\",\"message\":\"A\"}",
        "{\"type\":\"sealed\",\"message\":\"AAA\"}",
        "{\"type\":\"sealed\",\"message\":\"A===\"}",
        "{\"type\":\"sealed\",\"message\":\"====\"}",
        "{\"type\":\"sealed\",\"message\":\"A?AA\"}",
        "{\"type\":\"sealed\",\"message\":\"AA==AAAA\"}",
    };
    dialog_t dialog;
    problem_t problem;
    char opened[CHANNEL_TEXT_SIZE];
    log_in(&dialog);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(open_text(&dialog, bad[i], opened), 0);
    }
    start(&dialog, false);
    assert_true(welcome(&dialog, "{\"type\":\"welcome\",\"version\":1}", &problem));
    assert_int_equal(open_text(&dialog, "{\"type\":\"sealed\",\"message\":\"AAAA\"}", opened), 0);
}

static void without_login_messages_are_bare(void **state) {
    (void)state;
    dialog_t dialog;
    problem_t problem;
    ota_ws_reply_t message;
    start(&dialog, false);
    assert_true(welcome(&dialog, "{\"type\":\"welcome\",\"version\":1}", &problem));
    ota_ws_reply_begin(&message, dialog.text, sizeof dialog.text, "ping");
    channel_add_mac(&dialog.client, &message);
    assert_memory_equal(message.text, "{\"type\":\"ping\"}", message.length);
    assert_true(channel_check(&dialog.client, "{}", 2));
}

static void nothing_of_the_keys_is_left_after_a_wipe(void **state) {
    (void)state;
    dialog_t dialog;
    channel_t zero;
    log_in(&dialog);
    memset(&zero, 0, sizeof zero);
    channel_wipe(&dialog.client);
    assert_memory_equal(&dialog.client, &zero, sizeof zero);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello_has_ticket_and_the_first_message_of_scram),
        cmocka_unit_test(both_sides_agree_when_they_know_the_same_password),
        cmocka_unit_test(a_device_refuses_another_password),
        cmocka_unit_test(a_device_that_does_not_know_the_password_is_not_believed),
        cmocka_unit_test(a_welcome_without_a_challenge_before_is_not_believed),
        cmocka_unit_test(a_challenge_that_is_not_ours_is_refused),
        cmocka_unit_test(a_second_challenge_is_refused),
        cmocka_unit_test(a_device_without_login_must_not_ask_for_a_proof),
        cmocka_unit_test(the_devices_messages_pass_one_after_the_other),
        cmocka_unit_test(repeated_left_out_and_reordered_messages_do_not_pass),
        cmocka_unit_test(no_byte_of_a_message_can_be_changed_and_none_left_out),
        cmocka_unit_test(a_message_of_the_clients_own_sent_back_does_not_pass),
        cmocka_unit_test(our_messages_carry_the_count_and_mac_that_the_protocol_says),
        cmocka_unit_test(what_the_device_seals_can_be_read_whatever_its_length),
        cmocka_unit_test(what_is_no_base64_is_not_opened),
        cmocka_unit_test(without_login_messages_are_bare),
        cmocka_unit_test(nothing_of_the_keys_is_left_after_a_wipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
