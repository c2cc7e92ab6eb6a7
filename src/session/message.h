// SPDX-License-Identifier: Apache-2.0
// Text messages: JSON in, a small struct out; values in, JSON out. The grammar is docs/protocol.md, section 2. Knows no
// session.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hash.h"
#include "image/policy.h"
#include "login/login.h"
#include "status.h"

// ---- from the client ----

typedef enum {
#define CLIENT(symbol, type, state) OTA_WS_MSG_##symbol,
#include "schema.def"
    OTA_WS_MSG_COUNT
} ota_ws_request_type_t;

// Members that the message does not have are zero.
typedef struct {
    ota_ws_request_type_t type;
    uint32_t version;               // hello
    ota_ws_upload_request_t upload; // begin
    bool stack;                     // crash
    bool sealed;                    // logs, crash
    bool has_count;                 // `count` and `mac` were there
    uint32_t count;
    uint8_t mac[OTA_WS_MAC_SIZE];
    size_t covered;                        // bytes of the text that the mac covers
    bool on;                               // prepare
    char into[sizeof "application"];       // restart
    char ticket[OTA_WS_TICKET_TEXT_SIZE];  // hello
    char scram[OTA_WS_SCRAM_MESSAGE_SIZE]; // hello, proof
} ota_ws_request_t;

// Reads one message. OTA_WS_OK, or the first thing that is wrong with it (OTA_WS_NOT_JSON to OTA_WS_BAD_VALUE).
ota_ws_status_t ota_ws_request_read(const char *text, size_t length, ota_ws_request_t *request);

// ---- to the client ----

// Bytes that stay free for `count`, `mac` and the closing brace.
#define OTA_WS_REPLY_TAIL_SIZE (sizeof ",\"count\":4294967295,\"mac\":\"\"}" + 2 * OTA_WS_MAC_SIZE)

// A message being written. A member that does not fit is left out, with all members after it; the text stays valid
// JSON.
typedef struct ota_ws_reply {
    char *text;
    size_t size;
    size_t length;
    bool overflow;
} ota_ws_reply_t;

// Writes `{"type":"<type>"` into `text`, which holds `size` bytes.
void ota_ws_reply_begin(ota_ws_reply_t *reply, char *text, size_t size, const char *type);

typedef enum {
    OTA_WS_REPLY_BARE,    // as it is: a number, `true`
    OTA_WS_REPLY_QUOTED,  // in quotes; it needs no escapes
    OTA_WS_REPLY_ESCAPED, // in quotes, escaped as JSON wants it
} ota_ws_reply_form_t;

// Appends a member.
void ota_ws_reply_member(ota_ws_reply_t *reply, const char *name, const char *text, ota_ws_reply_form_t form);

void ota_ws_reply_string(ota_ws_reply_t *reply, const char *name, const char *value);
void ota_ws_reply_number(ota_ws_reply_t *reply, const char *name, uint32_t value);
void ota_ws_reply_true(ota_ws_reply_t *reply, const char *name);
void ota_ws_reply_hex(ota_ws_reply_t *reply, const char *name, const uint8_t *bytes, size_t length); // 32 at most

// Appends `count` and `mac` when `key` is not NULL, and the closing brace.
void ota_ws_reply_end(ota_ws_reply_t *reply, const ota_ws_hash_t *hash, const uint8_t *key, uint32_t count);
