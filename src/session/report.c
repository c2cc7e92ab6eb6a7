// SPDX-License-Identifier: Apache-2.0
#include "session/report.h"

#include <string.h>

#include "engine/update.h"
#include "feature.h"
#include "image/chip.h"
#include "record/trial.h"
#include "text.h"

// ---- the table

typedef enum {
    MESSAGE,
    TEXT,
    TEXT_OR_NONE,
    POINTER,
    NUMBER,
    NUMBER_OR_NONE,
    TRUE,
    DIGITS4,
    DIGITS8,
    ADDRESS,
    NAME,
    SENTENCE,
    FIRST_WORD, // kinds from here on are lists of words
    IMAGE = FIRST_WORD,
    UPDATE,
    OUTCOME,
    RESET,
    POINTER_OR_NONE = POINTER,
} kind_t;

// Values that no other struct has as they are sent. Zero where a message does not need them.
typedef struct {
    uint32_t version;
    const char *scram; // challenge, welcome
    const char *ticket, *login, *salt;
    uint32_t rounds;
    const char *page; // ticket, error
    bool code;
    uint32_t wait_s;                                        // error
    uint32_t updates, index;                                // history
    bool yours, unwatched, deflate, encrypted, seals, logs; // from here on: state
    uint8_t reset;                                          // ota_ws_reset_t
    ota_ws_image_state_t image;
    uint8_t peer[OTA_WS_PEER_SIZE]; // zeros: not known
    const char *chip, *layout, *mode, *prepare;
    uint32_t mmu_page_size, trial_left_s, slot_size, early, deflate_window;
    char base[2 * OTA_WS_BASE_DIGEST_SIZE + 1];
    ota_ws_remains_t remains; // logs, crash
    char built[34];           // "Nov 22 2026 12:00:00", as the compiler wrote it
} ota_ws_facts_t;

// One row of schema.def. Of a message, `offset` is the number of rows from here to its first member.
typedef struct {
    uint8_t kind : 4;
    uint8_t source : 4;
    uint8_t offset;
} row_t;

// clang-format off
#define SOURCE(name, type) typedef type from_##name##_t;
#define OPTIONAL_SOURCE(name, type) typedef type from_##name##_t;
#include "schema.def"

