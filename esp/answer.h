// SPDX-License-Identifier: Apache-2.0
// Answers to requests, in one piece: head and body go to the socket as they are here.
#pragma once

#include <stddef.h>

#include "esp_http_server.h"

#define OTA_WS_JSON_HEADERS "Content-Type: application/json\r\nCache-Control: no-store"
#define OTA_WS_ANSWER_HEADERS_SIZE 192 // the longest of them

typedef struct {
    const char *status;  // "200 OK"
    const char *headers; // all but Content-Length; "\r\n" between two, none at the end
    const void *body;
    size_t length; // of the body; a request for the head alone (HEAD) gets none
} ota_ws_answer_t;

// ESP_FAIL, which closes the connection when a handler returns it: the client has gone.
esp_err_t ota_ws_answer(httpd_req_t *request, const ota_ws_answer_t *answer);

// The same in pieces: the head for a body of `length` bytes, then a text of it.
esp_err_t ota_ws_answer_head(httpd_req_t *request, const ota_ws_answer_t *answer, size_t length);
esp_err_t ota_ws_answer_text(httpd_req_t *request, const char *text);
