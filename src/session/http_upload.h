// SPDX-License-Identifier: Apache-2.0
// Plain HTTP at the page's address (docs/protocol.md, section 9): PUT sends a file, POST with a body asks for one
// thing, GET asks for the state. One request is one session of the device, as a WebSocket is one: the head of the
// request logs in and says what the session shall do, the body is its data, and the message that answers becomes the
// body of the HTTP answer. The transport reads, writes and closes; it calls from one thread, or with its lock held.
#pragma once

#include "login/gate.h"
#include "session/session.h"

// The head of a request, as the transport has read it. Texts are terminated and need not outlive the call; NULL where a
// header is absent, "" where its value cannot be used.
typedef struct {
    ota_ws_gate_request_t gate;
    const char *method;        // "PUT", "POST" or "GET"
    const char *authorization; // header Authorization
    const char *sha256;        // OTA-SHA256
    const char *range;         // Content-Range
    const char *downgrade;     // OTA-Allow-Downgrade
    const char *sealed;        // OTA-Sealed
    const char *body;          // of a POST, `length` bytes, OTA_WS_LOGIN_SIZE at most; of a GET ""
    uint32_t length;           // Content-Length
    bool has_length;
    bool is_secure;             // over TLS
    const uint8_t *derived_key; // the StoredKey of the password in `authorization` (ota_ws_http_password), or NULL
} ota_ws_http_request_t;

// Gets the answer, once: HTTP status and JSON. `text` is only there during the call, and lies in the device's scratch.
typedef void ota_ws_http_answer_t(void *context, unsigned code, const char *text, size_t length);

typedef enum {
    OTA_WS_HTTP_WAIT,     // read nothing now: the device is busy with what it has
    OTA_WS_HTTP_SKIP,     // read up to so many bytes of the body and throw them away: flash holds them already
    OTA_WS_HTTP_TAKE,     // read up to so many bytes into the worker's ring
    OTA_WS_HTTP_ANSWERED, // nothing more is read; the connection closes
} ota_ws_http_step_t;

// Public so that it can be the transport's; all members but `kept` belong to the core.
typedef struct {
    ota_ws_session_t session;
    ota_ws_link_t link;
    ota_ws_http_answer_t *answer;
    void *context;
    uint32_t position; // of the body's next byte in the file
    uint32_t kept;     // with 308: bytes of the file that the device has; go on behind them
    bool asks;         // POST and GET: a `state` is the answer
    bool only_asks;    // PUT without bytes: where shall the file go on?
    bool is_ready;     // the device takes the body
    bool is_answered;
} ota_ws_http_t;

// The password of an Authorization: Basic over TLS that may be tried now. The transport derives its StoredKey
// (ota_ws_verifier_make, with the salt and rounds of `verifier`), which takes long: without its lock. False: nothing is
// to be derived.
bool ota_ws_http_password(const ota_ws_device_t *device, const ota_ws_http_request_t *request,
                          const ota_ws_address_t *peer, uint32_t now_ms, char password[OTA_WS_PASSWORD_MAX + 1]);

// A request has come. The answer may come at once. ota_ws_http_close() follows, whatever happens.
void ota_ws_http_open(ota_ws_http_t *http, ota_ws_device_t *device, const ota_ws_http_request_t *request,
                      const ota_ws_address_t *peer, uint32_t now_ms, ota_ws_http_answer_t *answer, void *context);

// What to do with the body now, and with how many bytes of it at most.
ota_ws_http_step_t ota_ws_http_next(const ota_ws_http_t *http, uint32_t *most);

// So many bytes of the body were read as ota_ws_http_next() has said: thrown away, or put where the ring has space.
void ota_ws_http_body(ota_ws_http_t *http, uint32_t length, uint32_t now_ms);

// The connection is gone, or is about to be closed.
void ota_ws_http_close(ota_ws_http_t *http, uint32_t now_ms);
