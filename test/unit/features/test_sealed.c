// SPDX-License-Identifier: Apache-2.0
// Sealed uploads on a whole device: they arrive, by every way of an update; who may not seal is refused; and over
// 10,000 random lives no byte of any keystream is used twice (docs/security.md, "Sealed uploads").
#include "testing.h"

#include <zlib.h>

#include "built_features.h"

#include "hash_openssl.h"
#include "inflate_zlib.h"
#include "rig.h"
#include "seal.h"
#include "session/http_upload.h"
#include "text.h"

#define EARLY 3000u
#define LINK 150000u
#define LIVES 10000u
#define SMALL 9000u // bytes of the image of a life

static desk_t open_sealed(void) {
    desk_t desk = desk_open(rig_new_locked(), rig_long_image("2.0.0"));
    desk.peer->seals = true;
    return desk;
}

static void close_all(desk_t *desk) {
    image_free(&desk->file);
    desk_close(desk);
}

// ---- who may ----

static void state_says_seals_where_there_is_a_login(void **state) {
    (void)state;
    for (int locked = 0; locked < 2; locked++) {
        rig_t *rig = locked != 0 ? rig_new_locked() : rig_new();
        peer_t *peer = peer_welcome(rig);
        image_file_t file = rig_image("2.0.0");
        peer_begin_image(peer, &file);
        bool seals = strstr(peer_received(peer, "state"), ",\"seals\":true") != NULL;
        assert_int_equal(seals, locked != 0);
        peer_free(peer);
        rig_settle(rig);
        image_free(&file);
        rig_free(rig);
    }
}

static void without_a_login_nothing_is_sealed(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    peer_t *peer = peer_welcome(rig);
    image_file_t file = rig_image("2.0.0");
    peer_begin_with(peer, &file, ",\"sealed\":true");
    assert_true(peer_ended(peer, "bad_value"));
    assert_int_equal(rig->starts, 0);
    peer_free(peer);
    image_free(&file);
    rig_free(rig);
}

// ---- the ways of an update ----

static void a_sealed_update_arrives_in_frames_of_any_length(void **state) {
    (void)state;
    static const uint32_t chunks[] = {512, 1021, 4096};
    for (size_t i = 0; i < COUNT_OF(chunks); i++) {
        desk_t desk = open_sealed();
        desk.rig->settings.chunk = chunks[i];
        peer_begin_image(desk.peer, &desk.file);
        peer_assert_completes(desk.peer, &desk.file, 0);
        close_all(&desk);
    }
}

static void early_data_are_opened_whenever_the_writer_begins(void **state) {
    (void)state;
    for (uint32_t before = 1; before <= EARLY; before += 700) {
        desk_t desk = open_sealed();
        peer_begin_with(desk.peer, &desk.file, ",\"early\":3000");
        peer_data(desk.peer, 0, desk.file.bytes, before);
        rig_settle(desk.rig);
        peer_data(desk.peer, before, desk.file.bytes + before, EARLY - before);
        rig_settle(desk.rig);
        peer_assert_completes(desk.peer, &desk.file, EARLY);
        close_all(&desk);
    }
}

// The stream goes on under another nonce: what was sent early lies at the same offsets of a compressed upload.
static void behind_a_resume_the_stream_is_another_one(void **state) {
    (void)state;
    image_file_t file = rig_long_image("2.0.0");
    rig_t *rig = rig_new_locked();
    rig_interrupt(rig, &file, LINK);
    desk_t desk = desk_open(rig, file);
    desk.peer->seals = true;
    peer_begin_with(desk.peer, &desk.file, ",\"early\":3000");
    peer_data(desk.peer, 0, desk.file.bytes, EARLY);
    rig_settle(desk.rig);
    assert_int_equal(desk.peer->start, LINK);
    peer_assert_completes(desk.peer, &desk.file, LINK);
    close_all(&desk);
}

