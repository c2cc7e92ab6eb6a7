// SPDX-License-Identifier: Apache-2.0
#include "rig.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "hash_openssl.h"
#include "seal.h"
#include "session/message.h"
#include "testing.h"
#include "text.h"

#define SLOT_SIZE 262144

// ---- the hash ----

static int open_digests; // all are finished when the worker stops

static void start_digest(ota_ws_sha256_t *state) {
    open_digests++;
    ota_ws_hash_openssl.start(state);
}

static void finish_digest(ota_ws_sha256_t *state, uint8_t digest[OTA_WS_SHA256_SIZE]) {
    open_digests--;
    ota_ws_hash_openssl.finish(state, digest);
}

// ---- the worker ----

static ota_ws_status_t start_worker(void *context) {
    rig_t *rig = context;
    assert_null(rig->writer);
    if (rig->start_status != OTA_WS_OK) {
        return rig->start_status;
    }
    rig->starts++;
    rig->writer = malloc(sizeof *rig->writer);
    rig->pipeline_ports.scratch_size = 4096;
    rig->pipeline_ports.scratch = malloc(4096);
    ota_ws_writer_init(rig->writer, &rig->pipeline_ports);
    return OTA_WS_OK;
}

static ota_ws_status_t start_alone(void *context, const ota_ws_job_t *job) {
    rig_t *rig = context;
    assert_null(rig->writer);
    assert_false(rig->alone);
    assert_true(job->kind >= OTA_WS_JOB_CONFIRM);
    if (rig->alone_status != OTA_WS_OK) {
        return rig->alone_status;
    }
    rig->starts++;
    rig->alone = true;
    rig->jobs[rig->job_count++] = *job;
    return OTA_WS_OK;
}

// Each piece of data waits as a CHUNK of its own, a copy that AddressSanitizer looks after.
static void filled(void *context, size_t length) {
    rig_t *rig = context;
    uint8_t *copy = malloc(length);
    assert_true(length > 0 && rig->job_count < RIG_JOBS_MAX);
    memcpy(copy, rig->incoming, length);
    rig->jobs[rig->job_count++] = (ota_ws_job_t){.kind = OTA_WS_JOB_CHUNK, .data = {copy, (uint32_t)length, NULL, 0}};
    rig->chunks++;
}

static uint8_t *find_space(void *context) {
    return ((rig_t *)context)->incoming;
}

static void submit(void *context, const ota_ws_job_t *job) {
    rig_t *rig = context;
    assert_int_not_equal(job->kind, OTA_WS_JOB_CHUNK);
    assert_true(rig->job_count - rig->chunks < 2);
    assert_non_null(rig->writer);
    assert_true(rig->job_count < RIG_JOBS_MAX);
    rig->jobs[rig->job_count++] = *job;
}

static void stop_worker(void *context) {
    rig_t *rig = context;
    assert_true(rig->alone || rig->writer != NULL);
    assert_int_equal(rig->job_count, 0);
    assert_int_equal(rig->chunks, 0);
    assert_false(rig->nor->open);
    assert_int_equal(open_digests, 0);
    rig->stops++;
    if (rig->alone) {
        rig->alone = false;
        return;
    }
    free(rig->pipeline_ports.scratch);
    free(rig->writer);
    rig->writer = NULL;
}

// The device learns the time with each event, and from nothing else.
static void forget_time(rig_t *rig) {
    rig->device.now_ms ^= 0x55555555;
}

bool rig_work(rig_t *rig) {
    ota_ws_job_result_t result;
    if (rig->job_count == 0) {
        return false;
    }
    const ota_ws_job_t job = rig->jobs[0];
    memmove(rig->jobs, rig->jobs + 1, --rig->job_count * sizeof job);
    if (rig->alone) {
        ota_ws_writer_perform_alone(&rig->pipeline_ports, &job, &result);
    } else {
        ota_ws_writer_perform(rig->writer, &job, &result);
    }
    assert_int_equal(result.kind, job.kind);
    if (job.kind == OTA_WS_JOB_CHUNK) {
        free((void *)job.data.bytes);
        rig->chunks--;
    }
    forget_time(rig);
    ota_ws_device_completed(&rig->device, &result, rig->now_ms);
    return true;
}

