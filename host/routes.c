// SPDX-License-Identifier: Apache-2.0
// The routes: what is not in the table does not exist. Each answer is one small response.
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "http_upload.h"
#include "page.h"
#include "response.h"
#include "routes.h"

#define HOST_SIZE 300
#define BODY_SIZE 2048
#define DRAIN_MS 10000 // so long the body of a refused request is read

// ---- reading ----

static bool is_header(struct lws *wsi, enum lws_token_indexes token, const char *value) {
    char text[HOST_SIZE];
    const char *found = response_header(wsi, token, text, sizeof text);
    return found != NULL && strcasecmp(found, value) == 0;
}

static bool is_page_known(struct lws *wsi, const page_t *page) {
    char etags[HOST_SIZE];
    const char *known = response_header(wsi, WSI_TOKEN_HTTP_IF_NONE_MATCH, etags, sizeof etags);
    return known != NULL && strstr(known, page->etag) != NULL;
}

static bool has_body(struct lws *wsi) {
    return lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0 ||
           (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0 &&
            !is_header(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, "0"));
}

// What the gate wants to know of a request.
typedef struct {
    char host[HOST_SIZE];
    char origin[HOST_SIZE];
    char own_page[OTA_WS_GATE_URL_SIZE];
    ota_ws_gate_request_t request;
} gate_t;

static void read_gate(const server_t *server, struct lws *wsi, const char *path, gate_t *gate) {
    ota_ws_address_t own;
    char text[ADDRESS_TEXT_SIZE];
    uint16_t port = (uint16_t)lws_get_vhost_listen_port(server->vhost);
    bool known = connection_own_address(wsi, &own, text);
    ota_ws_gate_url(gate->own_page, server->settings.certificate != NULL, own.bytes, port, server->settings.page_uri);
    gate->request = (ota_ws_gate_request_t){
        .host = response_header(wsi, WSI_TOKEN_HOST, gate->host, sizeof gate->host),
        .origin = response_header(wsi, WSI_TOKEN_ORIGIN, gate->origin, sizeof gate->origin),
        .names = server->settings.names,
        .path = path,
        .own_page = known ? gate->own_page : NULL,
    };
}

// ---- the routes ----

// `path` is the one that was asked for; `body` has space for BODY_SIZE bytes.
typedef response_t answer_t(server_t *server, struct lws *wsi, const char *path, char *body);

static response_t refuse(unsigned status, const char *text) {
    response_t response = response_text(status, "text/plain; charset=utf-8", text);
    response.close = true;
    return response;
}

static response_t get_root(server_t *server, struct lws *wsi, const char *path, char *body) {
    (void)wsi;
    (void)path;
    snprintf(body, BODY_SIZE,
             "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Virtual ESP32</title>"
             "<p>This is a virtual ESP32: a device's own page would be here."
             "<p><a href=\"%s\">Update its firmware</a></html>\n",
             server->settings.page_uri);
    return response_text(HTTP_STATUS_OK, "text/html", body);
}

static void append(void *context, const char *text) {
    char *body = context;
    size_t length = strlen(body);
    snprintf(body + length, BODY_SIZE - length, "%s", text);
}

static response_t get_page(server_t *server, struct lws *wsi, const char *path, char *body) {
    gate_t gate;
    read_gate(server, wsi, path, &gate);
    gate.request.origin = NULL; // others may link to the page
    if (gate.request.own_page != NULL && ota_ws_gate_check(&gate.request) != OTA_WS_OK) {
        body[0] = '\0';
        ota_ws_gate_page(append, body, gate.own_page);
        return response_text(HTTP_STATUS_FORBIDDEN, "text/html", body);
    }
    const page_t *page = server->settings.page;
    if (is_page_known(wsi, page)) {
        return (response_t){
            .status = HTTP_STATUS_NOT_MODIFIED, .type = "text/html", .etag = page->etag, .length = page->size};
    }
    return (response_t){.status = HTTP_STATUS_OK,
                        .type = "text/html",
                        .etag = page->etag,
                        .body = (const char *)page->bytes,
                        .length = page->size,
                        .gzip = true};
}

