// SPDX-License-Identifier: Apache-2.0
// The recovery application of a device with one slot for its application: a network and the update page, nothing else.
// It stands in the factory partition and uses the application's NVS: its Wi-Fi, its pairing code, its list of updates.
#include "esp_event.h"
#include "esp_http_server.h"
#include "esp_log.h"
#include "network.h"
#include "nvs_flash.h"
#include "ota_ws_update.h"
#include "sdkconfig.h"

#define ADDRESS_WAIT_S 30

#ifndef CONFIG_EXAMPLE_ACCESS_POINT_KEY
#define CONFIG_EXAMPLE_ACCESS_POINT_KEY ""
#endif

#if CONFIG_EXAMPLE_WIFI && CONFIG_OTA_ALLOW_UNPROTECTED
#error "Everybody in reach of the access point could replace the firmware: switch OTA_ALLOW_UNPROTECTED off."
#endif

static void open_access_point(bool has_store) {
    char code[OTA_WS_CODE_SIZE] = "";
    char name[NETWORK_NAME_SIZE];
    if (!has_store) {
        (void)ota_ws_renew_pairing_code(code); // NVS cannot keep one, so it is good until the next restart
    }
    bool has_code = !has_store || ota_ws_get_pairing_code(code) == ESP_OK;
    network_open_access_point(has_code ? code : CONFIG_EXAMPLE_ACCESS_POINT_KEY, name);
    ESP_LOGI("example", "Access point: %s", name);
    ESP_LOGI("example", "Update page there: http://192.168.4.1" CONFIG_OTA_DEFAULT_URI);
    if (!has_store) {
        ESP_LOGW("example", "Pairing code until the next restart: %s", code);
    }
}

void app_main(void) {
    httpd_config_t config = HTTPD_DEFAULT_CONFIG();
    httpd_handle_t server = NULL;

    // NVS is the application's, so it is not erased when it cannot be read.
    bool has_store = nvs_flash_init() == ESP_OK;
    ESP_ERROR_CHECK(esp_event_loop_create_default());
    bool has_address = network_connect(has_store, ADDRESS_WAIT_S);

    ESP_ERROR_CHECK(httpd_start(&server, &config));
    ESP_ERROR_CHECK(ota_ws_register_uri_handler(server));
    if (!has_address) {
        open_access_point(has_store);
    }
}
