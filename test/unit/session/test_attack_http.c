// SPDX-License-Identifier: Apache-2.0
// The head of a request of plain HTTP, changed in every way on its way: each bit of what the proof covers and of the
// proof itself, bytes left out, twice, cut off; passwords that are nearly right; a clock that the test moves. Prints
// counts.
#include "testing.h"

#include "hash_openssl.h"
#include "login/login.h"
#include "rig.h"
#include "session/http_upload.h"
#include "text.h"

#define SECOND 1000u
#define FILE_SIZE 65536
#define DIGEST "475bfa8748ff5f50f39b5f4dacac82b793ade24edf57245e97be4da530858998"

typedef struct {
    rig_t *rig;
    ota_ws_http_t http;
    ota_ws_http_request_t request;
    ota_ws_address_t peer;
    char ticket[OTA_WS_TICKET_TEXT_SIZE];
    char authorization[256];
    char digest[sizeof DIGEST];
    unsigned code;
    char text[OTA_WS_MESSAGE_SIZE + 1];
} client_t;

static void take_answer(void *context, unsigned code, const char *text, size_t length) {
    client_t *client = context;
    client->code = code;
    memcpy(client->text, text, length);
    client->text[length] = '\0';
}

static void mac(const uint8_t *key, const char *text, uint8_t value[OTA_WS_SHA256_SIZE]) {
    ota_ws_hmac(&ota_ws_hash_openssl, key, OTA_WS_SHA256_SIZE, text, strlen(text), value);
}

// What does not change from try to try.
static uint8_t client_key[OTA_WS_SHA256_SIZE];

static void derive(const rig_t *rig) {
    uint8_t salted[OTA_WS_SHA256_SIZE];
    ota_ws_pbkdf2(&ota_ws_hash_openssl, RIG_PASSWORD, rig->verifier.salt, sizeof rig->verifier.salt,
                  rig->verifier.iterations, salted);
    mac(salted, "Client Key", client_key);
}

// A PUT with a ticket and a proof of its own, from a peer that nobody knows.
static void prepare(client_t *client) {
    static uint32_t number;
    char body[OTA_WS_TICKET_BODY_SIZE], text[512];
    uint8_t proof[OTA_WS_SHA256_SIZE];
    rig_t *rig = client->rig;
    rig->now_ms += 120 * SECOND; // no limit of the guesses before
    number++;
    memcpy(client->peer.bytes, &number, sizeof number);
    client->request = (ota_ws_http_request_t){.gate = {.host = "127.0.0.1", .path = "/ota"},
                                              .method = "PUT",
                                              .authorization = client->authorization,
                                              .sha256 = client->digest,
                                              .body = "",
                                              .length = FILE_SIZE,
                                              .has_length = true};
    assert_int_equal(
        ota_ws_device_ticket(&rig->device, &client->request.gate, &client->peer, rig->now_ms, body, sizeof body),
        OTA_WS_OK);
    ota_ws_text_copy(client->ticket, sizeof client->ticket, strstr(body, "\"ticket\":\"") + 10);
    strcpy(client->digest, DIGEST);
    snprintf(text, sizeof text, "{\"type\":\"PUT\",\"path\":\"/ota\",\"size\":%u,\"sha256\":\"%s\",\"ticket\":\"%s\"}",
             FILE_SIZE, DIGEST, client->ticket);
    mac(rig->verifier.stored_key, text, proof);
    for (size_t i = 0; i < sizeof proof; i++) {
        proof[i] ^= client_key[i];
    }
    int length =
        snprintf(client->authorization, sizeof client->authorization, "OTA-SCRAM ticket=%s, proof=", client->ticket);
    ota_ws_base64(client->authorization + length, proof, sizeof proof);
}

// True: the device has begun an update.
static bool is_obeyed(client_t *client) {
    rig_t *rig = client->rig;
    unsigned starts = rig->starts;
    client->code = 0;
    ota_ws_http_open(&client->http, &rig->device, &client->request, &client->peer, rig->now_ms, take_answer, client);
    bool begun = rig->starts != starts;
    assert_int_equal(client->code == 0, begun);
    assert_true(begun || client->code >= 400);
    ota_ws_http_close(&client->http, rig->now_ms);
    rig_settle(rig);
    return begun;
}

static client_t *client_new(void) {
    client_t *client = calloc(1, sizeof *client);
    client->rig = rig_new_locked();
    derive(client->rig);
    return client;
}

static void client_free(client_t *client) {
    assert_int_equal(client->rig->restarts, 0);
    rig_free(client->rig);
    free(client);
}

static void the_honest_head_is_obeyed(void **state) {
    (void)state;
    client_t *client = client_new();
    prepare(client);
    assert_true(is_obeyed(client));
    client_free(client);
}

// Same means the same: hex digits may come in either case.
static bool is_same_text(const char *a, const char *b) {
    return strcasecmp(a, b) == 0;
}

