// SPDX-License-Identifier: Apache-2.0
// SCRAM-SHA-256: the example of RFC 7677, both of our sides against each other and against libgsasl, and every way in
// which a message can be wrong.
#include "testing.h"

#include <gsasl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "guard.h"
#include "hash_openssl.h"
#include "login/scram.h"
#include "text.h"

#define PASSWORD "K7MQ-2RTX-9WPD"

static const ota_ws_hash_t *const hash = &ota_ws_hash_openssl;
static const uint8_t salt[16] = {0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e,
                                 0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81}; // that of RFC 7677
static const uint8_t client_random[18] = "client's 18 bytes";
static const uint8_t device_random[18] = "device's 18 bytes";

static ota_ws_verifier_t verifier_of(const char *password) {
    ota_ws_verifier_t verifier;
    ota_ws_verifier_make(hash, password, salt, OTA_WS_SCRAM_ITERATIONS, &verifier);
    return verifier;
}

// Both sides of one login, as far as they have come.
typedef struct {
    ota_ws_scram_t client, device;
    char first[OTA_WS_SCRAM_MESSAGE_SIZE], challenge[OTA_WS_SCRAM_MESSAGE_SIZE];
    char proof[OTA_WS_SCRAM_MESSAGE_SIZE], signature[OTA_WS_SCRAM_MESSAGE_SIZE];
    ota_ws_session_keys_t client_keys, device_keys;
    uint8_t expected_signature[32];
} dialog_t;

// Everything up to the proof, which is returned unjudged.
static void talk(dialog_t *dialog, const ota_ws_verifier_t *verifier, const char *password) {
    memset(dialog, 0, sizeof *dialog);
    ota_ws_scram_client_first(&dialog->client, client_random, dialog->first);
    assert_int_equal(ota_ws_scram_challenge(&dialog->device, verifier, dialog->first, device_random, dialog->challenge),
                     OTA_WS_OK);
    assert_int_equal(ota_ws_scram_client_final(&dialog->client, hash, password, dialog->challenge, dialog->proof,
                                               &dialog->client_keys, dialog->expected_signature),
                     OTA_WS_OK);
}

static ota_ws_status_t judge(dialog_t *dialog, const ota_ws_verifier_t *verifier, const char *proof) {
    return ota_ws_scram_verify(&dialog->device, verifier, hash, proof, dialog->signature, &dialog->device_keys);
}

// ---- the RFC ----

