// SPDX-License-Identifier: Apache-2.0
// Plain HTTP at the page's address (session/http_upload.h) on esp_http_server: PUT, POST with a short body, GET that
// asks for JSON. A request is handed over to a task of its own, so that the server's task serves others meanwhile.
// plain_http_none.c stands in its place where that cannot be (OTA_WS_HTTP_UPLOAD, ESP-IDF before 5.3.2).
#pragma once

#include <stdbool.h>

#include "esp_http_server.h"

// When a page is registered: says on the console what is missing.
void ota_ws_plain_http_note(void);

// Is this a request for it?
bool ota_ws_plain_http_is_asked(httpd_req_t *request);

// Takes the request over, or answers that there is no space. What a handler returns.
esp_err_t ota_ws_plain_http_serve(httpd_req_t *request);

// Ends all requests of a server; they are gone soon. False: there were none. Between enter and leave.
bool ota_ws_plain_http_close_all(httpd_handle_t server);
