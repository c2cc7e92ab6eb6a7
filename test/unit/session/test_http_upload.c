// SPDX-License-Identifier: Apache-2.0
// Plain HTTP on a whole device whose world is scripted: heads of requests in, bodies, and the answers.
#include "testing.h"

#include "built_features.h"

#include "hash_openssl.h"
#include "rig.h"
#include "session/http_upload.h"
#include "text.h"

#define NO_BODY 0

typedef struct {
    rig_t *rig;
    ota_ws_http_t http;
    ota_ws_http_request_t request;
    ota_ws_address_t peer;
    char ticket[OTA_WS_TICKET_TEXT_SIZE];
    char authorization[256];
    char digest[2 * OTA_WS_SHA256_SIZE + 1];
    uint8_t key[OTA_WS_SHA256_SIZE];
    ota_ws_verifier_t derived;
    ota_ws_session_keys_t keys;
    unsigned code; // 0: no answer yet
    char text[OTA_WS_MESSAGE_SIZE + 1];
} client_t;

static void take_answer(void *context, unsigned code, const char *text, size_t length) {
    client_t *client = context;
    assert_int_equal(client->code, 0);
    assert_true(code >= 200 && code < 600);
    client->code = code;
    memcpy(client->text, text, length);
    client->text[length] = '\0';
}

static client_t *client_new(rig_t *rig, const char *method) {
    client_t *client = calloc(1, sizeof *client);
    client->rig = rig;
    client->peer.bytes[15] = 1;
    client->request.gate = (ota_ws_gate_request_t){.host = "127.0.0.1", .path = "/ota"};
    client->request.method = method;
    client->request.body = "";
    client->request.has_length = true;
    return client;
}

static void client_free(client_t *client) {
    if (client->http.session.device != NULL) {
        ota_ws_http_close(&client->http, client->rig->now_ms);
    }
    free(client);
}

static void ask_ticket(client_t *client) {
    char body[OTA_WS_TICKET_BODY_SIZE];
    assert_int_equal(ota_ws_device_ticket(&client->rig->device, &client->request.gate, &client->peer,
                                          client->rig->now_ms, body, sizeof body),
                     OTA_WS_OK);
    ota_ws_text_copy(client->ticket, sizeof client->ticket, strstr(body, "\"ticket\":\"") + 10);
}

static void hmac_text(const uint8_t *key, const char *text, uint8_t mac[OTA_WS_SHA256_SIZE]) {
    ota_ws_hmac(&ota_ws_hash_openssl, key, OTA_WS_SHA256_SIZE, text, strlen(text), mac);
}

// The proof of a password for what the client will ask, as docs/protocol.md says it; `inner` stands behind the ticket.
static void prove(client_t *client, const char *password, uint32_t size, const char *digest, const char *inner) {
    char text[512];
    uint8_t salted[32], client_key[32], stored_key[32], proof[32], material[600];
    ota_ws_sha256_t hash;
    const ota_ws_verifier_t *verifier = &client->rig->verifier;
    bool downgrade = client->request.downgrade != NULL;
    ota_ws_pbkdf2(&ota_ws_hash_openssl, password, verifier->salt, 16, verifier->iterations, salted);
    hmac_text(salted, "Client Key", client_key);
    ota_ws_hash_openssl.start(&hash);
    ota_ws_hash_openssl.update(&hash, client_key, 32);
    ota_ws_hash_openssl.finish(&hash, stored_key);
    snprintf(text, sizeof text,
             "{\"type\":\"%s\",\"path\":\"/ota\",\"size\":%u,\"sha256\":\"%s\"%s,\"ticket\":\"%s%s\"}",
             client->request.method, size, digest, downgrade ? ",\"allow_downgrade\":true" : "", client->ticket, inner);
    hmac_text(stored_key, text, proof);
    for (int i = 0; i < 32; i++) {
        proof[i] ^= client_key[i];
    }
    int length = snprintf(client->authorization, sizeof client->authorization,
                          "OTA-SCRAM ticket=%s%s, proof=", client->ticket, inner);
    ota_ws_base64(client->authorization + length, proof, sizeof proof);
    client->request.authorization = client->authorization;

    size_t at = (size_t)snprintf((char *)material, sizeof material, "GSS-API session key");
    memcpy(material + at, client_key, 32);
    memcpy(material + at + 32, text, strlen(text));
    uint8_t session_key[32];
    ota_ws_hmac(&ota_ws_hash_openssl, stored_key, 32, material, at + 32 + strlen(text), session_key);
    hmac_text(session_key, "ota_ws device", client->keys.device);
}

