// SPDX-License-Identifier: Apache-2.0
// The one event loop of the program: libwebsockets' own, a tick ten times a second, and Ctrl-C as an event.
#pragma once

#include <libwebsockets.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "problem.h"

typedef struct {
    const char *ca_file; // NULL: the system's certificates
    bool insecure;       // takes any certificate
} loop_tls_t;

typedef struct {
    void *context;
    void (*tick)(void *context, uint64_t now_ms);
    void (*interrupted)(void *context); // SIGINT, SIGTERM or SIGHUP
} loop_events_t;

#define LOOP_CONNECTIONS_MAX 640

// A connection may be to another device each time, and each certificate is for the name of one.
typedef struct {
    struct lws *const *wsi; // of the connection, now
    const char *const *tls_name;
} loop_name_t;

// libwebsockets' callbacks of the two kinds of connections, by the name of their protocol.
typedef struct {
    lws_callback_function *post;    // "ota-ws-post"
    lws_callback_function *session; // "ota-ws-session"
} loop_callbacks_t;

typedef struct {
    struct lws_protocols protocols[4]; // the last one is empty
    struct lws_context *lws;
    struct lws_vhost *vhost;
    loop_tls_t tls;
    SSL_CTX *tls_context; // libwebsockets'
    bool trusts_system;
    const char *tls_name; // for the TLS connection that is being made: name or IP address of its certificate
    loop_name_t names[LOOP_CONNECTIONS_MAX];
    size_t name_count;
    loop_events_t events;
    lws_sorted_usec_list_t timer;
    sigset_t signals; // blocked while the loop exists, and read from signal_fd
    int signal_fd;
    bool stopped;
} loop_t;

// False: `problem` says why there is no loop. After true loop_close() follows. `tls` stays the caller's.
bool loop_open(loop_t *loop, const loop_callbacks_t *callbacks, const loop_tls_t *tls, problem_t *problem);

// A loop that was never opened, and is zero, may be closed.
void loop_close(loop_t *loop);

// Serves events until loop_stop().
void loop_run(loop_t *loop, const loop_events_t *events);

void loop_stop(loop_t *loop);

// Lets each connection have a name of its own for its certificate: both pointers stay valid until the loop is closed.
void loop_name_connection(loop_t *loop, struct lws *const *wsi, const char *const *tls_name);

// Takes libwebsockets' SSL_CTX for clients, when that has been made: each connection gets `tls_name` as its server
// name.
void loop_adopt_tls(loop_t *loop, SSL_CTX *context);

// Before a connection over TLS: the system's certificates are trusted. To read them takes 50 ms of processor time,
// which plain http does not pay.
void loop_trust_system(loop_t *loop);

// Around a call that may block for long (name resolution): signals do what they do without us, they end the program.
void loop_let_signals_through(const loop_t *loop, bool let_through);

// Of a steady clock.
uint64_t loop_now_ms(void);
