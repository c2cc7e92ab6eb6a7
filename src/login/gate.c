// SPDX-License-Identifier: Apache-2.0
#include "login/gate.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "login/host_name.h"

#define HTTP_PORT 80
#define HTTPS_PORT 443

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

// An origin is "scheme://authority" and nothing more (RFC 6454, section 6.2). Host has no scheme: a port that it does
// not name is that of the origin's.
static bool is_same_origin(const char *origin, const ota_ws_host_name_t *host) {
    bool https = strncmp(origin, "https://", 8) == 0;
    ota_ws_host_name_t other;
    if (!https && strncmp(origin, "http://", 7) != 0) {
        return false;
    }
    uint16_t port = https ? HTTPS_PORT : HTTP_PORT;
    return ota_ws_host_name_read(origin + (https ? 8 : 7), &other) && ota_ws_host_name_same(&other, host) &&
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
