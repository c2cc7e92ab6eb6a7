// SPDX-License-Identifier: Apache-2.0
#include "network.h"

#include "esp_check.h"
#include "esp_event.h"
#include "esp_idf_version.h"
#include "esp_netif.h"
#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"
#include "sdkconfig.h"

static SemaphoreHandle_t connected;

static void on_address(void *context, esp_event_base_t base, int32_t id, void *data) {
    xSemaphoreGive(connected);
}

#if CONFIG_EXAMPLE_WIFI

#include "esp_wifi.h"

static void on_wifi(void *context, esp_event_base_t base, int32_t id, void *data) {
    if (id == WIFI_EVENT_STA_START || id == WIFI_EVENT_STA_DISCONNECTED) {
        esp_wifi_connect();
    }
}

static void start(void) {
    wifi_init_config_t init = WIFI_INIT_CONFIG_DEFAULT();
    wifi_config_t config = {
        .sta = {.ssid = CONFIG_EXAMPLE_WIFI_SSID, .password = CONFIG_EXAMPLE_WIFI_PASSWORD},
    };
    esp_netif_create_default_wifi_sta();
    ESP_ERROR_CHECK(esp_wifi_init(&init));
    ESP_ERROR_CHECK(esp_event_handler_register(WIFI_EVENT, ESP_EVENT_ANY_ID, on_wifi, NULL));
    ESP_ERROR_CHECK(esp_event_handler_register(IP_EVENT, IP_EVENT_STA_GOT_IP, on_address, NULL));
    ESP_ERROR_CHECK(esp_wifi_set_mode(WIFI_MODE_STA));
    ESP_ERROR_CHECK(esp_wifi_set_config(WIFI_IF_STA, &config));
    ESP_ERROR_CHECK(esp_wifi_start());
}

#else

#include "esp_eth.h"
#if ESP_IDF_VERSION >= ESP_IDF_VERSION_VAL(6, 0, 0)
#include "esp_eth_mac_openeth.h"
#else
#define esp_eth_phy_new_generic esp_eth_phy_new_dp83848
#endif

static void start(void) {
    esp_netif_config_t config = ESP_NETIF_DEFAULT_ETH();
    eth_mac_config_t mac_config = ETH_MAC_DEFAULT_CONFIG();
    eth_phy_config_t phy_config = ETH_PHY_DEFAULT_CONFIG();
    esp_netif_t *netif = esp_netif_new(&config);
    phy_config.autonego_timeout_ms = 100;
    esp_eth_config_t eth_config =
        ETH_DEFAULT_CONFIG(esp_eth_mac_new_openeth(&mac_config), esp_eth_phy_new_generic(&phy_config));
    esp_eth_handle_t eth;
    ESP_ERROR_CHECK(esp_eth_driver_install(&eth_config, &eth));
    ESP_ERROR_CHECK(esp_netif_attach(netif, esp_eth_new_netif_glue(eth)));
    ESP_ERROR_CHECK(esp_event_handler_register(IP_EVENT, IP_EVENT_ETH_GOT_IP, on_address, NULL));
    ESP_ERROR_CHECK(esp_eth_start(eth));
}

#endif

void network_connect(void) {
    connected = xSemaphoreCreateBinary();
    ESP_ERROR_CHECK(esp_netif_init());
    start();
    xSemaphoreTake(connected, portMAX_DELAY);
}
