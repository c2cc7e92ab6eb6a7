// SPDX-License-Identifier: Apache-2.0
// One virtual host of libwebsockets. A request is gathered with its body, answered by dashboard_routes.c, and the
// answer is written at once; libwebsockets keeps what the socket does not take yet.
#include "dashboard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fleet_run.h"
#include "text.h"

#define CONNECTIONS_MAX 64
#define DRAIN_MAX 65536 // bytes of a body that is too long, but read: else the client may never see the answer
#define TIMEOUT_S 10
#define KEEP_ALIVE_S 30
#define WATCHED_MS 10000 // so long ago somebody has asked who still looks; a page asks each second
#define END_MS 3000
#define POLLS 8 // steps of one dashboard_poll()

// One connection; a request at a time.
typedef struct {
    dashboard_request_t request;
    char body[DASHBOARD_BODY_MAX];
    bool is_answered;
} visit_t;

struct dashboard {
    dashboard_state_t state;
    dashboard_settings_t settings;
    struct lws_protocols protocols[2];
    struct lws_context *own; // NULL: the caller's
    struct lws_vhost *vhost;
    uint32_t connections;
    uint64_t end_ms;   // the end was seen first
    uint64_t asked_ms; // dashboard_holds() was asked last
};

// ---- requests ----

static void copy_header(struct lws *wsi, enum lws_token_indexes token, char *text, size_t size) {
    response_header(wsi, token, text, (int)size);
}

static void read_path(struct lws *wsi, dashboard_request_t *request) {
    char *uri;
    int length;
    request->method = lws_http_get_uri_and_method(wsi, &uri, &length);
    if (request->method >= 0 && (size_t)length < sizeof request->path) {
        memcpy(request->path, uri, (size_t)length);
        request->path[length] = '\0';
    }
}

static void read_since(struct lws *wsi, dashboard_request_t *request) {
    char text[sizeof request->since];
    const char *value = lws_get_urlarg_by_name(wsi, "since=", text, sizeof text);
    ota_ws_text_copy(request->since, sizeof request->since, value == NULL ? "" : value);
}

static void read_token(struct lws *wsi, dashboard_request_t *request) {
    static const char scheme[] = "Bearer ";
    char text[sizeof request->token + sizeof scheme];
    copy_header(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, text, sizeof text);
    if (strncasecmp(text, scheme, sizeof scheme - 1) == 0) {
        ota_ws_text_copy(request->token, sizeof request->token, text + sizeof scheme - 1);
    }
}

static void read_request(struct lws *wsi, dashboard_request_t *request) {
    memset(request, 0, sizeof *request);
    read_path(wsi, request);
    read_since(wsi, request);
    read_token(wsi, request);
    copy_header(wsi, WSI_TOKEN_HOST, request->host, sizeof request->host);
    copy_header(wsi, WSI_TOKEN_HTTP_IF_NONE_MATCH, request->etag, sizeof request->etag);
    request->has_origin = response_header(wsi, WSI_TOKEN_ORIGIN, request->origin, sizeof request->origin) != NULL;
}

// Bytes that follow; more than DRAIN_MAX where nobody knows.
static uint64_t body_size(struct lws *wsi) {
    char text[24];
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0) {
        return UINT64_MAX;
    }
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) <= 0) {
        return 0;
    }
    copy_header(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, text, sizeof text);
    return text[0] >= '0' && text[0] <= '9' ? strtoull(text, NULL, 10) : UINT64_MAX;
}

// ---- answers ----

static int answer_now(dashboard_t *dashboard, visit_t *visit, struct lws *wsi, bool close) {
    dashboard_answer_t answer;
    visit->is_answered = true;
    visit->request.body = visit->body;
    dashboard_route(&dashboard->state, &visit->request, loop_now_ms(), &answer);
    answer.response.close = close;
    bool written = response_write(wsi, &answer.response);
    free(answer.text);
    return !written || close || lws_http_transaction_completed(wsi) ? -1 : 0;
}