void rig_settle(rig_t *rig) {
    while (rig_work(rig)) {
    }
}

void rig_pass(rig_t *rig, uint32_t ms) {
    rig->now_ms += ms;
    forget_time(rig);
    ota_ws_device_tick(&rig->device, rig->now_ms);
}

// ---- the platform ----

static void describe(void *context, ota_ws_identity_t *identity) {
    *identity = ((rig_t *)context)->identity;
}

static ota_ws_status_t confirm(void *context) {
    rig_t *rig = context;
    rig->confirms++;
    if (rig->confirm_status == OTA_WS_OK) {
        rig->identity.image_state = OTA_WS_IMAGE_VALID;
    }
    return rig->confirm_status;
}

static ota_ws_status_t enter_recovery(void *context) {
    rig_t *rig = context;
    rig->recoveries++;
    return rig->recovery_status;
}

static ota_ws_status_t roll_back(void *context, bool on_trial) {
    (void)on_trial;
    rig_t *rig = context;
    rig->roll_backs++;
    return rig->roll_back_status;
}

static void restart(void *context) {
    ((rig_t *)context)->restarts++;
}

static bool allows(void *context, ota_ws_question_t question, char reason[OTA_WS_DETAIL_SIZE]) {
    const rig_t *rig = context;
    strcpy(reason, "the oven is on");
    return (rig->refused & 1u << question) == 0;
}

static ota_ws_health_result_t examine(void *context) {
    return ((const rig_t *)context)->finding;
}

static void random_bytes(void *context, uint8_t *bytes, size_t length) {
    rig_t *rig = context;
    for (size_t i = 0; i < length; i++) {
        bytes[i] = rig->random = (uint8_t)(rig->random * 5 + 3);
    }
}

static size_t load(void *context, const char *key, void *value, size_t size) {
    return store_model_load(&((rig_t *)context)->store, key, value, size);
}

static void save(void *context, const char *key, const void *value, size_t size) {
    store_model_save(&((rig_t *)context)->store, key, value, size);
}

static ota_ws_identity_t demo_identity(void) {
    ota_ws_identity_t identity = {.device_name = "virtual ESP32-C3",
                                  .chip_id = 5,
                                  .chip_revision = 3,
                                  .slot = "ota_0",
                                  .image_state = OTA_WS_IMAGE_VALID,
                                  .running = {.version = "1.0.0", .project = "demo"},
                                  .other_slot = "ota_1",
                                  .other_state = OTA_WS_IMAGE_NONE};
    return identity;
}

// ---- the device ----

static rig_t *rig_make_with(bool locked, uint32_t slot_size, const image_file_t *base, const ota_ws_filter_t *inflate) {
    static const uint8_t salt[16] = "the rig's salt.";
    rig_t *rig = calloc(1, sizeof *rig);
    rig->nor = nor_model_new(slot_size, 1);
    rig->settings = ota_ws_default_settings;
    rig->settings.chunk = 4096;
    rig->settings.credit = 8192;
    rig->flash = rig->nor->port;
    rig->hash = ota_ws_hash_openssl;
    rig->hash.start = start_digest;
    rig->hash.finish = finish_digest;
    rig->platform = (ota_ws_platform_t){.context = rig,
                                        .describe = describe,
                                        .confirm = confirm,
                                        .roll_back = roll_back,
                                        .enter_recovery = enter_recovery,
                                        .restart = restart,
                                        .allows = allows,
                                        .check_health = examine,
                                        .random = random_bytes,
                                        .load = load,
                                        .save = save};
    rig->worker = (ota_ws_worker_t){.context = rig,
                                    .early = 4000,
                                    .start = start_worker,
                                    .start_alone = start_alone,
                                    .space = find_space,
                                    .filled = filled,
                                    .submit = submit,
                                    .stop = stop_worker};
    rig->identity = demo_identity();
    rig->random = 1;
    rig->now_ms = UINT32_MAX - 5000; // the clock turns in every test that takes longer
    rig->pipeline_ports = (ota_ws_pipeline_ports_t){
        .flash = &rig->flash, .platform = &rig->platform, .hash = &rig->hash, .policy = &rig->settings.policy};
    rig->pipeline_ports.inflate = inflate;
    rig->worker.inflates = inflate != NULL;
    if (base != NULL) {
        rig->nor->base = base->bytes;
        rig->nor->base_size = (uint32_t)base->length;
    }
    const ota_ws_ports_t ports = {
        .flash = &rig->flash, .platform = &rig->platform, .worker = &rig->worker, .hash = &rig->hash};
    if (locked) {
        ota_ws_verifier_make(&ota_ws_hash_openssl, RIG_PASSWORD, salt, OTA_WS_SCRAM_ITERATIONS, &rig->verifier);
    }
    ota_ws_device_init(&rig->device, &ports, &rig->settings, locked ? &rig->verifier : NULL, rig->now_ms);
    ota_ws_device_scratch(&rig->device, rig->scratch);
    return rig;
}