static void write_digest(const void *bytes, size_t length, char digest[2 * OTA_WS_SHA256_SIZE + 1]) {
    uint8_t value[OTA_WS_SHA256_SIZE];
    ota_ws_sha256_t hash;
    ota_ws_hash_openssl.start(&hash);
    ota_ws_hash_openssl.update(&hash, bytes, length);
    ota_ws_hash_openssl.finish(&hash, value);
    ota_ws_text_hex(digest, value, sizeof value);
}

static void open_request(client_t *client) {
    client->code = 0;
    memset(&client->http, 0xA5, sizeof client->http);
    ota_ws_http_open(&client->http, &client->rig->device, &client->request, &client->peer, client->rig->now_ms,
                     take_answer, client);
}

// A PUT of this file, with the proof where the device is locked.
static client_t *put(rig_t *rig, const image_file_t *file) {
    client_t *client = client_new(rig, "PUT");
    client->request.length = (uint32_t)file->length;
    write_digest(file->bytes, file->length, client->digest);
    client->request.sha256 = client->digest;
    if (rig->device.verifier != NULL) {
        ask_ticket(client);
        prove(client, RIG_PASSWORD, (uint32_t)file->length, client->digest, "");
    }
    return client;
}

static client_t *post(rig_t *rig, const char *body) {
    client_t *client = client_new(rig, "POST");
    client->request.body = body;
    client->request.length = (uint32_t)strlen(body);
    write_digest(body, strlen(body), client->digest);
    if (rig->device.verifier != NULL) {
        ask_ticket(client);
        prove(client, RIG_PASSWORD, (uint32_t)strlen(body), client->digest, "");
    }
    return client;
}

// Sends the body from `at` on as the device takes it, to `until` at most, in pieces of up to `piece` bytes.
static void send_body(client_t *client, const image_file_t *file, size_t at, size_t until, uint32_t piece) {
    uint32_t most;
    bool moved = true;
    while (moved && client->code == 0) {
        ota_ws_http_step_t step = ota_ws_http_next(&client->http, &most);
        moved = (step == OTA_WS_HTTP_SKIP || step == OTA_WS_HTTP_TAKE) && at < until;
        if (moved) {
            uint32_t length = most < piece ? most : piece;
            length = length < until - at ? length : (uint32_t)(until - at);
            client->rig->incoming = file->bytes + at;
            ota_ws_http_body(&client->http, length, client->rig->now_ms);
            at += length;
        }
        moved = rig_work(client->rig) || moved;
    }
}

static void upload(client_t *client, const image_file_t *file) {
    open_request(client);
    send_body(client, file, 0, file->length, 1000);
    rig_settle(client->rig);
}

static bool answered(const client_t *client, unsigned code, const char *type, const char *name) {
    char start[64];
    char named[64];
    snprintf(start, sizeof start, "{\"type\":\"%s\"", type);
    snprintf(named, sizeof named, "\"name\":\"%s\"", name);
    bool is_right = client->code == code && strncmp(client->text, start, strlen(start)) == 0 &&
                    (name[0] == '\0' || strstr(client->text, named) != NULL);
    if (!is_right) {
        print_error("%u %s\n", client->code, client->text);
    }
    return is_right;
}

// ---- PUT

static void a_put_updates_and_is_answered_by_done(void **state) {
    (void)state;
    for (int locked = 0; locked < 2; locked++) {
        rig_t *rig = locked ? rig_new_locked() : rig_new();
        image_file_t file = rig_image("2.0.0");
        client_t *client = put(rig, &file);
        upload(client, &file);
        assert_true(answered(client, 200, "done", ""));
        assert_int_equal(rig->device.update, OTA_WS_UPDATE_READY);
        client_free(client);
        assert_int_equal(rig->device.update, OTA_WS_UPDATE_READY);
        image_free(&file);
        rig_free(rig);
    }
}