// Is the field of the type that the kind reads?
#define IS(type, field) _Generic((field), type: 1, default: 0)
#define IS_TEXT(field) IS(char *, field)
#define IS_TEXT_OR_NONE(field) IS(char *, field)
#define IS_POINTER(field) IS(const char *, field)
#define IS_POINTER_OR_NONE(field) IS(const char *, field)
#define IS_NUMBER(field) IS(uint32_t, field)
#define IS_NUMBER_OR_NONE(field) IS(uint32_t, field)
#define IS_TRUE(field) IS(bool, field)
#define IS_DIGITS4(field) (IS(uint8_t *, field) && sizeof(field) >= 4)
#define IS_DIGITS8(field) (IS(uint8_t *, field) && sizeof(field) >= 8)
#define IS_ADDRESS(field) (IS(uint8_t *, field) && sizeof(field) == 16)
#define IS_NAME(field) IS(ota_ws_status_t, field)
#define IS_SENTENCE(field) IS(ota_ws_status_t, field)
#define IS_IMAGE(field) IS(ota_ws_image_state_t, field)
#define IS_UPDATE(field) IS(ota_ws_update_state_t, field)
#define IS_OUTCOME(field) IS(uint8_t, field)
#define IS_RESET(field) IS(uint8_t, field)
#define SAID(type, name, kind, source, field)                                                                          \
    _Static_assert(IS_##kind(((from_##source##_t *)0)->field), #type "." #name ": the field has another type");
#include "schema.def"

static const row_t rows[] = {
#define DEVICE(type) {MESSAGE, 0, 1},
#define DEVICE_AS_NEXT(type) {MESSAGE, 0, 2},
#define SAID(type, name, kind, source, field) {kind, OTA_WS_FROM_##source, offsetof(from_##source##_t, field)},
#include "schema.def"
    {MESSAGE, 0, 0}, // ends the last message
};

// Of each row, in the same order.
static const char names[] =
#define DEVICE(type) #type "\0"
#define DEVICE_AS_NEXT(type) #type "\0"
#define SAID(type, name, kind, source, field) #name "\0"
#include "schema.def"
    ;

// The lists one behind the other, and where each begins.
static const char words[] =
#define IMAGE_WORD(symbol, word) word "\0"
#define UPDATE_WORD(symbol, word) word "\0"
#define OUTCOME_WORD(symbol, word) word "\0"
#define RESET_WORD(symbol, word) word "\0"
#include "schema.def"
    ;

// A word's place in its list is its number.
#define IMAGE_WORD(symbol, word) IMAGE_##symbol,
enum {
#include "schema.def"
    IMAGE_WORDS
};
#define IMAGE_WORD(symbol, word) _Static_assert((int)OTA_WS_IMAGE_##symbol == (int)IMAGE_##symbol, word);
#include "schema.def"
#define UPDATE_WORD(symbol, word) UPDATE_##symbol,
enum {
#include "schema.def"
    UPDATE_WORDS
};
#define UPDATE_WORD(symbol, word) _Static_assert((int)OTA_WS_UPDATE_##symbol == (int)UPDATE_##symbol, word);
#include "schema.def"
#define OUTCOME_WORD(symbol, word) OUTCOME_##symbol,
enum {
#include "schema.def"
    OUTCOME_WORDS
};
#define OUTCOME_WORD(symbol, word) _Static_assert((int)OTA_WS_OUTCOME_##symbol == (int)OUTCOME_##symbol, word);
#include "schema.def"
#define RESET_WORD(symbol, word) RESET_##symbol,
enum {
#include "schema.def"
    RESET_WORDS
};
#define RESET_WORD(symbol, word) _Static_assert((int)OTA_WS_RESET_##symbol == (int)RESET_##symbol, word);
#include "schema.def"
_Static_assert((int)OTA_WS_RESET_COUNT == (int)RESET_WORDS, "each reset has a word");
static const uint8_t first_words[] = {0, IMAGE_WORDS, IMAGE_WORDS + UPDATE_WORDS,
                                      IMAGE_WORDS + UPDATE_WORDS + OUTCOME_WORDS};
// clang-format on

// ---- writing by the table

// Returns the word, or "" where a stored number is none of the list.
static const char *word_of(unsigned kind, const void *at) {
    unsigned number = kind == IMAGE    ? *(const ota_ws_image_state_t *)at
                      : kind == UPDATE ? *(const ota_ws_update_state_t *)at
                                       : *(const uint8_t *)at;
    bool is_known = kind != RESET || number < OTA_WS_RESET_COUNT;
    return is_known ? ota_ws_text_at(words, first_words[kind - FIRST_WORD] + number) : "";
}

// The value as text, "" when it has none. `text` is there for those that have to be put together.
static const char *value_of(unsigned kind, const void *at, char text[OTA_WS_TEXT_ADDRESS_SIZE]) {
    uint32_t number;
    text[0] = '\0';
    switch (kind) {
    case TEXT:
    case TEXT_OR_NONE:
        return at;
    case POINTER:
        return *(const char *const *)at;
    case NUMBER:
    case NUMBER_OR_NONE:
        number = *(const uint32_t *)at;
        if (number > 0 || kind == NUMBER) {
            ota_ws_text_number(text, number);
        }
        return text;
    case TRUE:
        return *(const bool *)at ? "true" : text;
    case DIGITS4:
    case DIGITS8:
        ota_ws_text_hex(text, at, kind == DIGITS4 ? 4 : 8);
        return text;
    case ADDRESS:
        ota_ws_text_address(text, at);
        return text[2] != '\0' ? text : ""; // "::", of zeros, stands for an address that is not known
    case NAME:
        return ota_ws_status_name(*(const ota_ws_status_t *)at);
    default:
        return word_of(kind, at);
    }
}

static void write_member(ota_ws_reply_t *reply, const char *name, unsigned kind, const void *at) {
    char text[OTA_WS_TEXT_ADDRESS_SIZE];
    const char *value = value_of(kind, at, text);
    if (value != NULL && (value[0] != '\0' || kind == TEXT || kind == POINTER)) {
        bool is_bare = kind == NUMBER || kind == NUMBER_OR_NONE || kind == TRUE;
        ota_ws_reply_member(reply, name, value, is_bare ? OTA_WS_REPLY_BARE : OTA_WS_REPLY_ESCAPED);
    }
}

static void write_members(ota_ws_report_t *report) {
    const row_t *row = &rows[report->message] + rows[report->message].offset;
    const char *name = ota_ws_text_at(names, (unsigned)(row - rows));
    for (; row->kind != MESSAGE; row++, name = ota_ws_text_at(name, 1)) {
        const uint8_t *from = report->from[row->source];
        if (from != NULL && row->kind != SENTENCE) {
            write_member(&report->reply, name, row->kind, from + row->offset);
        } else if (from != NULL && report->sentence != NULL) {
            report->sentence(&report->reply, report->from[OTA_WS_FROM_failure]);
        }
    }
}

void ota_ws_report_part(ota_ws_report_t *report, ota_ws_source_t source, const void *from) {
    size_t before = report->reply.length;
    memset(report->from, 0, sizeof report->from);
    report->from[source] = from;
    write_members(report);
    if (report->reply.overflow) {
        report->reply.length = before;
    }
}

typedef struct {
    ota_ws_report_t report;
    ota_ws_facts_t facts;
} message_t;

static void start(message_t *message, const ota_ws_device_t *device) {
    const void **from = message->report.from;
    memset(message, 0, sizeof *message);
    message->report.sentence = device->settings->sentence;
    message->facts.version = OTA_WS_PROTOCOL_VERSION;
    from[OTA_WS_FROM_device] = device;
    from[OTA_WS_FROM_settings] = device->settings;
    from[OTA_WS_FROM_facts] = &message->facts;
}

// Writes all but the end into `text`, which holds `size` bytes.
static ota_ws_reply_t *write_text(message_t *message, ota_ws_said_t type, char *text, size_t size) {
    ota_ws_reply_t *reply = &message->report.reply;
    message->report.message = type;
    ota_ws_reply_begin(reply, text, size, ota_ws_text_at(names, type));
    write_members(&message->report);
    return reply;
}

// ---- answers to POST

static void write_body(message_t *message, ota_ws_said_t type, char *body, size_t size) {
    ota_ws_reply_t *reply = write_text(message, type, body, size);
    ota_ws_reply_end(reply, NULL, NULL, 0);
    body[reply->length] = '\0';
}

void ota_ws_report_ticket(const ota_ws_device_t *device, const char *ticket, const char *page, char *body,
                          size_t size) {
    message_t message;
    char salt[OTA_WS_BASE64_LENGTH(OTA_WS_SCRAM_SALT_SIZE) + 1];
    start(&message, device);
    message.facts.ticket = ticket;
    message.facts.page = page;
    message.facts.login = "none";
    if (device->verifier != NULL) {
        ota_ws_base64(salt, device->verifier->salt, OTA_WS_SCRAM_SALT_SIZE);
        message.facts.login = "scram-sha-256";
        message.facts.salt = salt;
        message.facts.rounds = device->verifier->iterations;
        message.facts.code = device->settings->has_pairing_code;
    }
    write_body(&message, OTA_WS_SAID_ticket, body, size);
}

void ota_ws_report_refusal(const ota_ws_device_t *device, const ota_ws_failure_t *failure, const char *page, char *body,
                           size_t size) {
    message_t message;
    start(&message, device);
    message.facts.page = page;
    message.report.from[OTA_WS_FROM_failure] = failure;
    write_body(&message, OTA_WS_SAID_error, body, size);
}

// ---- messages of a session

static bool has_keys(const ota_ws_session_t *session) {
    return session->state == OTA_WS_SESSION_WELCOME && session->device->verifier != NULL && !session->has_no_keys;
}

// Ends the message, with its mac once the session has keys, and sends it.
static void send(ota_ws_session_t *session, message_t *message) {
    const ota_ws_device_t *device = session->device;
    ota_ws_reply_t *reply = &message->report.reply;
    bool is_guarded = has_keys(session);
    if (is_guarded && ++session->sent_count == 0) {
        session->sent_count--; // counts never turn over
        session->link->close(session->link->context);
        return;
    }
    ota_ws_reply_end(reply, device->ports.hash, is_guarded ? session->secret.keys.device : NULL, session->sent_count);
    session->said = (uint16_t)message->report.message;
    session->link->send(session->link->context, reply->text, reply->length);
}

static void say(ota_ws_session_t *session, ota_ws_said_t type, message_t *message) {
    bool seals = session->seals_answer;
    write_text(message, type, session->device->scratch, seals ? OTA_WS_SEALED_SIZE : OTA_WS_MESSAGE_SIZE);
    if (seals) {
        message->report.session = session;
        ota_ws_features_run(OTA_WS_ANSWER_WRITTEN, &message->report);
    }
    send(session, message);
}

void ota_ws_report_login(ota_ws_session_t *session, ota_ws_said_t type, const char *scram) {
    message_t message;
    start(&message, session->device);
    message.facts.scram = scram;
    say(session, type, &message);
}

void ota_ws_report_plain(ota_ws_session_t *session, ota_ws_said_t type) {
    ota_ws_report_login(session, type, NULL);
}

// ---- state

bool ota_ws_report_seals(const ota_ws_session_t *session) {
    return has_keys(session) && ota_ws_features_run(OTA_WS_DATA_CAME, NULL);
}

bool ota_ws_report_is_idle(const ota_ws_device_t *device) {
    return device->update < OTA_WS_UPDATE_OPENING || device->update > OTA_WS_UPDATE_READY;
}

// Of the client that runs the update, or has sent the image that is ready.
static void put_peer(ota_ws_facts_t *facts, const ota_ws_device_t *device) {
    if (device->owner != NULL) {
        memcpy(facts->peer, device->owner->peer.bytes, sizeof facts->peer);
    } else if (device->update == OTA_WS_UPDATE_READY) {
        memcpy(facts->peer, device->last.peer, sizeof facts->peer);
    }
}

static uint32_t trial_left_s(const ota_ws_device_t *device) {
    uint32_t timeout_ms = device->settings->trial_timeout_ms;
    uint32_t passed_ms = device->now_ms - device->trial_since_ms;
    return passed_ms < timeout_ms ? (timeout_ms - passed_ms + 999) / 1000 : 0;
}

static void gather_device(ota_ws_facts_t *facts, const ota_ws_device_t *device, const ota_ws_identity_t *identity) {
    const ota_ws_flash_t *flash = device->ports.flash;
    const ota_ws_worker_t *worker = device->ports.worker;
    const char *chip = ota_ws_chip_name(identity->chip_id);
    facts->chip = chip != NULL ? chip : "unknown";
    facts->mmu_page_size = identity->mmu_page_bits > 0 ? UINT32_C(1) << identity->mmu_page_bits : 0;
    char *end = ota_ws_text_append(facts->built, identity->running.date);
    ota_ws_text_append(ota_ws_text_append(end, " "), identity->running.time);
    bool has_slots = identity->layout == OTA_WS_LAYOUT_TWO_SLOTS;
    facts->layout = has_slots ? "two_slots" : "recovery";
    facts->mode = has_slots ? NULL : identity->layout == OTA_WS_LAYOUT_RECOVERY ? facts->layout : "application";
    facts->slot_size = flash->slot_size(flash->context);
    facts->deflate = worker->inflates;
    facts->deflate_window = worker->inflates && ota_ws_report_is_idle(device) ? OTA_WS_SMALL_WINDOW : 0;
    facts->encrypted = worker->decrypts;
    facts->prepare = ota_ws_report_is_idle(device) ? device->prepare : NULL;
    facts->early = ota_ws_device_is_preparing(device) ? 0 : ota_ws_update_early_most(device);
    facts->trial_left_s = trial_left_s(device);
    facts->logs = device->ports.platform->log != NULL && ota_ws_history_is_given_up(&device->last);
    // While the core holds the running image to be on trial, this is its state, whatever the boot record says.
    facts->image = device->on_trial ? OTA_WS_IMAGE_TRIAL : identity->image_state;
    facts->unwatched = facts->image != identity->image_state;
}

void ota_ws_report_state(ota_ws_session_t *session) {
    const ota_ws_device_t *device = session->device;
    const ota_ws_platform_t *platform = device->ports.platform;
    ota_ws_identity_t identity;
    message_t message;
    const void **from = message.report.from;
    platform->describe(platform->context, &identity);
    identity.can_roll_back |= ota_ws_trial_restores(&device->last, &identity);
    if (device->prepared == OTA_WS_SLOT_BLANK && identity.other_state == OTA_WS_IMAGE_NONE) {
        identity.other_state = OTA_WS_IMAGE_BLANK;
    }
    start(&message, device);
    message.facts.reset = platform->reset_reason != NULL ? (uint8_t)platform->reset_reason(platform->context) : 0;
    gather_device(&message.facts, device, &identity);
    message.facts.seals = ota_ws_report_seals(session);
    from[OTA_WS_FROM_identity] = &identity;
    from[OTA_WS_FROM_running] = &identity.running;
    if (identity.is_signed) {
        from[OTA_WS_FROM_signer] = &identity;
    }
    if (identity.checks_efuse && !identity.any_efuse_maximum) {
        from[OTA_WS_FROM_efuse] = &identity;
    }
    if (device->on_trial && device->settings->trial_timeout_ms > 0) {
        from[OTA_WS_FROM_trial] = &message.facts;
    }
    if (device->base.size > 0 && ota_ws_report_is_idle(device)) {
        ota_ws_text_hex(message.facts.base, device->base.digest, sizeof device->base.digest);
    }
    if (!ota_ws_report_is_idle(device)) {
        from[OTA_WS_FROM_update] = device;
        from[OTA_WS_FROM_incoming] = device->image;
        message.facts.yours = device->owner == session;
        put_peer(&message.facts, device);
    }
    if (identity.other_slot[0] != '\0') {
        from[OTA_WS_FROM_other_slot] = &identity;
        from[OTA_WS_FROM_other] = identity.other_valid ? &identity.other : NULL;
    }
    write_text(&message, OTA_WS_SAID_state, device->scratch, OTA_WS_MESSAGE_SIZE);
    message.report.session = session;
    ota_ws_features_run(OTA_WS_STATE_REPORTED, &message.report);
    bool matters = identity.layout != OTA_WS_LAYOUT_TWO_SLOTS;
    if (matters) {
        ota_ws_report_part(&message.report, OTA_WS_FROM_more, &message.facts);
    }
    if (device->last.outcome != OTA_WS_OUTCOME_NONE) {
        ota_ws_report_part(&message.report, OTA_WS_FROM_past, &device->last);
    }
    if (!matters) {
        ota_ws_report_part(&message.report, OTA_WS_FROM_more, &message.facts);
    }
    send(session, &message);
}

// ---- history

void ota_ws_report_history(ota_ws_session_t *session) {
    ota_ws_history_t history;
    message_t message;
    ota_ws_history_load(session->device->ports.platform, &history);
    start(&message, session->device);
    message.facts.updates = history.count;
    do {
        if (history.count > 0) {
            message.report.from[OTA_WS_FROM_more] = &message.facts;
            message.report.from[OTA_WS_FROM_past] = &history.entries[message.facts.index];
        }
        say(session, OTA_WS_SAID_history, &message);
    } while (++message.facts.index < history.count);
}

// ---- what an image has left behind

void ota_ws_report_remains(ota_ws_session_t *session, ota_ws_said_t type, const ota_ws_remains_t *remains) {
    message_t message;
    start(&message, session->device);
    message.facts.remains = *remains;
    say(session, type, &message);
}

// ---- the update

static void report_ready(ota_ws_session_t *session) {
    ota_ws_report_plain(session, OTA_WS_SAID_ready);
}

void ota_ws_report_progress(ota_ws_session_t *session) {
    ota_ws_report_plain(session, OTA_WS_SAID_progress);
}

static void report_done(ota_ws_session_t *session) {
    const ota_ws_platform_t *platform = session->device->ports.platform;
    ota_ws_identity_t identity;
    message_t message;
    platform->describe(platform->context, &identity);
    start(&message, session->device);
    message.report.from[OTA_WS_FROM_identity] = &identity;
    message.report.from[OTA_WS_FROM_other] = &identity.other;
    say(session, OTA_WS_SAID_done, &message);
}

// ---- what went wrong

// `wait_s` 0: there is nothing to wait for.
static void say_failure(ota_ws_session_t *session, ota_ws_said_t type, const ota_ws_failure_t *failure,
                        uint32_t wait_s) {
    message_t message;
    start(&message, session->device);
    message.facts.wait_s = wait_s;
    message.report.from[OTA_WS_FROM_failure] = failure;
    session->failed_as = (uint8_t)failure->status;
    say(session, type, &message);
}

void ota_ws_report_failed(ota_ws_session_t *session, const ota_ws_failure_t *failure) {
    say_failure(session, OTA_WS_SAID_failed, failure, 0);
}

void ota_ws_report_error(ota_ws_session_t *session, const ota_ws_failure_t *failure, uint32_t wait_ms) {
    say_failure(session, OTA_WS_SAID_error, failure, (wait_ms + 999) / 1000);
}

// ---- to many

static void to_all(const ota_ws_device_t *device, void (*report)(ota_ws_session_t *session)) {
    for (ota_ws_session_t *session = device->sessions; session != NULL; session = session->next) {
        if (session->state == OTA_WS_SESSION_WELCOME) {
            report(session);
        }
    }
}

static void state_to_all(ota_ws_device_t *device) {
    to_all(device, ota_ws_report_state);
}

// To the owner at least. A feature reports to those who only look on (features/viewers.c).
static void report_written(ota_ws_device_t *device) {
    if (device->owner != NULL) {
        ota_ws_report_progress(device->owner);
    }
    ota_ws_features_run(OTA_WS_UPDATE_WRITTEN, device);
}

static void report_restarting(ota_ws_session_t *session) {
    ota_ws_report_plain(session, OTA_WS_SAID_restarting);
}

static void restarting_to_all(ota_ws_device_t *device) {
    to_all(device, report_restarting);
}

const ota_ws_notices_t ota_ws_report_notices = {
    .ready = report_ready,
    .progress = ota_ws_report_progress,
    .done = report_done,
    .failed = ota_ws_report_failed,
    .state = state_to_all,
    .written = report_written,
    .restarting = restarting_to_all,
};
