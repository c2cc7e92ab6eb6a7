// SPDX-License-Identifier: Apache-2.0
// What the gate says to people. A file of its own, so that only a server that shows it links it.
#include <string.h>

#include "login/gate.h"
#include "text.h"

static const char before[] =
    "<!doctype html><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">"
    "<title>Open this page by the device's address</title>"
    "<p>The device does not know the name in the address bar. Open the page by the device's own address: ";
static const char between[] =
    "<p>The developer can allow the name with OTA_HOST_NAME."
    "<p lang=\"ru\">Устройство не знает имени из адресной строки. Откройте страницу по адресу самого устройства: ";
static const char behind[] = "<p lang=\"ru\">Разработчик может разрешить это имя настройкой OTA_HOST_NAME.\n";

static void put_link(ota_ws_gate_put_t *put, void *context, const char *url) {
    put(context, "<a href=\"");
    put(context, url);
    put(context, "\">");
    put(context, url);
    put(context, "</a>.");
}

void ota_ws_gate_page(ota_ws_gate_put_t *put, void *context, const char *own_page) {
    put(context, before);
    put_link(put, context, own_page);
    put(context, between);
    put_link(put, context, own_page);
    put(context, behind);
}

static char *append(char *at, const char *text) {
    size_t length = strlen(text);
    memcpy(at, text, length + 1);
    return at + length;
}

static bool is_ipv4(const uint8_t address[16]) {
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    return memcmp(address, mapped, sizeof mapped) == 0;
}

void ota_ws_gate_url(char url[OTA_WS_GATE_URL_SIZE], bool https, const uint8_t address[16], uint16_t port,
                     const char *path) {
    char text[OTA_WS_TEXT_ADDRESS_SIZE];
    bool brackets = !is_ipv4(address);
    char *at = append(url, https ? "https://" : "http://");
    ota_ws_text_address(text, address);
    at = append(at, brackets ? "[" : "");
    at = append(at, text);
    at = append(at, brackets ? "]" : "");
    if (port != (https ? 443 : 80)) {
        at = ota_ws_text_number(append(at, ":"), port);
    }
    ota_ws_text_copy(at, OTA_WS_GATE_URL_SIZE - (size_t)(at - url), path);
}
