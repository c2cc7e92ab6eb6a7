// SPDX-License-Identifier: Apache-2.0
// The routes: what is not in the table does not exist. Each answer is one small response.
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "page.h"
#include "routes.h"

#define HOST_SIZE 300
#define HEADER_ROOM 1024
#define BODY_SIZE 2048
#define DRAIN_MS 10000 // so long the body of a refused request is read
#define HTTP_STATUS_UPGRADE_REQUIRED 426

typedef struct {
    unsigned status;
    const char *type; // of the body
    const char *etag; // NULL: none
    const char *body; // NULL: only its length is told
    size_t length;
    const char *allow; // methods, NULL: it is not about them
    bool gzip;
    bool close; // the connection, afterwards
    bool drain; // read the body of the request before that: else the client may never see the answer
} response_t;

static response_t text_response(unsigned status, const char *type, const char *body) {
    return (response_t){.status = status, .type = type, .body = body, .length = strlen(body)};
}

// ---- writing -------------------------------------------------------------------------------------------------------

typedef struct {
    struct lws *wsi;
    unsigned char *at;
    unsigned char *end;
} headers_t;

static bool add_header(headers_t *headers, const char *name, const char *value) {
    return lws_add_http_header_by_name(headers->wsi, (const unsigned char *)name, (const unsigned char *)value,
                                       (int)strlen(value), &headers->at, headers->end) == 0;
}

static bool add_headers(headers_t *headers, const response_t *response) {
    return lws_add_http_common_headers(headers->wsi, response->status, response->type, response->length, &headers->at,
                                       headers->end) == 0 &&
           add_header(headers, "cache-control:", response->etag != NULL ? "no-cache" : "no-store") &&
           (response->etag == NULL || add_header(headers, "etag:", response->etag)) &&
           (!response->gzip || add_header(headers, "content-encoding:", "gzip")) &&
           (response->allow == NULL || add_header(headers, "allow:", response->allow)) &&
           (response->status != HTTP_STATUS_UPGRADE_REQUIRED ||
            (add_header(headers, "upgrade:", "websocket") && add_header(headers, "sec-websocket-version:", "13"))) &&
           add_header(headers, "x-content-type-options:", "nosniff") &&
           add_header(headers, "x-frame-options:", "DENY") && add_header(headers, "referrer-policy:", "no-referrer") &&
           (!response->close || add_header(headers, "connection:", "close")) &&
           lws_finalize_http_header(headers->wsi, &headers->at, headers->end) == 0;
}

static bool write_response(struct lws *wsi, const response_t *response) {
    unsigned char *bytes = malloc(LWS_PRE + HEADER_ROOM + response->length);
    if (bytes == NULL) {
        return false;
    }
    headers_t headers = {wsi, bytes + LWS_PRE, bytes + LWS_PRE + HEADER_ROOM};
    bool ok = add_headers(&headers, response);
    if (ok && response->body != NULL) {
        memcpy(headers.at, response->body, response->length);
        headers.at += response->length;
    }
    size_t size = (size_t)(headers.at - (bytes + LWS_PRE));
    ok = ok && lws_write(wsi, bytes + LWS_PRE, size, LWS_WRITE_HTTP_HEADERS) >= 0;
    free(bytes);
    return ok;
}

// ---- reading -------------------------------------------------------------------------------------------------------

// A header's value into `text`. NULL when it is absent. "", which nobody takes, when it is longer than `size`, comes
// more than once or has a zero inside.
static const char *copy_header(struct lws *wsi, enum lws_token_indexes token, char *text, int size) {
    char second[1];
    text[0] = '\0';
    int length = lws_hdr_copy_fragment(wsi, text, size, token, 0);
    if (length < 0 && lws_hdr_total_length(wsi, token) == 0) {
        return NULL;
    }
    bool once = lws_hdr_fragment_length(wsi, token, 1) == 0 && lws_hdr_copy_fragment(wsi, second, 1, token, 1) < 0;
    if (length < 0 || !once || strlen(text) != (size_t)length) {
        text[0] = '\0';
    }
    return text;
}

static bool is_header(struct lws *wsi, enum lws_token_indexes token, const char *value) {
    char text[HOST_SIZE];
    const char *found = copy_header(wsi, token, text, sizeof text);
    return found != NULL && strcasecmp(found, value) == 0;
}

static bool is_page_known(struct lws *wsi) {
    char etags[HOST_SIZE];
    const char *known = copy_header(wsi, WSI_TOKEN_HTTP_IF_NONE_MATCH, etags, sizeof etags);
    return known != NULL && strstr(known, page_etag) != NULL;
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
        .host = copy_header(wsi, WSI_TOKEN_HOST, gate->host, sizeof gate->host),
        .origin = copy_header(wsi, WSI_TOKEN_ORIGIN, gate->origin, sizeof gate->origin),
        .names = server->settings.names,
        .path = path,
        .own_page = known ? gate->own_page : NULL,
    };
}

// ---- the routes ----------------------------------------------------------------------------------------------------

// `path` is the one that was asked for; `body` has room for BODY_SIZE bytes.
typedef response_t answer_t(server_t *server, struct lws *wsi, const char *path, char *body);

static response_t refuse(unsigned status, const char *text) {
    response_t response = text_response(status, "text/plain; charset=utf-8", text);
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
    return text_response(HTTP_STATUS_OK, "text/html", body);
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
        return text_response(HTTP_STATUS_FORBIDDEN, "text/html", body);
    }
    if (is_page_known(wsi)) {
        return (response_t){
            .status = HTTP_STATUS_NOT_MODIFIED, .type = "text/html", .etag = page_etag, .length = page_size};
    }
    return (response_t){.status = HTTP_STATUS_OK,
                        .type = "text/html",
                        .etag = page_etag,
                        .body = (const char *)page_bytes,
                        .length = page_size,
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
        text_response(status == OTA_WS_OK ? HTTP_STATUS_OK : HTTP_STATUS_FORBIDDEN, "application/json", body);
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
        refusal.allow = route->post != NULL ? "GET, HEAD, POST" : "GET, HEAD";
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
    char room[HOST_SIZE];
    const char *path = copy_path(wsi, room);
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

int routes_request(server_t *server, connection_t *connection, struct lws *wsi) {
    char body[BODY_SIZE];
    response_t response = answer(server, wsi, body);
    if (!write_response(wsi, &response)) {
        return -1;
    }
    if (response.drain && connection != NULL) {
        connection->draining = true;
        connection->draining_ms = clock_now_ms();
        return 0; // the body comes to routes_body()
    }
    return response.close || lws_http_transaction_completed(wsi) ? -1 : 0;
}

int routes_body(const connection_t *connection) {
    return connection->draining && clock_now_ms() - connection->draining_ms < DRAIN_MS ? 0 : -1;
}

// libwebsockets would take any version, and speak 13.
static bool is_upgrade_ours(const server_t *server, struct lws *wsi, const char *protocol) {
    char room[HOST_SIZE];
    const char *path = copy_path(wsi, room);
    return strcasecmp(protocol, "websocket") == 0 && is_header(wsi, WSI_TOKEN_VERSION, "13") && is_known_version(wsi) &&
           path != NULL && strcmp(path, server->settings.ws_uri) == 0;
}

#define KEY_LENGTH 24 // 16 bytes in base64

static bool is_key_whole(struct lws *wsi) {
    char text[HOST_SIZE];
    const char *key = copy_header(wsi, WSI_TOKEN_KEY, text, sizeof text);
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
    (void)write_response(wsi, &response);
    return -1;
}
