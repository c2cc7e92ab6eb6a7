// SPDX-License-Identifier: Apache-2.0
#include "application.h"

#include <stdio.h>
#include <stdlib.h>

#include "esp_log.h"
#include "esp_system.h"
#include "nvs.h"
#include "nvs_flash.h"

#define ECHO_MAX 128

void application_start_nvs(void) {
    esp_err_t error = nvs_flash_init();
    if (error == ESP_ERR_NVS_NO_FREE_PAGES || error == ESP_ERR_NVS_NEW_VERSION_FOUND) {
        ESP_ERROR_CHECK(nvs_flash_erase());
        error = nvs_flash_init();
    }
    if (error != ESP_OK) {
        ESP_LOGW("chip", "without NVS: %s", esp_err_to_name(error));
    }
}

unsigned application_is(void) {
    nvs_handle_t store;
    uint32_t as = 0;
    if (nvs_open("chip", NVS_READONLY, &store) == ESP_OK) {
        nvs_get_u32(store, "as", &as);
        nvs_close(store);
    }
    return as;
}

static esp_err_t choose(httpd_req_t *request) {
    char query[8] = "";
    nvs_handle_t store;
    httpd_req_get_url_query_str(request, query, sizeof query);
    ESP_ERROR_CHECK(nvs_open("chip", NVS_READWRITE, &store));
    ESP_ERROR_CHECK(nvs_set_u32(store, "as", strtoul(query, NULL, 10)));
    ESP_ERROR_CHECK(nvs_commit(store));
    nvs_close(store);
    return httpd_resp_sendstr(request, "ok\n");
}

// Until nothing more has room.
static esp_err_t fill(httpd_req_t *request) {
    nvs_handle_t store;
    char key[12];
    esp_err_t error = nvs_open("fill", NVS_READWRITE, &store);
    for (unsigned i = 0; error == ESP_OK; i++) {
        snprintf(key, sizeof key, "%u", i);
        error = nvs_set_u32(store, key, i);
    }
    return httpd_resp_sendstr(request, esp_err_to_name(error));
}

static esp_err_t restart(httpd_req_t *request) {
    esp_restart();
}

static esp_err_t echo(httpd_req_t *request) {
    uint8_t bytes[ECHO_MAX];
    httpd_ws_frame_t frame = {.payload = bytes};
    if (request->method == HTTP_GET) {
        return ESP_OK;
    }
    esp_err_t error = httpd_ws_recv_frame(request, &frame, sizeof bytes);
    return error == ESP_OK ? httpd_ws_send_frame(request, &frame) : error;
}

static esp_err_t answer_all(httpd_req_t *request) {
    return httpd_resp_sendstr(request, "the application\n");
}

void application_register(httpd_handle_t server) {
    static const httpd_uri_t handlers[] = {
        {.uri = "/as", .method = HTTP_GET, .handler = choose},
        {.uri = "/fill", .method = HTTP_GET, .handler = fill},
        {.uri = "/restart", .method = HTTP_GET, .handler = restart},
        {.uri = "/echo", .method = HTTP_GET, .handler = echo, .is_websocket = true},
    };
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++) {
        ESP_ERROR_CHECK(httpd_register_uri_handler(server, &handlers[i]));
    }
}

void application_register_wildcard(httpd_handle_t server) {
    static const httpd_uri_t all = {.uri = "/*", .method = HTTP_GET, .handler = answer_all};
    ESP_ERROR_CHECK(httpd_register_uri_handler(server, &all));
}
