// SPDX-License-Identifier: Apache-2.0
// Text messages: JSON in, a small struct out; values in, JSON out. The grammar is docs/protocol.md, section 2. Knows no
// session.
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hash.h"
#include "login/scram.h"
#include "status.h"

// ---- from the client -----------------------------------------------------------------------------------------------

typedef enum {
    OTA_WS_SAYS_HELLO,
    OTA_WS_SAYS_PROOF,
    OTA_WS_SAYS_BEGIN,
    OTA_WS_SAYS_END,
    OTA_WS_SAYS_CANCEL,
    OTA_WS_SAYS_RESTART,
    OTA_WS_SAYS_CONFIRM,
    OTA_WS_SAYS_ROLLBACK,
    OTA_WS_SAYS_PING,
    OTA_WS_SAYS_HISTORY,
    OTA_WS_SAYS_COUNT
} ota_ws_request_type_t;

// Members that the message does not have are zero.
typedef struct {
    ota_ws_request_type_t type;
    uint32_t version;                      // hello
    char ticket[24];                       // hello
    char scram[OTA_WS_SCRAM_MESSAGE_SIZE]; // hello, proof
    uint32_t size;                         // begin
    uint8_t sha256[OTA_WS_SHA256_SIZE];    // begin
    bool allow_downgrade;                  // begin
    bool deflate;                          // begin
    uint32_t early;                        // begin
    bool has_count;                        // `count` and `mac` were there
    uint32_t count;
    uint8_t mac[OTA_WS_MAC_SIZE];
    size_t covered; // bytes of the text that the mac covers
} ota_ws_request_t;

// Reads one message. OTA_WS_OK, or the first thing that is wrong with it (OTA_WS_NOT_JSON to OTA_WS_BAD_VALUE).
ota_ws_status_t ota_ws_request_read(const char *text, size_t length, ota_ws_request_t *request);

// ---- to the client -------------------------------------------------------------------------------------------------

// A message being written. What does not fit is left out, with all members after it; the text stays valid JSON.
typedef struct ota_ws_reply {
    char *text;
    size_t size;
    size_t length;
    bool overflow;
} ota_ws_reply_t;

// Writes `{"type":"<type>"` into `text`, which holds `size` bytes.
void ota_ws_reply_begin(ota_ws_reply_t *reply, char *text, size_t size, const char *type);

// Append a member. Strings are escaped as JSON wants it.
void ota_ws_reply_string(ota_ws_reply_t *reply, const char *name, const char *value);
void ota_ws_reply_number(ota_ws_reply_t *reply, const char *name, uint32_t value);
void ota_ws_reply_true(ota_ws_reply_t *reply, const char *name);
void ota_ws_reply_hex(ota_ws_reply_t *reply, const char *name, const uint8_t *bytes, size_t length);

// Appends several members. `members` names them, a blank between two, each with the kind of its value:
//   name:s  const char *, a string; NULL: the member is left out
//   name:n  uint32_t
//   name:o  uint32_t; 0: the member is left out
//   name:t  bool, `true`; false: the member is left out
//   name:x  const uint8_t *, OTA_WS_REPLY_HEX_SIZE bytes in hex; NULL: the member is left out
#define OTA_WS_REPLY_HEX_SIZE 8
void ota_ws_reply_members(ota_ws_reply_t *reply, const char *members, ...);
void ota_ws_reply_list(ota_ws_reply_t *reply, const char *members, va_list *values);

// Appends name, sentence (when `sentence` is not NULL) and values of a failure.
void ota_ws_reply_failure(ota_ws_reply_t *reply, const ota_ws_failure_t *failure, ota_ws_sentence_t sentence);

// Appends `count` and `mac` when `key` is not NULL, and the closing brace.
void ota_ws_reply_end(ota_ws_reply_t *reply, const ota_ws_hash_t *hash, const uint8_t *key, uint32_t count);
