// SPDX-License-Identifier: Apache-2.0
#include "world.h"

#include <stdio.h>
#include <string.h>

#include "hash_openssl.h"

#define TRIAL_MS 300000u
#define BEGIN                                                                                                          \
    "{\"type\":\"begin\",\"size\":%u,\"sha256\":\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"," \
    "\"early\":%u}"

world_t world;

static char scratch[OTA_WS_MESSAGE_SIZE];
static ota_ws_settings_t settings;
static const ota_ws_address_t peer = {{[15] = 1}};

static void violate(const char *what) {
    world.violation = world.violation != NULL ? world.violation : what;
}

// ---- ports ----

static uint32_t slot_size(void *context) {
    (void)context;
    return 0x10000;
}

static void describe(void *context, ota_ws_identity_t *identity) {
    (void)context;
    memset(identity, 0, sizeof *identity);
    identity->device_name = "world";
    strcpy(identity->slot, "ota_0");
    strcpy(identity->other_slot, "ota_1");
    identity->can_roll_back = true;
    identity->image_state = world.device.on_trial ? OTA_WS_IMAGE_TRIAL : OTA_WS_IMAGE_VALID;
}

static void restart(void *context) {
    (void)context;
    world.restarts++;
}

static bool allows(void *context, ota_ws_question_t question, char reason[OTA_WS_DETAIL_SIZE]) {
    (void)context;
    (void)question;
    strcpy(reason, "no");
    return !world.is_refusing;
}

