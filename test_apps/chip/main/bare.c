// SPDX-License-Identifier: Apache-2.0
// An application that has a web server and NVS, with the component and without: test/chip/size.sh compares the two.
#include "esp_event.h"
#include "esp_http_server.h"
#include "network.h"
#include "nvs_flash.h"
#include "ota_ws_update.h"
#include "sdkconfig.h"

#if CONFIG_CHIP_TEST_WITHOUT_OTA
static void start_ota(httpd_handle_t server) {
}
#else
static void start_ota(httpd_handle_t server) {
    ESP_ERROR_CHECK(ota_ws_register_uri_handler(server));
}
#endif

void app_main(void) {
    httpd_config_t config = HTTPD_DEFAULT_CONFIG();
    httpd_handle_t server = NULL;
    ESP_ERROR_CHECK(nvs_flash_init());
    ESP_ERROR_CHECK(esp_event_loop_create_default());
    network_connect();
    ESP_ERROR_CHECK(httpd_start(&server, &config));
    start_ota(server);
}
