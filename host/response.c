// SPDX-License-Identifier: Apache-2.0
#include "response.h"

#include <stdlib.h>
#include <string.h>

#define HEADER_SPACE 1024

const char *response_header(struct lws *wsi, enum lws_token_indexes token, char *text, int size) {
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

response_t response_text(unsigned status, const char *type, const char *body) {
    return (response_t){.status = status, .type = type, .body = body, .length = strlen(body)};
}

// ---- writing ----

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
           (response->range == NULL || add_header(headers, "range:", response->range)) &&
           (response->challenge == NULL || add_header(headers, "www-authenticate:", response->challenge)) &&
           (response->policy == NULL || add_header(headers, "content-security-policy:", response->policy)) &&
           (response->status != HTTP_STATUS_UPGRADE_REQUIRED ||
            (add_header(headers, "upgrade:", "websocket") && add_header(headers, "sec-websocket-version:", "13"))) &&
           add_header(headers, "x-content-type-options:", "nosniff") &&
           add_header(headers, "x-frame-options:", "DENY") && add_header(headers, "referrer-policy:", "no-referrer") &&
           (!response->close || add_header(headers, "connection:", "close")) &&
           lws_finalize_http_header(headers->wsi, &headers->at, headers->end) == 0;
}

bool response_write(struct lws *wsi, const response_t *response) {
    unsigned char *bytes = malloc(LWS_PRE + HEADER_SPACE + response->length);
    if (bytes == NULL) {
        return false;
    }
    headers_t headers = {wsi, bytes + LWS_PRE, bytes + LWS_PRE + HEADER_SPACE};
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
