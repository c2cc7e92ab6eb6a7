// SPDX-License-Identifier: Apache-2.0
#include "mdns_announce.h"

#if !__has_include("mdns.h")
#error OTA_WS_MDNS needs the component mdns: idf.py add-dependency espressif/mdns
#endif

#include <stdio.h>
#include <string.h>

#include "esp_log.h"
#include "mdns.h"
#include "platform.h"
#include "sdkconfig.h"

#define SERVICE "_ota-ws"
#define PROTOCOL "_tcp"
#define HOST_SIZE 64 // a label, terminated

static const char tag[] = "ota_ws";

// The application's own name stays. Without one no service is announced: then it is OTA_HOST_NAME, or one of the id.
static esp_err_t ensure_host_name(const char *id) {
    char name[MDNS_NAME_BUF_LEN] = "";
    if (mdns_hostname_get(name) == ESP_OK && name[0] != '\0') {
        return ESP_OK;
    }
    size_t stem = strcspn(CONFIG_OTA_HOST_NAME, ".");
    if (stem > 0 && stem < HOST_SIZE) {
        snprintf(name, sizeof name, "%.*s", (int)stem, CONFIG_OTA_HOST_NAME);
    } else {
        snprintf(name, sizeof name, "esp-%s", id);
    }
    return mdns_hostname_set(name);
}

static esp_err_t add_service(const ota_ws_identity_t *identity, const char *page_uri) {
    mdns_txt_item_t items[] = {
        {"v", "1"},
        {"id", identity->id},
        {"path", page_uri},
#if CONFIG_OTA_WS_MDNS_TLS
        {"tls", "1"},
#else
        {"tls", "0"},
#endif
#if CONFIG_OTA_WS_MDNS_DETAILS
        {"project", identity->running.project},
        {"version", identity->running.version},
#endif
    };
    return mdns_service_add(NULL, SERVICE, PROTOCOL, CONFIG_OTA_WS_MDNS_PORT, items, sizeof items / sizeof items[0]);
}

// mdns_init() does nothing when the application has called it.
void ota_ws_mdns_announce(const char *page_uri) {
    ota_ws_identity_t identity;
    ota_ws_chip_platform.describe(ota_ws_chip_platform.context, &identity);
    esp_err_t error = mdns_init();
    error = error == ESP_OK ? ensure_host_name(identity.id) : error;
    error = error == ESP_OK ? add_service(&identity, page_uri) : error;
    if (error != ESP_OK) {
        ESP_LOGW(tag, "Not announced by mDNS: error 0x%x", (unsigned)error);
    }
}
