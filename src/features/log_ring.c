// SPDX-License-Identifier: Apache-2.0
// A failed trial explains itself: the last log lines of the image that failed (record/log_ring.h), and the summary of
// its core dump. Lines are kept from an image's first moment on; what becomes of them is decided when it is known
// whether the image is on trial. Answers `logs` and `crash`, in messages that keep to the longest length whatever the
// lines hold.
#include <string.h>

#include "feature.h"
#include "record/log_ring.h"
#include "session/report.h"
#include "text.h"

#define TEXT_SIZE 480  // bytes of lines in one message
#define TEXT_COST 600  // of the same as JSON writes them: what a sealed message has left beside its other members
#define STACK_SIZE 240 // bytes of stack in one message, two digits each
#define NUMBER_SIZE 11 // "0x42008a3c", terminated

_Static_assert(OTA_WS_LOG_ELF_SIZE == OTA_WS_HISTORY_ELF_SIZE, "one length of digests");
_Static_assert(2 * OTA_WS_LOG_PIECE_SIZE <= TEXT_COST, "each piece fits into a message");
_Static_assert(TEXT_COST + 160 <= OTA_WS_SEALED_SIZE, "and so do the other members with it");

static const ota_ws_log_memory_t *memory_of(const ota_ws_device_t *device) {
    const ota_ws_platform_t *platform = device->ports.platform;
    return platform->log != NULL ? platform->log(platform->context) : NULL;
}

static void settle(void *subject) {
    const ota_ws_device_t *device = subject;
    const ota_ws_log_memory_t *memory = memory_of(device);
    if (memory != NULL) {
        bool failed = ota_ws_history_is_given_up(&device->last);
        ota_ws_log_ring_settle(memory, device->on_trial, failed ? device->last.elf : NULL);
    }
}

// ---- logs ----

// Bytes of the piece in a JSON string.
static size_t cost_of(const ota_ws_log_piece_t *piece) {
    size_t cost = 0;
    for (const char *at = piece->text; *at != '\0'; at++) {
        cost += *at == '\n' || *at == '"' || *at == '\\' ? 2 : 1;
    }
    return cost;
}

// A piece that has passed its check is text all the same, whatever the memory holds.
static bool next_piece(ota_ws_log_reader_t *reader, ota_ws_log_piece_t *piece) {
    ota_ws_log_piece_t raw;
    if (!ota_ws_log_reader_next(reader, &raw)) {
        return false;
    }
    ota_ws_log_piece_make(piece, raw.text, strlen(raw.text));
    piece->text[piece->length] = '\0';
    return true;
}

// Fills `text` with whole pieces. `piece` is the next one, and its length 0 at the end.
static void gather(ota_ws_log_reader_t *reader, ota_ws_log_piece_t *piece, char text[TEXT_SIZE + 1]) {
    size_t length = 0, cost = 0;
    do {
        memcpy(text + length, piece->text, piece->length + 1u);
        length += piece->length;
        cost += cost_of(piece);
        if (!next_piece(reader, piece)) {
            piece->length = 0;
        }
    } while (piece->length > 0 && length + piece->length <= TEXT_SIZE && cost + cost_of(piece) <= TEXT_COST);
}

static void answer_logs(void *subject) {
    ota_ws_session_t *session = subject;
    const ota_ws_log_memory_t *memory = memory_of(session->device);
    const uint8_t *owner = memory != NULL ? ota_ws_log_ring_owner(memory) : NULL;
    ota_ws_remains_t remains = {0};
    ota_ws_log_reader_t reader = {0};
    ota_ws_log_piece_t piece = {0};
    char elf[2 * OTA_WS_LOG_ELF_SIZE + 1], text[TEXT_SIZE + 1];
    if (owner != NULL) {
        ota_ws_text_hex(elf, owner, OTA_WS_LOG_ELF_SIZE);
        remains.elf = elf;
        remains.newest = memcmp(owner, session->device->last.elf, OTA_WS_LOG_ELF_SIZE) == 0;
        ota_ws_log_reader_init(&reader, memory->ring);
        (void)next_piece(&reader, &piece);
    }
    do {
        if (piece.length > 0) {
            gather(&reader, &piece, text);
            remains.text = text;
        }
        remains.more = piece.length > 0;
        ota_ws_report_remains(session, OTA_WS_SAID_logs, &remains);
    } while (remains.more);
}