// RFC 7677, section 3. Its user is "user", so the first two messages are put where challenge() would have put them.
static void the_example_of_rfc_7677(void **state) {
    (void)state;
    static const char bare[] = "n=user,r=rOprNGfwEbeRWgbNEkqO";
    static const char nonce[] = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    ota_ws_verifier_t verifier = verifier_of("pencil");
    ota_ws_scram_t scram = {0};
    snprintf(scram.text, sizeof scram.text, "%s,r=%s,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=%s", bare, nonce,
             nonce);
    scram.final_offset = (uint16_t)(strstr(scram.text, "c=biws") - scram.text);
    char final[OTA_WS_SCRAM_MESSAGE_SIZE];
    char reply[OTA_WS_SCRAM_MESSAGE_SIZE];
    ota_ws_session_keys_t keys;
    snprintf(final, sizeof final, "c=biws,r=%s,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", nonce);
    assert_int_equal(ota_ws_scram_verify(&scram, &verifier, hash, final, reply, &keys), OTA_WS_OK);
    assert_string_equal(reply, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

static void the_messages_have_the_form_of_rfc_5802(void **state) {
    (void)state;
    dialog_t dialog;
    ota_ws_verifier_t verifier = verifier_of(PASSWORD);
    talk(&dialog, &verifier, PASSWORD);
    char client_nonce[32];
    char device_nonce[32];
    char expected[OTA_WS_SCRAM_MESSAGE_SIZE];
    ota_ws_base64(client_nonce, client_random, 18);
    ota_ws_base64(device_nonce, device_random, 18);
    snprintf(expected, sizeof expected, "n,,n=ota,r=%s", client_nonce);
    assert_string_equal(dialog.first, expected);
    snprintf(expected, sizeof expected, "r=%s%s,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", client_nonce, device_nonce);
    assert_string_equal(dialog.challenge, expected);
    snprintf(expected, sizeof expected, "c=biws,r=%s%s,p=", client_nonce, device_nonce);
    assert_memory_equal(dialog.proof, expected, strlen(expected));
    assert_int_equal(strlen(dialog.proof), strlen(expected) + 44);
    assert_int_equal(judge(&dialog, &verifier, dialog.proof), OTA_WS_OK);
    assert_memory_equal(dialog.signature, "v=", 2);
    assert_int_equal(strlen(dialog.signature), 46);
}

// ---- our two sides ----

static void both_sides_prove_themselves_and_have_the_same_keys(void **state) {
    (void)state;
    static const char *const passwords[] = {PASSWORD, "abcd",
                                            "a password of exactly 64 characters, which is the most there is.",
                                            " ~!@#$%^&*()_+{}|:\"<>?\\,=", "    "};
    for (size_t i = 0; i < COUNT_OF(passwords); i++) {
        dialog_t dialog;
        ota_ws_verifier_t verifier = verifier_of(passwords[i]);
        assert_true(ota_ws_password_acceptable(passwords[i]));
        talk(&dialog, &verifier, passwords[i]);
        assert_int_equal(judge(&dialog, &verifier, dialog.proof), OTA_WS_OK);
        assert_true(ota_ws_scram_client_check(dialog.expected_signature, dialog.signature));
        assert_memory_equal(&dialog.client_keys, &dialog.device_keys, sizeof dialog.client_keys);
        assert_memory_not_equal(dialog.client_keys.client, dialog.client_keys.device, 32);
    }
}

static void openssl_hmac(const uint8_t key[32], const void *bytes, size_t length, uint8_t mac[32]) {
    unsigned size = 32;
    assert_non_null(HMAC(EVP_sha256(), key, 32, bytes, length, mac, &size));
}

// RFC 5802, section 8, and docs/protocol.md, "count and mac", put together once more out of OpenSSL's parts.
static void the_session_keys_are_those_of_the_documents(void **state) {
    (void)state;
    dialog_t dialog;
    ota_ws_verifier_t verifier = verifier_of(PASSWORD);
    uint8_t salted[32], client_key[32], stored_key[32], session_key[32], mac_key[32], bytes[1024];
    talk(&dialog, &verifier, PASSWORD);
    assert_int_equal(judge(&dialog, &verifier, dialog.proof), OTA_WS_OK);
    PKCS5_PBKDF2_HMAC(PASSWORD, -1, salt, sizeof salt, OTA_WS_SCRAM_ITERATIONS, EVP_sha256(), 32, salted);
    openssl_hmac(salted, "Client Key", 10, client_key);
    SHA256(client_key, 32, stored_key);
    memcpy(bytes, "GSS-API session key", 19);
    memcpy(bytes + 19, client_key, 32);
    const int length = 51 + snprintf((char *)bytes + 51, sizeof bytes - 51, "%s,%s,%.*s", dialog.first + 3,
                                     dialog.challenge, (int)(strstr(dialog.proof, ",p=") - dialog.proof), dialog.proof);
    openssl_hmac(stored_key, bytes, (size_t)length, session_key);
    openssl_hmac(session_key, "ota_ws client", 13, mac_key);
    assert_memory_equal(dialog.device_keys.client, mac_key, 32);
    openssl_hmac(session_key, "ota_ws device", 13, mac_key);
    assert_memory_equal(dialog.device_keys.device, mac_key, 32);
}

static void the_keys_may_lie_where_the_messages_lay(void **state) {
    (void)state;
    union {
        ota_ws_scram_t scram;
        ota_ws_session_keys_t keys;
    } secret;
    dialog_t dialog;
    ota_ws_verifier_t verifier = verifier_of(PASSWORD);
    talk(&dialog, &verifier, PASSWORD);
    secret.scram = dialog.device;
    assert_int_equal(ota_ws_scram_verify(&secret.scram, &verifier, hash, dialog.proof, dialog.signature, &secret.keys),
                     OTA_WS_OK);
    assert_memory_equal(&secret.keys, &dialog.client_keys, sizeof secret.keys);
}

static void every_other_password_is_wrong(void **state) {
    (void)state;
    static const char *const wrong[] = {"",
                                        "K",
                                        "K7MQ-2RTX-9WP",
                                        "K7MQ-2RTX-9WPDD",
                                        "K7MQ-2RTX-9WPD ",
                                        " K7MQ-2RTX-9WPD",
                                        "7MQ-2RTX-9WPD",
                                        "k7mq-2rtx-9wpd",
                                        "K7MQ2RTX9WPD",
                                        "K7MQ-2RTX-9WPE",
                                        "J7MQ-2RTX-9WPD",
                                        "ota"};
    ota_ws_verifier_t verifier = verifier_of(PASSWORD);
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        dialog_t dialog;
        talk(&dialog, &verifier, wrong[i]);
        assert_int_equal(judge(&dialog, &verifier, dialog.proof), OTA_WS_WRONG_PASSWORD);
    }
}

static void a_device_that_does_not_know_the_password_is_found_out(void **state) {
    (void)state;
    dialog_t dialog;
    ota_ws_verifier_t verifier = verifier_of(PASSWORD);
    talk(&dialog, &verifier, PASSWORD);
    assert_int_equal(judge(&dialog, &verifier, dialog.proof), OTA_WS_OK);
    for (size_t i = 2; i < strlen(dialog.signature); i++) {
        char changed[OTA_WS_SCRAM_MESSAGE_SIZE];
        strcpy(changed, dialog.signature);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_false(ota_ws_scram_client_check(dialog.expected_signature, changed));
    }
    static const char *const wrong[] = {"", "v=", "e=other-error", "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_false(ota_ws_scram_client_check(dialog.expected_signature, wrong[i]));
    }
}

static void a_recorded_proof_does_not_fit_another_challenge(void **state) {
    (void)state;
    static const uint8_t other_random[18] = "another 18 bytes!";
    dialog_t dialog;
    ota_ws_verifier_t verifier = verifier_of(PASSWORD);
    talk(&dialog, &verifier, PASSWORD);
    ota_ws_scram_t again;
    char challenge[OTA_WS_SCRAM_MESSAGE_SIZE];
    assert_int_equal(ota_ws_scram_challenge(&again, &verifier, dialog.first, other_random, challenge), OTA_WS_OK);
    assert_int_equal(ota_ws_scram_verify(&again, &verifier, hash, dialog.proof, dialog.signature, &dialog.device_keys),
                     OTA_WS_BAD_LOGIN);
}

static void each_character_of_the_proof_counts(void **state) {
    (void)state;
    ota_ws_verifier_t verifier = verifier_of(PASSWORD);
    dialog_t dialog;
    talk(&dialog, &verifier, PASSWORD);
    for (size_t i = 0; i < strlen(dialog.proof); i++) {
        dialog_t attempt = dialog;
        attempt.proof[i] = attempt.proof[i] == 'A' ? 'B' : 'A';
        assert_int_not_equal(judge(&attempt, &verifier, attempt.proof), OTA_WS_OK);
    }
    for (size_t length = 0; length < strlen(dialog.proof); length++) {
        dialog_t attempt = dialog;
        attempt.proof[length] = '\0';
        assert_int_equal(judge(&attempt, &verifier, attempt.proof), OTA_WS_BAD_LOGIN);
    }
}

// ---- messages that are wrong ----

static ota_ws_status_t challenge(const char *first) {
    ota_ws_scram_t scram;
    char reply[OTA_WS_SCRAM_MESSAGE_SIZE];
    ota_ws_verifier_t verifier = {.iterations = UINT32_MAX};
    return ota_ws_scram_challenge(&scram, &verifier, first, device_random, reply);
}

static void a_first_message_of_another_form_is_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "",
        "n",
        "n,,",
        "n,,n=ota",
        "n,,n=ota,r=",
        "n,,n=ota,r=12345678901234567",                         // 17 characters
        "n,,n=ota,r=12345678901234567890123456789012345678901", // 41
        "n,,n=ota,r=123456789012345678,x=1",                    // extensions
        "n,,n=ota,r=12345678901234567\xc3\xa9",                 // not ASCII
        "n,,n=ota,r=1234567890 12345678",                       // a space
        "n,,n=ota,r=12345678901234567\x7f",                     // a control character
        "n,,n=user,r=123456789012345678",                       // another user
        "n,,n=ot,r=123456789012345678",
        "n,,n=otaa,r=123456789012345678",
        "n,a=ota,n=ota,r=123456789012345678", // another authorisation identity
        "y,,n=ota,r=123456789012345678",      // channel bindings
        "p=tls-unique,,n=ota,r=123456789012345678",
        "n,,m=ext,n=ota,r=123456789012345678", // mandatory extension
        "n=ota,r=123456789012345678",
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        if (challenge(wrong[i]) != OTA_WS_BAD_LOGIN) {
            fail_msg("'%s' is accepted", wrong[i]);
        }
    }
}