static void the_answer_carries_the_mac_of_this_login(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    image_file_t file = rig_image("2.0.0");
    client_t *client = put(rig, &file);
    uint8_t mac[OTA_WS_MAC_SIZE];
    char digits[2 * OTA_WS_MAC_SIZE + 1];
    prove(client, RIG_PASSWORD, (uint32_t)file.length, client->digest, ", nonce=MTYgcmFuZG9tIGJ5dGVz");
    upload(client, &file);
    assert_true(answered(client, 200, "done", ""));
    const char *at = strstr(client->text, ",\"mac\":\"");
    assert_non_null(at);
    ota_ws_mac(&ota_ws_hash_openssl, client->keys.device, client->text, (size_t)(at - client->text), mac);
    ota_ws_text_hex(digits, mac, sizeof mac);
    assert_memory_equal(at + 8, digits, 2 * OTA_WS_MAC_SIZE);
    client_free(client);
    image_free(&file);
    rig_free(rig);
}

static void every_head_that_is_not_right_is_named(void **state) {
    (void)state;
    static const struct {
        const char *range, *sha256, *downgrade, *host, *origin;
        bool chunked;
        unsigned code;
        const char *name;
    } cases[] = {
        {.chunked = true, .code = 411, .name = "needs_length"},
        {.sha256 = "00", .code = 400, .name = "bad_value"},
        {.sha256 = "", .code = 400, .name = "bad_value"},
        {.downgrade = "yes", .code = 400, .name = "bad_value"},
        {.range = "bytes 0-1/9", .code = 400, .name = "bad_value"},
        {.range = "bytes=0-1/2", .code = 400, .name = "bad_value"},
        {.range = "bytes ", .code = 400, .name = "bad_value"},
        {.range = "bytes 0-", .code = 400, .name = "bad_value"},
        {.range = "bytes 4294967296-4294967297/4294967298", .code = 400, .name = "bad_value"},
        {.range = "bytes 99999999999999999999-1/2", .code = 400, .name = "bad_value"},
        {.range = "bytes */100000", .code = 400, .name = "bad_value"}, // with a body
        {.range = "", .code = 400, .name = "bad_value"},
        {.host = "evil.example", .code = 403, .name = "foreign_host"},
        {.origin = "http://evil.example", .code = 403, .name = "foreign_origin"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        rig_t *rig = rig_new_locked();
        image_file_t file = rig_image("2.0.0");
        client_t *client = put(rig, &file);
        ota_ws_http_request_t *request = &client->request;
        request->has_length = !cases[i].chunked;
        request->range = cases[i].range;
        request->downgrade = cases[i].downgrade;
        request->sha256 = cases[i].sha256 != NULL ? cases[i].sha256 : request->sha256;
        request->gate.host = cases[i].host != NULL ? cases[i].host : request->gate.host;
        request->gate.origin = cases[i].origin;
        open_request(client);
        assert_true(answered(client, cases[i].code, "error", cases[i].name));
        assert_int_equal(rig->starts, 0);
        client_free(client);
        image_free(&file);
        rig_free(rig);
    }
}

static void a_failure_has_the_status_of_its_kind(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t wrong = rig_image_of_another_chip();
    client_t *client = put(rig, &wrong);
    upload(client, &wrong);
    assert_true(answered(client, 422, "failed", "wrong_chip"));
    client_free(client);
    image_free(&wrong);

    client = client_new(rig, "PUT");
    client->request.length = 0x10000000;
    open_request(client);
    assert_true(answered(client, 413, "failed", "too_large"));
    client_free(client);

    client = client_new(rig, "PUT");
    open_request(client);
    assert_true(answered(client, 422, "failed", "empty"));
    client_free(client);

    image_file_t file = rig_image("2.0.0");
    client = put(rig, &file);
    client->digest[0] ^= 1;
    upload(client, &file);
    assert_true(answered(client, 422, "failed", "digest_mismatch"));
    client_free(client);

    peer_t *other = peer_welcome(rig);
    peer_begin_image(other, &file);
    client = put(rig, &file);
    open_request(client);
    assert_true(answered(client, 409, "failed", "busy"));
    client_free(client);
    peer_free(other);
    rig_settle(rig);

    rig->start_status = OTA_WS_NO_MEMORY;
    client = put(rig, &file);
    open_request(client);
    assert_true(answered(client, 503, "failed", "no_memory"));
    client_free(client);
    image_free(&file);
    rig_free(rig);
}

static void a_body_that_stops_is_a_stalled_update(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t file = rig_image("2.0.0");
    client_t *client = put(rig, &file);
    open_request(client);
    send_body(client, &file, 0, 5000, 1000);
    rig_pass(rig, rig->settings.stall_timeout_ms);
    rig_settle(rig);
    assert_true(answered(client, 408, "failed", "stalled"));
    client_free(client);
    image_free(&file);
    rig_free(rig);
}

// ---- going on

static image_file_t large_image(void) {
    image_spec_t spec = image_spec_default;
    spec.version = "2.0.0";
    spec.size = 0x3C000;
    return image_build(&spec);
}

static void a_cut_at_every_64_kib_goes_on_and_ends_well(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    image_file_t file = large_image();
    for (size_t cut = 0x10000; cut < file.length; cut += 0x10000) {
        client_t *client = put(rig, &file);
        open_request(client);
        send_body(client, &file, 0, cut, 4096);
        client_free(client);
        rig_settle(rig);
        assert_int_equal(rig->device.update, OTA_WS_UPDATE_IDLE);
    }
    client_t *client = put(rig, &file);
    client->request.length = 0; // where shall it go on?
    char range[64];
    snprintf(range, sizeof range, "bytes */%zu", file.length);
    client->request.range = range;
    open_request(client);
    rig_settle(rig);
    assert_true(answered(client, 308, "ready", ""));
    uint32_t kept = client->http.kept;
    assert_true(kept > 0 && kept < file.length);
    client_free(client);
    rig_settle(rig);

    client = put(rig, &file);
    client->request.length = (uint32_t)file.length - kept;
    snprintf(range, sizeof range, "bytes %u-%zu/%zu", kept, file.length - 1, file.length);
    client->request.range = range;
    open_request(client);
    send_body(client, &file, kept, file.length, 1000);
    rig_settle(rig);
    assert_true(answered(client, 200, "done", ""));
    client_free(client);
    image_free(&file);
    rig_free(rig);
}

static void the_whole_file_again_skips_what_flash_holds(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t file = large_image();
    client_t *client = put(rig, &file);
    open_request(client);
    send_body(client, &file, 0, 0x11000, 4096);
    client_free(client);
    rig_settle(rig);

    client = put(rig, &file);
    uint32_t most;
    open_request(client);
    rig_work(rig);
    assert_int_equal(ota_ws_http_next(&client->http, &most), OTA_WS_HTTP_SKIP);
    assert_int_equal(most, client->http.kept);
    send_body(client, &file, 0, file.length, 777);
    rig_settle(rig);
    assert_true(answered(client, 200, "done", ""));
    client_free(client);
    image_free(&file);
    rig_free(rig);
}

static void a_body_from_beyond_is_told_where_to_go_on(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t file = rig_image("2.0.0");
    client_t *client = put(rig, &file);
    char range[64];
    client->request.length = (uint32_t)file.length - 4096;
    snprintf(range, sizeof range, "bytes 4096-%zu/%zu", file.length - 1, file.length);
    client->request.range = range;
    open_request(client);
    rig_settle(rig);
    assert_true(answered(client, 308, "ready", ""));
    assert_int_equal(client->http.kept, 0);
    client_free(client);
    rig_settle(rig);
    image_free(&file);
    rig_free(rig);
}

// ---- login

static void basic(client_t *client, const char *text) {
    strcpy(client->authorization, "Basic ");
    ota_ws_base64(client->authorization + 6, (const uint8_t *)text, strlen(text));
    client->request.authorization = client->authorization;
}

// What a transport does: derives the key of the password, if there is one to try.
static bool derive(client_t *client) {
    char password[OTA_WS_PASSWORD_MAX + 1];
    const ota_ws_verifier_t *verifier = &client->rig->verifier;
    if (!ota_ws_http_password(&client->rig->device, &client->request, &client->peer, client->rig->now_ms, password)) {
        return false;
    }
    ota_ws_verifier_make(&ota_ws_hash_openssl, password, verifier->salt, verifier->iterations, &client->derived);
    client->request.derived_key = client->derived.stored_key;
    return true;
}

static void over_tls_the_password_itself_is_taken(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    image_file_t file = rig_image("2.0.0");
    client_t *client = put(rig, &file);
    basic(client, "ota:" RIG_PASSWORD);
    client->request.is_secure = true;
    client->request.sha256 = NULL;
    assert_true(derive(client));
    upload(client, &file);
    assert_true(answered(client, 200, "done", ""));
    assert_null(strstr(client->text, "\"mac\"")); // there is no key for one
    client_free(client);
    image_free(&file);
    rig_free(rig);
}

static void over_http_the_password_is_refused(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    client_t *client = client_new(rig, "PUT");
    basic(client, "ota:" RIG_PASSWORD);
    assert_false(derive(client));
    open_request(client);
    assert_true(answered(client, 403, "error", "needs_https"));
    client_free(client);
    rig_free(rig);
}

static void every_wrong_login_is_refused_and_counted(void **state) {
    (void)state;
    static const char *const texts[] = {"ota:",
                                        "ota:" RIG_PASSWORD "x",
                                        "eve:" RIG_PASSWORD,
                                        RIG_PASSWORD,
                                        "ota:K7MQ-2RTX-9WP",
                                        "",
                                        ":" RIG_PASSWORD "ota:",
                                        "ota:12345678901234567890123456789012345678901234567890123456789012345"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        rig_t *rig = rig_new_locked();
        client_t *client = client_new(rig, "PUT");
        basic(client, texts[i]);
        client->request.is_secure = true;
        assert_true(derive(client));
        open_request(client);
        assert_true(answered(client, 401, "error", "wrong_password"));
        ota_ws_http_close(&client->http, rig->now_ms);
        assert_false(derive(client)); // has to wait
        open_request(client);
        assert_true(answered(client, 429, "error", "try_later"));
        assert_non_null(strstr(client->text, "\"wait_s\":1"));
        client_free(client);
        rig_free(rig);
    }
}

static void without_a_login_nothing_is_said(void **state) {
    (void)state;
    static const char *const values[] = {NULL, "", "Bearer x", "Basic", "OTA-SCRAM", "Digest username=\"ota\""};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        rig_t *rig = rig_new_locked();
        client_t *client = client_new(rig, "GET");
        client->request.is_secure = true;
        client->request.authorization = values[i];
        open_request(client);
        assert_true(answered(client, 401, "error", "needs_login"));
        client_free(client);
        rig_free(rig);
    }
}

