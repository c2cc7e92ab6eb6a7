// SPDX-License-Identifier: Apache-2.0
// Sealed uploads on the core, with a client that may do anything: begins of all kinds, data at right and wrong offsets,
// in pieces of any length and alignment, under right and wrong streams, cancels and cuts. What the core hands to its
// writer must be what OpenSSL's ChaCha20 makes of the same bytes, in the very place and nowhere else; what is not
// sealed must stay as it came. And sealed answers of any core dump: what the core sends must be what OpenSSL opens.
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "engine/update.h"
#include "hash_openssl.h"
#include "session/device.h"
#include "session/message.h"
#include "session/session.h"

#define SPACE 256u
#define BEFORE 7u // of the place where pieces lie: any alignment

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    ota_ws_device_t device;
    ota_ws_session_t session;
    uint8_t memory[SPACE + 16];
    uint8_t *place;          // where the next piece lies
    uint8_t expected[SPACE]; // what filled() must find there
    char scratch[OTA_WS_MESSAGE_SIZE];
    ota_ws_job_kind_t job;
    bool has_job, runs;
    bool is_sealed;          // what is said now
    const uint8_t *question; // the event that asks for a core dump
    uint8_t stack[255 * 4];
} world;

static uint32_t slot_size(void *context) {
    (void)context;
    return 1 << 20;
}

static ota_ws_status_t start(void *context) {
    (void)context;
    world.runs = true;
    return OTA_WS_OK;
}

static ota_ws_status_t start_alone(void *context, const ota_ws_job_t *job) {
    (void)context;
    (void)job;
    return OTA_WS_NO_MEMORY;
}

static uint8_t *space(void *context) {
    (void)context;
    return world.place;
}

static void filled(void *context, size_t length) {
    (void)context;
    if (memcmp(world.place, world.expected, length) != 0) {
        abort(); // it was opened wrongly
    }
}

static void submit(void *context, const ota_ws_job_t *job) {
    (void)context;
    world.job = job->kind;
    world.has_job = true;
}

static void stop(void *context) {
    (void)context;
    world.runs = false;
}

static void describe(void *context, ota_ws_identity_t *identity) {
    (void)context;
    memset(identity, 0, sizeof *identity);
    identity->device_name = "d";
}

static void give_random(void *context, uint8_t *bytes, size_t length) {
    (void)context;
    memset(bytes, 1, length);
}

static size_t load(void *context, const char *key, void *value, size_t size) {
    (void)context;
    (void)key;
    (void)value;
    (void)size;
    return 0;
}

static void save(void *context, const char *key, const void *value, size_t size) {
    (void)context;
    (void)key;
    (void)value;
    (void)size;
}

// A core dump that any image may have left.
static bool open_core(void *context, ota_ws_core_dump_t *core) {
    (void)context;
    const uint8_t *event = world.question;
    memset(core, 0, sizeof *core);
    memset(core->task, event[1], event[2] % sizeof core->task);
    memset(core->reason, event[3], event[2] % sizeof core->reason);
    memset(core->elf, event[1] ^ event[3], event[3] % sizeof core->elf);
    core->pc = event[2] * 0x01010101u;
    core->call_count = event[3];
    core->stack = world.stack;
    core->stack_size = event[1] * 4u;
    return true;
}

// By OpenSSL, with an IV of four numbers.
static void apply_openssl(const uint8_t *key, const uint32_t iv[4], uint8_t *to, const uint8_t *from, size_t length) {
    uint8_t skipped[64] = {0};
    int written;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    const uint32_t block[4] = {iv[0] / 64, iv[1], iv[2], iv[3]};
    EVP_EncryptInit_ex(context, EVP_chacha20(), NULL, key, (const uint8_t *)block);
    EVP_EncryptUpdate(context, skipped, &written, skipped, (int)(iv[0] % 64));
    EVP_EncryptUpdate(context, to, &written, from, (int)length);
    EVP_CIPHER_CTX_free(context);
}

static void hear(void *context, const char *text, size_t length) {
    (void)context;
    static const char start[] = "{\"type\":\"sealed\",\"message\":\"";
    uint8_t bytes[OTA_WS_MESSAGE_SIZE];
    if (length > OTA_WS_MESSAGE_SIZE || text[0] != '{' || text[length - 1] != '}') {
        abort();
    }
    bool is_sealed = strncmp(text, start, sizeof start - 1) == 0;
    if (is_sealed != world.is_sealed) {
        abort();
    }
    if (is_sealed) {
        const char *base64 = text + sizeof start - 1;
        const size_t digits = strcspn(base64, "="), count = strcspn(base64, "\"");
        const size_t padding = digits < count ? count - digits : 0;
        const int decoded = EVP_DecodeBlock(bytes, (const uint8_t *)base64, (int)count);
        const uint32_t iv[4] = {0, world.session.sent_count, 0, 0};
        if (decoded < 15) {
            abort();
        }
        const size_t opened = (size_t)decoded - padding;
        apply_openssl(world.session.secret.keys.answers, iv, bytes, bytes, opened);
        if (memcmp(bytes, "{\"type\":\"", 9) != 0 || bytes[opened - 1] != '}') {
            abort(); // it was sealed wrongly
        }
    }
}

static void close_core(void *context, ota_ws_core_dump_t *core) {
    (void)context;
    (void)core;
}

static void ignore(void *context) {
    (void)context;
}

static const ota_ws_flash_t flash = {
    .sector_size = 4096, .block_size = 65536, .program_unit = 16, .slot_size = slot_size};