static response_t post_ticket(server_t *server, struct lws *wsi, const char *path, char *body) {
    gate_t gate;
    char peer_text[ADDRESS_TEXT_SIZE];
    ota_ws_address_t peer;
    if (has_body(wsi)) {
        response_t refusal = refuse(HTTP_STATUS_UNSUPPORTED_MEDIA_TYPE, OTA_WS_NO_UPLOAD);
        refusal.drain = true;
        return refusal;
    }
    if (!connection_peer(wsi, &peer, peer_text)) {
        return refuse(HTTP_STATUS_BAD_REQUEST, "The connection has no address.\n");
    }
    read_gate(server, wsi, path, &gate);
    ota_ws_status_t status =
        ota_ws_device_ticket(server->parts.device, &gate.request, &peer, clock_now_ms(), body, BODY_SIZE);
    if (status != OTA_WS_OK) {
        console_log(server->parts.console, "ticket", "refused to %s: %s", peer_text, ota_ws_status_name(status));
    }
    response_t response =
        response_text(status == OTA_WS_OK ? HTTP_STATUS_OK : HTTP_STATUS_FORBIDDEN, "application/json", body);
    response.close = true;
    return response;
}

static response_t get_ws(server_t *server, struct lws *wsi, const char *path, char *body) {
    (void)server;
    (void)wsi;
    (void)path;
    (void)body;
    return refuse(HTTP_STATUS_UPGRADE_REQUIRED, "This address speaks WebSocket, version 13, only.\n");
}

typedef struct {
    const char *uri;
    bool slash; // one may follow
    answer_t *get;
    answer_t *post; // NULL: there is none
} route_t;

static bool is_at(const route_t *route, const char *path) {
    size_t length = strlen(route->uri);
    return strncmp(route->uri, path, length) == 0 &&
           (path[length] == '\0' || (route->slash && strcmp(path + length, "/") == 0));
}

static bool is_known_version(struct lws *wsi) {
    return is_header(wsi, WSI_TOKEN_HTTP, "HTTP/1.1") || is_header(wsi, WSI_TOKEN_HTTP, "HTTP/1.0");
}

static response_t answer_method(server_t *server, struct lws *wsi, const route_t *route, const char *path, char *body) {
    char *uri;
    int length;
    int method = lws_http_get_uri_and_method(wsi, &uri, &length);
    if (method == LWSHUMETH_POST && route->post != NULL) {
        return route->post(server, wsi, path, body);
    }
    if (method != LWSHUMETH_GET && method != LWSHUMETH_HEAD) {
        response_t refusal = refuse(HTTP_STATUS_METHOD_NOT_ALLOWED, "This method is not served here.\n");
        refusal.allow = route->post != NULL ? "GET, HEAD, POST, PUT" : "GET, HEAD";
        return refusal;
    }
    response_t response = route->get(server, wsi, path, body);
    response.body = method == LWSHUMETH_HEAD ? NULL : response.body;
    return response;
}

static const char *copy_path(struct lws *wsi, char path[HOST_SIZE]) {
    char *uri;
    int length;
    if (lws_http_get_uri_and_method(wsi, &uri, &length) < 0 || length >= HOST_SIZE) {
        return NULL;
    }
    memcpy(path, uri, (size_t)length);
    path[length] = '\0';
    return path;
}

static response_t answer(server_t *server, struct lws *wsi, char *body) {
    const route_t routes[] = {
        {server->settings.page_uri, true, get_page, post_ticket},
        {"/", false, get_root, NULL},
        {server->settings.ws_uri, false, get_ws, NULL},
    };
    char space[HOST_SIZE];
    const char *path = copy_path(wsi, space);
    if (!is_known_version(wsi)) {
        return refuse(HTTP_STATUS_HTTP_VERSION_NOT_SUPPORTED, "This server speaks HTTP/1.1.\n");
    }
    for (size_t i = 0; path != NULL && i < sizeof routes / sizeof routes[0]; i++) {
        if (is_at(&routes[i], path)) {
            return answer_method(server, wsi, &routes[i], path, body);
        }
    }
    return refuse(HTTP_STATUS_NOT_FOUND, "There is nothing here.\n");
}