static void a_proof_serves_one_request(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    client_t *client = client_new(rig, "GET");
    char digest[65];
    write_digest("", 0, digest);
    ask_ticket(client);
    prove(client, RIG_PASSWORD, NO_BODY, digest, "");
    open_request(client);
    assert_true(answered(client, 200, "state", ""));
    ota_ws_http_close(&client->http, rig->now_ms);
    open_request(client);
    assert_true(answered(client, 401, "error", "bad_ticket"));
    client_free(client);
    rig_free(rig);
}

// The attacker has recorded it, has the owner's address, and makes the device forget which tickets were spent.
static void a_copy_of_a_request_is_never_obeyed(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    client_t *client = client_new(rig, "GET");
    char digest[65], other[OTA_WS_TICKET_TEXT_SIZE];
    write_digest("", 0, digest);
    ask_ticket(client);
    prove(client, RIG_PASSWORD, NO_BODY, digest, "");
    open_request(client);
    assert_true(answered(client, 200, "state", ""));
    ota_ws_http_close(&client->http, rig->now_ms);
    for (int i = 0; i < 100; i++) {
        ota_ws_login_ticket(&rig->device.login, &client->peer, rig->now_ms, other);
        assert_int_equal(ota_ws_login_spend(&rig->device.login, &client->peer, other, rig->now_ms), OTA_WS_OK);
    }
    open_request(client);
    assert_true(answered(client, 401, "error", "bad_ticket"));
    client_free(client);
    rig_free(rig);
}