static void the_stream_of_another_begin_or_start_is_another_file(void **state) {
    (void)state;
    for (int wrong = 0; wrong < 2; wrong++) {
        image_file_t file = rig_long_image("2.0.0");
        rig_t *rig = rig_new_locked();
        rig_interrupt(rig, &file, LINK);
        desk_t desk = desk_open(rig, file);
        desk.peer->seals = true;
        peer_begin_image(desk.peer, &desk.file);
        desk.peer->begun += wrong == 0;
        desk.peer->start = wrong == 1 ? 0 : desk.peer->start;
        peer_send(desk.peer, &desk.file, LINK, (uint32_t)desk.file.length);
        assert_null(peer_received(desk.peer, "done"));
        assert_false(desk.rig->nor->active);
        close_all(&desk);
    }
}

static void one_session_sends_sealed_and_open_files_in_turn(void **state) {
    (void)state;
    desk_t desk = open_sealed();
    for (int turn = 0; turn < 4; turn++) {
        desk.peer->seals = turn % 2 == 0;
        peer_begin_image(desk.peer, &desk.file);
        uint32_t offset = peer_offset(desk.peer);
        peer_send(desk.peer, &desk.file, offset, offset + 8192);
        peer_say(desk.peer, "{\"type\":\"cancel\"");
        rig_settle(desk.rig);
        peer_forget(desk.peer);
    }
    peer_begin_image(desk.peer, &desk.file);
    peer_assert_completes(desk.peer, &desk.file, peer_offset(desk.peer));
    close_all(&desk);
}

static void a_begin_that_waits_for_its_turn_keeps_its_stream(void **state) {
    (void)state;
    desk_t desk = open_sealed();
    peer_t *other = peer_welcome(desk.rig);
    other->seals = true;
    peer_begin_image(desk.peer, &desk.file);
    peer_send(desk.peer, &desk.file, 0, 8192);
    peer_say(desk.peer, "{\"type\":\"cancel\"");
    peer_begin_with(other, &desk.file, ""); // the device ends the first one
    peer_say(other, "{\"type\":\"ping\"");
    rig_settle(desk.rig);
    assert_non_null(peer_received(other, "ready"));
    peer_assert_completes(other, &desk.file, peer_offset(other));
    peer_free(other);
    close_all(&desk);
}

// ---- 10,000 lives ----
// A client that keeps docs/protocol.md and decides at random: by WebSocket or PUT, early data, compressed, to the end,
// cancelled or cut off, with what an earlier life has left in the slot; and asks for sealed answers in between, as
// often as it likes. Each byte that it or the device seals is noted by its place in the keystream: key, nonce, offset.

typedef struct {
    uint8_t key[16]; // half of it is enough
    uint32_t begin, start, from, to;
    uint8_t data_key[16]; // of an answer: the other key of its session
    bool is_answer;
} use_t;

typedef struct {
    rig_t *rig;
    uint32_t seed;
    image_file_t files[3];
    uint8_t client_key[32], stored_key[32];
    use_t *uses;
    size_t count, size;
    unsigned finished, resumed, puts, packed, early_lost, answers;
} lives_t;

static uint32_t chance(lives_t *lives, uint32_t below) {
    lives->seed = lives->seed * 1664525u + 1013904223u;
    return (lives->seed >> 8) % below;
}

static void hmac_text(const uint8_t *key, const char *text, uint8_t mac[32]) {
    ota_ws_hmac(&ota_ws_hash_openssl, key, 32, text, strlen(text), mac);
}

// The keys of a login, without the 4096 rounds of each.
static void learn_password(lives_t *lives) {
    uint8_t salted[32];
    ota_ws_sha256_t hash;
    const ota_ws_verifier_t *verifier = &lives->rig->verifier;
    ota_ws_pbkdf2(&ota_ws_hash_openssl, RIG_PASSWORD, verifier->salt, 16, verifier->iterations, salted);
    hmac_text(salted, "Client Key", lives->client_key);
    ota_ws_hash_openssl.start(&hash);
    ota_ws_hash_openssl.update(&hash, lives->client_key, 32);
    ota_ws_hash_openssl.finish(&hash, lives->stored_key);
}