static int on_request(dashboard_t *dashboard, visit_t *visit, struct lws *wsi) {
    uint64_t size = body_size(wsi);
    visit->is_answered = false;
    read_request(wsi, &visit->request);
    visit->request.is_long = size > DASHBOARD_BODY_MAX;
    return size == 0 || size > DRAIN_MAX ? answer_now(dashboard, visit, wsi, size != 0) : 0;
}

static int on_body(visit_t *visit, const void *bytes, size_t length) {
    dashboard_request_t *request = &visit->request;
    if (!request->is_long && length <= sizeof visit->body - request->length) {
        memcpy(visit->body + request->length, bytes, length);
        request->length += length;
    }
    return 0;
}

static int on_connection(dashboard_t *dashboard, struct lws *wsi) {
    if (dashboard->connections >= CONNECTIONS_MAX) {
        return -1;
    }
    dashboard->connections++;
    lws_set_opaque_user_data(wsi, dashboard);
    return 0;
}

static int on_http(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length) {
    struct lws_vhost *vhost = lws_get_vhost(wsi);
    dashboard_t *dashboard = vhost == NULL ? NULL : lws_vhost_user(vhost);
    visit_t *visit = user;
    if (dashboard == NULL) {
        return 0;
    }
    switch (reason) {
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
        return on_connection(dashboard, wsi);
    case LWS_CALLBACK_WSI_DESTROY:
        dashboard->connections -= lws_get_opaque_user_data(wsi) == dashboard;
        return 0;
    case LWS_CALLBACK_HTTP:
        return visit == NULL ? -1 : on_request(dashboard, visit, wsi);
    case LWS_CALLBACK_HTTP_BODY:
        return on_body(visit, in, length);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return visit->is_answered ? 0 : answer_now(dashboard, visit, wsi, false);
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return -1; // no WebSocket is served
    default:
        return 0; // not lws_callback_http_dummy(): it would serve more than the routes
    }
}

// ---- life ----

// libwebsockets does not say why it cannot listen.
static bool can_listen(uint16_t port, problem_t *problem) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = probe >= 0 && setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                bind(probe, (struct sockaddr *)&address, sizeof address) == 0 && listen(probe, 1) == 0;
    if (!good) {
        problem_set(problem, EXIT_CODE_TROUBLE, "dashboard_port",
                    "The dashboard cannot listen on 127.0.0.1, port %u: %s. --dashboard=PORT names another one.", port,
                    strerror(errno));
    }
    if (probe >= 0) {
        close(probe);
    }
    return good;
}

static bool make_own_context(dashboard_t *dashboard) {
    struct lws_context_creation_info info = {.port = CONTEXT_PORT_NO_LISTEN,
                                             .protocols = dashboard->protocols,
                                             .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
                                             .gid = (gid_t)-1,
                                             .uid = (uid_t)-1};
    lws_set_log_level(0, NULL);
    dashboard->own = lws_create_context(&info);
    return dashboard->own != NULL;
}

static bool make_vhost(dashboard_t *dashboard, struct lws_context *context) {
    struct lws_context_creation_info info = {.port = dashboard->settings.port,
                                             .iface = "127.0.0.1",
                                             .vhost_name = "dashboard",
                                             .protocols = dashboard->protocols,
                                             .options = LWS_SERVER_OPTION_DISABLE_IPV6,
                                             .timeout_secs = TIMEOUT_S,
                                             .timeout_secs_ah_idle = TIMEOUT_S,
                                             .keepalive_timeout = KEEP_ALIVE_S,
                                             .user = dashboard};
    dashboard->vhost = lws_create_vhost(context, &info);
    return dashboard->vhost != NULL;
}

