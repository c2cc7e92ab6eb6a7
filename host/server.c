// SPDX-License-Identifier: Apache-2.0
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "connection.h"
#include "http_upload.h"
#include "receive.h"
#include "routes.h"
#include "sessions.h"

#define TICK_US 50000
#define HTTP_TIMEOUT_S 10
#define RESTART_MIN_MS 100  // for the last messages to leave the machine
#define RESTART_MAX_MS 1000 // a peer that does not read does not hold a restart up

// ---- connections ----

static int open_visitor(server_t *server, struct lws *wsi) {
    ota_ws_address_t peer;
    char text[ADDRESS_TEXT_SIZE];
    if (!connection_peer(wsi, &peer, text) || !visitors_add(&server->visitors, wsi, &peer)) {
        return -1;
    }
    visitors_make_space(&server->visitors, sessions_count(server) + http_upload_count(server));
    return 0;
}

// ---- events ----

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length) {
    server_t *server = lws_context_user(lws_get_context(wsi));
    switch (reason) {
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
        return open_visitor(server, wsi);
    case LWS_CALLBACK_WSI_DESTROY:
        visitors_remove(&server->visitors, wsi);
        return 0;
    case LWS_CALLBACK_HTTP:
        return routes_request(server, user, wsi);
    case LWS_CALLBACK_HTTP_BODY:
        return routes_body(user, in, length);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return routes_body_end(user);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return routes_writable(user);
    case LWS_CALLBACK_CLOSED_HTTP:
        http_upload_closed(server, user);
        return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return routes_upgrade(server, wsi, in);
    case LWS_CALLBACK_ESTABLISHED:
        sessions_open(server, user, wsi);
        return 0;
    case LWS_CALLBACK_RAW_RX_FILE:
        receive_ready(server);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return sessions_writable(user);
    case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
        receive_end(server, user);
        return 0;
    case LWS_CALLBACK_CLOSED:
        sessions_closed(server, user);
        return 0;
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
        worker_collect(server->parts.worker, server->parts.device, clock_now_ms());
        receive_resume(server);
        http_upload_resume(server);
        return 0;
    default:
        return 0; // not lws_callback_http_dummy(): it would serve more than the routes
    }
}

static void end(server_t *server, server_end_t how) {
    server->ended = true;
    server->end = how;
    lws_cancel_service(server->context);
}

static bool is_flushed(const server_t *server) {
    return sessions_are_flushed(server) && http_upload_is_flushed(server);
}

static void check_restart(server_t *server) {
    if (!server->restarting) {
        return;
    }
    uint32_t waited_ms = clock_now_ms() - server->restart_ms;
    if (waited_ms >= RESTART_MAX_MS || (waited_ms >= RESTART_MIN_MS && is_flushed(server))) {
        end(server, SERVER_RESTART);
    }
}

static void on_tick(lws_sorted_usec_list_t *tick) {
    server_t *server = lws_container_of(tick, server_t, tick);
    ota_ws_device_tick(server->parts.device, clock_now_ms());
    receive_resume(server);
    http_upload_resume(server);
    visitors_tick(&server->visitors);
    check_restart(server);
    if (server->parts.stop_wanted(server->parts.stop_context)) {
        end(server, SERVER_STOPPED);
    }
    lws_sul_schedule(server->context, 0, tick, on_tick, TICK_US);
}

// ---- life ----

// libwebsockets does not say why it cannot listen.
static bool can_listen(const server_settings_t *settings, const console_t *console) {
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)settings->port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)settings->port)};
    bool is_in = inet_pton(AF_INET, settings->address, &in.sin_addr) == 1;
    if (!is_in && inet_pton(AF_INET6, settings->address, &in6.sin6_addr) != 1) {
        console_log(console, "net", "'%s' is no address to listen on", settings->address);
        return false;
    }
    int on = 1;
    int probe = socket(is_in ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok =
        probe >= 0 && setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(probe, is_in ? (struct sockaddr *)&in : (struct sockaddr *)&in6, is_in ? sizeof in : sizeof in6) == 0 &&
        listen(probe, 1) == 0;
    if (!ok) {
        console_log(console, "net", "cannot listen on %s port %d: %s", settings->address, settings->port,
                    strerror(errno));
    }
    if (probe >= 0) {
        close(probe);
    }
    return ok;
}