// Proof and data key for this AuthMessage.
static void log_in(const lives_t *lives, const char *auth, char proof_text[64], ota_ws_session_keys_t *keys) {
    uint8_t proof[32], material[640], session_key[32];
    hmac_text(lives->stored_key, auth, proof);
    for (int i = 0; i < 32; i++) {
        proof[i] ^= lives->client_key[i];
    }
    ota_ws_base64(proof_text, proof, sizeof proof);
    size_t at = (size_t)snprintf((char *)material, sizeof material, "GSS-API session key");
    memcpy(material + at, lives->client_key, 32);
    memcpy(material + at + 32, auth, strlen(auth));
    ota_ws_hmac(&ota_ws_hash_openssl, lives->stored_key, 32, material, at + 32 + strlen(auth), session_key);
    hmac_text(session_key, "ota_ws client", keys->client);
    hmac_text(session_key, "ota_ws device", keys->device);
    hmac_text(session_key, "ota_ws data", keys->data);
    hmac_text(session_key, "ota_ws answers", keys->answers);
}

static void note(lives_t *lives, const uint8_t *key, uint32_t begin, uint32_t start, uint32_t from, uint32_t length) {
    if (lives->count == lives->size) {
        lives->size = lives->size * 2 + 1024;
        lives->uses = realloc(lives->uses, lives->size * sizeof *lives->uses);
    }
    use_t *use = &lives->uses[lives->count++];
    memset(use, 0, sizeof *use);
    memcpy(use->key, key, sizeof use->key);
    use->begin = begin;
    use->start = start;
    use->from = from;
    use->to = from + length;
}

static int compare_uses(const void *a, const void *b) {
    const use_t *one = a, *other = b;
    int order = memcmp(one->key, other->key, sizeof one->key);
    const uint32_t mine[] = {one->begin, one->start, one->from}, theirs[] = {other->begin, other->start, other->from};
    for (int i = 0; i < 3 && order == 0; i++) {
        order = mine[i] < theirs[i] ? -1 : mine[i] > theirs[i];
    }
    return order;
}

// How many bytes of keystream were used more than once.
static uint64_t count_reuse(lives_t *lives) {
    uint64_t reused = 0;
    qsort(lives->uses, lives->count, sizeof *lives->uses, compare_uses);
    for (size_t i = 1; i < lives->count; i++) {
        const use_t *before = &lives->uses[i - 1], *use = &lives->uses[i];
        bool is_same = memcmp(before->key, use->key, sizeof use->key) == 0 && before->begin == use->begin &&
                       before->start == use->start;
        reused += is_same && use->from < before->to ? before->to - use->from : 0;
    }
    return reused;
}

static void swap_keys_of_answers(lives_t *lives) {
    for (use_t *use = lives->uses; use < lives->uses + lives->count; use++) {
        uint8_t key[16];
        if (use->is_answer) {
            memcpy(key, use->key, sizeof key);
            memcpy(use->key, use->data_key, sizeof key);
            memcpy(use->data_key, key, sizeof key);
        }
    }
}

static const char *member_of(const char *message, const char *name, char value[256]) {
    const char *at = strstr(message, name);
    assert_non_null(at);
    ota_ws_text_copy(value, 256, at + strlen(name));
    value[strcspn(value, "\"}")] = '\0';
    return value;
}

// A login by WebSocket: peer_welcome() without the rounds, and with a new nonce.
static peer_t *come(lives_t *lives) {
    peer_t *peer = peer_new(lives->rig);
    ota_ws_scram_t scram;
    char text[OTA_WS_MESSAGE_SIZE], challenge[256], auth[512], proof[64];
    peer_hello(peer, &scram, text, sizeof text);
    peer_say(peer, text);
    const char *first = strstr(text, "n,,") + 3;
    member_of(peer_received(peer, "challenge"), "\"scram\":\"", challenge);
    int length = (int)strcspn(first, "\"");
    int nonce = (int)strcspn(challenge, ",");
    snprintf(auth, sizeof auth, "%.*s,%s,c=biws,%.*s", length, first, challenge, nonce, challenge);
    log_in(lives, auth, proof, &peer->keys);
    peer->with_mac = true;
    int end =
        snprintf(text, sizeof text, "{\"type\":\"proof\",\"scram\":\"c=biws,%.*s,p=%s\"}", nonce, challenge, proof);
    peer_say_raw(peer, text, (size_t)end);
    assert_non_null(peer_received(peer, "state"));
    peer_forget(peer);
    peer->seals = true;
    return peer;
}

