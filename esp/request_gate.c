// SPDX-License-Identifier: Apache-2.0
#include "request_gate.h"

#include <string.h>

#include "core.h"
#include "link.h"

// 6.0 cuts one character off without a word. Of two headers of one name the server shows the first only.
const char *ota_ws_request_header(httpd_req_t *request, const char *name, char *value, size_t size) {
    esp_err_t error = httpd_req_get_hdr_value_str(request, name, value, size);
    if (error == ESP_ERR_HTTPD_RESULT_TRUNC || (error == ESP_OK && strlen(value) == size - 1)) {
        value[0] = '\0';
        return value;
    }
    return error == ESP_OK ? value : NULL;
}

// NULL when the path is too long: clients then look for the WebSocket where the ticket says.
static const char *copy_path(httpd_req_t *request, char path[OTA_WS_REQUEST_PATH_SIZE]) {
    size_t length = strcspn(request->uri, "?");
    if (length >= OTA_WS_REQUEST_PATH_SIZE) {
        return NULL;
    }
    memcpy(path, request->uri, length);
    path[length] = '\0';
    return path;
}

bool ota_ws_request_is_secure(httpd_req_t *request) {
    return httpd_sess_get_transport_ctx(request->handle, httpd_req_to_sockfd(request)) != NULL;
}

void ota_ws_request_gate(httpd_req_t *request, ota_ws_request_gate_t *gate) {
    ota_ws_address_t own;
    uint16_t port;
    int socket = httpd_req_to_sockfd(request);
    bool known = ota_ws_own_address(socket, &own, &port);
    bool https = ota_ws_request_is_secure(request);
    const char *path = copy_path(request, gate->path);
    ota_ws_gate_url(gate->own_page, https, own.bytes, port, path != NULL ? path : "/");
    gate->request = (ota_ws_gate_request_t){
        .host = ota_ws_request_header(request, "Host", gate->host, sizeof gate->host),
        .origin = ota_ws_request_header(request, "Origin", gate->origin, sizeof gate->origin),
        .names = ota_ws_core->host_names,
        .path = path,
        .own_page = known ? gate->own_page : NULL,
    };
}
