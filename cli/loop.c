// SPDX-License-Identifier: Apache-2.0
#include "loop.h"

#include <openssl/pem.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define TICK_US (100 * LWS_US_PER_MS)

uint64_t loop_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void tick(lws_sorted_usec_list_t *timer) {
    loop_t *loop = lws_container_of(timer, loop_t, timer);
    loop->events.tick(loop->events.context, loop_now_ms());
    lws_sul_schedule(loop->lws, 0, timer, tick, TICK_US);
}

static int on_signal(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length) {
    (void)user;
    (void)in;
    (void)length;
    struct signalfd_siginfo info;
    if (reason == LWS_CALLBACK_RAW_RX_FILE) {
        loop_t *loop = lws_context_user(lws_get_context(wsi));
        while (read(loop->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
            loop->events.interrupted(loop->events.context);
        }
    }
    return 0;
}

void loop_name_connection(loop_t *loop, struct lws *const *wsi, const char *const *tls_name) {
    size_t i = 0;
    while (i < loop->name_count && loop->names[i].wsi != wsi) {
        i++;
    }
    if (i < LOOP_CONNECTIONS_MAX) {
        loop->names[i] = (loop_name_t){wsi, tls_name};
        loop->name_count += i == loop->name_count;
    }
}

// Of the connection that `ssl` belongs to; libwebsockets keeps the way from there to itself.
static const char *tls_name_of(const loop_t *loop, const SSL *ssl) {
    int fd = SSL_get_fd(ssl);
    for (size_t i = 0; i < loop->name_count; i++) {
        struct lws *wsi = *loop->names[i].wsi;
        if (wsi != NULL && fd >= 0 && lws_get_socket_fd(wsi) == fd) {
            return *loop->names[i].tls_name;
        }
    }
    return loop->tls_name;
}

// libwebsockets takes the server name from the Host header, which may name the device otherwise, and cuts IPv6
// addresses at their first colon. So the name is set once more, before the first byte of a handshake.
static void name_server(const SSL *ssl, int where, int value) {
    (void)value;
    loop_t *loop = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    const char *tls_name = (where & SSL_CB_HANDSHAKE_START) != 0 ? tls_name_of(loop, ssl) : NULL;
    if (tls_name == NULL) {
        return;
    }
    SSL *mine = (SSL *)ssl; // OpenSSL hands it out as const, and means the caller's own
    X509_VERIFY_PARAM *checks = SSL_get0_param(mine);
    char name[256];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(tls_name, "%"), tls_name);
    bool is_ip = X509_VERIFY_PARAM_set1_ip_asc(checks, name) == 1;
    SSL_set_tlsext_host_name(mine, is_ip ? NULL : name);
    if (!is_ip) {
        X509_VERIFY_PARAM_set1_ip(checks, NULL, 0);
    }
    X509_VERIFY_PARAM_set1_host(checks, is_ip ? NULL : name, 0);
    if (loop->tls.insecure) {
        X509_VERIFY_PARAM_set1_ip(checks, NULL, 0);
        X509_VERIFY_PARAM_set1_host(checks, NULL, 0);
    }
}

void loop_adopt_tls(loop_t *loop, SSL_CTX *context) {
    loop->tls_context = context;
    SSL_CTX_set_app_data(context, loop);
    SSL_CTX_set_info_callback(context, name_server);
}

void loop_trust_system(loop_t *loop) {
    if (!loop->trusts_system && loop->tls_context != NULL) {
        loop->trusts_system = SSL_CTX_set_default_verify_paths(loop->tls_context) == 1;
    }
}

static bool make_context(loop_t *loop) {
    struct lws_context_creation_info info;
    memset(&info, 0, sizeof info);
    lws_set_log_level(0, NULL);
    info.port = CONTEXT_PORT_NO_LISTEN;
    info.protocols = loop->protocols;
    info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
    info.client_ssl_ca_filepath = loop->tls.ca_file;
    info.connect_timeout_secs = 10;
    info.timeout_secs = 20;
    info.user = loop;
    loop->lws = lws_create_context(&info);
    if (loop->lws == NULL) {
        return false;
    }
    loop->vhost = lws_get_vhost_by_name(loop->lws, "default");
    return loop->vhost != NULL;
}

static bool watch_signals(loop_t *loop) {
    sigemptyset(&loop->signals);
    sigaddset(&loop->signals, SIGINT);
    sigaddset(&loop->signals, SIGTERM);
    sigaddset(&loop->signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &loop->signals, NULL);
    loop->signal_fd = signalfd(-1, &loop->signals, SFD_NONBLOCK | SFD_CLOEXEC);
    lws_sock_file_fd_type fd = {.filefd = loop->signal_fd};
    return loop->signal_fd >= 0 &&
           lws_adopt_descriptor_vhost(loop->vhost, LWS_ADOPT_RAW_FILE_DESC, fd, "ota-ws-signal", NULL) != NULL;
}

// libwebsockets goes on without a file that it cannot read.
static bool ca_file_is_sound(const char *path) {
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return false;
    }
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    X509_free(certificate);
    return certificate != NULL;
}

bool loop_open(loop_t *loop, const loop_callbacks_t *callbacks, const loop_tls_t *tls, problem_t *problem) {
    memset(loop, 0, sizeof *loop);
    loop->protocols[0] = (struct lws_protocols){"ota-ws-post", callbacks->post, 0, 4096, 0, NULL, 0};
    loop->protocols[1] = (struct lws_protocols){"ota-ws-session", callbacks->session, 0, 4096, 0, NULL, 0};
    loop->protocols[2] = (struct lws_protocols){"ota-ws-signal", on_signal, 0, 0, 0, NULL, 0};
    loop->tls = *tls;
    if (tls->ca_file != NULL && !ca_file_is_sound(tls->ca_file)) {
        problem_set(problem, EXIT_CODE_TROUBLE, "bad_ca", "%.160s holds no certificate in PEM that can be read.",
                    tls->ca_file);
        return false;
    }
    loop->signal_fd = -1;
    unsetenv("http_proxy"); // devices are on the local network; libwebsockets would ask a proxy for them
    if (make_context(loop) && watch_signals(loop)) {
        return true;
    }
    loop_close(loop);
    problem_set(problem, EXIT_CODE_TROUBLE, "no_network", "libwebsockets does not start.");
    return false;
}

void loop_close(loop_t *loop) {
    if (loop->lws == NULL) {
        return;
    }
    lws_context_destroy(loop->lws); // closes signal_fd too
    loop->lws = NULL;
    loop_let_signals_through(loop, true);
}

void loop_run(loop_t *loop, const loop_events_t *events) {
    loop->events = *events;
    loop->stopped = false;
    lws_sul_schedule(loop->lws, 0, &loop->timer, tick, 1);
    while (!loop->stopped && lws_service(loop->lws, 0) >= 0) {
    }
    lws_sul_schedule(loop->lws, 0, &loop->timer, tick, LWS_SET_TIMER_USEC_CANCEL);
}

void loop_stop(loop_t *loop) {
    loop->stopped = true;
    lws_cancel_service(loop->lws); // else it would wait for the next tick
}

void loop_let_signals_through(const loop_t *loop, bool let_through) {
    pthread_sigmask(let_through ? SIG_UNBLOCK : SIG_BLOCK, &loop->signals, NULL);
}