static void send_piece(lives_t *lives, peer_t *peer, uint32_t offset, const uint8_t *bytes, uint32_t length) {
    note(lives, peer->keys.data, peer->begun, peer->start, offset, length);
    peer_data(peer, offset, bytes, length);
}

// The file from `from` on as it travels.
static size_t make_stream(const image_file_t *file, uint32_t from, bool is_packed, uint8_t *stream, size_t size) {
    if (!is_packed) {
        memcpy(stream, file->bytes, file->length);
        return file->length;
    }
    z_stream packer = {.next_in = file->bytes + from, .avail_in = (unsigned)(file->length - from)};
    packer.next_out = stream;
    packer.avail_out = (unsigned)size;
    assert_int_equal(deflateInit2(&packer, 1, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&packer, Z_FINISH), Z_STREAM_END);
    deflateEnd(&packer);
    return packer.total_out;
}

static bool open_core(void *context, ota_ws_core_dump_t *core) {
    static const uint8_t stack[1000] = "a stack";
    (void)context;
    *core = (ota_ws_core_dump_t){.task = "main", .pc = 0x42008a3c, .stack = stack, .stack_size = sizeof stack};
    return true;
}

static void close_core(void *context, ota_ws_core_dump_t *core) {
    (void)context;
    (void)core;
}

// None, one or some requests whose answers come sealed, the same ones again and again.
static void ask_for_secrets(lives_t *lives, peer_t *peer) {
    static const char *const requests[] = {"{\"type\":\"logs\",\"sealed\":true", "{\"type\":\"crash\",\"sealed\":true",
                                           "{\"type\":\"crash\",\"stack\":true,\"sealed\":true"};
    while (peer->session->state == OTA_WS_SESSION_WELCOME && chance(lives, 2) == 0) {
        peer_forget(peer);
        peer->opened = 0;
        peer_say(peer, requests[chance(lives, COUNT_OF(requests))]);
        assert_true(peer->opened > 0 && peer->opened == peer->log_count);
        for (size_t i = 0; i < peer->log_count; i++) {
            const uint32_t count = peer->received - (uint32_t)(peer->log_count - 1 - i);
            note(lives, peer->keys.answers, count, 0, 0, (uint32_t)strlen(peer->log[i]));
            memcpy(lives->uses[lives->count - 1].data_key, peer->keys.data, sizeof lives->uses->data_key);
            lives->uses[lives->count - 1].is_answer = true;
            lives->answers++;
        }
    }
    peer_forget(peer);
}

// One update of a session, to its end or not. False: the session is over.
static bool attempt(lives_t *lives, peer_t *peer, const image_file_t *file) {
    uint8_t stream[2 * SMALL];
    bool is_packed = chance(lives, 2) == 0;
    size_t length = make_stream(file, 0, is_packed, stream, sizeof stream);
    uint32_t early = chance(lives, 2) == 0 ? chance(lives, (uint32_t)(length < EARLY ? length : EARLY)) : 0;
    char members[64];
    snprintf(members, sizeof members, ",\"allow_downgrade\":true%s,\"early\":%u", is_packed ? ",\"deflate\":true" : "",
             early);
    peer_forget(peer);
    peer_begin_with(peer, file, members);
    lives->packed += is_packed;
    uint32_t at = 0;
    for (int piece = 0; at < early; piece++) {
        uint32_t step = piece == 3 ? early - at : 1 + chance(lives, early - at);
        send_piece(lives, peer, at, stream + at, step);
        at += step;
    }
    rig_settle(lives->rig);
    if (peer_received(peer, "ready") == NULL) {
        return chance(lives, 2) == 0;
    }
    uint32_t offset = peer_offset(peer);
    lives->resumed += offset > 0;
    lives->early_lost += offset > 0 && early > 0;
    if (offset > 0) {
        length = make_stream(file, offset, is_packed, stream, sizeof stream);
        at = is_packed ? 0 : offset;
    }
    uint32_t fate = chance(lives, 4); // 0: cut off, 1: cancelled, else complete
    size_t until = fate < 2 ? at + chance(lives, (uint32_t)(length - at) + 1) : length;
    while (at < until && peer->session->state == OTA_WS_SESSION_WELCOME) {
        uint32_t left = (uint32_t)(until - at), most = left < 4096 ? left : 4096;
        uint32_t step = 1 + chance(lives, most);
        peer_forget(peer);
        send_piece(lives, peer, at, stream + at, step);
        rig_settle(lives->rig);
        at += step;
    }
    if (fate == 1) {
        peer_say(peer, "{\"type\":\"cancel\"");
    } else if (fate > 1 && is_packed) {
        peer_say(peer, "{\"type\":\"end\"");
    }
    rig_settle(lives->rig);
    if (fate > 1) {
        assert_non_null(peer_received(peer, "done"));
        lives->finished++;
        peer_say(peer, "{\"type\":\"cancel\"");
        rig_settle(lives->rig);
        peer_forget(peer);
    }
    return fate > 0;
}