static rig_t *rig_make(bool locked, uint32_t slot_size) {
    return rig_make_with(locked, slot_size, NULL, NULL);
}

rig_t *rig_new_with_base(const image_file_t *base, const ota_ws_filter_t *inflate) {
    return rig_make_with(false, SLOT_SIZE, base, inflate);
}

rig_t *rig_new(void) {
    return rig_make(false, SLOT_SIZE);
}

rig_t *rig_new_with_slot(uint32_t size) {
    return rig_make(false, size);
}

rig_t *rig_new_locked(void) {
    return rig_make(true, SLOT_SIZE);
}

void rig_free(rig_t *rig) {
    assert_null(rig->device.sessions);
    assert_null(rig->writer);
    assert_false(rig->alone);
    assert_int_equal(rig->starts, rig->stops);
    assert_false(rig->nor->open);
    nor_model_free(rig->nor);
    free(rig);
}

// ---- a peer ----

// What comes after a login has the next count and the right mac.
static void check_mac(peer_t *peer, const char *text, size_t length) {
    static const char start[] = ",\"mac\":\"";
    const size_t covered = length - (sizeof start - 1) - 32 - 2;
    uint8_t mac[OTA_WS_MAC_SIZE];
    char expected[128];
    char count[32];
    ota_ws_mac(&ota_ws_hash_openssl, peer->keys.device, text, covered, mac);
    memcpy(expected, start, sizeof start - 1);
    ota_ws_text_hex(expected + sizeof start - 1, mac, sizeof mac);
    strcat(expected, "\"}");
    assert_string_equal(text + covered, expected);
    snprintf(count, sizeof count, ",\"count\":%u,\"mac\"", ++peer->received);
    assert_non_null(strstr(text, count));
}

// A sealed answer is kept as what it holds.
static void open_answer(peer_t *peer, char *entry) {
    static const char start[] = "{\"type\":\"sealed\",\"message\":\"";
    uint8_t bytes[OTA_WS_MESSAGE_SIZE];
    if (strncmp(entry, start, sizeof start - 1) == 0) {
        const char *message = entry + sizeof start - 1;
        const size_t length = strcspn(message, "\""), padding = length - strcspn(message, "=\"");
        const ota_ws_seal_t seal = {peer->keys.answers, peer->received, 0};
        const int count = EVP_DecodeBlock(bytes, (const uint8_t *)message, (int)length) - (int)padding;
        assert_true(count > 0);
        ota_ws_seal(&seal, 0, bytes, (size_t)count);
        memcpy(entry, bytes, (size_t)count);
        entry[count] = '\0';
        assert_memory_equal(entry, "{\"type\":\"", 9);
        peer->opened++;
    }
}

static void receive(void *context, const char *text, size_t length) {
    peer_t *peer = context;
    assert_true(length <= OTA_WS_MESSAGE_SIZE && peer->log_count < RIG_LOG_MAX);
    char *entry = peer->log[peer->log_count++];
    memcpy(entry, text, length);
    entry[length] = '\0';
    assert_memory_equal(entry, "{\"type\":\"", 9);
    assert_int_equal(entry[length - 1], '}');
    assert_int_equal(strlen(entry), length);
    if (peer->with_mac && strncmp(entry, "{\"type\":\"welcome\"", 17) != 0) {
        check_mac(peer, entry, length);
        open_answer(peer, entry);
    }
    if (strncmp(entry, "{\"type\":\"ready\"", 15) == 0) {
        peer->start = peer_offset(peer);
    }
}

