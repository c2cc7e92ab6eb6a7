// SPDX-License-Identifier: Apache-2.0
// A connection to a NATS server, and the only file that knows libnats. JetStream's own calls of libnats wait for their
// answer, up to seconds, and a gateway would keep all its devices waiting meanwhile. So JetStream is used here as what
// it is on the wire: requests with an answer, in JSON (jetstream.h). All messages come in at one place:
// nats_link_poll().
//
// libnats connects again by itself. Until then requests are not sent, and their handlers are called without an answer.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "problem.h"

typedef struct {
    const char *url;     // "nats://NAME:4222"; "tls://NAME:4222"
    const char *creds;   // file with a user's JWT and seed; NULL: none
    const char *nkey;    // file with a user's seed ("SU..."); NULL: none
    const char *ca_file; // PEM; NULL: the system's certificates
} nats_settings_t;

// One that has come; all of it is valid during the handler only.
typedef struct {
    const char *subject, *reply; // "": none
    const char *data;            // not terminated
    size_t length;
    int status;        // of the server's own messages: 404 "not found", 503 "nobody listens" ...; 0: none
    uint64_t sequence; // in its stream, of one that was read from there; 0
    bool is_deletion;  // of a key
} nats_message_t;

// `message` NULL: no answer came in time. The handler may send further requests.
typedef void nats_handler_t(void *context, const nats_message_t *message);

typedef struct {
    const char *subject;
    const void *data; // NULL: none
    size_t length;
    const char *message_id; // for the duplicate window; NULL: none
    bool has_expected;      // store it only when `expected` is the sequence of the subject's last message (0: none)
    uint64_t expected;
    bool is_deletion; // of a key
} nats_request_t;

struct nats_waiter;

#define NATS_LISTENERS 8

// Messages of a stream come with their own subject, and not with that of the inbox to which they were sent. So each
// listener has a subscription of its own.
typedef struct {
    void *subscription; // NULL: free
    nats_handler_t *handler;
    void *context; // NULL: forgotten
} nats_listener_t;

typedef struct {
    void *connection, *inbox_subscription; // libnats'
    char inbox[96];
    uint32_t next_token;
    struct nats_waiter *waiters; // for one answer each
    size_t waiter_count, waiter_space;
    nats_listener_t listeners[NATS_LISTENERS];
} nats_link_t;

// Connects, which takes two seconds at most. False: `problem` ("nats_unreachable", "nats_login", "nats_tls" ...). After
// true nats_link_close() follows. All threads of libnats have the signal mask of the caller.
bool nats_link_open(nats_link_t *link, const nats_settings_t *settings, problem_t *problem);
void nats_link_close(nats_link_t *link); // one that was never opened, and is zero, may be closed

// Hands out what has come, and tells those whose time is over. `wait_ms`: waits so long for a first message; 0: not.
void nats_link_poll(nats_link_t *link, uint32_t wait_ms);

bool nats_link_is_connected(const nats_link_t *link);
bool nats_link_is_closed(const nats_link_t *link); // for good: the server refuses us
size_t nats_link_largest(const nats_link_t *link); // message that the server takes

// Sends it; the answer, or NULL after `timeout_ms`, goes to the handler.
void nats_link_request(nats_link_t *link, const nats_request_t *request, uint32_t timeout_ms, nats_handler_t *handler,
                       void *context);

// The same where any number of answers follow, until nats_link_forget(). False: there are NATS_LISTENERS already.
bool nats_link_ask(nats_link_t *link, const char *subject, const char *text, nats_handler_t *handler, void *context);

// Makes a subject for messages that go to the handler until nats_link_forget(). False: as above.
bool nats_link_inbox(nats_link_t *link, nats_handler_t *handler, void *context, char *subject, size_t size);

// Without an answer.
void nats_link_publish(nats_link_t *link, const char *subject, const char *text);

// Messages of a subject that are sent from now on. False: as above.
bool nats_link_subscribe(nats_link_t *link, const char *subject, nats_handler_t *handler, void *context);

// No handler with this context is called any more.
void nats_link_forget(nats_link_t *link, const void *context);
