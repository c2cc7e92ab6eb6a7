// SPDX-License-Identifier: Apache-2.0
// One answer of the server to an HTTP request, and the headers of the request.
#pragma once

#include <libwebsockets.h>
#include <stdbool.h>
#include <stddef.h>

#define HTTP_STATUS_UPGRADE_REQUIRED 426

typedef struct {
    unsigned status;
    const char *type; // of the body
    const char *etag; // NULL: none
    const char *body; // NULL: only its length is sent
    size_t length;
    const char *allow;     // methods, NULL: it is not about them
    const char *range;     // NULL: none
    const char *challenge; // how to log in, where the status is 401; NULL: none
    const char *policy;    // Content-Security-Policy; NULL: none
    bool gzip;
    bool close; // the connection, afterwards
    bool drain; // read the body of the request before that: else the client may never see the answer
} response_t;

response_t response_text(unsigned status, const char *type, const char *body);

// False: it did not leave.
bool response_write(struct lws *wsi, const response_t *response);

// A header's value of the request into `text`. NULL when it is absent. "", which nobody takes, when it is longer than
// `size`, comes more than once or has a zero inside.
const char *response_header(struct lws *wsi, enum lws_token_indexes token, char *text, int size);