// The text ends where its memory ends.
static void nothing_behind_the_first_message_is_read(void **state) {
    (void)state;
    static const char first[] = "n,,n=ota,r=123456789012345678";
    for (size_t length = 0; length < sizeof first; length++) {
        uint8_t *text = guard_copy((const uint8_t *)(first + sizeof first - 1 - length), length + 1);
        challenge((const char *)text);
        guard_free(text, length + 1);
        text = guard_copy((const uint8_t *)first, length + 1);
        text[length] = '\0';
        assert_int_equal(challenge((const char *)text), length == sizeof first - 1 ? OTA_WS_OK : OTA_WS_BAD_LOGIN);
        guard_free(text, length + 1);
    }
}

static void nonces_of_18_to_40_characters_are_accepted(void **state) {
    (void)state;
    char first[64] = "n,,n=ota,r=";
    for (size_t length = 1; length <= 50; length++) {
        first[10 + length] = (char)('!' + length % 11); // before ','
        first[11 + length] = '\0';
        assert_int_equal(challenge(first), length >= 18 && length <= 40 ? OTA_WS_OK : OTA_WS_BAD_LOGIN);
    }
}

// The longest nonce makes the longest messages; they fit, and the login works.
static void the_longest_nonce_logs_in(void **state) {
    (void)state;
    dialog_t dialog;
    ota_ws_verifier_t verifier = verifier_of(PASSWORD);
    memset(&dialog, 0, sizeof dialog);
    strcpy(dialog.client.text, "n=ota,r=1234567890123456789012345678901234567890");
    snprintf(dialog.first, sizeof dialog.first, "n,,%.100s", dialog.client.text);
    assert_int_equal(ota_ws_scram_challenge(&dialog.device, &verifier, dialog.first, device_random, dialog.challenge),
                     OTA_WS_OK);
    assert_int_equal(ota_ws_scram_client_final(&dialog.client, hash, PASSWORD, dialog.challenge, dialog.proof,
                                               &dialog.client_keys, dialog.expected_signature),
                     OTA_WS_OK);
    assert_int_equal(judge(&dialog, &verifier, dialog.proof), OTA_WS_OK);
}