static void note_close(void *context) {
    ((peer_t *)context)->closes++;
}

peer_t *peer_new(rig_t *rig) {
    static const ota_ws_address_t address = {{[15] = 1}};
    peer_t *peer = calloc(1, sizeof *peer);
    peer->rig = rig;
    peer->session = malloc(sizeof *peer->session);
    peer->link = (ota_ws_link_t){peer, receive, note_close};
    memset(peer->session, 0xA5, sizeof *peer->session);
    forget_time(rig);
    ota_ws_session_open(peer->session, &rig->device, &peer->link, &address, rig->now_ms);
    return peer;
}

void peer_close(peer_t *peer) {
    if (peer->session != NULL) {
        forget_time(peer->rig);
        ota_ws_session_closed(peer->session, peer->rig->now_ms);
        free(peer->session);
        peer->session = NULL;
    }
}

void peer_free(peer_t *peer) {
    peer_close(peer);
    free(peer);
}

void peer_say_raw(peer_t *peer, const char *text, size_t length) {
    forget_time(peer->rig);
    if (ota_ws_session_admit(peer->session, OTA_WS_FRAME_TEXT, length, peer->rig->now_ms) == OTA_WS_ADMIT_TAKE) {
        char *copy = malloc(length > 0 ? length : 1);
        memcpy(copy, text, length);
        forget_time(peer->rig);
        ota_ws_session_message(peer->session, copy, length, peer->rig->now_ms);
        free(copy);
    }
}

void peer_say(peer_t *peer, const char *open_text) {
    char text[2 * OTA_WS_MESSAGE_SIZE];
    size_t length = (size_t)snprintf(text, sizeof text, "%s", open_text);
    if (peer->with_mac) {
        uint8_t mac[OTA_WS_MAC_SIZE];
        length += (size_t)snprintf(text + length, sizeof text - length, ",\"count\":%u", ++peer->said);
        ota_ws_mac(&ota_ws_hash_openssl, peer->keys.client, text, length, mac);
        length += (size_t)snprintf(text + length, sizeof text - length, ",\"mac\":\"");
        ota_ws_text_hex(text + length, mac, sizeof mac);
        length += 32;
        text[length++] = '"';
    }
    text[length++] = '}';
    peer_say_raw(peer, text, length);
}

static void ask_ticket(peer_t *peer, char ticket[OTA_WS_TICKET_TEXT_SIZE]) {
    rig_t *rig = peer->rig;
    const ota_ws_gate_request_t request = {.host = "127.0.0.1"};
    char body[OTA_WS_TICKET_BODY_SIZE];
    assert_int_equal(ota_ws_device_ticket(&rig->device, &request, &peer->session->peer, rig->now_ms, body, sizeof body),
                     OTA_WS_OK);
    const char *at = strstr(body, "\"ticket\":\"");
    assert_non_null(at);
    ota_ws_text_copy(ticket, OTA_WS_TICKET_TEXT_SIZE, at + 10);
}

void peer_hello(peer_t *peer, ota_ws_scram_t *scram, char *text, size_t size) {
    static uint8_t random[18] = "the peer's nonce.";
    static uint32_t logins;
    char ticket[OTA_WS_TICKET_TEXT_SIZE];
    char first[OTA_WS_SCRAM_MESSAGE_SIZE];
    ask_ticket(peer, ticket);
    int length = snprintf(text, size, "{\"type\":\"hello\",\"version\":1,\"ticket\":\"%s\"", ticket);
    if (peer->rig->device.verifier != NULL) {
        logins++; // another nonce for each
        memcpy(random, &logins, sizeof logins);
        ota_ws_scram_client_first(scram, random, first);
        snprintf(text + length, size - (size_t)length, ",\"scram\":\"%s\"", first);
    }
}

// Copies the member `scram` of a message; the device's have no escapes.
static void take_scram(const char *message, char scram[OTA_WS_SCRAM_MESSAGE_SIZE]) {
    assert_non_null(message);
    const char *at = strstr(message, "\"scram\":\"");
    assert_non_null(at);
    ota_ws_text_copy(scram, OTA_WS_SCRAM_MESSAGE_SIZE, at + 9);
    *strchr(scram, '"') = '\0';
}