static bool listen_on(dashboard_t *dashboard, loop_t *loop, problem_t *problem) {
    if (!can_listen(dashboard->settings.port, problem)) {
        return false;
    }
    bool has_context = loop != NULL || make_own_context(dashboard);
    if (has_context && make_vhost(dashboard, loop != NULL ? loop->lws : dashboard->own)) {
        return true;
    }
    problem_set(problem, EXIT_CODE_TROUBLE, "no_network", "libwebsockets does not start the dashboard.");
    return false;
}

dashboard_t *dashboard_open(const dashboard_settings_t *settings, loop_t *loop, problem_t *problem) {
    char code[OTA_WS_PAIRING_CODE_SIZE];
    dashboard_t *dashboard = calloc(1, sizeof *dashboard);
    if (dashboard == NULL) {
        problem_set(problem, EXIT_CODE_TROUBLE, "no_memory", "There is not enough memory.");
        return NULL;
    }
    dashboard->settings = *settings;
    dashboard->state.port = settings->port;
    dashboard->protocols[0] = (struct lws_protocols){
        .name = "dashboard", .callback = on_http, .per_session_data_size = sizeof(visit_t), .rx_buffer_size = 4096};
    if (!dashboard_login_open(&dashboard->state.login, settings->password_file, code, problem) ||
        !listen_on(dashboard, loop, problem)) {
        dashboard_close(dashboard);
        return NULL;
    }
    bool has_code = code[0] != '\0';
    fprintf(stderr, "Dashboard: http://127.0.0.1:%u/%s%s\n", settings->port, has_code ? "#code=" : "", code);
    return dashboard;
}

void dashboard_close(dashboard_t *dashboard) {
    if (dashboard == NULL) {
        return;
    }
    if (dashboard->own != NULL) {
        lws_context_destroy(dashboard->own);
    }
    fleet_status_close(dashboard->state.status);
    explicit_bzero(&dashboard->state.login, sizeof dashboard->state.login);
    free(dashboard);
}

// ---- what it shows ----

void dashboard_show(dashboard_t *dashboard, const fleet_shown_t *shown, const fleet_orders_t *orders) {
    if (dashboard == NULL) {
        return;
    }
    fleet_status_close(dashboard->state.status);
    dashboard->state.status = orders == NULL ? NULL : fleet_status_open(shown, fleet_time().time_s);
    dashboard->state.orders = orders == NULL ? (fleet_orders_t){0} : *orders;
}

fleet_status_t *dashboard_status(dashboard_t *dashboard) {
    return dashboard == NULL ? NULL : dashboard->state.status;
}

// A request takes some steps: it is accepted, read, answered.
void dashboard_poll(dashboard_t *dashboard) {
    if (dashboard == NULL || dashboard->own == NULL) {
        return;
    }
    for (uint32_t i = 0; i < POLLS; i++) {
        lws_service(dashboard->own, -1); // a negative time: what is there, and no waiting
    }
}

bool dashboard_was_ordered(dashboard_t *dashboard) {
    bool was_ordered = dashboard != NULL && dashboard->state.was_ordered;
    if (was_ordered) {
        dashboard->state.was_ordered = false;
    }
    return was_ordered;
}

static bool is_watched(const dashboard_t *dashboard, uint64_t now_ms) {
    return dashboard->state.asked_ms != 0 && now_ms - dashboard->state.asked_ms < WATCHED_MS;
}

bool dashboard_holds(dashboard_t *dashboard, bool is_final) {
    uint64_t now_ms = loop_now_ms();
    if (dashboard == NULL) {
        return false;
    }
    bool is_new_end = dashboard->end_ms == 0 || now_ms - dashboard->asked_ms > END_MS; // a retry was between
    dashboard->end_ms = !is_final ? 0 : is_new_end ? now_ms : dashboard->end_ms;
    dashboard->asked_ms = now_ms;
    if (!is_final) {
        return dashboard->settings.was_asked_for || is_watched(dashboard, now_ms);
    }
    return is_watched(dashboard, now_ms) && now_ms - dashboard->end_ms < END_MS;
}
