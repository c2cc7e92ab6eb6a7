// SPDX-License-Identifier: Apache-2.0
// A web server over TLS with one page of its own, and the update page beside it.
#include "esp_event.h"
#include "esp_https_server.h"
#include "esp_log.h"
#include "network.h"
#include "nvs_flash.h"
#include "ota_ws_update.h"

extern const unsigned char cert_start[] asm("_binary_cert_pem_start");
extern const unsigned char cert_end[] asm("_binary_cert_pem_end");
extern const unsigned char key_start[] asm("_binary_key_pem_start");
extern const unsigned char key_end[] asm("_binary_key_pem_end");

static esp_err_t hello(httpd_req_t *request) {
    return httpd_resp_sendstr(request, "Hello. The update page is at /ota\n");
}

// The application may refuse an update, or put it off.
static bool may(ota_ws_step_t step, char reason[OTA_WS_REASON_SIZE], void *context) {
    ESP_LOGI("example", "asked before step %d", (int)step);
    return true;
}

void app_main(void) {
    static const ota_ws_config_t update = {.device_name = "Lamp in the hall", .may = may};
    httpd_ssl_config_t config = HTTPD_SSL_CONFIG_DEFAULT();
    httpd_uri_t page = {.uri = "/", .method = HTTP_GET, .handler = hello};
    httpd_handle_t server = NULL;

    config.servercert = cert_start;
    config.servercert_len = cert_end - cert_start;
    config.prvtkey_pem = key_start;
    config.prvtkey_len = key_end - key_start;

    if (nvs_flash_init() != ESP_OK) {
        ESP_ERROR_CHECK(nvs_flash_erase());
        ESP_ERROR_CHECK(nvs_flash_init());
    }
    ESP_ERROR_CHECK(esp_event_loop_create_default());
    network_connect();

    ESP_ERROR_CHECK(httpd_ssl_start(&server, &config));
    ESP_ERROR_CHECK(httpd_register_uri_handler(server, &page));
    ESP_ERROR_CHECK(ota_ws_start(server, &update, NULL));
}