static void a_proof_is_for_one_thing_only(void **state) {
    (void)state;
    image_file_t file = rig_image("2.0.0");
    for (int i = 0; i < 6; i++) {
        rig_t *rig = rig_new_locked();
        client_t *client = put(rig, &file);
        char range[64];
        snprintf(range, sizeof range, "bytes 0-%zu/%zu", file.length, file.length + 1);
        ota_ws_http_request_t *request = &client->request;
        switch (i) {
        case 0:
            client->digest[63] ^= 1; // other bytes
            break;
        case 1:
            request->length++; // other size
            break;
        case 2:
            request->downgrade = "true";
            break;
        case 3:
            request->gate.path = "/ota/";
            break;
        case 4:
            request->method = "POST";
            request->length = 0;
            break;
        default:
            request->length++;
            request->range = range;
        }
        open_request(client);
        assert_true(answered(client, 401, "error", "wrong_password"));
        assert_int_equal(rig->starts, 0);
        client_free(client);
        rig_free(rig);
    }
    image_free(&file);
}

static void what_is_no_proof_is_named(void **state) {
    (void)state;
    static const char *const values[] = {
        "OTA-SCRAM ticket=", "OTA-SCRAM ticket=, proof=", "OTA-SCRAM ticket=00000000000000000000000000000000",
        "OTA-SCRAM ticket=00000000000000000000000000000000, proof=",
        "OTA-SCRAM ticket=00000000000000000000000000000000, proof=AAAA"};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        rig_t *rig = rig_new_locked();
        image_file_t file = rig_image("2.0.0");
        client_t *client = put(rig, &file);
        client->request.authorization = values[i];
        open_request(client);
        assert_true(answered(client, 401, "error", i < 3 ? "bad_login" : "bad_ticket"));
        client_free(client);
        client = put(rig, &file);
        client->request.sha256 = NULL;
        open_request(client);
        assert_true(answered(client, 400, "error", "missing_member"));
        client_free(client);
        image_free(&file);
        rig_free(rig);
    }
}