static ota_ws_status_t client_final(const char *server_first) {
    ota_ws_scram_t scram;
    char message[OTA_WS_SCRAM_MESSAGE_SIZE];
    ota_ws_session_keys_t keys;
    uint8_t signature[32];
    ota_ws_scram_client_first(&scram, client_random, message);
    return ota_ws_scram_client_final(&scram, hash, PASSWORD, server_first, message, &keys, signature);
}

static void a_challenge_of_another_form_is_refused_by_the_client(void **state) {
    (void)state;
    char nonce[32];
    ota_ws_base64(nonce, client_random, 18);
    static const char *const wrong[] = {
        "",
        "r=%s",
        "r=%s,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",  // nothing added to our nonce
        "r=x%s,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", // does not begin with it
        "r=%sX,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4095", // too few rounds
        "r=%sX,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1",
        "r=%sX,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=0",
        "r=%sX,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1000001",    // too many
        "r=%sX,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4294971392", // 4096 after wrapping around
        "r=%sX,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=99999999999999999999",
        "r=%sX,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=",
        "r=%sX,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096x",
        "r=%sX,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,x=1",
        "r=%sX,s=W22ZaJ0SNY7soEsUEjb6gQ==",
        "r=%sX,s=W22ZaJ0SNY7soEsUEjb6g===,i=4096",
        "r=%sX,s=,i=4096",
        "r=%sX,i=4096,s=W22ZaJ0SNY7soEsUEjb6gQ==",
        "m=x,r=%sX,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        "e=unknown-user",
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        char message[256];
        const char *place = strstr(wrong[i], "%s");
        const int before = place != NULL ? (int)(place - wrong[i]) : (int)strlen(wrong[i]);
        snprintf(message, sizeof message, "%.*s%s%s", before, wrong[i], place != NULL ? nonce : "",
                 place != NULL ? place + 2 : "");
        if (client_final(message) != OTA_WS_BAD_LOGIN) {
            fail_msg("'%s' is accepted", message);
        }
    }
}

