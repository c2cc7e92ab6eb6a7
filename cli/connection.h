// SPDX-License-Identifier: Apache-2.0
// One connection at a time to a device, over libwebsockets: first the POST for a ticket, then the WebSocket. What
// happens is reported through connection_events_t, always from the loop, never from within a function of this file. A
// connection must not go away before its loop is closed.
#pragma once

#include <libwebsockets.h>
#include <stdbool.h>
#include <stddef.h>

#include "address.h"
#include "device_message.h"
#include "http_answer.h"
#include "literal.h"
#include "loop.h"
#include "problem.h"

#define CONNECTION_FRAME_MAX (4 + 65536) // longest data frame

typedef struct {
    void *context;
    void (*answered)(void *context, const char *body, size_t length); // of connection_post(); it is over
    void (*opened)(void *context);                                    // of connection_open()
    void (*text)(void *context, const char *text, size_t length);     // one message; terminated
    void (*writable)(void *context);                                  // connection_send_* may be called, once
    void (*closed)(void *context, const problem_t *problem);          // it is over, or has never been
    void (*left)(void *context); // after connection_close(): the peer knows, nothing is left of it
} connection_events_t;

// A request: to where, and how the device is named there. All of it stays the caller's until the answer.
typedef struct {
    const address_t *address; // certificates are for its name
    const char *peer;         // IP address to connect to; NULL: that of the name
    const char *host;         // value of the Host header
    const char *path;
} connection_request_t;

typedef struct {
    loop_t *loop;
    connection_events_t events;
    connection_request_t request; // the last
    struct lws *wsi;              // NULL: no connection
    const char *tls_name;         // that the peer's certificate must be for
    struct lws *leaving;          // given up, but still saying goodbye; may be NULL
    http_answer_t answer;         // to the last request
    literal_t peer;               // where it came from; "" before
    size_t length;                // of `text`
    char text[DEVICE_MESSAGE_SIZE + 1];
    problem_t ending; // reported with `closed`
    lws_sorted_usec_list_t report_timer;
    unsigned char frame[LWS_PRE + CONNECTION_FRAME_MAX];
} connection_t;

void connection_init(connection_t *connection, loop_t *loop, const connection_events_t *events);

// POST without a body. `answered` or `closed` follows. There is no connection yet.
void connection_post(connection_t *connection, const connection_request_t *request);

// Opens a WebSocket. `opened` or `closed` follows. There is no connection yet.
void connection_open(connection_t *connection, const connection_request_t *request);

// Asks for `writable`.
void connection_want_to_send(connection_t *connection);

// Within `writable`: sends one frame. Data lies in connection_data(), `length` bytes.
void connection_send_text(connection_t *connection, const char *text, size_t length);
unsigned char *connection_data(connection_t *connection);
void connection_send_data(connection_t *connection, size_t length);

// Ends the connection, if there is one. No event but `left` follows.
void connection_close(connection_t *connection);

// `left` will not come (any more).
bool connection_has_left(const connection_t *connection);

// libwebsockets' callbacks, for loop_open().
int connection_on_post(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length);
int connection_on_session(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length);