static void prove(peer_t *peer, ota_ws_scram_t *scram) {
    char server_first[OTA_WS_SCRAM_MESSAGE_SIZE];
    char final[OTA_WS_SCRAM_MESSAGE_SIZE];
    char text[OTA_WS_MESSAGE_SIZE];
    char server_final[OTA_WS_SCRAM_MESSAGE_SIZE];
    uint8_t signature[32];
    take_scram(peer_received(peer, "challenge"), server_first);
    assert_int_equal(ota_ws_scram_client_final(scram, &ota_ws_hash_openssl, RIG_PASSWORD, server_first, final,
                                               &peer->keys, signature),
                     OTA_WS_OK);
    snprintf(text, sizeof text, "{\"type\":\"proof\",\"scram\":\"%s\"", final);
    strcat(text, "}");
    peer_say_raw(peer, text, strlen(text));
    take_scram(peer_received(peer, "welcome"), server_final);
    assert_true(ota_ws_scram_client_check(signature, server_final));
}

peer_t *peer_welcome(rig_t *rig) {
    peer_t *peer = peer_new(rig);
    ota_ws_scram_t scram;
    char text[OTA_WS_MESSAGE_SIZE];
    peer_hello(peer, &scram, text, sizeof text);
    peer_say(peer, text);
    if (rig->device.verifier != NULL) {
        peer->with_mac = true; // from the message after `welcome` on
        peer->seals = getenv("RIG_SEALED") != NULL;
        prove(peer, &scram);
    }
    assert_non_null(peer_received(peer, "welcome"));
    assert_non_null(peer_received(peer, "state"));
    peer_forget(peer);
    return peer;
}

bool peer_data(peer_t *peer, uint32_t offset, const uint8_t *bytes, size_t length) {
    const uint32_t now_ms = peer->rig->now_ms;
    forget_time(peer->rig);
    if (ota_ws_session_admit(peer->session, OTA_WS_FRAME_DATA, length + 4, now_ms) != OTA_WS_ADMIT_TAKE) {
        return false;
    }
    uint8_t *buffer = calloc(1, length);
    if (bytes != NULL) {
        memcpy(buffer, bytes, length);
    }
    if (peer->seals) {
        const ota_ws_seal_t seal = {peer->keys.data, peer->begun, peer->start};
        ota_ws_seal(&seal, offset, buffer, length);
    }
    const ota_ws_data_t data = {offset, (uint32_t)length, true};
    peer->rig->incoming = buffer;
    forget_time(peer->rig);
    const bool taken = ota_ws_session_data(peer->session, &data, now_ms);
    free(buffer);
    return taken;
}

static void say_begin(peer_t *peer, uint32_t size, const uint8_t *bytes, const char *members) {
    uint8_t digest[32];
    char hex[65];
    char text[256];
    SHA256(bytes, size, digest);
    ota_ws_text_hex(hex, digest, 32);
    snprintf(text, sizeof text, "{\"type\":\"begin\",\"size\":%u,\"sha256\":\"%s\"%s%s", size, hex, members,
             peer->seals ? ",\"sealed\":true" : "");
    peer_say(peer, text);
    peer->begun = peer->said;
    peer->start = 0;
}

void peer_begin(peer_t *peer, uint32_t size, const uint8_t *bytes, bool allow_downgrade) {
    say_begin(peer, size, bytes, allow_downgrade ? ",\"allow_downgrade\":true" : "");
}

void peer_begin_with(peer_t *peer, const image_file_t *file, const char *members) {
    say_begin(peer, (uint32_t)file->length, file->bytes, members);
}

const char *peer_received(const peer_t *peer, const char *type) {
    char start[64];
    snprintf(start, sizeof start, "{\"type\":\"%s\"", type);
    for (size_t i = peer->log_count; i-- > 0;) {
        if (strncmp(peer->log[i], start, strlen(start)) == 0) {
            return peer->log[i];
        }
    }
    return NULL;
}

static bool received_name(const peer_t *peer, const char *type, const char *name) {
    const char *message = peer_received(peer, type);
    char member[64];
    snprintf(member, sizeof member, "\"name\":\"%s\"", name);
    return message != NULL && strstr(message, member) != NULL;
}