static void a_challenge_too_long_for_the_clients_memory_is_refused(void **state) {
    (void)state;
    char nonce[32];
    ota_ws_base64(nonce, client_random, 18);
    for (int added = 1; added < 400; added++) {
        char message[600];
        const int length = snprintf(message, sizeof message, "r=%s", nonce);
        memset(message + length, 'x', (size_t)added);
        strcpy(message + length + added, ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
        const ota_ws_status_t status = client_final(message);
        assert_true(status == OTA_WS_OK || status == OTA_WS_BAD_LOGIN);
        assert_true(added < 100 || status == OTA_WS_BAD_LOGIN);
        assert_true(added > 40 || status == OTA_WS_OK);
    }
}

// ---- against libgsasl ----

static Gsasl_session *gsasl_start(Gsasl *gsasl, bool client) {
    Gsasl_session *session;
    const int result = client ? gsasl_client_start(gsasl, "SCRAM-SHA-256", &session)
                              : gsasl_server_start(gsasl, "SCRAM-SHA-256", &session);
    assert_int_equal(result, GSASL_OK);
    return session;
}

static int gsasl_step_text(Gsasl_session *session, const char *in, char out[512]) {
    char *output = NULL;
    size_t length = 0;
    const int result = gsasl_step(session, in, strlen(in), &output, &length);
    out[0] = '\0';
    if (output != NULL) {
        assert_true(length < 512);
        memcpy(out, output, length);
        out[length] = '\0';
        gsasl_free(output);
    }
    return result;
}

static ota_ws_status_t libgsasl_logs_in(const char *password, bool *convinced) {
    Gsasl *gsasl;
    assert_int_equal(gsasl_init(&gsasl), GSASL_OK);
    Gsasl_session *client = gsasl_start(gsasl, true);
    gsasl_property_set(client, GSASL_AUTHID, "ota");
    gsasl_property_set(client, GSASL_PASSWORD, password);
    ota_ws_verifier_t verifier = verifier_of(PASSWORD);
    ota_ws_scram_t device;
    ota_ws_session_keys_t keys;
    char out[512];
    char reply[OTA_WS_SCRAM_MESSAGE_SIZE];
    assert_int_equal(gsasl_step_text(client, "", out), GSASL_NEEDS_MORE);
    assert_int_equal(ota_ws_scram_challenge(&device, &verifier, out, device_random, reply), OTA_WS_OK);
    assert_int_equal(gsasl_step_text(client, reply, out), GSASL_NEEDS_MORE);
    const ota_ws_status_t status = ota_ws_scram_verify(&device, &verifier, hash, out, reply, &keys);
    *convinced = status == OTA_WS_OK && gsasl_step_text(client, reply, out) == GSASL_OK;
    gsasl_finish(client);
    gsasl_done(gsasl);
    return status;
}

static void libgsasl_as_client_logs_in_to_our_device(void **state) {
    (void)state;
    bool convinced;
    assert_int_equal(libgsasl_logs_in(PASSWORD, &convinced), OTA_WS_OK);
    assert_true(convinced);
    assert_int_equal(libgsasl_logs_in("K7MQ-2RTX-9WPE", &convinced), OTA_WS_WRONG_PASSWORD);
}

static int our_client_logs_in(const char *password, bool *convinced) {
    Gsasl *gsasl;
    assert_int_equal(gsasl_init(&gsasl), GSASL_OK);
    Gsasl_session *server = gsasl_start(gsasl, false);
    gsasl_property_set(server, GSASL_PASSWORD, PASSWORD);
    gsasl_property_set(server, GSASL_SCRAM_ITER, "4096");
    gsasl_property_set(server, GSASL_SCRAM_SALT, "W22ZaJ0SNY7soEsUEjb6gQ==");
    ota_ws_scram_t client;
    ota_ws_session_keys_t keys;
    uint8_t signature[32];
    char message[OTA_WS_SCRAM_MESSAGE_SIZE];
    char out[512];
    ota_ws_scram_client_first(&client, client_random, message);
    assert_int_equal(gsasl_step_text(server, message, out), GSASL_NEEDS_MORE);
    assert_int_equal(ota_ws_scram_client_final(&client, hash, password, out, message, &keys, signature), OTA_WS_OK);
    const int result = gsasl_step_text(server, message, out);
    *convinced = result == GSASL_OK && ota_ws_scram_client_check(signature, out);
    gsasl_finish(server);
    gsasl_done(gsasl);
    return result;
}

static void our_client_logs_in_to_libgsasl(void **state) {
    (void)state;
    bool convinced;
    assert_int_equal(our_client_logs_in(PASSWORD, &convinced), GSASL_OK);
    assert_true(convinced);
    assert_int_equal(our_client_logs_in("K7MQ-2RTX-9WPE", &convinced), GSASL_AUTHENTICATION_ERROR);
}

// ---- passwords, codes, macs ----

static void acceptable_passwords_are_4_to_64_printable_ascii_characters(void **state) {
    (void)state;
    char longest[66];
    memset(longest, 'x', 65);
    longest[65] = '\0';
    assert_false(ota_ws_password_acceptable(longest));
    longest[64] = '\0';
    assert_true(ota_ws_password_acceptable(longest));
    static const char *const wrong[] = {"",
                                        "abc",
                                        "ab\tcd",
                                        "abcd\n",
                                        "abc\x7f"
                                        "d",
                                        "caf\xc3\xa9",
                                        "\x80"
                                        "abcd"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_false(ota_ws_password_acceptable(wrong[i]));
    }
    assert_true(ota_ws_password_acceptable("a b~"));
}

static void a_pairing_code_has_three_groups_without_look_alikes(void **state) {
    (void)state;
    uint8_t random[8] = {0};
    for (int i = 0; i < 500; i++) {
        char code[OTA_WS_PAIRING_CODE_SIZE];
        for (size_t k = 0; k < sizeof random; k++) {
            random[k] = (uint8_t)(random[k] * 5 + 3 + k + (size_t)i);
        }
        ota_ws_pairing_code(random, code);
        assert_int_equal(strlen(code), 14);
        for (size_t k = 0; k < 14; k++) {
            const bool hyphen = k % 5 == 4;
            assert_non_null(strchr(hyphen ? "-" : "0123456789ABCDEFGHJKMNPQRSTVWXYZ", code[k]));
        }
        assert_true(ota_ws_password_acceptable(code));
    }
}

static void sixty_bits_of_the_random_bytes_make_the_code(void **state) {
    (void)state;
    int counts = 0;
    for (int bit = 0; bit < 64; bit++) {
        uint8_t random[8] = {0};
        char zero[OTA_WS_PAIRING_CODE_SIZE];
        char code[OTA_WS_PAIRING_CODE_SIZE];
        ota_ws_pairing_code(random, zero);
        random[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ota_ws_pairing_code(random, code);
        counts += strcmp(zero, code) != 0;
    }
    assert_int_equal(counts, 60);
}

static void a_verifier_depends_on_password_salt_and_rounds(void **state) {
    (void)state;
    uint8_t other_salt[16];
    memcpy(other_salt, salt, 16);
    other_salt[15] ^= 1;
    ota_ws_verifier_t base = verifier_of(PASSWORD);
    ota_ws_verifier_t other;
    ota_ws_verifier_make(hash, PASSWORD, other_salt, 4096, &other);
    assert_memory_not_equal(base.stored_key, other.stored_key, 32);
    ota_ws_verifier_make(hash, PASSWORD, salt, 4097, &other);
    assert_memory_not_equal(base.stored_key, other.stored_key, 32);
    assert_int_equal(other.iterations, 4097);
    assert_memory_not_equal(base.stored_key, base.server_key, 32);
    assert_memory_equal(base.salt, salt, 16);
}

// Case 2 of RFC 4231, with its key filled up by zeros, which HMAC does anyway.
static void a_mac_is_the_first_half_of_an_hmac(void **state) {
    (void)state;
    static const uint8_t expected[] = {0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e,
                                       0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7};
    const uint8_t key[32] = "Jefe";
    uint8_t mac[16];
    ota_ws_mac(hash, key, "what do ya want for nothing?", 28, mac);
    assert_memory_equal(mac, expected, 16);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_rfc_7677),
        cmocka_unit_test(the_messages_have_the_form_of_rfc_5802),
        cmocka_unit_test(both_sides_prove_themselves_and_have_the_same_keys),
        cmocka_unit_test(the_session_keys_are_those_of_the_documents),
        cmocka_unit_test(the_keys_may_lie_where_the_messages_lay),
        cmocka_unit_test(every_other_password_is_wrong),
        cmocka_unit_test(a_device_that_does_not_know_the_password_is_found_out),
        cmocka_unit_test(a_recorded_proof_does_not_fit_another_challenge),
        cmocka_unit_test(each_character_of_the_proof_counts),
        cmocka_unit_test(a_first_message_of_another_form_is_refused),
        cmocka_unit_test(nothing_behind_the_first_message_is_read),
        cmocka_unit_test(nonces_of_18_to_40_characters_are_accepted),
        cmocka_unit_test(the_longest_nonce_logs_in),
        cmocka_unit_test(a_challenge_of_another_form_is_refused_by_the_client),
        cmocka_unit_test(a_challenge_too_long_for_the_clients_memory_is_refused),
        cmocka_unit_test(libgsasl_as_client_logs_in_to_our_device),
        cmocka_unit_test(our_client_logs_in_to_libgsasl),
        cmocka_unit_test(acceptable_passwords_are_4_to_64_printable_ascii_characters),
        cmocka_unit_test(a_pairing_code_has_three_groups_without_look_alikes),
        cmocka_unit_test(sixty_bits_of_the_random_bytes_make_the_code),
        cmocka_unit_test(a_verifier_depends_on_password_salt_and_rounds),
        cmocka_unit_test(a_mac_is_the_first_half_of_an_hmac),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