static const ota_ws_platform_t platform = {.describe = describe,
                                           .restart = ignore,
                                           .random = give_random,
                                           .load = load,
                                           .save = save,
                                           .open_core = open_core,
                                           .close_core = close_core};
static const ota_ws_worker_t worker = {.inflates = true,
                                       .early = 128,
                                       .start = start,
                                       .start_alone = start_alone,
                                       .space = space,
                                       .filled = filled,
                                       .submit = submit,
                                       .stop = stop};
static const ota_ws_verifier_t verifier = {.iterations = 4096};
static const ota_ws_link_t link = {NULL, hear, ignore};

static void open_session(void) {
    static const ota_ws_address_t peer = {{[15] = 1}};
    ota_ws_session_open(&world.session, &world.device, &link, &peer, 0);
    world.session.state = OTA_WS_SESSION_WELCOME;
    memset(world.session.secret.keys.data, 0x5A, sizeof world.session.secret.keys.data);
    memset(world.session.secret.keys.answers, 0xA5, sizeof world.session.secret.keys.answers);
}

// The writer ends its job; BEGIN goes on at `offset`, or fails.
static void complete(uint32_t offset, bool fails) {
    ota_ws_job_result_t result = {.kind = world.job, .written = offset, .taken = offset};
    if (!world.has_job) {
        return;
    }
    world.has_job = false;
    result.failure.status = fails && world.job == OTA_WS_JOB_BEGIN ? OTA_WS_WRONG_CHIP : OTA_WS_OK;
    ota_ws_device_completed(&world.device, &result, 0);
}

static void begin(uint8_t flags, uint32_t size, uint32_t early) {
    ota_ws_request_t request = {.type = OTA_WS_MSG_BEGIN};
    request.upload.size = size;
    request.upload.sealed = (flags & 1) != 0;
    request.upload.deflate = (flags & 2) != 0;
    request.upload.early = (flags & 4) != 0 ? early : 0;
    world.session.received_count += (flags & 8) == 0; // an upload by PUT counts none
    ota_ws_session_perform(&world.session, &request);
}

static void open_by_openssl(uint32_t offset, const uint8_t *bytes, size_t length) {
    const ota_ws_session_t *session = &world.session;
    const uint32_t start_of = session->begun_count > 0 ? world.device.begun_at : 0;
    const uint32_t iv[4] = {offset, session->begun_count, start_of, 0};
    apply_openssl(session->secret.keys.data, iv, world.expected, bytes, length);
}

static void ask(const uint8_t event[4]) {
    ota_ws_request_t request = {.type = (event[2] & 1) != 0 ? OTA_WS_MSG_LOGS : OTA_WS_MSG_CRASH};
    request.stack = (event[3] & 1) != 0;
    request.sealed = world.is_sealed = (event[1] & 1) != 0;
    world.question = event;
    ota_ws_session_perform(&world.session, &request);
    world.is_sealed = false;
}

static void send_piece(uint32_t offset, uint8_t fill, size_t length, size_t alignment) {
    const ota_ws_data_t data = {offset, (uint32_t)length, (fill & 1) != 0};
    if (ota_ws_session_admit(&world.session, OTA_WS_FRAME_DATA, length + 4, 0) != OTA_WS_ADMIT_TAKE) {
        return;
    }
    memset(world.memory, 0xEE, sizeof world.memory);
    world.place = world.memory + BEFORE + alignment;
    memset(world.place, fill, length);
    if (world.session.is_sealed) {
        open_by_openssl(offset, world.place, length);
    } else {
        memcpy(world.expected, world.place, length);
    }
    (void)ota_ws_session_data(&world.session, &data, 0);
    for (uint8_t *at = world.memory; at < world.memory + sizeof world.memory; at++) {
        if ((at < world.place || at >= world.place + length) && *at != 0xEE) {
            abort(); // bytes beside the piece were changed
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const ota_ws_ports_t ports = {&flash, &platform, &worker, &ota_ws_hash_openssl};
    ota_ws_settings_t settings = ota_ws_default_settings;
    memset(&world, 0, sizeof world);
    memset(world.stack, 0xEE, sizeof world.stack);
    ota_ws_device_init(&world.device, &ports, &settings, &verifier, 0);
    ota_ws_device_scratch(&world.device, world.scratch);
    open_session();
    for (size_t at = 0; at + 4 <= size; at += 4) {
        const uint8_t *event = data + at;
        uint32_t right = world.device.expected;
        switch (event[0] % 7) {
        case 0:
            begin(event[1], 1 + event[2] * 257u, event[3] % 129);
            break;
        case 1: // at the right offset
            send_piece(right, event[1], 1 + event[2] % (SPACE - 16), event[3] % 8);
            break;
        case 2:
            send_piece(right ^ event[3], event[1], 1 + event[2] % 64, event[3] % 8);
            break;
        case 3:
            complete((event[1] & 1) != 0 ? 0 : event[2] * 16u, event[3] == 0);
            break;
        case 4:
            (void)ota_ws_update_cancel(&world.session);
            break;
        case 5:
            ask(event);
            break;
        default:
            ota_ws_session_closed(&world.session, 0);
            open_session();
            break;
        }
        if (world.session.state == OTA_WS_SESSION_ENDED) {
            ota_ws_session_closed(&world.session, 0);
            open_session();
        }
    }
    ota_ws_session_closed(&world.session, 0);
    return 0;
}