typedef struct {
    unsigned code;
} answer_t;

static void take_answer(void *context, unsigned code, const char *text, size_t length) {
    (void)text;
    (void)length;
    ((answer_t *)context)->code = code;
}

// A PUT of all of the file: the device skips what it has.
static void put(lives_t *lives, const image_file_t *file) {
    rig_t *rig = lives->rig;
    static const ota_ws_address_t address = {{[15] = 1}};
    ota_ws_http_request_t request = {.gate = {.host = "127.0.0.1", .path = "/ota"},
                                     .method = "PUT",
                                     .body = "",
                                     .length = (uint32_t)file->length,
                                     .has_length = true,
                                     .sealed = "true",
                                     .downgrade = "true"};
    char body[OTA_WS_TICKET_BODY_SIZE], ticket[256], auth[512], proof[64], authorization[512], hex[65];
    uint8_t digest[32], bytes[SMALL + 4096];
    ota_ws_session_keys_t keys;
    ota_ws_sha256_t hash;
    answer_t answer = {0};
    ota_ws_http_t *http = malloc(sizeof *http);
    ota_ws_hash_openssl.start(&hash);
    ota_ws_hash_openssl.update(&hash, file->bytes, file->length);
    ota_ws_hash_openssl.finish(&hash, digest);
    ota_ws_text_hex(hex, digest, 32);
    ota_ws_device_ticket(&rig->device, &request.gate, &address, rig->now_ms, body, sizeof body);
    member_of(body, "\"ticket\":\"", ticket);
    snprintf(auth, sizeof auth,
             "{\"type\":\"PUT\",\"path\":\"/ota\",\"size\":%u,\"sha256\":\"%s\",\"allow_downgrade\":true,"
             "\"sealed\":true,\"ticket\":\"%s, nonce=%u\"}",
             request.length, hex, ticket, lives->seed);
    log_in(lives, auth, proof, &keys);
    snprintf(authorization, sizeof authorization, "OTA-SCRAM ticket=%s, nonce=%u, proof=%s", ticket, lives->seed,
             proof);
    request.authorization = authorization;
    request.sha256 = hex;
    ota_ws_http_open(http, &rig->device, &request, &address, rig->now_ms, take_answer, &answer);
    rig_settle(rig);
    const ota_ws_seal_t seal = {keys.data, 0, 0};
    memcpy(bytes, file->bytes, file->length);
    ota_ws_seal(&seal, 0, bytes, file->length);
    uint32_t until = chance(lives, 2) == 0 ? chance(lives, request.length) : request.length;
    note(lives, keys.data, 0, 0, 0, until);
    uint32_t at = 0, most;
    while (at < until && answer.code == 0) {
        ota_ws_http_step_t step = ota_ws_http_next(http, &most);
        assert_true(step == OTA_WS_HTTP_SKIP || step == OTA_WS_HTTP_TAKE);
        uint32_t piece = 1 + chance(lives, most < 4000 ? most : 4000);
        piece = piece < until - at ? piece : until - at;
        rig->incoming = bytes + at;
        ota_ws_http_body(http, piece, rig->now_ms);
        at += piece;
        rig_settle(rig);
    }
    assert_int_equal(answer.code, until == request.length ? 200 : 0);
    ota_ws_http_close(http, rig->now_ms);
    rig_settle(rig);
    lives->finished += answer.code == 200;
    lives->puts++;
    free(http);
}

