// SPDX-License-Identifier: Apache-2.0
// A web server with one page of its own, and the update page beside it.
#include "esp_event.h"
#include "esp_http_server.h"
#include "esp_log.h"
#include "network.h"
#include "nvs_flash.h"
#include "ota_ws_update.h"

static esp_err_t hello(httpd_req_t *request) {
    return httpd_resp_sendstr(request, "Hello. The update page is at /ota\n");
}

static void on_update(void *context, esp_event_base_t base, int32_t id, void *data) {
    switch (id) {
    case OTA_WS_EVENT_STARTED:
        ESP_LOGI("example", "an update has started");
        break;
    case OTA_WS_EVENT_FAILED:
        ESP_LOGW("example", "the update has failed: %s", ((ota_ws_event_failed_t *)data)->name);
        break;
    case OTA_WS_EVENT_VERIFIED:
        ESP_LOGI("example", "the new image is ready");
        break;
    case OTA_WS_EVENT_ON_TRIAL:
        ESP_LOGW("example", "this image is on trial: confirm it on the update page");
        break;
    default:
        break;
    }
}

void app_main(void) {
    httpd_config_t config = HTTPD_DEFAULT_CONFIG();
    httpd_uri_t page = {.uri = "/", .method = HTTP_GET, .handler = hello};
    httpd_handle_t server = NULL;

    if (nvs_flash_init() != ESP_OK) {
        ESP_ERROR_CHECK(nvs_flash_erase());
        ESP_ERROR_CHECK(nvs_flash_init());
    }
    ESP_ERROR_CHECK(esp_event_loop_create_default());
    ESP_ERROR_CHECK(esp_event_handler_register(OTA_WS_EVENT, ESP_EVENT_ANY_ID, on_update, NULL));
    network_connect();

    ESP_ERROR_CHECK(httpd_start(&server, &config));
    ESP_ERROR_CHECK(httpd_register_uri_handler(server, &page));
    ESP_ERROR_CHECK(ota_ws_register_uri_handler(server)); // the one call
}