// Plain HTTP is for the page's address. False: it is another request.
static bool is_upload(const server_t *server, struct lws *wsi) {
    const route_t page = {server->settings.page_uri, true, NULL, NULL};
    char space[HOST_SIZE];
    const char *path = copy_path(wsi, space);
    return path != NULL && is_known_version(wsi) && is_at(&page, path) && http_upload_is_asked(wsi);
}

static int begin_upload(server_t *server, connection_t *connection, struct lws *wsi) {
    gate_t gate;
    char space[HOST_SIZE];
    read_gate(server, wsi, copy_path(wsi, space), &gate);
    return http_upload_open(server, connection, wsi, &gate.request);
}

int routes_request(server_t *server, connection_t *connection, struct lws *wsi) {
    char body[BODY_SIZE];
    if (is_upload(server, wsi)) {
        return begin_upload(server, connection, wsi);
    }
    response_t response = answer(server, wsi, body);
    if (!response_write(wsi, &response)) {
        return -1;
    }
    if (response.drain && connection != NULL) {
        connection->draining = true;
        connection->draining_ms = clock_now_ms();
        return 0; // the body comes to routes_body()
    }
    return response.close || lws_http_transaction_completed(wsi) ? -1 : 0;
}

int routes_writable(connection_t *connection) {
    return connection != NULL && connection->upload != NULL ? http_upload_writable(connection) : 0;
}

int routes_body_end(const connection_t *connection) {
    return connection->upload != NULL ? 0 : -1;
}

int routes_body(connection_t *connection, const void *bytes, size_t length) {
    if (connection->upload != NULL) {
        return http_upload_body(connection, bytes, length);
    }
    return connection->draining && clock_now_ms() - connection->draining_ms < DRAIN_MS ? 0 : -1;
}

// libwebsockets would take any version, and speak 13.
static bool is_upgrade_ours(const server_t *server, struct lws *wsi, const char *protocol) {
    char space[HOST_SIZE];
    const char *path = copy_path(wsi, space);
    return strcasecmp(protocol, "websocket") == 0 && is_header(wsi, WSI_TOKEN_VERSION, "13") && is_known_version(wsi) &&
           path != NULL && strcmp(path, server->settings.ws_uri) == 0;
}

#define KEY_LENGTH 24 // 16 bytes in base64

static bool is_key_whole(struct lws *wsi) {
    char text[HOST_SIZE];
    const char *key = response_header(wsi, WSI_TOKEN_KEY, text, sizeof text);
    return key != NULL && strlen(key) == KEY_LENGTH && strcmp(key + KEY_LENGTH - 2, "==") == 0;
}

// What libwebsockets would end without an answer. NULL: nothing.
static const char *find_upgrade_fault(struct lws *wsi) {
    if (lws_hdr_total_length(wsi, WSI_TOKEN_PROTOCOL) > 0) {
        return "This WebSocket has no subprotocols. Leave Sec-WebSocket-Protocol out.\n";
    }
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HOST) == 0 || !is_key_whole(wsi)) {
        return "A WebSocket needs the headers Host and Sec-WebSocket-Key, which is 16 bytes in base64.\n";
    }
    return NULL;
}

int routes_upgrade(server_t *server, struct lws *wsi, const char *protocol) {
    char body[BODY_SIZE];
    bool ours = is_upgrade_ours(server, wsi, protocol);
    const char *fault = ours ? find_upgrade_fault(wsi) : NULL;
    if (ours && fault == NULL) {
        return 0;
    }
    response_t response = ours ? refuse(HTTP_STATUS_BAD_REQUEST, fault) : answer(server, wsi, body);
    response.close = true;
    (void)response_write(wsi, &response);
    return -1;
}