// Takes a ready image back, so that the next life finds a device at rest.
static void clear(lives_t *lives) {
    peer_t *peer = come(lives);
    peer_say(peer, "{\"type\":\"cancel\"");
    rig_settle(lives->rig);
    peer_free(peer);
}

static void live(lives_t *lives) {
    lives->rig->nor->count = 0; // its log is short
    const image_file_t *file = &lives->files[chance(lives, 3)];
    if (chance(lives, 3) == 0) {
        put(lives, file);
        clear(lives);
        return;
    }
    peer_t *peer = come(lives);
    ask_for_secrets(lives, peer);
    for (int tries = 0; tries < 3 && peer->session->state == OTA_WS_SESSION_WELCOME && attempt(lives, peer, file);
         tries++) {
        ask_for_secrets(lives, peer);
        file = &lives->files[chance(lives, 3)];
    }
    peer_free(peer);
    rig_settle(lives->rig);
}

static void in_10000_lives_no_byte_of_a_keystream_is_used_twice(void **state) {
    (void)state;
    static inflate_zlib_t inflate;
    ota_ws_filter_t filter = inflate_zlib_port(&inflate);
    lives_t lives = {.rig = rig_new_locked(), .seed = 1};
    lives.rig->pipeline_ports.inflate = &filter;
    lives.rig->worker.inflates = true;
    lives.rig->platform.open_core = open_core;
    lives.rig->platform.close_core = close_core;
    for (int i = 0; i < 3; i++) {
        lives.files[i] = rig_image_of_size(i == 0 ? "2.0.0" : i == 1 ? "2.1.0" : "3.0.0", SMALL - 500 * (uint32_t)i);
    }
    learn_password(&lives);
    for (unsigned i = 0; i < LIVES; i++) {
        live(&lives);
    }
    assert_int_equal(count_reuse(&lives), 0);
    printf("%u lives: %zu pieces sealed, %u of them answers; %u updates finished, %u resumed (%u with early data that "
           "were lost), %u compressed, %u by PUT\n",
           LIVES, lives.count, lives.answers, lives.finished, lives.resumed, lives.early_lost, lives.packed,
           lives.puts);
    assert_true(lives.finished > 1000 && lives.resumed > 100 && lives.puts > 1000 && lives.early_lost > 100);
    assert_true(ota_ws_feature_log_ring == NULL || lives.answers > 10000);
    // The label of the answers' key is needed.
    swap_keys_of_answers(&lives);
    assert_true(lives.answers == 0 || count_reuse(&lives) > 0);
    printf("with the key of the data for answers: %llu bytes used again\n", (unsigned long long)count_reuse(&lives));
    swap_keys_of_answers(&lives);
    assert_int_equal(count_reuse(&lives), 0);
    // Each word of the nonce is needed: without it bytes of the keystream are used again.
    for (size_t i = 0; i < lives.count; i++) {
        lives.uses[i].start = 0;
    }
    assert_true(count_reuse(&lives) > 0);
    printf("without `start` in the nonce: %llu bytes used again", (unsigned long long)count_reuse(&lives));
    for (size_t i = 0; i < lives.count; i++) {
        lives.uses[i].begin = 0;
    }
    assert_true(count_reuse(&lives) > 0);
    printf("; without `begin` too: %llu\n", (unsigned long long)count_reuse(&lives));
    for (int i = 0; i < 3; i++) {
        image_free(&lives.files[i]);
    }
    free(lives.uses);
    rig_free(lives.rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(state_says_seals_where_there_is_a_login),
        cmocka_unit_test(without_a_login_nothing_is_sealed),
        cmocka_unit_test(a_sealed_update_arrives_in_frames_of_any_length),
        cmocka_unit_test(early_data_are_opened_whenever_the_writer_begins),
        unit_test_of(resume, behind_a_resume_the_stream_is_another_one),
        unit_test_of(resume, the_stream_of_another_begin_or_start_is_another_file),
        cmocka_unit_test(one_session_sends_sealed_and_open_files_in_turn),
        cmocka_unit_test(a_begin_that_waits_for_its_turn_keeps_its_stream),
        unit_test_of(resume, in_10000_lives_no_byte_of_a_keystream_is_used_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