// ---- crash ----

static const char *write_address(char to[NUMBER_SIZE], uint32_t address) {
    const uint8_t bytes[] = {(uint8_t)(address >> 24), (uint8_t)(address >> 16), (uint8_t)(address >> 8),
                             (uint8_t)address};
    ota_ws_text_hex(ota_ws_text_append(to, "0x"), bytes, sizeof bytes);
    return to;
}

// Is the dump of the newest update's image? A dump may be years old. It has as many digits as its image keeps.
static bool is_newest(const ota_ws_core_dump_t *core, const ota_ws_history_entry_t *last) {
    char digits[2 * OTA_WS_HISTORY_ELF_SIZE + 1];
    size_t length = strlen(core->elf);
    ota_ws_text_hex(digits, last->elf, sizeof last->elf);
    length = length < sizeof digits - 1 ? length : sizeof digits - 1;
    return last->outcome != OTA_WS_OUTCOME_NONE && length >= 8 && memcmp(core->elf, digits, length) == 0;
}

// Cuts what is no text out of a text that any image may have left. NULL when nothing is left.
static const char *clean(char *text) {
    ota_ws_log_piece_t piece;
    ota_ws_log_piece_make(&piece, text, strlen(text));
    memcpy(text, piece.text, piece.length);
    text[piece.length] = '\0';
    return piece.length > 0 ? text : NULL;
}

static void report_stack(ota_ws_session_t *session, const ota_ws_core_dump_t *core) {
    char digits[2 * STACK_SIZE + 1];
    for (uint32_t at = 0; at < core->stack_size; at += STACK_SIZE) {
        uint32_t left = core->stack_size - at;
        ota_ws_text_hex(digits, core->stack + at, left < STACK_SIZE ? left : STACK_SIZE);
        ota_ws_remains_t remains = {.stack = digits, .more = left > STACK_SIZE};
        ota_ws_report_remains(session, OTA_WS_SAID_crash, &remains);
    }
}

static void report_core(const ota_ws_crash_question_t *question, ota_ws_core_dump_t *core) {
    char pc[NUMBER_SIZE], address[NUMBER_SIZE], calls[OTA_WS_CORE_CALLS * NUMBER_SIZE] = "";
    for (uint32_t i = 0; i < core->call_count && i < OTA_WS_CORE_CALLS; i++) {
        calls[i * NUMBER_SIZE - (i > 0)] = ' ';
        write_address(calls + i * NUMBER_SIZE, core->calls[i]);
    }
    bool has_stack = question->with_stack && core->stack_size > 0;
    const ota_ws_remains_t remains = {
        .elf = clean(core->elf),
        .newest = is_newest(core, &question->session->device->last),
        .task = clean(core->task),
        .reason = clean(core->reason),
        .pc = write_address(pc, core->pc),
        .backtrace = calls[0] != '\0' ? calls : NULL,
        .cause = core->cause,
        .address = write_address(address, core->address),
        .more = has_stack,
    };
    ota_ws_report_remains(question->session, OTA_WS_SAID_crash, &remains);
    if (has_stack) {
        report_stack(question->session, core);
    }
}

static void answer_crash(void *subject) {
    const ota_ws_crash_question_t *question = subject;
    const ota_ws_platform_t *platform = question->session->device->ports.platform;
    ota_ws_core_dump_t core;
    memset(&core, 0, sizeof core);
    if (platform->open_core != NULL && platform->open_core(platform->context, &core)) {
        report_core(question, &core);
        platform->close_core(platform->context, &core);
    } else {
        ota_ws_report_plain(question->session, OTA_WS_SAID_crash);
    }
}

const ota_ws_feature_t ota_ws_feature_log_ring[] = {
    {OTA_WS_TRIAL_KNOWN, settle},
    {OTA_WS_LOGS_ASKED, answer_logs},
    {OTA_WS_CRASH_ASKED, answer_crash},
    {0},
};