static bool has_space(server_t *server) {
    server->visitors.limit = visitors_limit();
    if (server->visitors.limit == 0) {
        console_log(server->parts.console, "net", "this process may open too few files (ulimit -n): it needs about 80");
    }
    return server->visitors.limit != 0;
}

static bool listen_on(server_t *server) {
    const server_settings_t *settings = &server->settings;
    // The device sends no PING; silence is the core's to notice.
    static const lws_retry_bo_t no_pings = {.secs_since_valid_ping = 0, .secs_since_valid_hangup = 0};
    static const struct lws_protocols protocols[] = {
        {.name = "ota",
         .callback = on_event,
         .per_session_data_size = sizeof(connection_t),
         .rx_buffer_size = SERVER_RECEIVE_SIZE},
        {0},
    };
    bool is_ipv6 = strchr(settings->address, ':') != NULL;
    bool is_any = strcmp(settings->address, "0.0.0.0") == 0 || strcmp(settings->address, "::") == 0;
    bool is_tls = settings->certificate != NULL;
    struct lws_context_creation_info info = {
        .port = settings->port,
        .iface = is_any ? NULL : settings->address,
        .protocols = protocols,
        .options = (is_ipv6 ? 0 : LWS_SERVER_OPTION_DISABLE_IPV6) |
                   (is_tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0) | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
        .ssl_cert_filepath = settings->certificate,
        .ssl_private_key_filepath = settings->key,
        .alpn = "http/1.1",
        .server_string = "ota_ws",
        .timeout_secs = HTTP_TIMEOUT_S,
        .timeout_secs_ah_idle = HTTP_TIMEOUT_S,
        .keepalive_timeout = HTTP_TIMEOUT_S,
        .pt_serv_buf_size = SERVER_RECEIVE_SIZE,
        // With so many descriptors it accepts nobody for a while. Without any it would try without a pause.
        .fd_limit_per_thread = server->visitors.limit + VISITORS_BURST,
        .retry_and_idle_policy = &no_pings,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
        .user = server,
    };
    lws_set_log_level(0, NULL);
    server->context = lws_create_context(&info);
    if (server->context == NULL) {
        return false;
    }
    server->vhost = lws_create_vhost(server->context, &info);
    return server->vhost != NULL && receive_open(server);
}

server_t *server_open(const server_settings_t *settings, const server_parts_t *parts) {
    server_t *server = calloc(1, sizeof *server);
    if (server == NULL) {
        console_log(parts->console, "net", "there is no memory for the server");
        return NULL;
    }
    server->settings = *settings;
    server->parts = *parts;
    if (!can_listen(settings, parts->console) || !has_space(server)) {
        free(server);
        return NULL;
    }
    if (!listen_on(server)) {
        console_log(parts->console, "net", "%s",
                    settings->certificate != NULL ? "the server does not start: look at the certificate and the key"
                                                  : "the server does not start");
        server_close(server);
        return NULL;
    }
    ota_ws_device_scratch(parts->device, server->scratch);
    lws_sul_schedule(server->context, 0, &server->tick, on_tick, TICK_US);
    return server;
}

int server_port(const server_t *server) {
    return lws_get_vhost_listen_port(server->vhost);
}

server_end_t server_run(server_t *server) {
    while (!server->ended && lws_service(server->context, 0) >= 0) {
    }
    return server->end;
}

void server_restart(void *context) {
    server_t *server = context;
    if (!server->restarting) {
        server->restarting = true;
        server->restart_ms = clock_now_ms();
    }
}

void server_notify(void *context) {
    server_t *server = context;
    lws_cancel_service(server->context);
}

void server_close(server_t *server) {
    if (server->context != NULL) {
        lws_sul_cancel(&server->tick);
        lws_context_destroy(server->context);
    }
    free(server);
}