// ---- POST and GET

static void confirm_is_answered_when_it_is_done(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    rig->identity.image_state = OTA_WS_IMAGE_TRIAL;
    rig->device.on_trial = true;
    client_t *client = post(rig, "{\"type\":\"confirm\"}");
    open_request(client);
    assert_int_equal(client->code, 0);
    rig_settle(rig);
    assert_true(answered(client, 200, "state", ""));
    assert_non_null(strstr(client->text, "\"image\":\"valid\""));
    client_free(client);
    client = post(rig, "{\"type\":\"confirm\"}");
    open_request(client);
    assert_true(answered(client, 409, "failed", "not_on_trial"));
    client_free(client);
    rig_free(rig);
}

static void restart_and_going_back_are_answered(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    client_t *client = post(rig, "{\"type\":\"rollback\"}");
    open_request(client);
    rig_settle(rig);
    assert_int_equal(client->code, 200);
    assert_int_equal(rig->restarts, 1);
    client_free(client);
    client = post(rig, "{\"type\":\"restart\"}");
    open_request(client);
    assert_true(answered(client, 409, "error", "device_busy")); // it restarts already
    client_free(client);
    rig_free(rig);

    rig = rig_new();
    client = post(rig, "{\"type\":\"restart\"}");
    open_request(client);
    assert_true(answered(client, 200, "restarting", ""));
    assert_int_equal(rig->restarts, 1);
    client_free(client);
    rig_free(rig);
}

static void cancel_takes_a_ready_image_back(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t file = rig_image("2.0.0");
    client_t *client = put(rig, &file);
    upload(client, &file);
    client_free(client);
    client = post(rig, "{\"type\":\"cancel\"}");
    open_request(client);
    rig_settle(rig);
    assert_true(answered(client, 200, "failed", "cancelled"));
    assert_int_equal(rig->device.update, OTA_WS_UPDATE_IDLE);
    client_free(client);
    client = post(rig, "{\"type\":\"cancel\"}");
    open_request(client);
    assert_true(answered(client, 409, "failed", "no_update"));
    client_free(client);
    image_free(&file);
    rig_free(rig);
}