static void no_change_of_a_text_is_obeyed(void **state) {
    (void)state;
    client_t *client = client_new();
    unsigned tries = 0;
    for (int text = 0; text < 2; text++) {
        char *place = text == 0 ? client->authorization : client->digest;
        prepare(client);
        size_t length = strlen(place);
        for (size_t at = 0; at < length; at++) {
            for (int how = 0; how < 11; how++) { // 8 bits, left out, twice, cut off
                char before[256];
                prepare(client);
                strcpy(before, place);
                if (how < 8) {
                    place[at] = (char)(place[at] ^ 1 << how);
                } else if (how == 8) {
                    memmove(place + at, place + at + 1, length - at);
                } else if (how == 9 && place == client->authorization) {
                    memmove(place + at + 1, place + at, length - at + 1);
                } else {
                    place[at] = '\0';
                }
                bool same = place == client->digest && is_same_text(place, before);
                bool obeyed = is_obeyed(client);
                assert_int_equal(obeyed, same || strcmp(place, before) == 0);
                tries++;
            }
        }
    }
    print_message("heads of plain HTTP, each bit of login and digest, byte left out, twice, cut off: %u, 0 obeyed\n",
                  tries);
    client_free(client);
}

static void no_other_size_and_no_other_place_is_obeyed(void **state) {
    (void)state;
    client_t *client = client_new();
    unsigned tries = 0;
    for (int bit = 0; bit < 32; bit++) {
        prepare(client);
        client->request.length ^= 1u << bit;
        assert_false(is_obeyed(client));
        tries++;
    }
    static const char *const ranges[] = {"bytes 0-65535/65537", "bytes 0-65536/65537", "bytes 0-65535/131072",
                                         "bytes */65537",       "bytes 1-65535/65536", "bytes 65536-131071/131072"};
    static const char *const paths[] = {"/ota/", "/ot", "/Ota", "", "/ota\"", "/ota\",\"size\":65536"};
    static const char *const methods[] = {"POST", "GET"};
    for (size_t i = 0; i < COUNT_OF(ranges); i++) {
        prepare(client);
        client->request.range = ranges[i];
        assert_false(is_obeyed(client));
        prepare(client);
        client->request.gate.path = paths[i];
        assert_false(is_obeyed(client));
        prepare(client);
        client->request.method = methods[i % 2];
        client->request.length = 0;
        assert_false(is_obeyed(client));
        prepare(client);
        client->request.downgrade = "true";
        assert_false(is_obeyed(client));
        prepare(client);
        client->request.sha256 = NULL;
        assert_false(is_obeyed(client));
        tries += 5;
    }
    print_message("plain HTTP, other size, range, path, method, permission: %u, 0 obeyed\n", tries);
    client_free(client);
}

static void no_ticket_serves_twice_or_late_or_elsewhere(void **state) {
    (void)state;
    client_t *client = client_new();
    prepare(client);
    assert_true(is_obeyed(client));
    assert_false(is_obeyed(client));
    assert_non_null(strstr(client->text, "bad_ticket"));
    prepare(client);
    client->rig->now_ms += OTA_WS_TICKET_LIFE_MS;
    assert_false(is_obeyed(client));
    assert_non_null(strstr(client->text, "bad_ticket"));
    prepare(client);
    client->peer.bytes[15] ^= 1;
    assert_false(is_obeyed(client));
    assert_non_null(strstr(client->text, "bad_ticket"));
    client_free(client);
}

// An attacker with one address, as many tries as he likes for a day.
static void a_day_of_guesses_is_as_short_as_by_websocket(void **state) {
    (void)state;
    client_t *client = client_new();
    unsigned guesses = 0;
    ota_ws_address_t peer = {{[15] = 9}};
    uint32_t began = client->rig->now_ms;
    while (client->rig->now_ms - began < 86400 * SECOND) {
        client->request = (ota_ws_http_request_t){
            .gate = {.host = "127.0.0.1", .path = "/ota"}, .method = "GET", .body = "", .is_secure = true};
        client->request.authorization = "Basic b3RhOkFBQUEtQUFBQS1BQUFB";
        char password[OTA_WS_PASSWORD_MAX + 1];
        client->peer = peer;
        bool tried = ota_ws_http_password(&client->rig->device, &client->request, &peer, client->rig->now_ms, password);
        client->request.derived_key = tried ? client_key : NULL; // another key
        assert_false(is_obeyed(client));
        guesses += tried;
        assert_int_equal(tried, strstr(client->text, "wrong_password") != NULL);
        client->rig->now_ms += SECOND / 2;
    }
    print_message("guesses in a day by plain HTTP, one address: %u\n", guesses);
    assert_true(guesses <= 1450);
    client_free(client);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_honest_head_is_obeyed),
        cmocka_unit_test(no_change_of_a_text_is_obeyed),
        cmocka_unit_test(no_other_size_and_no_other_place_is_obeyed),
        cmocka_unit_test(no_ticket_serves_twice_or_late_or_elsewhere),
        cmocka_unit_test(a_day_of_guesses_is_as_short_as_by_websocket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
