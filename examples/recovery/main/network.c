// SPDX-License-Identifier: Apache-2.0
#include "network.h"

#include <stdio.h>
#include <string.h>

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

#include "esp_mac.h"
#include "esp_timer.h"
#include "esp_wifi.h"

#define AGAIN_MS 1000         // so long after a try the next one follows
#define AGAIN_BESIDE_MS 20000 // likewise, while the access point is open

static wifi_config_t station; // as the application has stored it
static esp_timer_handle_t again;
static bool is_open;               // the access point is
static volatile unsigned visitors; // at the access point

static void try_later(void) {
    (void)esp_timer_start_once(again, (is_open ? AGAIN_BESIDE_MS : AGAIN_MS) * UINT64_C(1000));
}

static void try_again(void *context) {
    if (visitors > 0 || esp_wifi_connect() != ESP_OK) {
        try_later();
    }
}

static void on_wifi(void *context, esp_event_base_t base, int32_t id, void *data) {
    switch (id) {
    case WIFI_EVENT_STA_START:
    case WIFI_EVENT_STA_DISCONNECTED:
        try_later();
        break;
    case WIFI_EVENT_AP_STACONNECTED:
        visitors++;
        break;
    case WIFI_EVENT_AP_STADISCONNECTED:
        visitors -= visitors > 0;
        break;
    default:
        break;
    }
}

// What is set from here on stays in memory: the application finds its own settings again.
static bool load_station(bool has_store) {
    wifi_init_config_t init = WIFI_INIT_CONFIG_DEFAULT();
    init.nvs_enable = has_store;
    ESP_ERROR_CHECK(esp_wifi_init(&init));
    bool is_known = esp_wifi_get_config(WIFI_IF_STA, &station) == ESP_OK && station.sta.ssid[0] != '\0';
    ESP_ERROR_CHECK(esp_wifi_set_storage(WIFI_STORAGE_RAM));
    return is_known;
}

static bool start(bool has_store) {
    const esp_timer_create_args_t timer = {.callback = try_again, .name = "again"};
    ESP_ERROR_CHECK(esp_timer_create(&timer, &again));
    if (!load_station(has_store)) {
        return false;
    }
    esp_netif_create_default_wifi_sta();
    ESP_ERROR_CHECK(esp_event_handler_register(WIFI_EVENT, ESP_EVENT_ANY_ID, on_wifi, NULL));
    ESP_ERROR_CHECK(esp_event_handler_register(IP_EVENT, IP_EVENT_STA_GOT_IP, on_address, NULL));
    ESP_ERROR_CHECK(esp_wifi_set_mode(WIFI_MODE_STA));
    ESP_ERROR_CHECK(esp_wifi_set_config(WIFI_IF_STA, &station));
    ESP_ERROR_CHECK(esp_wifi_start());
    return true;
}

// Stopped before, so that it is never open under a name and without the key of its own.
void network_open_access_point(const char *key, char name[NETWORK_NAME_SIZE]) {
    wifi_config_t config = {.ap = {.max_connection = 4, .channel = 1}};
    uint8_t mac[6];
    bool has_station = station.sta.ssid[0] != '\0';
    ESP_ERROR_CHECK(esp_read_mac(mac, ESP_MAC_WIFI_SOFTAP));
    snprintf(name, NETWORK_NAME_SIZE, "recovery-%02x%02x%02x", mac[3], mac[4], mac[5]);
    strlcpy((char *)config.ap.ssid, name, sizeof config.ap.ssid);
    strlcpy((char *)config.ap.password, key, sizeof config.ap.password);
    config.ap.authmode = key[0] != '\0' ? WIFI_AUTH_WPA2_PSK : WIFI_AUTH_OPEN;
    is_open = true;
    esp_netif_create_default_wifi_ap();
    (void)esp_wifi_stop();
    ESP_ERROR_CHECK(esp_wifi_set_mode(has_station ? WIFI_MODE_APSTA : WIFI_MODE_AP));
    ESP_ERROR_CHECK(esp_wifi_set_config(WIFI_IF_AP, &config));
    ESP_ERROR_CHECK(esp_wifi_start());
}

#else

#include "esp_eth.h"
#if ESP_IDF_VERSION >= ESP_IDF_VERSION_VAL(6, 0, 0)
#include "esp_eth_mac_openeth.h"
#else
#define esp_eth_phy_new_generic esp_eth_phy_new_dp83848
#endif

static bool start(bool has_store) {
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
    return true;
}

// The cable is enough.
void network_open_access_point(const char *key, char name[NETWORK_NAME_SIZE]) {
    strcpy(name, "none");
}

#endif

bool network_connect(bool has_store, unsigned wait_s) {
    connected = xSemaphoreCreateBinary();
    ESP_ERROR_CHECK(esp_netif_init());
    return start(has_store) && xSemaphoreTake(connected, pdMS_TO_TICKS(wait_s * 1000)) == pdTRUE;
}