static void a_post_does_four_things_and_no_other(void **state) {
    (void)state;
    static const struct {
        const char *body, *name;
    } cases[] = {
        {"{\"type\":\"ping\"}", "unexpected_message"},
        {"{\"type\":\"history\"}", "unexpected_message"},
        {"{\"type\":\"logs\"}", "unexpected_message"},
        {"{\"type\":\"crash\",\"stack\":true}", "unexpected_message"},
        {"{\"type\":\"end\"}", "unexpected_message"},
        {"{\"type\":\"begin\",\"size\":1,\"sha256\":"
         "\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"}",
         "unexpected_message"},
        {"{\"type\":\"reboot\"}", "unknown_message"},
        {"{\"type\":\"restart\",\"now\":true}", "unknown_member"},
        {"restart", "not_json"},
        {"type=restart", "not_json"},
        {"", "not_json"},
        {"{}", "missing_member"},
        {"{\"type\":\"restart\",\"count\":1,\"mac\":\"00000000000000000000000000000000\"}", "unexpected_message"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        rig_t *rig = i % 2 == 0 ? rig_new() : rig_new_locked();
        client_t *client = post(rig, cases[i].body);
        open_request(client);
        assert_true(answered(client, 400, "error", cases[i].name));
        assert_int_equal(rig->restarts + rig->starts, 0);
        client_free(client);
        rig_free(rig);
    }
}

// ---- beside WebSockets

static void a_websocket_sees_a_put_and_is_refused(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t file = rig_image("2.0.0");
    peer_t *viewer = peer_welcome(rig);
    client_t *client = put(rig, &file);
    open_request(client);
    send_body(client, &file, 0, 20000, 4096);
    peer_say(viewer, "{\"type\":\"begin\",\"size\":1,\"sha256\":"
                     "\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"");
    assert_true(peer_failed(viewer, "busy"));
    assert_non_null(strstr(peer_received(viewer, "state"), "\"update\":\"receiving\""));
    send_body(client, &file, 20000, file.length, 4096);
    rig_settle(rig);
    assert_true(answered(client, 200, "done", ""));
    assert_non_null(strstr(peer_received(viewer, "state"), "\"update\":\"ready\""));
    assert_null(peer_received(viewer, "done"));
    client_free(client);
    peer_free(viewer);
    image_free(&file);
    rig_free(rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_put_updates_and_is_answered_by_done),
        cmocka_unit_test(the_answer_carries_the_mac_of_this_login),
        cmocka_unit_test(every_head_that_is_not_right_is_named),
        cmocka_unit_test(a_failure_has_the_status_of_its_kind),
        cmocka_unit_test(a_body_that_stops_is_a_stalled_update),
        unit_test_of(resume, a_cut_at_every_64_kib_goes_on_and_ends_well),
        unit_test_of(resume, the_whole_file_again_skips_what_flash_holds),
        cmocka_unit_test(a_body_from_beyond_is_told_where_to_go_on),
        cmocka_unit_test(over_tls_the_password_itself_is_taken),
        cmocka_unit_test(over_http_the_password_is_refused),
        cmocka_unit_test(every_wrong_login_is_refused_and_counted),
        cmocka_unit_test(without_a_login_nothing_is_said),
        cmocka_unit_test(a_proof_serves_one_request),
        cmocka_unit_test(a_copy_of_a_request_is_never_obeyed),
        cmocka_unit_test(a_proof_is_for_one_thing_only),
        cmocka_unit_test(what_is_no_proof_is_named),
        cmocka_unit_test(confirm_is_answered_when_it_is_done),
        cmocka_unit_test(restart_and_going_back_are_answered),
        cmocka_unit_test(cancel_takes_a_ready_image_back),
        cmocka_unit_test(a_post_does_four_things_and_no_other),
        cmocka_unit_test(a_websocket_sees_a_put_and_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
