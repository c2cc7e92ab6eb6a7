// SPDX-License-Identifier: Apache-2.0
// Headers of a request of esp_http_server, and what the gate wants to know of it (login/gate.h).
#pragma once

#include "esp_http_server.h"
#include "login/gate.h"

#define OTA_WS_REQUEST_PATH_SIZE 64

typedef struct {
    char host[96];
    char origin[96];
    char path[OTA_WS_REQUEST_PATH_SIZE];
    char own_page[OTA_WS_GATE_URL_SIZE];
    ota_ws_gate_request_t request; // points into the others
} ota_ws_request_gate_t;

// NULL where the header is absent. One that is too long becomes "", which nobody takes.
const char *ota_ws_request_header(httpd_req_t *request, const char *name, char *value, size_t size);

// Over TLS?
bool ota_ws_request_is_secure(httpd_req_t *request);

void ota_ws_request_gate(httpd_req_t *request, ota_ws_request_gate_t *gate);
