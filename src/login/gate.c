// SPDX-License-Identifier: Apache-2.0
#include "login/gate.h"

#include <string.h>

#include "login/host_name.h"
#include "text.h"

#define HTTP_PORT 80
#define HTTPS_PORT 443

// ---- Host and Origin

static bool is_own_name(const ota_ws_host_name_t *host, const char *const *names) {
    for (const char *const *name = names; name != NULL && *name != NULL; name++) {
        ota_ws_host_name_t own;
        if (ota_ws_host_name_read(*name, &own) && ota_ws_host_name_same(host, &own)) {
            return true;
        }
    }
    return false;
}

static uint16_t port_of(const ota_ws_host_name_t *host, uint16_t otherwise) {
    return host->port != 0 ? host->port : otherwise;
}

// An origin is "scheme://authority" and nothing more (RFC 6454, section 6.2). Host has no scheme: where Host names no
// port, the usual one of the origin's scheme is meant.
static bool is_same_origin(const char *origin, const ota_ws_host_name_t *host) {
    const char *authority = ota_ws_text_behind(origin, "https://");
    uint16_t port = authority != NULL ? HTTPS_PORT : HTTP_PORT;
    ota_ws_host_name_t other;
    if (authority == NULL) {
        authority = ota_ws_text_behind(origin, "http://");
    }
    return authority != NULL && ota_ws_host_name_read(authority, &other) && ota_ws_host_name_same(&other, host) &&
           port_of(&other, port) == port_of(host, port);
}

ota_ws_status_t ota_ws_gate_check(const ota_ws_gate_request_t *request) {
    ota_ws_host_name_t host;
    if (request->host == NULL || !ota_ws_host_name_read(request->host, &host) ||
        (!host.is_address && !is_own_name(&host, request->names))) {
        return OTA_WS_FOREIGN_HOST;
    }
    if (request->origin != NULL && !is_same_origin(request->origin, &host)) {
        return OTA_WS_FOREIGN_ORIGIN;
    }
    return OTA_WS_OK;
}

// ---- the way to the own address

void ota_ws_gate_page(ota_ws_gate_put_t *put, void *context, const char *own_page) {
    put(context, "<!doctype html><meta charset=utf-8><meta name=viewport content=width=device-width>"
                 "<title>Open it by address</title>"
                 "<p>The device does not know this name. Open it by its address, or allow the name with OTA_HOST_NAME."
                 "<p lang=\"ru\">Устройство не знает этого имени. Откройте его по адресу или разрешите имя настройкой "
                 "OTA_HOST_NAME.<p><a href=\"");
    put(context, own_page);
    put(context, "\">");
    put(context, own_page);
    put(context, "</a>\n");
}

void ota_ws_gate_url(char url[OTA_WS_GATE_URL_SIZE], bool https, const uint8_t address[16], uint16_t port,
                     const char *path) {
    char text[OTA_WS_TEXT_ADDRESS_SIZE];
    ota_ws_text_address(text, address);
    bool brackets = strchr(text, ':') != NULL;
    char *at = ota_ws_text_append(url, https ? "https://" : "http://");
    at = ota_ws_text_append(at, brackets ? "[" : "");
    at = ota_ws_text_append(at, text);
    at = ota_ws_text_append(at, brackets ? "]" : "");
    if (port != (https ? HTTPS_PORT : HTTP_PORT)) {
        at = ota_ws_text_number(ota_ws_text_append(at, ":"), port);
    }
    ota_ws_text_copy(at, OTA_WS_GATE_URL_SIZE - (size_t)(at - url), path);
}
