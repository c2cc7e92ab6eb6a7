// SPDX-License-Identifier: Apache-2.0
// What the chip announces. Whether a real mdns component sends it, only a board or an emulated one with it can show.
#include "testing.h"

#include "mdns.h"
#include "mdns_announce.h"
#include "platform.h"

static struct {
    char host[MDNS_NAME_BUF_LEN]; // the application's; "" none
    char text[512];
    esp_err_t init;
    int services;
} mdns;

esp_err_t mdns_init(void) {
    return mdns.init;
}

esp_err_t mdns_hostname_get(char *hostname) {
    strcpy(hostname, mdns.host);
    return mdns.host[0] != '\0' ? ESP_OK : ESP_FAIL;
}

esp_err_t mdns_hostname_set(const char *hostname) {
    strcpy(mdns.host, hostname);
    return ESP_OK;
}

esp_err_t mdns_service_add(const char *instance_name, const char *service_type, const char *proto, uint16_t port,
                           mdns_txt_item_t txt[], size_t num_items) {
    int length = snprintf(mdns.text, sizeof mdns.text, "%s.%s:%u", service_type, proto, port);
    assert_null(instance_name);
    for (size_t i = 0; i < num_items; i++) {
        length += snprintf(mdns.text + length, sizeof mdns.text - (size_t)length, " %s=%s", txt[i].key, txt[i].value);
    }
    mdns.services++;
    return ESP_OK;
}

static void describe(void *context, ota_ws_identity_t *identity) {
    (void)context;
    memset(identity, 0, sizeof *identity);
    strcpy(identity->id, "6055f90012ab");
    strcpy(identity->running.project, "demo");
    strcpy(identity->running.version, "1.0.0");
}

const ota_ws_platform_t ota_ws_chip_platform = {.describe = describe};

void fake_log(const char *tag, const char *format, ...) {
    (void)tag;
    (void)format;
}

static void the_service_is_announced_with_id_and_page(void **state) {
    (void)state;
    memset(&mdns, 0, sizeof mdns);
    ota_ws_mdns_announce("/ota");
#if CONFIG_OTA_WS_MDNS_DETAILS
    assert_string_equal(mdns.text, "_ota-ws._tcp:80 v=1 id=6055f90012ab path=/ota tls=1 project=demo version=1.0.0");
#else
    assert_string_equal(mdns.text, "_ota-ws._tcp:80 v=1 id=6055f90012ab path=/ota tls=0");
#endif
    assert_string_equal(mdns.host, "lamp"); // of CONFIG_OTA_HOST_NAME
}

static void the_host_name_of_the_application_stays(void **state) {
    (void)state;
    memset(&mdns, 0, sizeof mdns);
    strcpy(mdns.host, "stove");
    ota_ws_mdns_announce("/ota");
    assert_string_equal(mdns.host, "stove");
    assert_int_equal(mdns.services, 1);
}

static void without_memory_nothing_is_announced(void **state) {
    (void)state;
    memset(&mdns, 0, sizeof mdns);
    mdns.init = ESP_FAIL;
    ota_ws_mdns_announce("/ota");
    assert_int_equal(mdns.services, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_service_is_announced_with_id_and_page),
        cmocka_unit_test(the_host_name_of_the_application_stays),
        cmocka_unit_test(without_memory_nothing_is_announced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