bool peer_failed(const peer_t *peer, const char *name) {
    return received_name(peer, "failed", name);
}

bool peer_ended(const peer_t *peer, const char *name) {
    return received_name(peer, "error", name) && peer->session->state == OTA_WS_SESSION_ENDED;
}

void peer_forget(peer_t *peer) {
    peer->log_count = 0;
}

bool peer_update(peer_t *peer, const uint8_t *bytes, uint32_t size) {
    const uint32_t chunk = peer->rig->settings.chunk;
    peer_forget(peer);
    peer_begin(peer, size, bytes, false);
    rig_settle(peer->rig);
    for (uint32_t at = 0; at < size && peer_received(peer, "failed") == NULL; at += chunk) {
        if (at > 0) {
            peer_forget(peer); // keeps the log short
        }
        peer_data(peer, at, bytes + at, chunk < size - at ? chunk : size - at);
        rig_settle(peer->rig);
    }
    return peer_received(peer, "done") != NULL;
}

void peer_say_hello_with(peer_t *peer, const char *find, const char *replacement) {
    ota_ws_scram_t scram;
    char text[1024];
    char changed[2048];
    peer_hello(peer, &scram, text, sizeof text);
    const char *at = strstr(text, find);
    assert_non_null(at);
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, replacement, at + strlen(find));
    peer_say(peer, changed);
}

image_file_t rig_image(const char *version) {
    image_spec_t spec = image_spec_default;
    spec.version = version;
    return image_build(&spec);
}

image_file_t rig_image_of_size(const char *version, uint32_t size) {
    image_spec_t spec = image_spec_default;
    spec.version = version;
    spec.size = size;
    return image_build(&spec);
}

image_file_t rig_long_image(const char *version) {
    return rig_image_of_size(version, RIG_LONG);
}

image_file_t rig_image_of_another_chip(void) {
    image_spec_t spec = image_spec_default;
    spec.chip_id = 9;
    return image_build(&spec);
}

void peer_begin_image(peer_t *peer, const image_file_t *file) {
    peer_begin(peer, (uint32_t)file->length, file->bytes, false);
    rig_settle(peer->rig);
    assert_non_null(peer_received(peer, "ready"));
}

uint32_t peer_offset(const peer_t *peer) {
    const char *ready = peer_received(peer, "ready");
    assert_non_null(ready);
    return (uint32_t)strtoul(strstr(ready, "\"offset\":") + 9, NULL, 10);
}

void peer_send(peer_t *peer, const image_file_t *file, uint32_t from, uint32_t to) {
    const uint32_t chunk = peer->rig->settings.chunk;
    for (uint32_t at = from; at < to; at += chunk) {
        peer_data(peer, at, file->bytes + at, to - at < chunk ? to - at : chunk);
        rig_settle(peer->rig);
        if (to - at > chunk) {
            peer_forget(peer);
        }
    }
}

void peer_assert_completes(peer_t *peer, const image_file_t *file, uint32_t from) {
    peer_send(peer, file, from, (uint32_t)file->length);
    assert_non_null(peer_received(peer, "done"));
    assert_memory_equal(peer->rig->nor->bytes, file->bytes, file->length);
    assert_true(peer->rig->nor->active);
}

void rig_interrupt(rig_t *rig, const image_file_t *file, uint32_t taken) {
    peer_t *peer = peer_welcome(rig);
    peer_begin_image(peer, file);
    peer_send(peer, file, 0, taken);
    peer_free(peer);
    rig_settle(rig);
}

desk_t desk_open(rig_t *rig, image_file_t file) {
    return (desk_t){.rig = rig, .peer = peer_welcome(rig), .file = file};
}

void desk_close(desk_t *desk) {
    peer_free(desk->peer);
    rig_free(desk->rig);
    image_free(&desk->file);
}

void rig_assert_updates(rig_t *rig) {
    image_file_t file = rig_image("3.0.0");
    peer_t *peer = peer_welcome(rig);
    assert_true(peer_update(peer, file.bytes, (uint32_t)file.length));
    assert_memory_equal(rig->nor->bytes, file.bytes, file.length);
    assert_true(rig->nor->active);
    peer_free(peer);
    image_free(&file);
}
