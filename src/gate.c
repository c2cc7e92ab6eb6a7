// SPDX-License-Identifier: Apache-2.0
#include "gate.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

// The host part of "host", "host:port" or "[address]:port", without brackets and without a last dot.
typedef struct {
    const char *start;
    size_t length;
} host_t;

static host_t host_of(const char *authority) {
    host_t host = {authority, 0};
    if (authority[0] == '[') {
        const char *start = authority + 1;
        size_t length = strcspn(start, "]");
        bool ends = start[length] == ']' && (start[length + 1] == '\0' || start[length + 1] == ':');
        return (host_t){start, ends ? length : 0};
    }
    host.length = strcspn(authority, ":");
    if (host.length > 0 && authority[host.length - 1] == '.') {
        host.length--;
    }
    return host;
}

static char lower(char c) {
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool same_without_case(const char *a, const char *b, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if (lower(a[i]) != lower(b[i])) {
            return false;
        }
    }
    return true;
}

static bool is_host(host_t host, const char *name) {
    return name != NULL && strlen(name) == host.length && same_without_case(host.start, name, host.length);
}

static bool is_this_device(host_t host, const ota_ws_gate_request_t *request) {
    if (host.length == 0) {
        return false;
    }
    if (is_host(host, request->own_address)) {
        return true;
    }
    for (const char *const *name = request->names; name != NULL && *name != NULL; name++) {
        if (is_host(host, *name)) {
            return true;
        }
    }
    return false;
}

// An origin is "scheme://authority" and nothing more (RFC 6454, section 6.2).
static bool is_same_origin(const char *origin, const char *host) {
    size_t scheme = strncmp(origin, "http://", 7) == 0 ? 7 : strncmp(origin, "https://", 8) == 0 ? 8 : 0;
    const char *authority = origin + scheme;
    return scheme > 0 && strlen(authority) == strlen(host) && same_without_case(authority, host, strlen(host));
}

ota_ws_status_t ota_ws_gate_check(const ota_ws_gate_request_t *request) {
    if (request->host == NULL || !is_this_device(host_of(request->host), request)) {
        return OTA_WS_FOREIGN_HOST;
    }
    if (request->origin != NULL && !is_same_origin(request->origin, request->host)) {
        return OTA_WS_FOREIGN_ORIGIN;
    }
    return OTA_WS_OK;
}