static void fill_random(void *context, uint8_t *bytes, size_t length) {
    (void)context;
    memset(bytes, 7, length);
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

static ota_ws_status_t start_worker(void *context) {
    (void)context;
    if (world.has_worker) {
        violate("a worker is started once");
    }
    world.has_worker = !world.is_short;
    return world.is_short ? OTA_WS_NO_MEMORY : OTA_WS_OK;
}

static void queue(ota_ws_job_kind_t kind, uint32_t length);

static ota_ws_status_t start_alone(void *context, const ota_ws_job_t *job) {
    ota_ws_status_t status = start_worker(context);
    if (job->kind < OTA_WS_JOB_CONFIRM) {
        violate("only a job that changes the boot record is performed alone");
    }
    if (status == OTA_WS_OK) {
        queue(job->kind, 0);
    }
    return status;
}

static void queue(ota_ws_job_kind_t kind, uint32_t length) {
    if (!world.has_worker || (kind != OTA_WS_JOB_CHUNK && world.job_count - world.chunks == 2)) {
        violate("jobs are submitted to a worker that has room");
        return;
    }
    world.lengths[world.job_count] = length;
    world.jobs[world.job_count++] = kind;
}

// What lies in the ring waits as chunks.
static void filled(void *context, size_t length) {
    (void)context;
    queue(OTA_WS_JOB_CHUNK, (uint32_t)length);
    world.chunks++;
}

static void submit(void *context, const ota_ws_job_t *job) {
    (void)context;
    world.early = job->request.early;
    queue(job->kind, 0);
}

static void stop_worker(void *context) {
    (void)context;
    if (!world.has_worker || world.job_count > 0 || world.chunks > 0) {
        violate("a worker is stopped when it has nothing to do");
    }
    world.has_worker = false;
}

static void on_text(void *context, const char *text, size_t length) {
    const ota_ws_session_t *session = context;
    if (session->state == OTA_WS_SESSION_ENDED || length > OTA_WS_MESSAGE_SIZE || text[length - 1] != '}') {
        violate("only whole messages are sent, to sessions that have not ended");
    }
}

static void close_link(void *context) {
    (void)context;
}

static const ota_ws_link_t links[WORLD_CLIENTS] = {{&world.sessions[0], on_text, close_link},
                                                   {&world.sessions[1], on_text, close_link}};
static const ota_ws_flash_t flash = {.slot_size = slot_size};
static const ota_ws_platform_t platform = {
    .describe = describe, .restart = restart, .allows = allows, .random = fill_random, .load = load, .save = save};
static const ota_ws_worker_t worker = {.early = WORLD_CHUNK,
                                       .start = start_worker,
                                       .start_alone = start_alone,
                                       .filled = filled,
                                       .submit = submit,
                                       .stop = stop_worker};

// ---- starts ----

const char *const world_starts[] = {"at rest", "on trial", "a confirmation was cut off", "a way back was cut off",
                                    "a boot record is lost"};
const unsigned world_start_count = sizeof world_starts / sizeof *world_starts;

void world_begin(unsigned start) {
    static const ota_ws_ports_t ports = {&flash, &platform, &worker, &ota_ws_hash_openssl};
    static const ota_ws_pending_action_t pending_actions[] = {OTA_WS_PENDING_NONE, OTA_WS_PENDING_NONE,
                                                              OTA_WS_PENDING_CONFIRM, OTA_WS_PENDING_GO_BACK,
                                                              OTA_WS_PENDING_SELECT};
    memset(&world, 0, sizeof world);
    settings = ota_ws_default_settings;
    settings.chunk = WORLD_CHUNK;
    settings.credit = 2 * WORLD_CHUNK;
    settings.trial_timeout_ms = TRIAL_MS;
    world.now_ms = 1000;
    world.device.on_trial = start == 1 || start == 2 || start == 3;
    ota_ws_device_init(&world.device, &ports, &settings, NULL, world.now_ms);
    ota_ws_device_scratch(&world.device, scratch);
    world.device.on_trial = start == 1 || start == 2 || start == 3;
    world.device.pending_action = pending_actions[start];
}

// ---- what may happen ----

static void say(unsigned client, const char *text) {
    ota_ws_session_message(&world.sessions[client], text, strlen(text), world.now_ms);
}

static bool is_listening(unsigned client) {
    return world.is_open[client] && world.sessions[client].state != OTA_WS_SESSION_ENDED;
}

static bool connect(unsigned client) {
    static const ota_ws_gate_request_t request = {.host = "127.0.0.1"};
    char body[OTA_WS_TICKET_BODY_SIZE], hello[160];
    if (world.is_open[client]) {
        return false;
    }
    ota_ws_device_ticket(&world.device, &request, &peer, world.now_ms, body, sizeof body);
    const char *ticket = strstr(body, "\"ticket\":\"") + 10;
    world.is_open[client] = true;
    ota_ws_session_open(&world.sessions[client], &world.device, &links[client], &peer, world.now_ms);
    snprintf(hello, sizeof hello, "{\"type\":\"hello\",\"version\":1,\"ticket\":\"%.*s\"}", (int)strcspn(ticket, "\""),
             ticket);
    say(client, hello);
    return true;
}

static bool leave(unsigned client) {
    if (!world.is_open[client]) {
        return false;
    }
    ota_ws_session_closed(&world.sessions[client], world.now_ms);
    memset(&world.sessions[client], 0, sizeof world.sessions[client]);
    world.is_open[client] = false;
    return true;
}

static bool break_rules(unsigned client) {
    if (!is_listening(client)) {
        return false;
    }
    ota_ws_session_broken(&world.sessions[client], OTA_WS_BAD_FRAME, world.now_ms);
    return true;
}

static bool begin_with(unsigned client, unsigned size, unsigned early) {
    char text[192];
    if (!is_listening(client)) {
        return false;
    }
    snprintf(text, sizeof text, BEGIN, size, early);
    say(client, text);
    return true;
}

static bool begin(unsigned client) {
    return begin_with(client, WORLD_SIZE, 0);
}

static bool begin_early(unsigned client) {
    return begin_with(client, WORLD_SIZE, WORLD_CHUNK);
}

static bool begin_too_large(unsigned client) {
    return begin_with(client, 0x10001, 0);
}

static bool say_word(unsigned which) {
    static const char *const words[] = {"end", "cancel", "restart", "confirm", "rollback", "ping", "history", "hello"};
    char text[48];
    unsigned client = which % WORLD_CLIENTS;
    if (!is_listening(client)) {
        return false;
    }
    snprintf(text, sizeof text, "{\"type\":\"%s\"}", words[which / WORLD_CLIENTS]);
    say(client, text);
    return true;
}

// A chunk at an offset; the ring has space for it.
static bool send_at(unsigned client, uint32_t offset, uint32_t length) {
    ota_ws_session_t *session = &world.sessions[client];
    if (!is_listening(client) || world.chunks == WORLD_CHUNKS) {
        return false;
    }
    if (ota_ws_session_admit(session, OTA_WS_FRAME_DATA, length + OTA_WS_OFFSET_SIZE, world.now_ms) !=
        OTA_WS_ADMIT_TAKE) {
        return true;
    }
    const ota_ws_data_t data = {offset, length, true};
    (void)ota_ws_session_data(session, &data, world.now_ms);
    return true;
}

static bool send_data(unsigned client) {
    uint32_t at = world.device.expected;
    uint32_t left = at < WORLD_SIZE ? WORLD_SIZE - at : 1;
    uint32_t most = world.device.early > 0 ? WORLD_CHUNK / 2 : WORLD_CHUNK;
    return at <= WORLD_SIZE && send_at(client, at, left < most ? left : most);
}

static bool send_wrong(unsigned client) {
    return send_at(client, world.device.expected + 1, 4);
}

// ---- what the writer has done ----

static ota_ws_status_t failure_of(ota_ws_job_kind_t kind) {
    switch (kind) {
    case OTA_WS_JOB_CHUNK:
        return OTA_WS_FLASH_PROGRAM;
    case OTA_WS_JOB_FINISH:
        return OTA_WS_DIGEST_MISMATCH;
    default:
        return OTA_WS_BOOT_RECORD;
    }
}

typedef enum { ENDS_WELL, FAILS, GOES_ON } ending_t; // GOES_ON: a BEGIN, in the middle of the file

// What writer.c makes of a job that ends well, or fails.
static void perform(ota_ws_job_kind_t kind, uint32_t length, ending_t ending, ota_ws_job_result_t *result) {
    static const ota_ws_image_description_t image = {.version = "2.0.0"};
    bool is_good = ending != FAILS;
    switch (kind) {
    case OTA_WS_JOB_BEGIN:
        world.written = world.taken = ending == GOES_ON ? WORLD_CHUNK : 0;
        world.skip = ending == GOES_ON ? world.early : 0;
        result->image = ending == GOES_ON ? &image : NULL;
        break;
    case OTA_WS_JOB_CHUNK:
        world.written += is_good && world.skip == 0 ? length : 0;
        world.taken += world.skip == 0 ? length : 0;
        world.skip -= world.skip > 0 ? length : 0;
        result->complete = world.written >= WORLD_SIZE;
        result->image = &image;
        break;
    case OTA_WS_JOB_FINISH:
    case OTA_WS_JOB_SELECT:
        world.is_selected |= is_good;
        break;
    case OTA_WS_JOB_DEACTIVATE:
        world.is_selected &= !is_good;
        break;
    default:
        break;
    }
    result->written = world.written;
    result->taken = world.taken;
}

// Can that become of the oldest job?
static bool may_end(ending_t ending, bool is_handed_back) {
    ota_ws_job_kind_t kind = world.jobs[0];
    bool is_skipped = kind == OTA_WS_JOB_CHUNK && world.skip > 0;
    bool cannot_fail = kind == OTA_WS_JOB_ABORT || is_handed_back || is_skipped;
    return world.job_count > 0 && (ending != FAILS || !cannot_fail) && (ending != GOES_ON || kind == OTA_WS_JOB_BEGIN);
}

static bool complete(unsigned how) {
    ending_t ending = (ending_t)how;
    ota_ws_job_kind_t kind = world.jobs[0];
    uint32_t length = world.lengths[0];
    bool is_of_update = kind == OTA_WS_JOB_CHUNK || kind == OTA_WS_JOB_FINISH;
    bool is_handed_back = is_of_update && world.has_failed;
    if (!may_end(ending, is_handed_back)) {
        return false;
    }
    ota_ws_job_result_t result = {.kind = kind, .written = world.written, .taken = world.taken};
    result.failure.status = is_handed_back ? OTA_WS_FLASH_PROGRAM : ending == FAILS ? failure_of(kind) : OTA_WS_OK;
    world.job_count--;
    memmove(world.jobs, world.jobs + 1, world.job_count * sizeof *world.jobs);
    memmove(world.lengths, world.lengths + 1, world.job_count * sizeof *world.lengths);
    if (kind == OTA_WS_JOB_CHUNK) {
        world.chunks--;
    }
    if (!is_handed_back) {
        perform(kind, length, ending, &result);
        world.has_failed = ending == FAILS;
    }
    ota_ws_device_completed(&world.device, &result, world.now_ms);
    return true;
}

// ---- time, memory, the application ----

static bool wait(unsigned ms) {
    world.now_ms += ms;
    ota_ws_device_tick(&world.device, world.now_ms);
    return true;
}

static bool change_memory(unsigned unused) {
    (void)unused;
    world.is_short = !world.is_short;
    return true;
}

static bool change_mind(unsigned unused) {
    (void)unused;
    world.is_refusing = !world.is_refusing;
    return true;
}

static bool application_decides(unsigned goes_back) {
    return (goes_back ? ota_ws_device_roll_back : ota_ws_device_confirm)(&world.device) == OTA_WS_OK;
}

#define OF_EACH(name, detail, happen, which)                                                                           \
    {name, "client 1 " detail, happen, (which)*WORLD_CLIENTS}, {                                                       \
        name, "client 2 " detail, happen, (which)*WORLD_CLIENTS + 1                                                    \
    }

const world_event_t world_events[] = {
    OF_EACH("connect", "connects", connect, 0),
    OF_EACH("closed", "leaves", leave, 0),
    OF_EACH("error", "breaks the protocol", break_rules, 0),
    OF_EACH("begin", "begins", begin, 0),
    OF_EACH("begin", "begins, too large", begin_too_large, 0),
    OF_EACH("begin", "begins, with early data", begin_early, 0),
    OF_EACH("data", "sends data", send_data, 0),
    OF_EACH("wrong data", "sends data at a wrong offset", send_wrong, 0),
    OF_EACH("end", "says end", say_word, 0),
    OF_EACH("cancel", "cancels", say_word, 1),
    OF_EACH("restart", "asks for a restart", say_word, 2),
    OF_EACH("confirm", "confirms", say_word, 3),
    OF_EACH("rollback", "goes back", say_word, 4),
    OF_EACH("ping", "pings", say_word, 5),
    OF_EACH("history", "asks for the history", say_word, 6),
    OF_EACH("error", "says hello again", say_word, 7),
    {"job done", "the writer has done a job", complete, ENDS_WELL},
    {"job done", "the writer goes on in the middle", complete, GOES_ON},
    {"job failed", "a job of the writer fails", complete, FAILS},
    {"time", "1 s passes", wait, 1000},
    {"time", "30 s pass", wait, 30000},
    {"time", "300 s pass", wait, TRIAL_MS},
    {"memory", "memory is short, or there again", change_memory, 0},
    {"application", "the application allows no restart, or does again", change_mind, 0},
    {"application", "the application confirms", application_decides, 0},
    {"application", "the application goes back", application_decides, 1},
};
const unsigned world_event_count = sizeof world_events / sizeof *world_events;

// ---- what must hold ----

static bool only_control_is_queued(void) {
    return world.job_count == 1 && world.jobs[0] >= OTA_WS_JOB_CONFIRM;
}

// Which jobs are with the writer in which state.
static bool jobs_fit(const ota_ws_device_t *device) {
    ota_ws_job_kind_t last = world.job_count > 0 ? world.jobs[world.job_count - 1] : OTA_WS_JOB_BEGIN;
    switch (device->update) {
    case OTA_WS_UPDATE_OPENING:
        return world.jobs[0] == OTA_WS_JOB_BEGIN && world.job_count == world.chunks + 1;
    case OTA_WS_UPDATE_RECEIVING:
        return world.job_count == 0 || (last == OTA_WS_JOB_CHUNK && world.jobs[0] == OTA_WS_JOB_CHUNK);
    case OTA_WS_UPDATE_VERIFYING:
        return last == OTA_WS_JOB_FINISH;
    case OTA_WS_UPDATE_ENDING:
        return last == OTA_WS_JOB_ABORT;
    case OTA_WS_UPDATE_CONTROL:
        return only_control_is_queued();
    default:
        return world.job_count == 0;
    }
}

// What the writer has taken, and what of the ring it will take, is what the device says it has received.
static bool bytes_arrive(const ota_ws_device_t *device) {
    uint32_t waits = 0;
    uint32_t to_come = device->early > 0 ? device->early - device->expected : 0; // and will be thrown away
    for (unsigned i = 0; i < world.job_count; i++) {
        waits += world.lengths[i];
    }
    return device->update != OTA_WS_UPDATE_RECEIVING || world.has_failed ||
           (world.taken + waits == device->received + world.skip - to_come &&
            (device->early == 0 || device->expected < device->early));
}

static bool has_a_client(const ota_ws_session_t *session) {
    for (unsigned i = 0; i < WORLD_CLIENTS; i++) {
        if (session == &world.sessions[i]) {
            return world.is_open[i] && session->state == OTA_WS_SESSION_WELCOME;
        }
    }
    return false;
}

const char *world_check(void) {
    const ota_ws_device_t *device = &world.device;
    bool rests = device->update == OTA_WS_UPDATE_IDLE || device->update == OTA_WS_UPDATE_READY;
    bool is_open = device->update == OTA_WS_UPDATE_OPENING || device->update == OTA_WS_UPDATE_RECEIVING;
    const struct {
        bool holds;
        const char *what;
    } rules[] = {
        {world.violation == NULL, world.violation},
        {rests == !world.has_worker, "a worker is there while the device does not rest"},
        {jobs_fit(device), "the jobs are those of the state"},
        {!rests || (device->owner == NULL && device->next == NULL), "at rest nobody owns or waits"},
        {device->owner == NULL || has_a_client(device->owner), "the owner is logged in"},
        {device->next == NULL || has_a_client(device->next), "who waits is logged in"},
        {!is_open || device->owner != NULL, "an update that takes data has an owner"},
        {device->update != OTA_WS_UPDATE_READY || world.is_selected, "a ready image is selected"},
        {!is_open || !world.is_selected, "nothing is selected while data comes"},
        {device->update != OTA_WS_UPDATE_IDLE || !world.is_selected || device->restarting,
         "nothing is selected at rest"},
        {device->received <= WORLD_SIZE + 1 && device->written <= device->received + WORLD_SIZE, "bytes are counted"},
        {bytes_arrive(device), "what is received is written, and nothing else"},
        {!device->on_trial || !is_open, "no update begins on trial"},
        {world.restarts == device->restarting, "a restart is asked for once"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (!rules[i].holds) {
            return rules[i].what;
        }
    }
    return NULL;
}

// ---- which states are different ----

static uint8_t name_of(const ota_ws_session_t *session) {
    return session == NULL ? 0 : (uint8_t)(1 + (session - world.sessions));
}

static uint8_t passed(uint32_t since_ms, uint32_t step_ms, uint8_t most) {
    uint32_t steps = (world.now_ms - since_ms) / step_ms;
    return steps < most ? (uint8_t)steps : most;
}

void world_abstract(world_state_t *state) {
    const ota_ws_device_t *device = &world.device;
    bool is_receiving = device->update == OTA_WS_UPDATE_RECEIVING || device->update == OTA_WS_UPDATE_OPENING;
    uint8_t *at = state->bytes;
    memset(state, 0, sizeof *state);
    *at++ = (uint8_t)device->update;
    *at++ = name_of(device->owner);
    *at++ = name_of(device->next);
    *at++ = is_receiving || device->update == OTA_WS_UPDATE_VERIFYING
                ? (uint8_t)((device->received + WORLD_CHUNK - 1) / WORLD_CHUNK)
                : 0;
    *at++ = is_receiving ? (uint8_t)(device->expected * 2 / WORLD_CHUNK) : 0;
    *at++ = (uint8_t)((is_receiving && device->early > 0) | (world.skip > 0) << 1);
    *at++ = (uint8_t)((world.written + WORLD_CHUNK - 1) / WORLD_CHUNK * (world.job_count > 0 || is_receiving));
    *at++ = (uint8_t)(device->image != NULL);
    *at++ = (uint8_t)(device->end.status != OTA_WS_OK);
    *at++ = (uint8_t)(device->on_trial | device->restarting << 1 | world.is_selected << 2 | world.is_short << 3 |
                      world.is_refusing << 4 | world.has_failed << 5);
    *at++ = (uint8_t)device->pending_action;
    *at++ = is_receiving ? passed(device->last_data_ms, 15000, 2) : 0;
    *at++ = device->on_trial ? passed(device->trial_since_ms, 100000, 3) : 0;
    for (unsigned i = 0; i < WORLD_CLIENTS; i++) {
        const ota_ws_session_t *session = &world.sessions[i];
        *at++ = (uint8_t)(world.is_open[i] ? 1 + session->state : 0);
        *at++ = (uint8_t)(world.is_open[i] && session->draining);
        *at++ = world.is_open[i] ? passed(session->since_ms, 30000, 3) : 0;
    }
    for (unsigned i = 0; i < world.job_count; i++) {
        *at++ = (uint8_t)(1 + world.jobs[i]);
    }
}

// ---- the end ----

static const char *settle(void) {
    while (world.job_count > 0) {
        (void)complete(ENDS_WELL);
        if (world_check() != NULL) {
            return world_check();
        }
    }
    return NULL;
}

// A client that comes afterwards: its update, from begin to ready.
static const char *update(void) {
    (void)connect(0);
    if (world.device.update == OTA_WS_UPDATE_READY) {
        (void)say_word(1 * WORLD_CLIENTS);
        (void)settle();
    }
    (void)begin(0);
    (void)settle();
    while (world.device.update == OTA_WS_UPDATE_RECEIVING && world.device.received < WORLD_SIZE) {
        (void)send_data(0);
        (void)settle();
    }
    return world.device.update == OTA_WS_UPDATE_READY ? NULL : "the next update works";
}

const char *world_wind_up(void) {
    for (unsigned i = 0; i < WORLD_CLIENTS; i++) {
        (void)leave(i);
    }
    world.is_short = world.is_refusing = false;
    const char *violation = settle();
    for (int i = 0; i < 3 && violation == NULL; i++) {
        (void)wait(TRIAL_MS); // pending_actions, and the trial
        violation = settle();
    }
    if (violation != NULL || world.device.restarting) {
        return violation;
    }
    return world.device.on_trial ? "a trial ends" : update();
}
