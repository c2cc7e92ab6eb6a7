// SPDX-License-Identifier: Apache-2.0
// Who may ask for a ticket: only a page of this device, or a program. The answer to cross-site requests and DNS
// rebinding.
#pragma once

#include "status.h"

// Text values as they stand in the request; NULL where a header is absent.
typedef struct {
    const char *host;         // header Host
    const char *origin;       // header Origin
    const char *own_address;  // the address that the request arrived at, "192.168.1.7" or "fe80::1"
    const char *const *names; // further names of this device, ends with NULL; may be NULL
    const char *path;         // that was asked for, without its query; NULL: not known
} ota_ws_gate_request_t;

// OTA_WS_OK, OTA_WS_FOREIGN_HOST or OTA_WS_FOREIGN_ORIGIN. Ports are compared between Origin and Host only.
ota_ws_status_t ota_ws_gate_check(const ota_ws_gate_request_t *request);
