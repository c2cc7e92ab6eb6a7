// SPDX-License-Identifier: Apache-2.0
// What the device says, message by message (schema.def; docs/protocol.md, section 5). Inside the core only.
#pragma once

#include "engine/state.h"
#include "session/message.h"

// The messages, in the order of their rows in schema.def: the number of a message is that of its row.
typedef enum {
#define DEVICE(type) OTA_WS_SAID_##type,
#define DEVICE_AS_NEXT(type) OTA_WS_SAID_##type,
#define SAID(type, name, kind, source, field) OTA_WS_SAID_##type##_##name,
#include "schema.def"
} ota_ws_said_t;

typedef enum {
#define SOURCE(name, type) OTA_WS_FROM_##name,
#define OPTIONAL_SOURCE(name, type) OTA_WS_FROM_##name,
#include "schema.def"
    OTA_WS_FROM_COUNT
} ota_ws_source_t;

// The part of an unfinished upload that flash holds (features/resume.c).
typedef struct {
    uint32_t offset, size;
    uint8_t sha256[8]; // the first bytes
    const char *project, *version;
} ota_ws_kept_t;

// A part of what an image has left behind: `logs`, `crash`. Texts are terminated and valid UTF-8; NULL: absent.
typedef struct {
    const char *elf; // hex digits, as many as are known
    const char *text, *task, *reason, *pc, *address, *backtrace, *stack;
    uint32_t cause;
    bool newest, more;
} ota_ws_remains_t;

// `crash`, asked by a client.
typedef struct {
    ota_ws_session_t *session;
    bool with_stack;
} ota_ws_crash_question_t;

// A message while it is written.
typedef struct {
    ota_ws_reply_t reply;
    ota_ws_said_t message;
    const void *from[OTA_WS_FROM_COUNT]; // the structs that its members are read from; NULL: without their members
    ota_ws_sentence_t sentence;
    const ota_ws_session_t *session; // of `state`, and of a message that is to be sealed
} ota_ws_report_t;

// Appends those members of the message that are read from this source: all of them, or none when they do not fit. A
// feature adds members to `state` so (feature.h).
void ota_ws_report_part(ota_ws_report_t *report, ota_ws_source_t source, const void *from);

// The answers to POST, terminated, into `body`, which holds `size` bytes. `page` NULL: not known.
void ota_ws_report_ticket(const ota_ws_device_t *device, const char *ticket, const char *page, char *body, size_t size);
void ota_ws_report_refusal(const ota_ws_device_t *device, const ota_ws_failure_t *failure, const char *page, char *body,
                           size_t size);

// To one session. Without members, like "pong".
void ota_ws_report_plain(ota_ws_session_t *session, ota_ws_said_t type);
// OTA_WS_SAID_challenge or _welcome; `scram` NULL when there is no login. Sent without mac.
void ota_ws_report_login(ota_ws_session_t *session, ota_ws_said_t type, const char *scram);
void ota_ws_report_state(ota_ws_session_t *session);
void ota_ws_report_progress(ota_ws_session_t *session);
// One message for each update that is known, newest first; one without an update when none is.
void ota_ws_report_history(ota_ws_session_t *session);
void ota_ws_report_failed(ota_ws_session_t *session, const ota_ws_failure_t *failure);

// Does `state` say "seals" to this session, which is logged in? It needs keys, and the feature.
bool ota_ws_report_seals(const ota_ws_session_t *session);

// OTA_WS_SAID_logs or _crash; sealed where session->seals_answer is set.
void ota_ws_report_remains(ota_ws_session_t *session, ota_ws_said_t type, const ota_ws_remains_t *remains);

// Does `state` say "idle"?
bool ota_ws_report_is_idle(const ota_ws_device_t *device);

// "error"; `wait_ms` 0 when there is nothing to wait for.
void ota_ws_report_error(ota_ws_session_t *session, const ota_ws_failure_t *failure, uint32_t wait_ms);

// The engine's notices, sent as messages.
extern const ota_ws_notices_t ota_ws_report_notices;
