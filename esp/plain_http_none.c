// SPDX-License-Identifier: Apache-2.0
#include "plain_http.h"

#include "esp_log.h"
#include "sdkconfig.h"

#if CONFIG_OTA_WS_HTTP_UPLOAD

void ota_ws_plain_http_note(void) {
    ESP_LOGW("ota_ws", "No upload by plain HTTP (curl): it needs ESP-IDF v5.3.2 or later");
}

#else

void ota_ws_plain_http_note(void) {
}

#endif

bool ota_ws_plain_http_is_asked(httpd_req_t *request) {
    (void)request;
    return false;
}

esp_err_t ota_ws_plain_http_serve(httpd_req_t *request) {
    (void)request;
    return ESP_FAIL;
}

bool ota_ws_plain_http_close_all(httpd_handle_t server) {
    (void)server;
    return false;
}
