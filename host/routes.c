// SPDX-License-Identifier: Apache-2.0
// The routes: what is not in the table does not exist. Each answer is one small response.
#include <string.h>

#include "page.h"
#include "server_private.h"

#define HOST_SIZE 300
#define HEADER_ROOM 1024

typedef struct {
    unsigned status;
    const char *type; // of the body
    const char *etag; // NULL: none
    const char *body; // NULL: only its length is told
    size_t length;
    bool gzip;
    bool close; // the connection, afterwards
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
           (response->status != 426 || add_header(headers, "upgrade:", "websocket")) &&
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

// A header's value into `text`. NULL when it is absent; "" when it is longer than `size`.
static const char *copy_header(struct lws *wsi, enum lws_token_indexes token, char *text, int size) {
    text[0] = '\0';
    if (lws_hdr_total_length(wsi, token) == 0) {
        return NULL;
    }
    if (lws_hdr_copy(wsi, text, size, token) < 0) {
        text[0] = '\0';
    }
    return text;
}

static bool is_page_known(struct lws *wsi) {
    char etags[HOST_SIZE];
    const char *known = copy_header(wsi, WSI_TOKEN_HTTP_IF_NONE_MATCH, etags, sizeof etags);
    return known != NULL && strstr(known, page_etag) != NULL;
}

// ---- the routes ----------------------------------------------------------------------------------------------------

static response_t get_root(server_t *server, struct lws *wsi, char *body) {
    (void)wsi;
    snprintf(body, OTA_WS_MESSAGE_SIZE,
             "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Virtual ESP32</title>"
             "<p>This is a virtual ESP32: a device's own page would be here."
             "<p><a href=\"%s\">Update its firmware</a></html>\n",
             server->settings.page_uri);
    return text_response(HTTP_STATUS_OK, "text/html", body);
}

static response_t get_page(server_t *server, struct lws *wsi, char *body) {
    (void)server;
    (void)body;
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

static response_t post_ticket(server_t *server, struct lws *wsi, char *body) {
    char path[HOST_SIZE];
    char host[HOST_SIZE];
    char origin[HOST_SIZE];
    char own_address[ADDRESS_TEXT_SIZE];
    char peer_text[ADDRESS_TEXT_SIZE];
    ota_ws_address_t peer;
    if (!server_peer(wsi, &peer, peer_text) || !server_own_address(wsi, own_address)) {
        return (response_t){.status = HTTP_STATUS_BAD_REQUEST, .type = "text/plain", .close = true};
    }
    ota_ws_gate_request_t request = {
        .host = copy_header(wsi, WSI_TOKEN_HOST, host, sizeof host),
        .origin = copy_header(wsi, WSI_TOKEN_ORIGIN, origin, sizeof origin),
        .own_address = own_address,
        .names = server->settings.names,
        .path = copy_header(wsi, WSI_TOKEN_POST_URI, path, sizeof path),
    };
    ota_ws_status_t status =
        ota_ws_device_ticket(server->parts.device, &request, &peer, server_now_ms(), body, OTA_WS_MESSAGE_SIZE);
    if (status != OTA_WS_OK) {
        console_log(server->parts.console, "ticket", "refused to %s: %s", peer_text, ota_ws_status_name(status));
    }
    response_t response =
        text_response(status == OTA_WS_OK ? HTTP_STATUS_OK : HTTP_STATUS_FORBIDDEN, "application/json", body);
    response.close = true; // a body that the request may have is not read
    return response;
}

static response_t get_ws(server_t *server, struct lws *wsi, char *body) {
    (void)server;
    (void)wsi;
    (void)body;
    return text_response(426, "text/plain", "This address speaks WebSocket only.\n");
}

typedef struct {
    bool is_post;
    const char *uri;
    response_t (*answer)(server_t *server, struct lws *wsi, char *body);
} route_t;

static response_t answer(server_t *server, struct lws *wsi, char *body) {
    const route_t routes[] = {
        {false, "/", get_root},
        {false, server->settings.page_uri, get_page},
        {true, server->settings.page_uri, post_ticket},
        {false, server->settings.ws_uri, get_ws},
    };
    char uri[HOST_SIZE];
    bool is_post = lws_hdr_total_length(wsi, WSI_TOKEN_POST_URI) > 0;
    const char *asked = copy_header(wsi, is_post ? WSI_TOKEN_POST_URI : WSI_TOKEN_GET_URI, uri, sizeof uri);
    for (size_t i = 0; asked != NULL && i < sizeof routes / sizeof routes[0]; i++) {
        if (routes[i].is_post == is_post && strcmp(routes[i].uri, asked) == 0) {
            return routes[i].answer(server, wsi, body);
        }
    }
    response_t response = text_response(HTTP_STATUS_NOT_FOUND, "text/plain", "There is nothing here.\n");
    response.close = true;
    return response;
}

int routes_request(server_t *server, struct lws *wsi) {
    char body[OTA_WS_MESSAGE_SIZE];
    response_t response = answer(server, wsi, body);
    if (!write_response(wsi, &response) || response.close) {
        return -1;
    }
    return lws_http_transaction_completed(wsi) ? -1 : 0;
}

static bool is_ws_uri(const server_t *server, struct lws *wsi) {
    char uri[HOST_SIZE];
    const char *asked = copy_header(wsi, WSI_TOKEN_GET_URI, uri, sizeof uri);
    return asked != NULL && strcmp(asked, server->settings.ws_uri) == 0;
}

int routes_upgrade(server_t *server, struct lws *wsi, const char *protocol) {
    if (strcasecmp(protocol, "websocket") == 0 && is_ws_uri(server, wsi)) {
        return 0;
    }
    char body[OTA_WS_MESSAGE_SIZE];
    response_t response = answer(server, wsi, body);
    response.close = true;
    (void)write_response(wsi, &response);
    return -1;
}
